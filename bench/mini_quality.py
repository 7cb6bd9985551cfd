"""How well does the built-in model talk, and how well does it take direction?

    python bench/mini_quality.py WEIGHTS CORPUS SCENES [--cases 200]

WEIGHTS is a checkpoint folder (int8 or float) with its tokenizer, CORPUS what recipes/corpus.py
wrote, SCENES a file of directed dialogues that were not trained on. One JSON line goes to
bench/results/mini_quality.jsonl.

perplexity   exp of the mean negative log-likelihood of learned tokens in the held-out rows, per
             set; per word it is the same sum over words (runs of letters) instead of tokens
repetition   share of replies that say some four words twice
distinct-2   different pairs of neighbouring words over all pairs, all replies together
goal         "ask about X." or "talk about X." pinned, X one of ten topics drawn at random: share of
             replies with a word of that topic; without: same turn, same seed, no plan
question     share of the replies under "ask about X." that hold a question mark
fact         turns whose written reply uses a word of an agent's fact that nothing else in the
             prompt holds: share of replies with such a word, with and without the agent's facts
knowledge    the same for passages; where turns are fewer than cases, each is drawn several times
exchange     talks made from exchanges that were not trained on (training/exchanges.py), by kind of
             direction: share of replies with a word that the direction and the written reply
             share and no turn before holds, with the direction and without any

Replies are sampled at temperature 0.7, nucleus 0.9, at most 48 tokens; the same random numbers
with and without. Sampling runs in bfloat16, perplexity in float32.
"""

import argparse
import copy
import json
import math
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaForCausalLM

from tertulia import formats, tokenizer
from tertulia.checkpoints import int8
from tertulia.conversation import Conversation, Direction, Plan
from tertulia.data import scenes
from tertulia.prompt import Prompt
from tertulia.training import exchanges, mining, packing
from tertulia.training.exchanges import Bank

TOPICS = ("pets", "kids", "family", "music", "movies", "food", "work", "school", "travel", "sports")
KINDS = tuple(kind for kind in exchanges.KINDS if kind not in ("skill", "image", "earlier"))
BANKS = Path(exchanges.__file__).parents[1] / "recipes" / "exchanges"
ALWAYS_GIVEN = exchanges.Odds(goal_after=0, thought=0, recited=0)
RESULTS = Path(__file__).parent / "results" / "mini_quality.jsonl"
NATIVE = formats.load("native")


@dataclass(frozen=True)
class Model:
    weights: LlamaForCausalLM
    quick: LlamaForCausalLM  # the same in bfloat16
    spelling: tokenizer.Tokenizer


def load(folder: Path) -> Model:
    spelling = tokenizer.load(folder)
    with tempfile.TemporaryDirectory() as wide:
        quantized = "quantization" in json.loads((folder / "config.json").read_text())
        if quantized:
            int8.expand(folder, Path(wide))
        weights = LlamaForCausalLM.from_pretrained(wide if quantized else folder)
    return Model(weights.eval(), copy.deepcopy(weights).bfloat16().eval(), spelling)


@torch.no_grad()
def sample(model: Model, prompts: Sequence[Prompt], seed: int, batch: int = 40) -> list[str]:
    """One reply a prompt; prompt n uses random stream (seed, n) whatever else is in the batch."""
    ids = [model.spelling.ids(prompt.spans)[-960:] for prompt in prompts]
    order = sorted(range(len(ids)), key=lambda n: len(ids[n]))  # little padding
    replies = [""] * len(ids)
    for first in range(0, len(order), batch):
        members = order[first : first + batch]
        draws = [random.Random(f"{seed} {n}") for n in members]
        for n, said in zip(members, unroll(model, [ids[n] for n in members], draws), strict=True):
            replies[n] = NATIVE.parse(model.spelling.text(said)).text
    return replies


def unroll(
    model: Model, ids: Sequence[list[int]], draws: Sequence[random.Random]
) -> list[list[int]]:
    """What follows each prompt, at most 48 tokens, up to the end of the turn."""
    width = max(map(len, ids))
    tokens = torch.tensor([[0] * (width - len(row)) + row for row in ids])
    mask = torch.arange(width)[None] >= torch.tensor([width - len(r) for r in ids])[:, None]
    said: list[list[int]] = [[] for _ in ids]
    open_rows = [True] * len(ids)
    past, place = None, mask.long().cumsum(1) - 1
    for _ in range(48):
        out = model.quick(
            input_ids=tokens,
            attention_mask=mask.long(),
            position_ids=place.clamp(min=0),
            past_key_values=past,
            logits_to_keep=1,
        )
        past = out.past_key_values
        chosen = nucleus(out.logits[:, -1], [each.random() for each in draws])
        for n, token in enumerate(chosen):
            open_rows[n] = open_rows[n] and token != 2
            if open_rows[n]:
                said[n].append(token)
        if not any(open_rows):
            break
        tokens = torch.tensor(chosen)[:, None]
        mask = torch.cat([mask, torch.ones(len(ids), 1, dtype=torch.bool)], 1)
        place = place[:, -1:] + 1
    return said


def nucleus(logits: torch.Tensor, draws: Sequence[float]) -> list[int]:
    chance, order = torch.softmax(logits.float() / 0.7, -1).sort(descending=True)
    chance = chance * (chance.cumsum(-1) - chance < 0.9)
    total = chance.cumsum(-1) / chance.sum(-1, keepdim=True)
    at = (total < torch.tensor(draws)[:, None]).sum(-1).clamp(max=logits.shape[-1] - 1)
    return [int(order[n, place]) for n, place in enumerate(at)]


@torch.no_grad()
def perplexities(model: Model, corpus: Path) -> dict[str, dict[str, float]]:
    found = {}
    for name, rows in np.load(corpus / "held_out.npz").items():
        total = tokens = words = 0.0
        for row in torch.from_numpy(rows.astype(np.int64)):
            ids, learned = row % packing.LEARNED, row >= packing.LEARNED
            example = (ids == 1).cumsum(0)
            mask = (example[:, None] == example[None]).tril()[None, None]
            logits = model.weights(input_ids=ids[None], attention_mask=mask).logits[0, :-1]
            costs = torch.nn.functional.cross_entropy(logits.float(), ids[1:], reduction="none")
            total += float(costs[learned[1:]].sum())
            tokens += int(learned[1:].sum())
            text = model.spelling.text([int(i) for i, one in zip(ids, learned, strict=True) if one])
            words += len(re.findall(r"[^\W\d_]+", re.sub(r"<\|\w+\|>", " ", text)))
        found[name] = {
            "loss": round(total / tokens, 3),
            "per_token": round(math.exp(total / tokens), 2),
            "per_word": round(math.exp(total / words), 1),
        }
    return found


@dataclass(frozen=True)
class Case:
    """A prompt with and without something, and the words that betray it."""

    given: Conversation
    bare: Conversation
    words: frozenset[str]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+|\d+", text.lower()))


def prefixes(file: Path) -> list[tuple[Conversation, str]]:
    """Every agent turn as (the talk before it, the written reply), in random order."""
    found = []
    for dialogue in scenes.read(file):
        talk = dialogue.conversation
        for n, turn in enumerate(talk.turns):
            if turn.speaker == talk.agent and n:
                found.append((replace(talk, turns=talk.turns[:n]), turn.text))
    random.Random(5).shuffle(found)
    return found


def goal_cases(found: Sequence[tuple[Conversation, str]], most: int, verb: str) -> list[Case]:
    chance = random.Random(6)
    cases = []
    for talk, _ in found[:most]:
        topic = chance.choice(TOPICS)
        told = frozenset(mining.CATEGORIES[topic].split())
        cases.append(Case(talk.planned(Plan(goal=f"{verb} about {topic}.")), talk, told))
    return cases


def use_cases(found: Sequence[tuple[Conversation, str]], most: int, kind: str) -> list[Case]:
    """Turns whose written reply uses words that only the agent's facts, or a passage, hold."""
    cases = []
    for talk, reply in found:
        direction = talk.direction
        if kind == "fact":
            texts, less = direction.facts(talk.agent), direction.with_facts(talk.agent, ())
        else:
            texts, less = direction.knowledge, replace(direction, knowledge=())
        bare = talk.directed(less)
        known = words(NATIVE.render(bare).text)
        told = {word for text in texts for word in mining.content(text)} - known
        if told & words(reply):
            cases.append(Case(talk, bare, frozenset(told)))
    return (cases * (most // len(cases) + 1))[:most] if cases else []  # each with other draws


def exchange_cases(kind: str, most: int) -> list[Case]:
    """Made talks of unseen exchanges whose reply uses words of the direction."""
    _, unseen = exchanges.read(BANKS).split()
    bank = Bank(tuple(each for each in unseen.exchanges if each.kind == kind), unseen.words)
    cases = []
    for each in exchanges.examples(bank, most, random.Random(8), ALWAYS_GIVEN):
        talk = each.conversation
        bare = talk.directed(Direction()).planned(Plan())
        told = words(NATIVE.render(talk).text) - words(NATIVE.render(bare).text)
        told &= {word for word in words(each.reply.text) if word not in mining.STOP}
        if told:
            cases.append(Case(talk, bare, frozenset(told)))
    return cases


def shown(replies: Sequence[str], cases: Sequence[Case]) -> float:
    hits = sum(bool(case.words & words(r)) for r, case in zip(replies, cases, strict=True))
    return round(hits / max(1, len(cases)), 3)


def control(
    model: Model, cases: Sequence[Case], bare: Sequence[str] | None = None
) -> dict[str, float]:
    """Shares with and without; `bare` are the replies without, where they are known already."""
    given = sample(model, [NATIVE.render(case.given) for case in cases], seed=1)
    if bare is None:
        bare = sample(model, [NATIVE.render(case.bare) for case in cases], seed=1)
    question = round(sum("?" in reply for reply in given) / max(1, len(cases)), 3)
    return {"with": shown(given, cases), "without": shown(bare, cases), "n": len(cases),
            "question": question}  # fmt: skip


def repetition(replies: Sequence[str]) -> float:
    def repeats(reply: str) -> bool:
        said = reply.lower().split()
        grams = [tuple(said[n : n + 4]) for n in range(len(said) - 3)]
        return len(set(grams)) < len(grams)

    return round(sum(map(repeats, replies)) / len(replies), 3)


def distinct_2(replies: Sequence[str]) -> float:
    pairs = [
        p for r in replies for p in zip(r.lower().split(), r.lower().split()[1:], strict=False)
    ]
    return round(len(set(pairs)) / max(1, len(pairs)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    began = time.monotonic()
    model = load(asked.weights)
    found = prefixes(asked.scenes)
    plain = found[: asked.cases]
    replies = sample(model, [NATIVE.render(talk) for talk, _ in plain], seed=1)
    line = {
        "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True,
                                 text=True, check=False).stdout.strip(),
        "torch": torch.__version__,
        "perplexity": perplexities(model, asked.corpus),
        "repetition_4": repetition(replies),
        "distinct_2": distinct_2(replies),
        "mean_words": round(sum(len(r.split()) for r in replies) / len(replies), 1),
        "goal_ask": control(model, goal_cases(found, asked.cases, "ask"), replies),
        "goal_talk": control(model, goal_cases(found, asked.cases, "talk"), replies),
        "fact": control(model, use_cases(found, asked.cases, "fact")),
        "knowledge": control(model, use_cases(found, asked.cases, "knowledge")),
        "exchange": {
            kind: control(model, exchange_cases(kind, asked.cases // 2)) for kind in KINDS
        },
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as lines:
        lines.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))
    for (talk, _), reply in list(zip(plain, replies, strict=True))[:10]:
        print(f"  {talk.turns[-1].text}\n    -> {reply}")


if __name__ == "__main__":
    main()
