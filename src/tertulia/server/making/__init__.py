"""How a reply is made: what is asked of an engine, and what it says as text that will not change.

The fields of a request (asked) over the agent's own settings are the way of one reply (way). What
the engine is to do crosses to its process as a value, and its events come back (speaking); the
reply may go on from a text (continuing). Raw pieces become text as soon as nothing that follows can
change it (growing).
"""
