"""Does any file make the reading of cards slow, large, or fail in another way than it may?

    python bench/cards_fuzz.py [--minutes 10] [--seed 0] [--atheris]

Good cards are changed at random: bytes of the file, chunks with right checksums, members of the
zip, values of the JSON, texts blown up to the limits. Each is read and cast as a scene. A case
fails when it raises anything but CardError, takes more than 2 s of processor time, or more than
64 MB of memory above the file itself; the file is then kept as bench/cards-fuzz-N.bin and the exit
code is 1. One JSON line goes to bench/results/cards_fuzz.jsonl: cases, how many were refused, the
slowest and the largest. Needs Linux for the memory. With --atheris (pip install atheris) changes
are guided by what they reach instead; libFuzzer then prints its own account.
"""

import argparse
import base64
import importlib
import json
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.cards.made import ANA, as_charx, card, entry, text_chunk, zipped  # noqa: E402

from tertulia import cards  # noqa: E402
from tertulia.cards import png  # noqa: E402
from tertulia.errors import CardError  # noqa: E402

PLAIN = png.plain()
RESULTS = HERE / "results" / "cards_fuzz.jsonl"
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
SLOW_SECONDS, LARGE_KB = 2.0, 64 * 1024
PIECES = (
    "{{", "}}", "{{char}}", "{{random:a,b}}", "{{roll:99d9}}", "<START>", "\n", "/(a+)+$/i", "@@",
    "@@depth 4\n", "\\", "\u0000", "\N{HONEYBEE}", "\ud800", "a{1000}", "[[", "x" * 1000, "Ana: ",
    "(.*)(.*)(.*)(.*)", r"\pL{900}", "@@@", "<user>", "{{hidden_key:a}}", "((((", "|" * 100,
)  # fmt: skip
ODD = (None, True, 0, -1, 1e308, 2**63, "", [], {}, [[]], "\ud800", [None], {"a": {}}, 10**400)


def word(chance: random.Random, most: int = 4_000_000) -> str:
    """A text of some pieces, now and then blown up to the limits."""
    pieces = "".join(chance.choices(PIECES, k=chance.randint(1, 6)))[:most]
    times = chance.choice((1,) * 30 + (50, 1_000, 30_000))
    return pieces * min(times, max(most // max(len(pieces), 1), 1))


def value(chance: random.Random, depth: int = 0) -> object:
    kind = chance.randint(0, 5 if depth < 3 else 3)
    if kind <= 1:
        return chance.choice(ODD)
    if kind <= 3:
        return word(chance)
    if kind == 4:
        return [value(chance, depth + 1) for _ in range(chance.randint(0, 5))]
    return {word(chance, 20): value(chance, depth + 1) for _ in range(chance.randint(0, 5))}


def document(chance: random.Random) -> dict[str, Any]:
    """A card of some version, some of its fields replaced."""
    found = card(chance.choice(("chara_card_v2", "chara_card_v3")))
    for _ in range(chance.randint(0, 4)):
        found["data"][chance.choice((*ANA, "nickname", "assets"))] = value(chance)
    if chance.random() < 0.5:
        made = [entry(*(word(chance, 3_000) for _ in range(3))) for _ in range(20)]
        for each in made:
            each[chance.choice((*each, "extensions", "secondary_keys"))] = value(chance)
            each["use_regex"] = chance.random() < 0.5
        book = {"entries": made * chance.choice((1,) * 9 + (60,)), "extensions": {}}
        found["data"]["character_book"] = book
    return chance.choice(
        (found, found, found, found["data"], {"spec": "lorebook_v3", "data": book_of(found)})
    )


def book_of(found: dict[str, Any]) -> object:
    return found["data"].get("character_book")


def file(chance: random.Random) -> bytes:
    """A card as a file of some form, then perhaps damaged."""
    made = document(chance) if chance.random() < 0.95 else value(chance)
    text = json.dumps(made, ensure_ascii=chance.random() < 0.8).encode("utf-8", "surrogatepass")
    head, end = PLAIN[:-12], PLAIN[-12:]
    noise = png.written(chance.randbytes(4), chance.randbytes(chance.randint(0, 90)))
    more = noise * chance.choice((0,) * 9 + (1, 3, 10_000))
    match chance.randint(0, 4):
        case 0:
            content = text
        case 1 | 2:
            name = chance.choice(("ccv3", "chara", "CCV3"))
            packed = text_chunk(
                name, base64.b64encode(text), chance.choice((b"tEXt",) * 5 + (b"zTXt",))
            )
            content = head + more + packed * chance.randint(1, 2) + end
        case 3:
            content = zipped(
                {"card.json": text, f"assets/{chance.randint(0, 9)}": chance.randbytes(99)}
            )
        case _:
            content = as_charx(ANA, **{word(chance, 50): b"x" * chance.choice((0, 9, 10**6))})
    return damaged(content, chance) if chance.random() < 0.2 else content


def case(seed: str) -> bytes:
    """The file of that seed."""
    try:
        return file(random.Random(seed))
    except UnicodeEncodeError:  # the standard library makes no zip of a name with half a character
        return b"PK\x03\x04"


def damaged(content: bytes, chance: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        at = chance.randint(0, len(found))
        cut = chance.choice((0, 1, 4, 100, len(found)))
        found[at : at + cut] = chance.choice(
            (b"", chance.randbytes(4), b"\xff\xff\xff\x7f", b"\0" * 9)
        )
    return bytes(found)


def memory() -> int:
    """The most kilobytes this process has held since `RESET`."""
    found = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text())
    return int(found[1]) if found else 0


def tried(content: bytes) -> tuple[str, float, int]:
    """What came of one file, processor seconds, and kilobytes above what was held before."""
    RESET.write_text("5")
    before, begun = memory(), time.process_time()
    try:
        cards.scene(cards.read(content), user="Bo")
        outcome = "read"
    except CardError:
        outcome = "refused"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        outcome = f"{type(error).__name__}: {error}"[:200]
    return outcome, time.process_time() - begun, memory() - before


def run(minutes: float, seed: int) -> int:
    counts = {"cases": 0, "read": 0, "refused": 0, "failed": 0}
    slowest, largest = 0.0, 0
    ends = time.monotonic() + minutes * 60
    while time.monotonic() < ends:
        content = case(f"{seed} {counts['cases']}")
        outcome, seconds, grown = tried(content)
        counts["cases"] += 1
        good = outcome in counts and seconds <= SLOW_SECONDS and grown <= LARGE_KB
        counts[outcome if good else "failed"] += 1
        slowest, largest = max(slowest, seconds), max(largest, grown)
        if not good:
            kept = HERE / f"cards-fuzz-{counts['failed']}.bin"
            kept.write_bytes(content)
            print(f"{kept}: {outcome}, {seconds:.2f} s, {grown // 1024} MB", file=sys.stderr)
    line = {
        "question": "cards_fuzz",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": sys.version.split()[0],
        "seed": seed,
        "minutes": minutes,
        **counts,
        "slowest_seconds": round(slowest, 3),
        "largest_mb": round(largest / 1024, 1),
    }
    print(json.dumps(line))
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(json.dumps(line) + "\n")
    return 1 if counts["failed"] else 0


def guided(minutes: float, seed: int) -> None:
    """The search of libFuzzer; it ends the process itself."""
    import atheris  # type: ignore[import-not-found]

    for name in [each for each in sys.modules if each.startswith("tertulia.cards")]:
        del sys.modules[name]
    with atheris.instrument_imports(include=["tertulia.cards"]):
        watched = importlib.import_module("tertulia.cards")

    def one(content: bytes) -> None:
        try:
            watched.scene(watched.read(content), user="Bo")
        except CardError:
            pass

    with tempfile.TemporaryDirectory() as corpus:
        for n in range(60):
            made = case(f"{seed} {n}")
            if len(made) < 20_000:
                (Path(corpus) / f"seed-{n}").write_bytes(made)
        words = [sys.argv[0], corpus, f"-max_total_time={int(minutes * 60)}", f"-seed={seed + 1}"]
        atheris.Setup([*words, "-timeout=2", "-rss_limit_mb=512", "-max_len=20000"], one)
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    args = parser.parse_args()
    if args.atheris:
        guided(args.minutes, args.seed)
    return run(args.minutes, args.seed)


if __name__ == "__main__":
    sys.exit(main())
