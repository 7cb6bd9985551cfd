"""How fast do the published families reply here, and how fast do their model cards' own snippets?

    python bench/families.py FAMILY [--repeats 5] [--folder DIR] [--tokens 24]

FAMILY is one of those in SHAPES: a random checkpoint of that real shape is made once in DIR (speed
does not depend on the weights). Three contenders, each in a process of its own, take turns:

tertulia      the default engine, on int8 weights that `tertulia convert` made once
transformers  float32, the whole history read again each turn, as the model cards do
ctranslate2   int8, where the package is installed (a yardstick, for the benchmark only)

turn 1, 10, 20  seconds to a reply of 24 tokens in a talk of 35 tokens a turn
sixteen talks   tokens a second over sixteen talks of different lengths, at once; the snippet, which
                serves one at a time, is timed on four of them
candidates      seconds for sixteen sampled replies to one prompt of 120 tokens
beams           seconds for the best of ten beams after the same
cold            seconds from the start of the process to the first token of turn 1
memory          peak resident memory of that process, in MB

Medians of the repeats. Beside them the floor of one talk: seconds in which 24 tokens' worth of
int8 weights can be read from memory, at the bandwidth measured here. One JSON line goes to
bench/results/families.jsonl.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "families.jsonl"
CONTENDERS = ("tertulia", "transformers", "ctranslate2")
ASKED = (1, 10, 20)
TALKS, SNIPPET_TALKS, CANDIDATES, BEAMS = 16, 4, 16, 10

SHAPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gpt2-medium": (
        "GPT2Config",
        "GPT2LMHeadModel",
        {"n_embd": 1024, "n_layer": 24, "n_head": 16, "vocab_size": 50_263},
    ),
    "t5-base": (
        "T5Config",
        "T5ForConditionalGeneration",
        {
            "d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "vocab_size": 32_128,
            "decoder_start_token_id": 0,
        },
    ),
    "t5-large": (
        "T5Config",
        "T5ForConditionalGeneration",
        {
            "d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16, "vocab_size": 32_128,
            "decoder_start_token_id": 0,
        },
    ),
    "llama-1b": (
        "LlamaConfig",
        "LlamaForCausalLM",
        {
            "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
            "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256,
            "max_position_embeddings": 2048, "tie_word_embeddings": True,
        },
    ),
    "pingpong-gpt-large": (
        "OpenAIGPTConfig",
        "OpenAIGPTLMHeadModel",
        {"n_embd": 1024, "n_layer": 24, "n_head": 16, "vocab_size": 32_000, "n_positions": 256},
    ),
    "meena-large": (
        "MarianConfig",
        "MarianMTModel",
        {
            "d_model": 1024, "encoder_layers": 2, "decoder_layers": 24, "vocab_size": 32_000,
            "encoder_attention_heads": 16, "decoder_attention_heads": 16,
            "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096, "max_position_embeddings": 128,
            "activation_function": "gelu_new", "scale_embedding": True, "pad_token_id": 0,
            "decoder_start_token_id": 0, "forced_eos_token_id": None,
        },
    ),
}  # fmt: skip
"""Config class, model class and sizes, by transformers' names."""

LONGEST = {"pingpong-gpt-large": 256 - 24, "meena-large": 128}
"""Prompt tokens that a family has positions for; of longer talks the end is read."""

NOT_CONVERTED = ("pingpong-gpt-large", "meena-large")
"""Families whose random checkpoints CTranslate2's converter refuses."""

Figures = dict[tuple[str, str], list[float]]
"""By contender and row."""


def make(family: str, folder: Path) -> None:
    """The random checkpoint, with a tokenizer in which a character is a token."""
    import transformers

    config_class, model_class, sizes = SHAPES[family]
    config = getattr(transformers, config_class)(**sizes)
    made = folder.with_name(folder.name + ".part")
    shutil.rmtree(made, ignore_errors=True)
    model = getattr(transformers, model_class)(config)
    model.generation_config.eos_token_id = None
    model.save_pretrained(made)
    (made / "tokenizer.json").write_text(json.dumps(spelling(sizes["vocab_size"])))
    made.rename(folder)


def spelling(size: int) -> dict[str, Any]:
    """A byte-level tokenizer without merges, filled up to the size."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    vocab = {letter: n + 3 for n, letter in enumerate(letters)}
    vocab |= {f"[unused{n}]": n for n in (*range(3), *range(len(letters) + 3, size))}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {**level, "use_regex": False},
        "decoder": level,
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    }


def text(tokens: int, salt: int = 0) -> str:
    """So many letters, different for each salt."""
    chance = np.random.default_rng(salt)
    return "".join(map(chr, chance.integers(97, 123, tokens)))


def talk(turn: int, family: str = "") -> str:
    """The prompt of a turn: 35 tokens for each turn before it, 15 for its own."""
    whole = text(2000)[: 35 * (turn - 1) + 15]
    return whole[-LONGEST.get(family, len(whole)) :]


class Tertulia:
    """The default engine."""

    def __init__(self, folder: Path) -> None:
        from tertulia import engines
        from tertulia.decoding import Decoding
        from tertulia.prompt import Prompt, Span

        made = folder.with_name(f"{folder.name}-int8")
        if not made.exists():
            # A process of its own, whose memory is not that of the engine.
            run = [sys.executable, "-m", "tertulia", "convert", str(folder), str(made)]
            format = "godel" if "t5" in folder.name else "transcript"
            subprocess.run([*run, "--format", format], check=True, stdout=sys.stderr)
        config = json.loads((made / "config.json").read_text())
        window = 1024 if config["model_type"] == "t5" else None
        self.engine = engines.load("onnxruntime", model=made, context_window=window)
        self.prompt = lambda words: Prompt((Span(words),))
        self.decoding = lambda tokens, **more: Decoding(
            max_new_tokens=tokens, min_new_tokens=tokens, seed=1, **more
        )

    def reply(self, prompts: Sequence[str], tokens: int, how: str) -> None:
        sampled = {"temperature": 1.0, "top_k": 50, "top_p": 0.95}
        more = {
            "sample": sampled,
            "candidates": {**sampled, "candidates": CANDIDATES},
            "beams": {"beams": BEAMS, "candidates": 1, "temperature": 0.0},
        }[how]
        asked = self.decoding(tokens, **more)
        found = self.engine.generate([self.prompt(each) for each in prompts], asked)
        assert all(one.completion_tokens == tokens for row in found for one in row)

    def forget(self) -> None:
        self.engine.close()


class Transformers:
    """The model cards' own way: generate(), float32, nothing kept."""

    def __init__(self, folder: Path) -> None:
        import tokenizers
        import torch
        import transformers

        _, model_class, _ = SHAPES[folder.name]
        self.torch = torch
        self.spelling = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.model = getattr(transformers, model_class).from_pretrained(folder).eval()

    def reply(self, prompts: Sequence[str], tokens: int, how: str) -> None:
        sampled = {"do_sample": True, "top_k": 50, "top_p": 0.95}
        more = {
            "sample": sampled,
            "candidates": {**sampled, "num_return_sequences": CANDIDATES},
            "beams": {"num_beams": BEAMS, "do_sample": False},
        }[how]
        for each in prompts:
            ids = self.torch.tensor([self.spelling.encode(each).ids])
            with self.torch.inference_mode():
                self.model.generate(
                    ids,
                    attention_mask=self.torch.ones_like(ids),
                    max_new_tokens=tokens,
                    min_new_tokens=tokens,
                    pad_token_id=0,
                    **more,
                )

    def forget(self) -> None:
        """Nothing is kept anyway."""


class CTranslate2:
    """A fast engine without a kept cache, converted as its documentation says."""

    def __init__(self, folder: Path) -> None:
        import ctranslate2

        made = folder / "ctranslate2"
        if not made.exists():
            convert(folder, made)
        config = json.loads((folder / "config.json").read_text())
        self.encoder = config.get("is_encoder_decoder", False)
        kind = ctranslate2.Translator if self.encoder else ctranslate2.Generator
        self.model = kind(str(made), intra_threads=os.cpu_count(), compute_type="int8")
        names = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        self.known = set(names)

    def reply(self, prompts: Sequence[str], tokens: int, how: str) -> None:
        sampled = {"sampling_topk": 50, "sampling_topp": 0.95, "beam_size": 1}
        more = {
            "sample": sampled,
            "candidates": {**sampled, "num_hypotheses": CANDIDATES},
            "beams": {"beam_size": BEAMS},
        }[how]
        pieces = [list(each) for each in prompts]
        if self.encoder:
            self.model.translate_batch(
                pieces, max_decoding_length=tokens, min_decoding_length=tokens, **more
            )
            return
        groups: dict[int, list[list[str]]] = defaultdict(list)
        for each in pieces:
            groups[len(each)].append(each)
        for each in groups.values():
            self.model.generate_batch(
                each, max_length=tokens, min_length=tokens, include_prompt_in_result=False, **more
            )

    def forget(self) -> None:
        """Nothing is kept anyway."""


def convert(folder: Path, made: Path) -> None:
    """To int8; for T5 with the scale of the logits that the configuration asks for."""
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):  # type: ignore[misc]
        def load_tokenizer(self, *asked: object, **options: object) -> object:
            from transformers import PreTrainedTokenizerFast

            file = str(folder / "tokenizer.json")
            return PreTrainedTokenizerFast(
                tokenizer_file=file, unk_token="[unused2]", eos_token="[unused1]",
                bos_token="[unused0]", pad_token="[unused0]",
            )  # fmt: skip

    Converter(str(folder)).convert(str(made), quantization="int8")


def serve(contender: str, folder: Path) -> None:
    """The child process: open the model, then answer one JSON line a task with its seconds."""
    kinds: dict[str, Callable[[Path], Any]] = {
        "tertulia": Tertulia,
        "transformers": Transformers,
        "ctranslate2": CTranslate2,
    }
    model = kinds[contender](folder)
    model.reply([talk(1)], 1, "sample")
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        if task.get("forget"):
            model.forget()
        begun = time.perf_counter()
        if "prompts" in task:
            model.reply(task["prompts"], task["tokens"], task["how"])
        seconds = time.perf_counter() - begun
        peak = next(
            int(row.split()[1]) // 1024
            for row in Path("/proc/self/status").read_text().splitlines()
            if row.startswith("VmHWM")
        )
        print(json.dumps({"seconds": seconds, "peak": peak}), flush=True)


class Child:
    """A contender in its own process; `cold` is the time from its start to its first token."""

    def __init__(self, contender: str, folder: Path) -> None:
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, __file__, folder.name, "--folder", str(folder.parent),
             "--serve", contender],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.answer()
        self.cold = time.perf_counter() - begun

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("a contender ended before it answered: see its error above")
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer

    def do(self, **task: object) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def seconds(self, prompts: Sequence[str], tokens: int, how: str = "sample") -> float:
        seconds: float = self.do(prompts=prompts, tokens=tokens, how=how)["seconds"]
        return seconds

    def stop(self) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait()


def bandwidth() -> float:
    """Bytes a second that this machine's cores read from memory together, best of five."""
    arrays = [np.ones(1 << 26, np.float32) for _ in range(os.cpu_count() or 1)]
    best = 0.0
    for _ in range(5):
        threads = [Thread(target=array.sum) for array in arrays]
        begun = time.perf_counter()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        best = max(best, sum(a.nbytes for a in arrays) / (time.perf_counter() - begun))
    return best


def weight_bytes(folder: Path) -> int:
    """Of the matrices in int8 that one token of a decoder reads, embeddings once as the head."""
    from safetensors import safe_open

    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "np") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no dict
                shape = opened.get_slice(name).get_shape()
                if len(shape) == 2 and not name.startswith("encoder."):
                    total += shape[0] * shape[1]
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=SHAPES)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "tertulia-bench")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS)
    parser.add_argument("--serve", choices=CONTENDERS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    folder = asked.folder / asked.family
    if asked.serve:
        serve(asked.serve, folder)
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        make(asked.family, folder)
    names = [
        name for name in asked.only or CONTENDERS
        if name == "tertulia" or find_spec(name) is not None
        if name != "ctranslate2" or asked.family not in NOT_CONVERTED
    ]  # fmt: skip
    figures = measured(names, folder, asked.repeats, asked.tokens)
    report(asked.family, folder, figures, asked.repeats, asked.tokens)


def measured(names: Sequence[str], folder: Path, repeats: int, tokens: int) -> Figures:
    """Figures by (contender, row); the contenders take turns within each repeat."""
    found: Figures = defaultdict(list)
    children: dict[str, Child] = {}
    for name in names:
        if name != "transformers":
            Child(name, folder).stop()  # converts the first time
        children[name] = Child(name, folder)
        found[name, "cold"].append(children[name].cold)
        found[name, "memory"].append(children[name].do()["peak"])
    for _ in range(repeats):
        one_talk(children, folder.name, tokens, found)
        many(children, tokens, found)
    for child in children.values():
        child.stop()
    return found


def one_talk(children: Mapping[str, Child], family: str, tokens: int, found: Figures) -> None:
    """Twenty turns; the contenders that keep nothing are asked at three of them only."""
    for child in children.values():
        child.do(forget=True)
    for turn in range(1, max(ASKED) + 1):
        for name, child in children.items():
            if turn in ASKED:
                found[name, f"turn {turn}"].append(child.seconds([talk(turn, family)], tokens))
            elif name == "tertulia":
                child.seconds([talk(turn, family)], 2)


def many(children: Mapping[str, Child], tokens: int, found: Figures) -> None:
    """Sixteen talks, sixteen candidates, ten beams; nothing is kept from before."""
    for name, child in children.items():
        child.do(forget=True)
        count = SNIPPET_TALKS if name == "transformers" else TALKS
        sizes = range(40, 40 + 4 * TALKS, 4 * (TALKS // count))
        seconds = child.seconds([text(size, salt=size) for size in sizes], tokens)
        found[name, "sixteen talks, tokens/s"].append(count * tokens / seconds)
    for how in ("candidates", "beams"):
        for name, child in children.items():
            child.do(forget=True)
            found[name, how].append(child.seconds([text(120, salt=9)], tokens, how))


def report(family: str, folder: Path, figures: Figures, repeats: int, tokens: int) -> None:
    speed = bandwidth()
    floor = tokens * weight_bytes(folder) / speed
    line: dict[str, Any] = {
        "question": "families",
        "family": family,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "repeats": repeats,
        "gigabytes_a_second": round(speed / 1e9, 1),
        "floor_of_a_reply": round(floor, 3),
    }
    names = list(dict.fromkeys(name for name, _ in figures))
    rows = list(dict.fromkeys(row for _, row in figures))
    print(f"{family:26}" + "".join(f"{name:>14}" for name in names) + "   times the snippet")
    for row in rows:
        middle = {n: statistics.median(figures[n, row]) for n in names if (n, row) in figures}
        line[row] = {name: round(value, 3) for name, value in middle.items()}
        ratio = ""
        if "transformers" in middle:
            quotient = middle["transformers"] / middle["tertulia"]
            ratio = f"{1 / quotient if row.endswith('/s') else quotient:14.1f}"
        shown = "".join(f"{middle[n]:14.2f}" if n in middle else f"{'':14}" for n in names)
        print(f"{row:26}{shown}{ratio}")
    print(f"floor of a reply {floor:.2f} s at {speed / 1e9:.1f} GB/s")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
