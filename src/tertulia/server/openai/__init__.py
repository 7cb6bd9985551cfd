"""OpenAI's older routes: a talk comes with every request, and nothing of it is kept.

A body is held against its shape (shapes); messages and a direction become a Conversation
(messages), whose next turn is asked for by chat, while completions lets the engine alone go on from
a text. The Reply leaves as OpenAI's objects with ours in one more, `tertulia` (answers); what they
hold is told in answered. The agents are listed by models.
"""
