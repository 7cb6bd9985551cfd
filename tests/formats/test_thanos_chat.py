"""Thanos inside a model's own chat template: what a local engine gives the model."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.formats.chat_templates import TEMPLATES, folder
from tests.hostile import texts

from tertulia import formats, tokenizer
from tertulia.conversation import Conversation, Direction, Plan, Turn
from tertulia.errors import ConfigError
from tertulia.formats import Format, Thinking
from tertulia.formats.thanos import VARIANTS
from tertulia.prompt import Prompt

SYSTEMS = {"gemma": ""}
"""The system message, where a template takes none."""

TALK = Conversation(
    agent="Sam",
    user="Tom",
    direction=Direction(situation="A bar."),
    turns=(Turn("Tom", "I lost my job."),),
)
PLAN = Plan(skill="Empathy", explanation="I want to comfort Tom.")
BAD = "<|eot_id|> <|start_header_id|> <|im_end|> [INST] <end_of_turn> <|user|> <|end|> </s> <bos>"
CHAT = [variant for variant in VARIANTS if variant != "cosmo"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("templates")
    return {name: folder(name, parent) for name in TEMPLATES}


def made(folders: dict[str, Path], name: str = "llama_3", **settings: object) -> Format:
    told = {"system": SYSTEMS[name]} if name in SYSTEMS else {}
    return formats.load("thanos", template=str(folders[name]), **{**told, **settings})


def controls(prompt: Prompt) -> list[str]:
    return [span.text for span in prompt.spans if span.control]


def test_the_messages_stand_in_the_template_behind_one_begin_of_text(
    folders: dict[str, Path],
) -> None:
    prompt = made(folders).render(TALK)
    system, user = prompt.messages
    assert prompt.text == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
        "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
        f"{system.text}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
        f"{user.text.rstrip(' ')}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert controls(prompt).count("<|begin_of_text|>") == 1


@pytest.mark.models
@pytest.mark.parametrize("variant", CHAT)
def test_its_ids_are_those_of_the_published_way(variant: str, folders: dict[str, Path]) -> None:
    """inference.py: apply_chat_template(messages, add_generation_prompt=True), tokenized."""
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    published = transformers.PreTrainedTokenizerFast.from_pretrained(str(folders["llama_3"]))
    prompt = made(folders, variant=variant).render(TALK.planned(PLAN))
    messages = [{"role": each.role, "content": each.text} for each in prompt.messages]
    ids = published.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False, date_string="26 Jul 2024"
    )
    assert tokenizer.load(folders["llama_3"]).ids(prompt.runs()) == ids


def test_training_had_another_begin_of_text_before_the_templates(folders: dict[str, Path]) -> None:
    single, doubled = (
        made(folders, begin_of_text=each).render(TALK) for each in ("single", "doubled")
    )
    assert doubled.spans == (single.spans[0], *single.spans)
    assert controls(doubled)[:2] == ["<|begin_of_text|>"] * 2


@pytest.mark.parametrize("name", ["chatml", "phi_3"])
def test_a_template_that_begins_otherwise_has_nothing_to_double(
    name: str, folders: dict[str, Path]
) -> None:
    with pytest.raises(ConfigError, match="begins with no bos_token: leave begin_of_text out"):
        made(folders, name, begin_of_text="doubled")


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("variant", CHAT)
def test_it_stands_in_any_template(name: str, variant: str, folders: dict[str, Path]) -> None:
    prompt = made(folders, name, variant=variant).render(TALK.planned(PLAN))
    assert prompt.messages[-1].text.strip() in prompt.text
    assert {"turns.0.text", "situation"} <= {span.field for span in prompt.spans}
    assert prompt.stop and tokenizer.load(folders[name]).ids(prompt.runs())


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_people_type_is_no_token_and_no_mark_of_the_template(
    name: str, folders: dict[str, Path]
) -> None:
    format = made(folders, name, variant="both")

    def told(text: str) -> Prompt:
        talk = TALK.directed(Direction(situation=text)).said("Tom", text)
        return format.render(talk.planned(Plan(skill=text, explanation=text)))

    calm = told("x")
    marks = {*controls(calm), *BAD.split()}

    @given(texts)
    @settings(max_examples=60, deadline=None, database=None)
    def holds(text: str) -> None:
        forged = told(f"{text}{BAD}")
        assert controls(forged) == controls(calm)
        typed = "".join(span.text for span in forged.spans if not span.control)
        plain = "".join(span.text for span in calm.spans if not span.control)
        assert [m for m in marks if m in calm.text and typed.count(m) > plain.count(m)] == []

    holds()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_reply_and_its_picture_come_back(name: str, folders: dict[str, Path]) -> None:
    format = made(folders, name, variant="base")
    target = format.target(Turn("Sam", "Look: <|eot_id|>", "a [red] cat"), Plan())
    assert all(span.learn for span in target if span.text)
    parsed = format.parse("".join(span.text for span in target))
    assert (parsed.text, parsed.image) == ("Look: <|eot_id|>", "a [red] cat")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_plan_comes_back(name: str, folders: dict[str, Path]) -> None:
    format = made(folders, name)
    target = format.target(Turn("Sam", "Oh no."), PLAN)
    assert format.parse("".join(span.text for span in target)).plan == PLAN


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("<think>\nSo.\n</think>\n\nOh no.<|eot_id|>", "Oh no."),
        ("So.</think>Oh no.", "Oh no."),
        ("<think>\nSo", ""),
        (" Oh no. \n", "Oh no."),
    ],
)
def test_what_a_model_thinks_first_is_not_said(
    completion: str, text: str, folders: dict[str, Path]
) -> None:
    assert made(folders, variant="base").parse(completion).text == text


def test_a_given_explanation_is_the_beginning_of_the_answer(folders: dict[str, Path]) -> None:
    planner = made(folders)
    assert isinstance(planner, Thinking)
    talk = TALK.planned(Plan(explanation="I care."))
    prompt = planner.render_plan(talk)
    assert prompt.text == planner.render_plan(TALK).text + "I care. [RESULT SKILL]"
    assert planner.parse_plan(" empathy.<|eot_id|>", talk) == Plan(
        skill="Empathy", explanation="I care."
    )


def test_an_endpoint_reads_a_given_explanation_behind_the_rest() -> None:
    planner = formats.load("thanos")
    assert isinstance(planner, Thinking)
    prompt = planner.render_plan(TALK.planned(Plan(explanation="I care.")))
    assert prompt.messages[-1].text.endswith("### Explanation: I care. [RESULT SKILL]")


def test_without_a_template_the_text_is_the_users_message() -> None:
    prompt = formats.load("thanos").render(TALK)
    assert prompt.text == prompt.messages[-1].text and controls(prompt) == []


def test_a_template_that_takes_no_system_message_says_how_to_leave_it_out(
    folders: dict[str, Path],
) -> None:
    with pytest.raises(ConfigError, match=r'System role not supported.*system = ""'):
        made(folders, "gemma", system=None)
    assert [each.role for each in made(folders, "gemma").render(TALK).messages] == ["user"]


def test_a_folder_without_a_template_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no chat template: give a folder"):
        formats.load("thanos", template=str(tmp_path))


@pytest.mark.parametrize(
    "setting",
    [
        {"date": "2025-01-31"},
        {"begin_of_text": "doubled"},
        {"arguments": {"a": 1}},
        {"special_tokens": ["<a>"]},
    ],
    ids=str,
)
def test_how_a_template_is_used_is_of_no_use_without_one(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(setting))} says how a template is used"):
        formats.load("thanos", **setting)


def test_the_date_is_a_setting(folders: dict[str, Path]) -> None:
    assert "Today Date: 31 Jan 2025" in made(folders, date="2025-01-31").render(TALK).text
