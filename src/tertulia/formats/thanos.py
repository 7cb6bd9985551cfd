"""Thanos: a Llama that names the skill of the next reply, and the prompts that put it to use.

    planner      social context, dialogue -> `{explanation} [RESULT SKILL] {skill}`
    base         a chat model's next response, without a plan
    skill        the same, told the skill
    explanation  the same, told the explanation
    both         the same, told both
    doctor       the same, told the explanation as DOCTOR's rationale
    cosmo        COSMO's string, the plan in its role slot:
                 {context} <sep> {explanation} Thus, the most … is {skill}. <sep> {turn} <turn> …

The social context is the situation, the instruction, then whatever else is given:

    Ana's Profile:
    - one fact                                       then other speakers
    What is known:
    - one passage
    What happened before:
    - one memory

The dialogue is `Name: text` lines, a picture being `[Sharing Image] description` after the text.
What a plan leaves empty is left out: `both` without an explanation is `skill`, without either
`base`. With `verbatim` each variant keeps its own string, with a gap in it.

Source: passing2961/Thanos (README, inference.py, utils/prompt_templates.py, output.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Message, Prompt, Span
from tertulia.skills import Skill, parse_skill

VARIANTS = ("planner", "base", "skill", "explanation", "both", "doctor", "cosmo")
IMAGES = ("prompt", "stark")
DIALOGUES = ("all", "speakers_a_b", "none")
PLANNER_SYSTEM = (
    "You are an excellent skill predictor that generates the most appropriate conversational "
    "skill for the next turn response in the given dialogue and social context. Before generating "
    "the skill, please think about which skill is appropriate and then generate the skill."
)
RESPONDER_SYSTEM = "You are a helpful assistant."
PLANNER = (
    "### Task Description:\nA dialogue and social context containing the speaker's demographics, "
    "preferences, persona, current situation/narrative, past dialogue summaries, episodic memory, "
    "or other relevant details are provided. During this dialogue, image-sharing moments may "
    'occur, represented by the format "[Sharing Image] <image_description>", where '
    '"<image_description>" represents the description of the shared image. Your task is to '
    "imagine yourself as the actual speaker who needs to respond in the next conversational turn. "
    "You will first generate the internal thought process behind selecting the appropriate "
    "conversational skill, and then generate the most appropriate conversational skill itself. "
    'The output format should be as follows: "### Explanation: (write an explanation for why the '
    'chosen skill is selected.) [RESULT SKILL] (A conversational skill that fits the situation.)"'
)
BASE = (
    "Your task is to generate the most appropriate next response of a given dialogue between two "
    "speakers. You'll be given some social context about the two speakers of the dialogue, e.g., "
    "their relationship, demographic, preference, persona, or situation, etc."
)
EXPLAINED = " Additionally, you will receive an explanation that interprets the current dialogue"
MISLED = (
    " You may refer to this explanation, but should ignore it if it misleads the response. Do not "
    "include too much information in the next response, and be sure to follow the style of the "
    "dialogue."
)
SUGGESTED = f"{EXPLAINED} and suggests strategic skills for the next response."
TASKS = {
    "base": BASE,
    "skill": f"{BASE}{SUGGESTED} Please be sure to follow the style of the dialogue.",
    "explanation": f"{BASE}{EXPLAINED}.{MISLED}",
    "both": f"{BASE}{SUGGESTED}{MISLED}",
    "doctor": (
        "Generate the most plausible next response considering the dialogue history. You can refer "
        "to the rationale, but you should ignore the rationale if it misleads the next response. "
        "Do not try to put too much information in the next response. You should follow the style "
        "of the history."
    ),
}
THUS = "the most appropriate conversational skill for the next response is"
SCENE = frozenset(
    ("situation", "instruction", "personas.agent", "personas.user", "personas.others")
    + ("knowledge", "memory", "image", "speakers")
)
TAKEN = {
    "planner": SCENE,
    "base": SCENE,
    "skill": SCENE | {"plan.skill"},
    "explanation": SCENE | {"plan.explanation"},
    "both": SCENE | {"plan.skill", "plan.explanation"},
    "doctor": SCENE | {"plan.explanation"},
    "cosmo": (SCENE | {"plan.skill", "plan.explanation"}) - {"speakers"},
}
END, COSMO_END = "<|eot_id|>", "</s>"
PROFILE, KNOWN, BEFORE = "'s Profile:", "What is known:", "What happened before:"
IMAGE = "[Sharing Image"
MARKERS = (
    *("### Task Description", "### Social Context", "### Dialogue", "### Explanation"),
    *("[Social Context]", "[Dialogue]", "[Conversational Skill]", "[Explanation]"),
    *("[Explanation and Skill]", "[Rationale]", "[Next Response]", "RESULT SKILL", THUS),
    *(IMAGE, PROFILE, KNOWN, BEFORE),
    *("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|end_of_text|>", END),
)
COSMO_MARKERS = (*MARKERS, "<sep>", "<turn>", COSMO_END)
LINE = Neutral(markers=MARKERS, one_line=True)
NAME = Neutral(markers=MARKERS, name=True)
COSMO_LINE = Neutral(markers=COSMO_MARKERS, one_line=True, unknown="<")
COSMO_NAME = Neutral(markers=COSMO_MARKERS, name=True, unknown="<")
COSMO_TURN = Neutral(markers=COSMO_MARKERS, unknown="<")
"""The T5 takes a line break for a blank, so those of turns stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text and names as they are.

    image     "prompt": `[Sharing Image] …`, as every prompt says; "stark": `[Sharing Image: …]`,
              as one of the data sets writes it
    dialogue  of the cosmo variant. "all": every turn. Published faults: "speakers_a_b" leaves out
              whoever is not named Speaker A or Speaker B; "none" all of it, as generate() did
    system    the system message; None is the published one, "" none (Gemma's responders)
    """

    variant: str = "planner"
    verbatim: bool = False
    image: str = "prompt"
    dialogue: str = "all"
    system: str | None = None

    def __post_init__(self) -> None:
        for name, choices in (("image", IMAGES), ("dialogue", DIALOGUES)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be {', '.join(choices)}")


@dataclass(frozen=True, slots=True)
class Thanos:
    settings: Settings
    models: tuple[str, ...] = ("passing2961/Thanos-*", "*Thanos-*B*")

    def render(self, conversation: Conversation) -> Prompt:
        if self.settings.variant == "planner":
            return self.render_plan(conversation)
        if self.settings.variant == "cosmo":
            return self.cosmo(conversation)
        taken = TAKEN[self.settings.variant]
        return self.asked(conversation, self.responder(conversation), RESPONDER_SYSTEM, taken)

    def render_plan(self, conversation: Conversation) -> Prompt:
        spans = (
            Span(f"{PLANNER}\n\n### Social Context:\n"),
            *self.context(conversation),
            Span("\n\n### Dialogue:\n"),
            *self.talk(conversation),
            Span("\n\n### Explanation: "),
        )
        return self.asked(conversation, spans, PLANNER_SYSTEM, TAKEN["planner"])

    def parse_plan(self, completion: str, conversation: Conversation) -> Plan:
        return conversation.plan.over(self.planned(completion).plan)

    def asked(
        self,
        conversation: Conversation,
        spans: Iterable[Span],
        system: str,
        taken: frozenset[str],
    ) -> Prompt:
        """What a chat model is asked, as text and as messages."""
        prompt = Prompt(tuple(spans), stop=(END,), unsupported=unsupported(conversation, taken))
        told = system if self.settings.system is None else self.settings.system
        messages = (Message("system", told),) if told else ()
        return replace(prompt, messages=(*messages, Message("user", prompt.text)))

    def responder(self, conversation: Conversation) -> Iterator[Span]:
        plan, task = conversation.plan, self.task(conversation.plan)
        explanation = self.line(plan.explanation, "plan.explanation")
        skill = self.line(plan.skill, "plan.skill")
        yield Span(TASKS[task])
        if task == "doctor":
            yield from (Span("\n\n[Rationale]\n"), explanation)
        yield from (Span("\n\n[Social Context]\n"), *self.context(conversation))
        yield from (Span("\n\n[Dialogue]\n"), *self.talk(conversation))
        if task == "skill":
            thus = THUS[0].upper() + THUS[1:]
            yield from (Span(f"\n\n[Conversational Skill]\n{thus} "), skill, Span("."))
        if task == "explanation":
            yield from (Span("\n\n[Explanation]\n"), explanation)
        if task == "both":
            yield from (Span("\n\n[Explanation and Skill]\n"), explanation)
            yield from (Span(f" Thus, {THUS} "), skill, Span("."))
        yield Span("\n\n[Next Response]\n")
        yield from (self.name(conversation.agent, "agent"), Span(":\n"))

    def task(self, plan: Plan) -> str:
        """The responder prompt that this plan can fill."""
        variant = self.settings.variant
        if self.settings.verbatim or variant == "base":
            return variant
        given = (bool(plan.explanation), bool(plan.skill))
        told, named = given[0] and variant != "skill", given[1] and variant in ("skill", "both")
        if told and named:
            return "both"
        if told:
            return "doctor" if variant == "doctor" else "explanation"
        return "skill" if named else "base"

    def cosmo(self, conversation: Conversation) -> Prompt:
        plan, turns = conversation.plan, conversation.turns
        heard = [n for n, turn in enumerate(turns) if self.hears(turn)]
        spans = [*self.context(conversation), Span(" <sep> ")]
        taken = TAKEN["cosmo"]
        if plan.skill:
            spans += [self.turn(plan.explanation, "plan.explanation"), Span(f" Thus, {THUS} ")]
            spans += [self.turn(plan.skill, "plan.skill"), Span(". <sep> ")]
        else:
            taken -= {"plan.explanation"}
        for place, n in enumerate(heard):
            spans += [Span(" <turn> ")] if place else []
            spans += self.told(turns[n], f"turns.{n}.")
        unheard = tuple(f"turns.{n}.text" for n in range(len(turns)) if not self.hears(turns[n]))
        return Prompt(
            tuple(spans),
            stop=(COSMO_END,),
            unsupported=(*unsupported(conversation, taken), *unheard),
            closing=(COSMO_END,),
        )

    def hears(self, turn: Turn) -> bool:
        if self.settings.dialogue == "speakers_a_b":
            return turn.speaker in ("Speaker A", "Speaker B")
        return self.settings.dialogue == "all"

    def context(self, conversation: Conversation) -> list[Span]:
        lines = [*self.scene(conversation), *self.lists(conversation)]
        return [
            span
            for n, line in enumerate(lines)
            for span in ((Span("\n"), *line) if n else tuple(line))
        ]

    def scene(self, conversation: Conversation) -> Iterator[tuple[Span, ...]]:
        for name in ("situation", "instruction"):
            if text := getattr(conversation.direction, name):
                yield (self.line(text, name),)

    def lists(self, conversation: Conversation) -> Iterator[tuple[Span, ...]]:
        direction = conversation.direction
        for speaker in dict.fromkeys(persona.speaker for persona in direction.personas):
            path = f"personas.{speaker}"
            if facts := direction.facts(speaker):
                yield (self.name(speaker, path), Span(PROFILE))
                for n, fact in enumerate(facts):
                    yield (Span("- "), self.line(fact, f"{path}.{n}"))
        for name, label in (("knowledge", KNOWN), ("memory", BEFORE)):
            texts = getattr(direction, name)
            if texts:
                yield (Span(label),)
            for n, text in enumerate(texts):
                yield (Span("- "), self.line(text, f"{name}.{n}"))

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        for n, turn in enumerate(conversation.turns):
            yield from (Span("\n"),) if n else ()
            yield from (self.name(turn.speaker, f"turns.{n}.speaker"), Span(": "))
            yield from self.told(turn, f"turns.{n}.")

    def told(self, turn: Turn, path: str) -> Iterator[Span]:
        yield self.turn(turn.text, f"{path}text" if path else "")
        if turn.image:
            stark = self.settings.image == "stark"
            opening = f"{IMAGE}: " if stark else f"{IMAGE}] "
            yield Span(f" {opening}" if turn.text else opening)
            yield self.turn(turn.image, f"{path}image" if path else "")
            yield from (Span("]"),) if stark else ()

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        """The planner writes the plan; the responders write the turn."""
        end = COSMO_END if self.settings.variant == "cosmo" else END
        spans: Iterable[Span] = self.told(turn, "")
        if self.settings.variant == "planner":
            told = (self.line(plan.explanation, ""), Span(" [RESULT SKILL] "))
            spans = (*told, self.line(plan.skill, ""))
        learned = (Span(span.text, learn=True) for span in spans)
        return (*learned, Span(end, control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        if self.settings.variant == "planner":
            return self.planned(completion)
        text = completion.partition(COSMO_END if self.settings.variant == "cosmo" else END)[0]
        _, header, answer = text.partition("assistant\n")
        text, image = parted(answer.lstrip("\n") if header else text)
        return Parsed(text=self.typed(text), image=self.typed(image))

    def planned(self, completion: str) -> Parsed:
        """The plan that was written; what names no skill is given back as text."""
        text = completion.partition(END)[0]
        found = parse_skill(text)
        if not isinstance(found, Skill):
            return Parsed(text=text)
        explanation, skill = self.typed(found.explanation), self.typed(found.skill)
        return Parsed(text="", plan=Plan(explanation=explanation, skill=skill))

    def line(self, text: str, path: str) -> Span:
        neutral = COSMO_LINE if self.settings.variant == "cosmo" else LINE
        return Span(text if self.settings.verbatim else neutral.make(text), field=path)

    def name(self, name: str, path: str) -> Span:
        neutral = COSMO_NAME if self.settings.variant == "cosmo" else NAME
        return Span(name if self.settings.verbatim else neutral.make(name), field=path)

    def turn(self, text: str, path: str) -> Span:
        neutral = COSMO_TURN if self.settings.variant == "cosmo" else LINE
        return Span(text if self.settings.verbatim else neutral.make(text), field=path)

    def typed(self, text: str) -> str:
        neutral = COSMO_TURN if self.settings.variant == "cosmo" else LINE
        return text if self.settings.verbatim else neutral.undo(text)


def parted(text: str) -> tuple[str, str]:
    """A turn's words and its picture, in either spelling."""
    words, mark, rest = text.rpartition(IMAGE)
    if mark and rest.startswith("] "):
        return words.removesuffix(" "), rest[2:]
    if mark and rest.startswith(": ") and rest.endswith("]"):
        return words.removesuffix(" "), rest[2:-1]
    return text, ""


def load(settings: Settings) -> Thanos:
    return Thanos(settings)
