"""Exchanges: talks made from a bank, in which the reply takes its words from the direction."""

import json
from random import Random

import pytest

from tertulia.errors import ConfigError
from tertulia.recipes.corpus import native
from tertulia.training import exchanges, masking

LINES = (
    {"slot": "pet", "words": ["Biscuit", "Moby", "Fluff"]},
    {"slot": "thing", "words": ["lamp", "boat"]},
    {"kind": "persona", "given": ["i have dogs, {pet} and {pet.2}."], "says": ["Any pets?"],
     "reply": ["{pet}! Do you know {pet.2}?", "{thing}!"],
     "earlier": [["you", "hi."], ["me", "hello."]]},
    {"kind": "situation", "given": ["{thing}s are on sale. {name} buys one from {you}."],
     "says": ["", "Yes?"], "reply": ["{thing}, please, {you}."]},
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, LINES)))
    return tmp_path


def made(folder, count=60, recited=0.0):
    odds = exchanges.Odds(recited=recited)
    return list(exchanges.examples(exchanges.read(folder), count, Random(5), odds))


def test_a_reply_holds_the_word_that_its_direction_holds(folder):
    for each in made(folder):
        talk = each.conversation
        told = " ".join((talk.direction.situation, *talk.direction.facts(talk.agent)))
        words = ("Biscuit", "Moby", "Fluff", "Lamp", "Boat")
        assert any(word in told and each.reply.text.startswith(word) for word in words)


def test_two_numbers_of_one_slot_are_two_words(folder):
    for each in made(folder):
        first, _, rest = each.reply.text.partition("! Do you know ")
        assert rest != f"{first}?"


def test_the_agent_opens_a_talk_only_where_nothing_was_said(folder):
    for each in made(folder):
        turns = each.conversation.turns
        assert not turns or turns[-1].speaker == each.conversation.user
        assert all(turn.text for turn in turns)


def test_a_word_that_begins_a_sentence_is_capitalised(folder):
    for each in made(folder):
        assert each.conversation.direction.situation[:1] in ("", "L", "B")
        assert each.reply.text[0].isupper()


def test_only_what_the_agent_says_is_learned(folder):
    example = next(each for each in made(folder) if len(each.conversation.turns) > 2)
    learned = "".join(span.text for span in masking.spans(example, native(False)) if span.learn)
    mine = [t.text for t in example.conversation.turns if t.speaker == example.conversation.agent]
    assert learned == "".join(f" {text}<|end|>" for text in (*mine, example.reply.text))


def test_the_same_seed_makes_the_same_talks(folder):
    assert made(folder) == made(folder)


def test_no_exchange_is_both_learned_and_held_out(folder):
    bank = exchanges.read(folder)
    learned, unseen = bank.split()
    assert set(learned.exchanges) | set(unseen.exchanges) == set(bank.exchanges)
    assert not set(learned.exchanges) & set(unseen.exchanges)


def test_a_slot_nobody_knows_is_named(tmp_path):
    line = {"kind": "persona", "given": ["i am {nowhere}."], "says": ["Who?"], "reply": ["Me."]}
    (tmp_path / "bad.jsonl").write_text(json.dumps(line))
    with pytest.raises(ConfigError, match="no slot {nowhere}"):
        made(tmp_path, 1)


def test_a_line_that_is_neither_slot_nor_exchange_is_named(tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"kind": "poem"}')
    with pytest.raises(ConfigError, match=r"bad\.jsonl:1"):
        exchanges.read(tmp_path)


def test_a_picture_belongs_to_the_turn_before_the_reply(tmp_path):
    line = {"kind": "image", "given": ["a photo of {person}"], "says": ["Look!"],
            "reply": ["Is it {person}?"]}  # fmt: skip
    (tmp_path / "some.jsonl").write_text(json.dumps(line))
    for each in made(tmp_path, 5):
        shown = each.conversation.turns[-1].image.removeprefix("a photo of ")
        assert each.reply.text == f"Is it {shown}?"


def test_a_thought_is_the_plan_of_the_reply(tmp_path):
    line = {"kind": "explanation", "given": ["I want to praise {person}."], "says": ["Hm."],
            "reply": ["{person} is good."]}  # fmt: skip
    (tmp_path / "some.jsonl").write_text(json.dumps(line))
    for each in made(tmp_path, 5):
        plan = each.conversation.plan.over(each.thought)
        assert plan.explanation == f"I want to praise {each.reply.text.split()[0]}."


def test_what_is_recited_stands_word_for_word_before(folder):
    for each in made(folder, recited=1.0):
        talk = each.conversation
        facts = " ".join(talk.direction.facts(talk.agent))
        assert each.reply.text.lower() in (
            facts.lower(),
            *(t.text.lower() for t in talk.turns),
        ) or (each.reply.text in talk.turns[-1].text)
