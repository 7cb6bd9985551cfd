"""HTTP over the spine: agents, each behind a bounded queue, under OpenAI's routes and our own.

A request passes the doors, is read by a room of routes, waits in the queue, is made where the
engine works, and is told on its way back:

    doors/        who may ask, what a request brings, how errors and streams leave
    openai/       /v1/chat/completions, /v1/completions, /v1/models
    responses/    /v1/responses, whose talks may be kept
    talks/        /tertulia/talks and their replies: kept talks, as trees of turns
    scenes/       /tertulia/scenes and cards: what talks begin with and what directs them
    queue/        whose turn it is, how many at once, how much a client may ask
    making/       what an engine is asked for, and its pieces as text that will not change
    workers/      where engines work: other processes, or threads of this one
    description/  what all the routes take and answer, for programs and for people

What all share stands beside them: `app` puts the rooms together, `process` runs it at an address,
`settings` and `keys` say what is allowed, `served` holds the agents and their queues, `storeroom`
the store on its thread. Three routes stand alone: `playing` (who is served), `probes` (for whoever
looks after the process), `godel_demo` (GODEL's own protocol).

Async lives here only; the spine runs on the threads of a worker. A room imports only from rooms
that the contract in pyproject.toml has below it.
"""
