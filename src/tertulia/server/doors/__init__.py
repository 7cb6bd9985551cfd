"""The doors: all that a request passes before and after the routes, whatever it asks for.

It comes in by a connection that does not wait for ever (patience), gets an id and later its line
in the log (journal), and shows from where and with which key it comes (guard). A route then reads
its body (reading) and holds it against a shape (shapes). What goes out is JSON (answering), a
stream that knows when its client hangs up (sse), or an error in OpenAI's form (refusals).
"""
