"""training/mining.py: direction that can be seen in undirected talk."""

import pytest

from tertulia.training import mining

KNOWN = mining.Lexicon({"violin": 0.3})


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("I have two dogs.", "i have two dogs."),
        ("Well, I'm a nurse in Leeds!", "i am a nurse in leeds."),
        ("My favorite color is blue.", "my favorite color is blue."),
        ("I have no idea.", ""),
        ("I love it so much.", ""),
        ("Do I have two dogs?", ""),
        ("They have two dogs.", ""),
    ],
)
def test_short_plain_statements_about_oneself_are_facts(said: str, fact: str) -> None:
    assert mining.as_fact(said) == fact


def test_topic_words_and_question_marks_give_goals() -> None:
    goals = mining.topic_goals("I play the violin. Do you have a dog?", KNOWN)
    assert {"talk about violin.", "ask about pets."} <= goals.keys()


def test_set_phrases_give_goals() -> None:
    assert "offer comfort." in mining.surface_goals("I'm sorry to hear that.", "I lost my job.")
    assert "answer the question." in mining.surface_goals("It was last May.", "When was it?")


def test_annotated_acts_come_before_set_phrases() -> None:
    assert mining.skills("I need the water.", "casino", ("self-need",)) == ["Self-disclosure"]
    assert mining.skills("What is your favorite film?", "none", ()) != []


def test_a_passage_is_kept_only_when_the_reply_draws_on_it() -> None:
    passage = "Poetry: Poetry is a form of literature. It began in Africa with hunting songs."
    assert "hunting songs" in mining.passage(
        passage, "Did you know hunting songs came from Africa?"
    )
    assert mining.passage(passage, "I had soup today.") == ""


def test_a_statement_about_the_world_has_a_name_or_a_number_and_no_i() -> None:
    assert mining.statements("The film was shot in Norway in winter.") != []
    assert mining.statements("I saw the film in Norway in winter.") == []


def test_the_lexicon_holds_words_used_as_nouns() -> None:
    texts = ["the violin is my thing", "I quickly run"] * 30
    assert "violin" in mining.lexicon(texts).topics
    assert "quickly" not in mining.lexicon(texts).topics


def test_a_name_is_read_off_what_a_speaker_says() -> None:
    assert mining.told_name(["Hi, I'm Ruby."]) == "Ruby"
    assert mining.told_name(["I'm American."]) == ""
