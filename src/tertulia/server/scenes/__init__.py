"""Scenes: who talks, in which situation, directed how; what a talk begins with.

They are listed, posted and named by id (scenes), or come out of another program's character card
(cards). Scenes, headers and plans that stand in requests become values in directing, for every room
of routes; shapes has what scenes' own routes take and answer.
"""
