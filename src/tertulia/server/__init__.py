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
    metrics      Prometheus                  documented   the OpenAPI description
    process      the process around all      answered     what answers hold, for the description
    patience     limits of a connection      docs         the description as one page

Kept talks stand beside it, under /tertulia:

    storeroom    the store on one thread         talk_shapes    what a request may hold
    generations  replies on their way            talk_answers   what is told, for the description
    ordering     what a reply is asked for       telling        talks and turns as JSON
    keeping      drafts, then turns              directing      scenes and plans of requests
    continuing   a reply that goes on from a text

A response of /v1/responses may be a turn of a kept talk:

    responses          the routes                 responses_kept     where it stands in the store
    responses_shapes   what a request may hold    responses_answers  Reply -> response object
    responses_input    items -> turns             responses_events   the same, event by event
    responses_answered what is answered, for the description

A route has a file of its own: chat, completions, models, probes, godel_demo; talks, turns, replies,
watching (a reply on its way), plans, scenes, playing (who is served), cards, exports.

Async lives here only; the spine runs on the threads of a worker.
"""
