"""The contenders of families.py, each in a process of its own that answers JSON lines.

tertulia      the default engine, on int8 weights that `tertulia convert` made once
transformers  float32, the whole history read again each turn, as the model cards do
ctranslate2   int8
"""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shapes import OWN_CONVERTER, SHAPES, talk

CANDIDATES, BEAMS = 16, 10


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
    """A fast engine without a kept cache, converted as its documentation says where it can be."""

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
        # Our converter names tokens by their numbers.
        self.spelled = {c: str(n) if folder.name in OWN_CONVERTER else c for c, n in names.items()}

    def reply(self, prompts: Sequence[str], tokens: int, how: str) -> None:
        sampled = {"sampling_topk": 50, "sampling_topp": 0.95, "beam_size": 1}
        more = {
            "sample": sampled,
            "candidates": {**sampled, "num_hypotheses": CANDIDATES},
            "beams": {"beam_size": BEAMS},
        }[how]
        pieces = [[self.spelled[letter] for letter in each] for each in prompts]
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
    """To int8, by the library's own converter or, for families that it refuses, by ours."""
    if folder.name in OWN_CONVERTER:
        run = [sys.executable, "-m", "tertulia", "convert", str(folder), str(made)]
        asked = ["--for", "ctranslate2", "--format", "transcript"]
        subprocess.run([*run, *asked], check=True, stdout=sys.stderr)
        return
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
            [sys.executable, __file__, contender, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
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


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
