"""Places where engines work: threads of this process, or processes of their own.

threads    an agent that is open, on threads of this process
away       what is known here of an agent whose engine is in another process
worker     that process as it lasts: its agents, its crashes; a Place for each of them
child      one life of it, seen from here
inside     what runs in it
wire       what crosses between the two
breaker    after crashes in a row nothing is begun for a while
memory     which of them are open at the same time, within a budget
doing      one job, step by step, wherever it is done
"""
