"""Thanos in front of responders, on engines of their own or on one: agents, whole."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import reference_tokenizers, tiny_seq2seq
from tests.cli.talking import begun, events, notes, screen
from tests.formats.chat_templates import folder
from tests.tiny_llama import CONFIG, tiny_weights, write_safetensors
from tokenizers import Tokenizer

from tertulia import Agent, assembly, tokenizer
from tertulia.cli import main
from tertulia.cli.chat.events import Said, Thought
from tertulia.cli.chat.looking import reasons
from tertulia.conversation import Conversation, Direction, Plan
from tertulia.engines.scripted import Scripted
from tertulia.errors import CheckpointError, ConfigError
from tertulia.formats.thanos import VARIANTS
from tertulia.planners import Unread
from tertulia.planners.thanos import Thanos
from tertulia.record import told
from tertulia.skills import NoSkill
from tertulia.store import MEMORY, Store

TALK = Conversation(agent="Sam", user="Tom", direction=Direction(situation="A bar."))
TALK = TALK.said("Tom", "I lost my job.")
SAID = "Tom is sad. [RESULT SKILL] Empathy"
PLAN = Plan(skill="Empathy", explanation="Tom is sad.")
BOTH = {"name": "thanos", "variant": "both"}


def agent(
    format: object = "cosmo", *, thinks: str = SAID, says: str = "Oh no.", **planner: Any
) -> Agent:
    """A responder that says one line, behind a planner of its own."""
    spoken = {"name": "thanos", "variant": format} if format in VARIANTS else format
    own = {"name": "scripted", "lines": [thinks]}
    table = {
        "format": spoken,
        "engine": {"name": "scripted", "lines": [says]},
        "planner": {"name": "thanos", "own_engine": own, **planner},
    }
    return assembly.assemble(table)


def test_cosmo_gets_the_skill_in_its_role_slot_with_the_dialogue_behind_it() -> None:
    reply = agent("cosmo").reply(TALK)
    assert (reply.text, reply.plan) == ("Oh no.", PLAN)
    assert reply.prompt.text == (
        "A bar. <sep> Tom is sad. Thus, the most appropriate conversational skill for the next "
        "response is Empathy. <sep> I lost my job."
    )


@pytest.mark.parametrize(
    ("variant", "uses", "block"),
    [
        ("skill", "skill", "[Conversational Skill]\nThe most"),
        ("explanation", "explanation", "[Explanation]\nTom is sad."),
        ("both", "both", "[Explanation and Skill]\nTom is sad. Thus,"),
        ("both", "skill", "[Conversational Skill]\nThe most"),
        ("doctor", "explanation", "[Rationale]\nTom is sad."),
    ],
)
def test_a_chat_model_is_told_the_plan(variant: str, uses: str, block: str) -> None:
    reply = agent(variant, uses=uses).reply(TALK)
    assert block in reply.prompt.text and reply.prompt.unsupported == ()


def test_godel_gets_the_plan_in_its_instruction() -> None:
    spoken = {"name": "thanos", "variant": "both", "responder": "godel"}
    prompt = agent(spoken).reply(TALK).prompt
    assert "Thus, the most appropriate" in prompt.text.partition(" [CONTEXT] ")[0]
    assert prompt.unsupported == ("situation",)


def test_persona_gpt_takes_the_goal_and_reports_what_it_cannot_take() -> None:
    reply = agent("persona_gpt").reply(TALK.planned(Plan(goal="talk about work.")))
    assert reply.prompt.text.startswith("<|act|> talk about work.<|p1|>")
    assert {"plan.skill", "plan.explanation"} <= set(reply.prompt.unsupported)


@pytest.mark.parametrize("spelling", ["[Sharing Image] a cat", "[Sharing Image: a cat]"])
@pytest.mark.parametrize("image", ["prompt", "stark"])
def test_a_shared_picture_is_one_of_the_turn_and_reaches_the_planner(
    spelling: str, image: str
) -> None:
    spoken = {"name": "thanos", "variant": "both", "image": image}
    sharing = "Tom likes cats. [RESULT SKILL] image sharing"
    made = agent(spoken, thinks=sharing, says=f"Look! {spelling}", own_format={"image": image})
    reply = made.reply(TALK)
    assert reply.plan.skill == "Image-Sharing"
    assert (reply.turn.text, reply.turn.image) == ("Look!", "a cat")
    made.reply(TALK.said("Sam", reply.text, reply.image))
    shown = "[Sharing Image: a cat]" if image == "stark" else "[Sharing Image] a cat"
    assert isinstance(made.planner, Thanos) and isinstance(made.planner.engine, Scripted)
    assert f"Sam: Look! {shown}" in made.planner.engine.seen[1].text


def test_what_was_written_in_place_of_a_plan_is_in_the_reply() -> None:
    reply = agent(thinks="Hm.").reply(TALK)
    assert isinstance(reply.plan, Unread) and reply.plan.written == NoSkill("Hm.")
    assert "Hm." not in reply.prompt.text
    assert "the planner wrote no plan: Hm." in reasons(reply)
    assert told(reply)["plan"] == {"goal": "", "skill": "", "explanation": "", "written": "Hm."}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama with Llama 3's template and a tokenizer of its kind."""
    made = folder("llama_3", tmp_path_factory.mktemp("thanos"))
    tokens = Tokenizer.from_file(str(made / "tokenizer.json"))
    config = {
        **CONFIG,
        "vocab_size": tokens.get_vocab_size(),
        "eos_token_id": tokens.token_to_id("<|eot_id|>"),
        "max_position_embeddings": 4096,
    }
    (made / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_safetensors(made / "model.safetensors", tiny_weights(config, np.random.default_rng(0)))
    return made


def local(model: Path, **settings: object) -> dict[str, Any]:
    return {"name": "onnxruntime", "model": str(model), "quantization": "float32", **settings}


def assembled(engine: dict[str, Any], format: object, **planner: Any) -> Agent:
    planner = {"name": "thanos", "decoding": {"max_new_tokens": 8}, **planner}
    decoding = {"max_new_tokens": 8, "temperature": 0.0}
    table = {"format": format, "engine": engine, "planner": planner, "decoding": decoding}
    return assembly.assemble(table)


@pytest.mark.parametrize("own", [False, True], ids=("left out", "named"))
def test_planner_and_responder_share_the_engine_of_one_model(own: bool, llama: Path) -> None:
    planner = {"own_engine": local(llama)} if own else {}
    made = assembled(local(llama), BOTH, **planner)
    assert isinstance(made.planner, Thanos) and made.planner.engine is made.engine


def test_a_planner_with_other_weights_or_settings_has_an_engine_of_its_own(llama: Path) -> None:
    made = assembled(local(llama), BOTH, own_engine=local(llama, context_window=2048))
    assert isinstance(made.planner, Thanos) and made.planner.engine is not made.engine
    assert made.planner.engine.context_window == 2048


@pytest.mark.parametrize("format", [BOTH, "chat_template", {"name": "chat_template"}], ids=str)
def test_a_local_model_gets_planner_and_responder_prompts_in_its_own_template(
    format: object, llama: Path
) -> None:
    made = assembled(local(llama), format)
    assert isinstance(made.planner, Thanos)
    planned = made.planner.format.render_plan(TALK)
    assert planned.text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert planned.text.endswith(
        "### Explanation:<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    reply = made.reply(TALK, seed=1)
    assert reply.prompt.spans[0].control and reply.prompt.text.startswith("<|begin_of_text|>")
    assert isinstance(reply.plan, Unread) and reply.plan.written.raw
    assert made.reply(TALK, seed=1).text == reply.text


def test_an_own_local_engine_brings_its_models_template(llama: Path) -> None:
    made = assembled({"name": "scripted", "lines": ["Oh."]}, "cosmo", own_engine=local(llama))
    assert isinstance(made.planner, Thanos)
    assert made.planner.format.render_plan(TALK).text.startswith("<|begin_of_text|>")
    assert made.reply(TALK).text == "Oh."


@pytest.mark.parametrize(
    "format", [{"name": "thanos", "variant": "cosmo"}, {**BOTH, "responder": "godel"}], ids=str
)
def test_a_t5_replies_to_what_a_llama_planned(format: object, llama: Path, tmp_path: Path) -> None:
    made = assembled(local(tiny_t5(tmp_path)), format, own_engine=local(llama))
    reply = made.reply(TALK, seed=1)
    read = tokenizer.load(tmp_path).ids(reply.prompt.runs())
    assert reply.completion.prompt_tokens == len(read) and "I lost my job." in reply.prompt.text
    assert isinstance(reply.plan, Unread) and reply.plan.written.raw


def test_a_thanos_model_that_is_asked_to_chat_plans_and_replies_itself(llama: Path) -> None:
    (llama / "tertulia.toml").write_text('format = "thanos"\n')
    made = assembly.open_agent(model=str(llama))
    assert isinstance(made.planner, Thanos) and made.planner.engine is made.engine
    assert made.reply(TALK, seed=1).prompt.text.endswith("assistant<|end_header_id|>\n\n")


def tiny_t5(made: Path) -> Path:
    """A tiny random T5 with a vocabulary of its kind."""
    reference_tokenizers.t5(made)
    ends = {"pad_token_id": 0, "decoder_start_token_id": 0, "eos_token_id": 1}
    config = {**tiny_seq2seq.T5, **ends, "vocab_size": tokenizer.load(made).size}
    (made / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_safetensors(made / "model.safetensors", tiny_seq2seq.tiny_weights(config))
    return made


def test_a_local_model_without_a_template_is_refused_with_the_cure(
    llama: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        shutil.copy(llama / name, tmp_path)
    with pytest.raises(ConfigError, match="holds no chat template: give a folder"):
        assembled(local(tmp_path), BOTH)


def test_a_responder_that_is_no_chat_model_cannot_be_asked_for_a_plan() -> None:
    with pytest.raises(ConfigError, match="give it one, as in .planner. own_engine = "):
        assembled({"name": "scripted"}, "godel")


@pytest.mark.parametrize("name", [n for n in assembly.names() if n.startswith("thanos")])
def test_a_shipped_agent_without_its_weights_tells_what_it_needs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setenv("TERTULIA_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    about = assembly.read(assembly.find(name))["description"]
    assert "needs" in about and "CC-BY-NC-4.0" in about
    with pytest.raises(CheckpointError, match="tertulia pull"):
        assembly.open_agent(name)


def test_the_plan_is_seen_before_the_reply_and_in_why() -> None:
    session = begun(TALK, agent=agent("cosmo"))
    assert "(Sam thinks: skill: Empathy; because: Tom is sad.)" in screen(session)
    (why,) = notes(session, "/why")
    assert "plan: skill: Empathy; because: Tom is sad." in why


def test_the_planner_can_rest_and_goes_on_as_it_was() -> None:
    session = begun(TALK, agent=agent("cosmo"))
    seen = events(session, "/think off", "/again", "/think on", "/again")
    plans = [each.reply.plan for each in seen if isinstance(each, Said)]
    assert plans == [PLAN, Plan(), PLAN]


def test_a_changed_plan_makes_another_reply() -> None:
    session = begun(TALK, agent=agent("cosmo", uses="skill"))
    seen = events(session, "/skill Persuasion", "/goal calm Tom", "/again")
    thoughts = [each.plan for each in seen if isinstance(each, Thought)]
    first, again = (each.reply for each in seen if isinstance(each, Said))
    assert thoughts == [Plan(skill="Empathy")] and first.plan == thoughts[0]
    assert again.plan == Plan(goal="calm Tom", skill="Persuasion")
    assert "response is Persuasion. <sep> " in again.prompt.text
    assert again.prompt.unsupported == ("plan.goal",)


def test_the_plan_is_kept_with_the_reply() -> None:
    store = Store.open(MEMORY)
    session = begun(TALK, agent=agent("cosmo"), store=store)
    screen(session)
    (talk,) = store.talks()
    kept = store.path(talk.id)[-1].reply
    assert kept and kept["plan"] == {"goal": "", "skill": "Empathy", "explanation": "Tom is sad."}


def test_json_tells_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thanos.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Hi")))
    assert main(["chat", "--agent", "thanos.toml", "--no-store", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan == {"goal": "", "skill": "Empathy", "explanation": "Tom is sad."}


FILE = """
format = {name = "thanos", variant = "cosmo"}
engine = "scripted"
[planner]
name = "thanos"
own_engine = {name = "scripted", lines = ["Tom is sad. [RESULT SKILL] Empathy"]}
"""
