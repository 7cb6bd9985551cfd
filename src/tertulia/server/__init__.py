"""OpenAI-compatible HTTP over the spine: agents, each behind a bounded queue.

    app          routes and middleware       reading      bytes -> JSON, hostile ones refused
    guard        Host, Origin, a key         shapes       what a request may hold
    journal      one log line a request      talk         messages -> Conversation
    refusals     errors in OpenAI's shape    asked        fields -> how the next reply is made
    served       agents that are served      speaking     the spine, event by event
    runner       the queue                   growing      raw pieces -> text that will not change
    fairness     whose turn it is            workers      where engines work: other processes
    keys         keys by their names         rates        how much each client may ask
    sse          a stream of events          answers      Reply -> response objects
    metrics      Prometheus                  documented   bodies in the OpenAPI description
    process      the process around all      patience     limits of a connection

A route has a file of its own: chat, completions, models, probes, godel_demo.

Async lives here only; the spine runs on the threads of a worker.
"""
