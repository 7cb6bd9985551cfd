"""Two small dialogues, one public, one directed."""

from tertulia.conversation import Conversation, Direction, Persona, Plan
from tertulia.data import Dialogue, Note
from tertulia.training.mining import Lexicon

KNOWN = Lexicon({"violin": 0.3, "garden": 0.3})
TALK = (
    Conversation(agent="B", user="A")
    .said("A", "Hi there!")
    .said("B", "Hello. I play the violin.")
    .said("A", "I have a big garden.")
    .said("B", "What grows in your garden?")
)
PUBLIC = Dialogue(
    id="p", source="self_dialogue", topic="music", conversation=TALK, notes=(Note(),) * 4
)
PLAN = Plan(goal="ask about garden.", skill="Clarification", explanation="I like plants.")
DIRECTED = Dialogue(
    id="s",
    source="scenes",
    conversation=TALK.directed(
        Direction(
            situation="A and B meet.",
            instruction="You are B.",
            personas=(Persona("B", ("i play the violin.",)),),
            knowledge=("Violins have four strings.",),
            memory=("They met before.",),
        )
    ),
    notes=(Note(), Note(plan=PLAN), Note(), Note(plan=PLAN)),
)
