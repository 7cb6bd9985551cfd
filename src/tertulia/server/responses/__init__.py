"""OpenAI's /v1/responses: the next turn of a talk, which the server keeps where it has a store.

A body of that shape (shapes) becomes turns and instructions (items) after those of the stored talk
that it names, and one value that says all that is asked (asking). What the engine tells becomes
OpenAI's events (events) and at its end the response object (objects), put together and kept in
their order by telling; keeping knows where in the store a response stands, answered what an answer
holds. The routes are in routes.
"""
