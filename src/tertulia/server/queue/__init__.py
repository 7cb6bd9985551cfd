"""The queue: a request waits here until there is room where its agent's engine works.

The runner admits it or refuses it at once, by how many wait and by what its client asked lately
(rates); it begins when its client's turn comes (fairness), and what becomes of it is counted
(metrics). What comes of the work reaches the route as events of a Job.
"""
