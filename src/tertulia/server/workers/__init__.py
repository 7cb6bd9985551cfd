"""Places where engines work: threads of this process, or processes of their own.

threads    an agent that is open, on threads of this process
"""
