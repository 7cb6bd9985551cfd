"""Kept talks under /tertulia: trees of turns in the store, and replies that are on their way.

A talk is begun, listed and changed (talks), its turns are added, said otherwise and rated (turns),
and whole talks leave and enter as files (exports). Who asks for a reply (replies) gets an id: what
was asked (ordering) goes to the queue as one or several generations, each of which lives in the
server, tells all that it hears to whoever listens, and is kept as it grows (generations, keeping).
The plan or the prompt alone can be asked for, too (plans). In all of them a talk and a turn are
found by finding and told by telling; shapes has what requests hold, answered what answers do.
"""
