"""Macros in cards, `{{char}}` and the like: replaced once, with draws that a seed makes again.

`{{char}} {{user}} {{original}} {{newline}}
{{random:a,b}} {{pick:a,b}} {{roll:2d6+1}} {{reverse:…}}`,
and the silent `{{// …}} {{comment: …}} {{hidden_key: …}}`, in any case; `<BOT> <CHAR> <USER>` too.
Arguments of random and pick may be parted by `::`, and `\\,` is a comma in one. What a macro gives
is never read again, so no card can make text grow by itself. Anything else in braces stays as it
is, and is told.
"""

import random
import re
from dataclasses import dataclass, field

from tertulia.errors import CardError

MAX_MACROS = 20_000
MAX_DRAWS = 1_000
MAX_DEPTH = 16
MAX_UNKNOWN = 50
TOKEN = re.compile(r"\{\{|\}\}|<(?:bot|char|user)>", re.IGNORECASE)
BODY = re.compile(r"\s*([A-Za-z_]+)\s*(?:(::|:|\s)(.*))?", re.DOTALL)
COMMA = re.compile(r"(?<!\\),")
ROLL = re.compile(
    r"\s*(?:([1-9]\d{0,2})?d)?([1-9]\d{0,8})\s*(?:([+-])\s*(\d{1,9}))?\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Draw:
    """What chance gave for one macro: the field it stands in, the macro, and the result."""

    path: str
    macro: str
    result: str


@dataclass(slots=True)
class Filler:
    """Fills the macros of one card, and keeps account of it.

    seed     the same one gives the same draws. A draw depends on the field that it is in and on
             the draws before it there; a pick on its own text alone, so that it is the same
             wherever it stands
    unknown  macros that were left as they are, each once
    """

    char: str
    user: str
    seed: int
    draws: list[Draw] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    macros: int = 0

    def fill(self, text: str, path: str, original: str | None = None) -> str:
        """The text with its macros replaced.

        path      the field it is from, for the account
        original  what {{original}} stands for; None where it means nothing

        Raises CardError for more than 20,000 macros or 1,000 draws in one card.
        """
        self.macros += (text.count("{{") + text.count("}}")) // 2
        self.check()
        chance: list[random.Random] = []
        open_texts: list[list[str]] = [[]]
        at = 0
        for token in TOKEN.finditer(text):
            open_texts[-1].append(text[at : token.start()])
            at = token.end()
            if token[0] == "{{" and len(open_texts) <= MAX_DEPTH:
                open_texts.append([])
            elif token[0] == "}}" and len(open_texts) > 1:
                body = "".join(open_texts.pop())
                open_texts[-1].append(self.given(body, path, original, chance))
            elif token[0][0] == "<":
                self.macros += 1
                self.check()
                open_texts[-1].append(self.user if token[0].lower() == "<user>" else self.char)
            else:
                open_texts[-1].append(token[0])
        open_texts[-1].append(text[at:])
        return "{{".join("".join(each) for each in open_texts)

    def check(self) -> None:
        if self.macros > MAX_MACROS:
            raise CardError(f"more than {MAX_MACROS} macros in one card: take some out")

    def given(self, body: str, path: str, original: str | None, chance: list[random.Random]) -> str:
        """What stands for one macro; itself when nobody knows it."""
        if body.lstrip().startswith("//"):
            return ""
        found = BODY.fullmatch(body)
        name, sep, rest = (found[1].lower(), found[2] or "", found[3] or "") if found else ("",) * 3
        if name in ("char", "bot", "user") and not rest:
            return self.user if name == "user" else self.char
        if name == "original" and original is not None:
            return original
        silent = self.silent(name, sep, rest)
        result = self.drawn(name, sep, rest, path, chance) if silent is None else silent
        if result is None:
            if len(self.unknown) < MAX_UNKNOWN:
                self.unknown[body[:40]] = None
            return f"{{{{{body}}}}}"
        return result

    def silent(self, name: str, sep: str, rest: str) -> str | None:
        """What a macro without chance gives, None for another one."""
        match name, bool(sep):
            case ("comment", True) | ("noop", False):
                return ""
            case "hidden_key", True:
                self.hidden.append(rest.strip())
                return ""
            case "newline", False:
                return "\n"
            case "reverse", True:
                return rest[::-1]
        return None

    def drawn(
        self, name: str, sep: str, rest: str, path: str, chance: list[random.Random]
    ) -> str | None:
        """What chance gives, None for a macro that is not left to it."""
        if name not in ("random", "pick", "roll") or not sep:
            return None
        if len(self.draws) >= MAX_DRAWS:
            raise CardError(f"more than {MAX_DRAWS} draws in one card: take some out")
        if name == "pick":
            source = random.Random(f"{self.seed} pick {rest}")
        else:
            if not chance:
                chance.append(random.Random(f"{self.seed} {path}"))
            [source] = chance
        result = rolled(rest, source) if name == "roll" else source.choice(options(sep, rest))
        if result is not None:
            self.draws.append(Draw(path, f"{name}{sep}{rest}"[:200], result[:200]))
        return result


def options(sep: str, rest: str) -> list[str]:
    if sep == "::" or "::" in rest:
        return [each.strip() for each in rest.split("::")]
    return [each.strip().replace("\\,", ",") for each in COMMA.split(rest)]


def rolled(dice: str, source: random.Random) -> str | None:
    """The sum of the dice, such as 2d6+1, d20 and 6; None for what is no dice."""
    found = ROLL.fullmatch(dice)
    if not found:
        return None
    number, sides = int(found[1] or 1), int(found[2])
    more = int(found[4] or 0) * (-1 if found[3] == "-" else 1)
    return str(sum(source.randint(1, sides) for _ in range(number)) + more)
