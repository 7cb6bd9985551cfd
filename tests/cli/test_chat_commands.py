"""The commands of a talk: each changes or shows what it says it does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tertulia import Plan, Turn, scene
from tertulia.cli.chat import editor
from tertulia.cli.chat.commands import ALL, Command
from tertulia.cli.chat.events import Compared, Said, Shown
from tertulia.conversation import Conversation, LoreEntry
from tertulia.rankers import DROPPED, Candidate
from tertulia.skills import ACTIONS, SKILLS
from tertulia.store import MEMORY, Store
from tests.cli.talking import SCENE, begun, events, notes, refusals, replies, screen, scripted, told


@dataclass(frozen=True)
class Fixed:
    """Drops "One." and likes everything else."""

    name: str

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        return [DROPPED if each.text == "One." else 1.0 for each in candidates]


@pytest.mark.parametrize("command", ALL, ids=lambda each: each.name)
def test_every_command_has_help(command: Command) -> None:
    [told] = notes(begun(), f"/help {command.name}")
    assert told.startswith(f"/{command.name}")


def test_help_lists_every_command() -> None:
    [told] = notes(begun(), "/help")
    assert all(f"/{each.name}" in told for each in ALL)


def test_an_unknown_command_is_answered_with_the_nearest_one() -> None:
    [told] = refusals(begun(), "/gaol 1")
    assert told.startswith("no command /gaol: did you mean /goal? /help lists them")


def test_cosmos_exact_lines_reset_and_end_the_talk() -> None:
    session = begun()
    assert replies(session, "hi", "[RESET]", "so?") == ["One.", "Two."]
    assert told(session.conversation.turns) == ["Friend: so?", "Cosmo: Two."]
    assert replies(session, "[END]", "never said") == []


@pytest.mark.parametrize("line", ["[reset]", "[RESET] ", " [END]"])
def test_anything_but_cosmos_exact_lines_is_a_turn(line: str) -> None:
    assert replies(begun(), line) == ["One."]


def test_reset_keeps_the_directions() -> None:
    session = begun()
    events(session, "hi", "/reset")
    assert (session.conversation.turns, session.conversation.direction) == ((), SCENE.direction)


def test_end_leaves() -> None:
    assert replies(begun(), "hi", "/end", "more") == ["One."]


def test_scene_shows_all_that_directs() -> None:
    [told] = notes(begun(), "/scene")
    assert "Two friends meet in a park." in told and "i like cats." in told


def test_scene_with_a_name_begins_that_scene() -> None:
    session = begun()
    name = next(iter(scene.shipped()))
    events(session, "hi", f"/scene {name}")
    expected = scene.load(scene.find(name))
    assert session.conversation.direction == expected.direction


@pytest.mark.parametrize("field", ["situation", "instruction"])
def test_a_text_direction_is_shown_set_and_cleared(field: str) -> None:
    session = begun()
    assert notes(session, f"/{field} at sea", f"/{field}")[-1] == f"{field}: at sea"
    assert notes(session, f"/{field} -") == [f"{field}: (none)"]
    assert getattr(session.conversation.direction, field) == ""


@pytest.mark.parametrize("field", ["knowledge", "memory"])
def test_a_list_direction_is_added_to_and_taken_from(field: str) -> None:
    session = begun()
    events(session, f"/{field} one", f"/{field} two", f"/{field} three", f"/{field} -2")
    assert getattr(session.conversation.direction, field) == ("one", "three")
    events(session, f"/{field} -")
    assert getattr(session.conversation.direction, field) == ()


def test_what_is_not_in_a_list_cannot_be_taken_out_of_it() -> None:
    assert refusals(begun(), "/memory -1") == ["no memory number 1: there are 0"]


def test_a_persona_fact_is_the_agents_unless_a_speaker_is_named() -> None:
    session = begun()
    events(session, "/persona i sing.", "/persona friend: i paint.", "/persona note: this is mine")
    direction = session.conversation.direction
    assert direction.facts("Cosmo") == ("i like cats.", "i sing.", "note: this is mine")
    assert direction.facts("Friend") == ("i paint.",)


def test_a_changed_direction_reaches_the_next_prompt() -> None:
    happened = events(begun(), "/situation at sea", "hi")
    assert " at sea" in happened[-1].reply.prompt.text  # type: ignore[union-attr]


def test_goal_lists_the_eleven_codes_and_takes_a_number_a_spelling_or_a_text() -> None:
    session = begun()
    assert all(code in notes(session, "/goal")[0] for code in ACTIONS)
    for typed, goal in (
        ("0", "ask about kids."),
        ("Talk about Music", "talk about music."),
        ("make them laugh", "make them laugh"),
        ("-", ""),
    ):
        events(session, f"/goal {typed}")
        assert session.conversation.plan.goal == goal


def test_a_goal_number_that_is_none_is_refused() -> None:
    assert "0 to 10" in refusals(begun(), "/goal 11")[0]


def test_skill_takes_any_spelling_and_names_the_nearest() -> None:
    session = begun()
    events(session, "/skill harmlesseness")
    assert session.conversation.plan.skill == "Harmlessness"
    assert "did you mean 'Empathy'?" in refusals(session, "/skill empathi")[0]


def test_skill_lists_all_skills() -> None:
    [told] = notes(begun(), "/skill")
    assert all(name in told for name in SKILLS)


def test_think_takes_on_and_off_only() -> None:
    assert refusals(begun(), "/think maybe")
    assert notes(begun(), "/think off") == ["the agent replies without planning"]


def test_why_tells_plan_seed_cut_and_candidates_with_their_scores() -> None:
    [told] = notes(begun(agent=scripted(candidates=2)), "/goal 1", "hi", "/why")[1:]
    for part in ("goal: ask about pets.", "seed: 0", "cut: nothing", "1. One.", "2. Two."):
        assert part in told


def test_why_adds_up_the_scores_that_decided() -> None:
    agent = replace(scripted("One.", "Two.", candidates=2), rankers=(Fixed("a"), Fixed("b")))
    [told] = notes(begun(agent=agent), "hi", "/why")
    assert told.splitlines()[-3:] == [
        "candidates: 2, by a + b",
        "  1. +2.00 = +1.00 +1.00  Two.",
        "  2. dropped              One.",
    ]


def test_why_tells_how_many_turns_were_cut() -> None:
    session = begun(agent=scripted(context_window=40))
    events(session, *("five words are said here" for _ in range(4)))
    assert "oldest turns" in notes(session, "/why")[0]


def test_why_tells_which_lore_fired_and_by_which_key() -> None:
    book = (LoreEntry(content="Old.", keys=("castle",)), LoreEntry(content="a b", constant=True))
    talk = SCENE.directed(replace(SCENE.direction, lore=book))
    [told] = notes(begun(talk), "the castle?", "/why")
    assert "lore: 0 ('castle' in a turn), 1 (constant)" in told.split("\n")


def test_why_before_any_reply_is_refused() -> None:
    assert refusals(begun(), "/why") == ["no reply was made in this talk yet: say something first"]


def test_prompt_shows_exactly_what_the_model_saw() -> None:
    happened = events(begun(), "hi", "/prompt")
    said = next(each.reply for each in happened if isinstance(each, Said))
    shown = next(each for each in happened if isinstance(each, Shown))
    assert "".join(text for text, _ in shown.spans) == said.prompt.text
    assert ("<|says|>", True) in shown.spans


def test_prompt_marks_control_tokens_so_that_typed_ones_cannot_pass() -> None:
    shown = screen(begun(), "<|end|>", "/prompt").splitlines()[-1]
    assert shown.count("⟦<|end|>⟧") == 1 and shown.count("<|end|>") == 1


def test_again_gives_another_reply_and_keeps_the_old_one_in_the_store() -> None:
    store = Store.open(MEMORY)
    session = begun(store=store)
    assert replies(session, "hi", "/again") == ["One.", "Two."]
    last = store.path(store.talks()[0].id)[-1]
    assert [each.turn.text for each in store.siblings(last.id)] == ["One.", "Two."]
    assert told(session.conversation.turns) == ["Friend: hi", "Cosmo: Two."]


def test_again_follows_the_plan_of_the_reply_it_replaces_unless_there_is_a_new_one() -> None:
    happened = events(begun(), "/goal 1", "hi", "/again", "/goal 9", "/again")
    goals = [each.reply.plan.goal for each in happened if isinstance(each, Said)]
    assert goals == ["ask about pets.", "ask about pets.", "talk about music."]


def test_back_takes_back_the_last_exchange_in_the_talk_and_in_the_store() -> None:
    store = Store.open(MEMORY)
    session = begun(store=store)
    events(session, "hi", "so?", "/back")
    assert told(session.conversation.turns) == ["Friend: hi", "Cosmo: One."]
    events(session, "well?")
    assert store.conversation(store.talks()[0].id).turns == session.conversation.turns


def test_back_at_the_start_is_refused() -> None:
    assert refusals(begun(), "/back") == ["there is nothing to take back: the talk has no turns"]


def test_after_swapping_you_are_the_other_side_and_the_model_answers_you() -> None:
    session = begun()
    assert replies(session, "hi", "/swap", "yes?") == ["One.", "Two.", "Three."]
    assert told(session.conversation.turns) == [
        "Friend: hi", "Cosmo: One.", "Friend: Two.", "Cosmo: yes?", "Friend: Three.",
    ]  # fmt: skip


def test_an_instruction_stays_with_the_side_it_was_given_to() -> None:
    session = begun()
    events(session, "/instruction be kind", "/swap")
    assert session.conversation.direction.instruction == ""
    events(session, "/swap")
    assert session.conversation.direction.instruction == "be kind"


def test_self_lets_both_sides_talk_so_many_turns() -> None:
    session = begun()
    assert replies(session, "/self 3") == ["One.", "Two.", "Three."]
    assert told(session.conversation.turns) == ["Cosmo: One.", "Friend: Two.", "Cosmo: Three."]


def test_again_after_self_lets_the_same_side_speak_again() -> None:
    session = begun()
    events(session, "/self 2", "/again")
    assert told(session.conversation.turns) == ["Cosmo: One.", "Friend: Three."]


@pytest.mark.parametrize("number", ["0", "-1", "many", "1000", "²"])
def test_self_takes_a_sensible_number(number: str) -> None:
    assert "give a number of turns from 1 to 200" in refusals(begun(), f"/self {number}")[0]


def test_a_counterfactual_changes_one_direction_and_nothing_else() -> None:
    session = begun()
    before = events(session, "hi") and session.conversation
    [compared] = [
        each for each in events(session, "/counterfactual persona=i like dogs.|i run.")
        if isinstance(each, Compared)
    ]  # fmt: skip
    assert "i like dogs." in compared.second.prompt.text
    assert "i like cats." not in compared.second.prompt.text
    assert compared.second.seed == compared.first.seed
    assert session.conversation == before


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("situation=at sea", "at sea"),
        ("instruction=be kind", "be kind"),
        ("user_persona=i paint.", "i paint."),
        ("knowledge=cats sleep.", "cats sleep."),
        ("memory=we met.", "we met."),
        ("goal=1", "ask about pets."),
        ("skill=empathy", "Empathy"),
        ("explanation=it is late", "it is late"),
    ],
)
def test_every_direction_can_be_a_counterfactual(change: str, seen: str) -> None:
    happened = events(begun(), "hi", f"/counterfactual {change}")
    [compared] = [each for each in happened if isinstance(each, Compared)]
    assert seen in compared.second.prompt.text and seen not in compared.first.prompt.text


def test_an_empty_value_takes_a_direction_away() -> None:
    happened = events(begun(), "hi", "/counterfactual situation=")
    [compared] = [each for each in happened if isinstance(each, Compared)]
    assert "park" not in compared.second.prompt.text and compared.change == "without situation"


def test_a_counterfactual_of_an_unknown_field_names_the_nearest() -> None:
    session = begun()
    events(session, "hi")
    assert "did you mean 'persona'?" in refusals(session, "/counterfactual person=x")[0]


def test_both_replies_stand_side_by_side() -> None:
    shown = screen(begun(), "hi", "/counterfactual goal=1").splitlines()
    assert shown[-2].split(" | ")[1] == "goal = 1:"
    assert [each.strip() for each in shown[-1].split(" | ")] == ["One.", "One."]


@pytest.mark.parametrize("name", ["talk.toml", "talk.json"])
def test_what_is_saved_is_loaded_with_its_turns(name: str, tmp_path: Path) -> None:
    session = begun()
    events(session, "hi", f"/save {tmp_path / name}")
    saved = session.conversation
    events(session, "/reset", f"/load {tmp_path / name}")
    assert session.conversation == saved


def test_saving_never_overwrites_unless_told_to(tmp_path: Path) -> None:
    path = tmp_path / "talk.toml"
    path.write_text("mine")
    session = begun()
    assert "add a ! to the command" in refusals(session, f"/save {path}")[0]
    assert path.read_text() == "mine"
    events(session, f"/save! {path}")
    assert scene.load(path) == session.conversation
    assert [each.name for each in tmp_path.glob("*talk*")] == ["talk.toml"]


@pytest.mark.parametrize(
    "line", ["/save", "/save x.csv", "/save /dev/null/x.toml", "/save \0.toml"]
)
def test_a_file_that_cannot_be_written_is_refused(line: str) -> None:
    assert len(refusals(begun(), line)) == 1


def test_loading_what_is_no_scene_leaves_the_talk_as_it_is(tmp_path: Path) -> None:
    session = begun()
    events(session, "hi")
    before = session.conversation
    assert len(refusals(session, f"/load {tmp_path}", "/load nothing", "/load")) == 3
    assert session.conversation == before


def test_a_kept_talk_is_loaded_by_its_id() -> None:
    store = Store.open(MEMORY)
    session = begun(store=store)
    events(session, "hi", "/reset")
    first = store.talks()[1].id
    events(session, f"/load {first}")
    assert told(session.conversation.turns) == ["Friend: hi", "Cosmo: One."]


def test_exports_hold_every_turn(tmp_path: Path) -> None:
    session = begun()
    files = [tmp_path / name for name in ("a.jsonl", "a.json", "a.txt")]
    events(session, "hi", *(f"/export {file}" for file in files))
    lines, messages, text = (file.read_text() for file in files)
    assert json.loads(lines)["turns"][1]["text"] == "One."
    assert [each["role"] for each in json.loads(messages)["messages"]] == ["user", "assistant"]
    assert text == "Friend: hi\nCosmo: One.\n"
    assert notes(session, "/export -") == [text.rstrip("\n")]


def test_exports_hold_pictures_in_words(tmp_path: Path) -> None:
    session = begun()
    events(session, "/picture a wet dog", "look!", f"/export {tmp_path / 'a.json'}")
    assert notes(session, "/export -")[0].startswith("Friend: look! [picture: a wet dog]\n")
    first = json.loads((tmp_path / "a.json").read_text())["messages"][0]
    assert first["content"] == "look! [picture: a wet dog]"


def test_a_picture_goes_with_the_next_line_and_with_no_other() -> None:
    session = begun()
    assert notes(session, "/picture a wet dog") == ["picture with your next line: a wet dog"]
    events(session, "look!", "and now?")
    assert [turn.image for turn in session.conversation.turns[::2]] == ["a wet dog", ""]


def test_an_empty_line_shares_a_picture_alone() -> None:
    session = begun()
    events(session, "/picture a wet dog", "", "")
    assert session.conversation.turns[0] == Turn("Friend", "", "a wet dog")
    assert len(session.conversation.turns) == 2


def test_a_picture_can_be_taken_back_before_it_is_shared() -> None:
    assert notes(begun(), "/picture a dog", "/picture -")[1].endswith("(none)")


def test_scene_tells_the_lore_and_what_brings_it_up() -> None:
    lore = (LoreEntry(content="It costs nine.", keys=("honey", "jar")),
            *(LoreEntry(content="It rains.", constant=True) for _ in range(20)))  # fmt: skip
    [told] = notes(begun(SCENE.directed(replace(SCENE.direction, lore=lore))), "/scene")
    assert "  1. (honey, jar) It costs nine.\n  2. (always) It rains." in told
    assert "  … and 1 more\n" in told


def test_a_plan_that_waits_is_shown_with_the_scene() -> None:
    assert "goal: ask about pets." in notes(begun(), "/goal 1", "/scene")[1]


def test_only_save_and_export_take_a_mark() -> None:
    assert "only /save! and /export! take a '!'" in refusals(begun(), "/why!")[0]


def test_clearing_the_plan_leaves_none() -> None:
    session = begun()
    events(session, "/goal 1", "/skill empathy", "/goal -", "/skill -")
    assert session.conversation.plan == Plan()


def test_what_may_stand_behind_a_command_is_completed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").touch()
    assert [found for found, _ in editor.completions("/cou")] == ["/counterfactual"]
    assert ("Active Listening", "") in editor.completions("/skill acti")
    assert ("mine.toml", "") in editor.completions("/load mi")
    assert editor.completions("//co") == editor.completions("hello") == []
