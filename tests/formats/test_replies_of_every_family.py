"""What is read of a reply, in every family and variant; and what nobody may change afterwards."""

import dataclasses

import pytest
from tests.hostile import MARKERS

from tertulia import formats, registry
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.neutral import BAR

EACH = [
    (name, variant)
    for name in registry.names("tertulia.formats")
    for variant in formats.variants(name)
]
every = pytest.mark.parametrize(("name", "variant"), EACH)
PLAN = Plan(skill="Empathy", explanation="I want to comfort Bo.")


def written(name: str, variant: str, text: str, verbatim: bool = False) -> str:
    """The completion of a model that says this text perfectly."""
    format = formats.load(name, variant=variant, verbatim=verbatim)
    return "".join(span.text for span in format.target(Turn("Ana", text), PLAN))


@every
def test_every_marker_that_is_said_comes_back_as_it_was_said(name: str, variant: str) -> None:
    format = formats.load(name, variant=variant)
    if format.parse(written(name, variant, "Hello.")).text != "Hello.":
        pytest.skip("this variant writes a plan, no reply")
    for marker in MARKERS:
        said = f"so {marker.strip()} it is"
        assert format.parse(written(name, variant, said)).text == said


@every
def test_a_verbatim_reply_is_read_as_it_stands(name: str, variant: str) -> None:
    verbatim = formats.load(name, variant=variant, verbatim=True)
    if verbatim.parse(written(name, variant, "Hello.", True)).text != "Hello.":
        pytest.skip("this variant writes a plan, no reply")
    for marker in MARKERS:
        said = f"so {marker[:1]}{BAR}{marker[1:].strip()} it is"
        assert BAR in verbatim.parse(f"so {said}").text


@every
def test_a_format_and_its_settings_cannot_be_changed_in_place(name: str, variant: str) -> None:
    format = formats.load(name, variant=variant)
    settings = registry.load("tertulia.formats", name).Settings(variant=variant)
    for value in (format, settings):
        first = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, first, None)


def test_native_reads_the_words_the_picture_and_nothing_behind_them() -> None:
    parsed = formats.load("native").parse(" Look.<|image|> a ferry<|goal|> x<|says|> y<|end|> z")
    assert (parsed.text, parsed.image) == ("Look.", "a ferry")
    assert formats.load("native").parse("Hi.<|fact|> no<|image|> a<|image|> b").text == "Hi."


def test_native_plans_only_what_nobody_gave() -> None:
    format = formats.load("native")
    talk = Conversation().said("User", "Hi.")
    for given in (Plan(), Plan(goal="g"), Plan(skill="s"), Plan(goal="g", explanation="e")):
        whole = Plan(goal="g", skill="s", explanation="e")
        completion = "".join(span.text for span in format.target_plan(whole, given))  # type: ignore[attr-defined]
        found = format.parse_plan(completion, talk.planned(given))  # type: ignore[attr-defined]
        assert found == whole
    asked = format.parse_plan(" other<|skill|> other", talk.planned(whole))  # type: ignore[attr-defined]
    assert asked == whole
