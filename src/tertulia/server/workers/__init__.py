"""Where engines work: processes of their own, or threads of this one.

The pool decides which workers are open at the same time, within a memory budget (pool, weights,
resident); a worker lasts from one process to the next, with its crashes and its desk in the queue
for each of its agents (worker, breaker), and knows of these what can be known without their engine
(away). One life of its process is a child here and inside there; what crosses between the two is
wire. A job is done step by step wherever that is (doing); an agent that is open already works on
threads of this process (threads).
"""
