"""checkpoints/pingpong.py: the published layout becomes a model folder with the same numbers."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.reference_tokenizers import trained

from tertulia import checkpoints, tokenizer
from tertulia.checkpoints import pingpong, safetensors
from tertulia.checkpoints.pingpong import Original
from tertulia.checkpoints.pingpong_shapes import GPT, MEENA, config_of, family_of
from tertulia.errors import CheckpointError

torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
pytestmark = pytest.mark.models

SHARED = Path(__file__).parents[3] / "shared" / "golden"
FAMILIES = pytest.mark.parametrize("family", ["gpt", "meena"])
IDS = {"pad_token_id": 0, "unk_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt": {
        "vocab_size": 97,
        "n_positions": 32,
        "n_ctxt": 32,
        "n_embd": 24,
        "n_inner": 96,
        "n_layer": 3,
        "n_head": 4,
        **IDS,
        "sept_token_id": 4,
    },
    "meena": {
        "vocab_size": 97,
        "max_position_embeddings": 32,
        "max_encoder_length": 16,
        "d_model": 24,
        "encoder_ffn_dim": 96,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_ffn_dim": 96,
        "decoder_layers": 3,
        "decoder_attention_heads": 4,
        **IDS,
        "sept_token_id": 4,
    },
}
"""The sizes of the golden models, under the keys of the published configs."""

NUMBERS = {"gpt": GPT, "meena": MEENA}
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "kr_spm.model"
    model = trained(
        "hello how are you\nfine thank you and you\n", vocab_size=60, pad_id=0, unk_id=1,
        bos_id=2, eos_id=3, pad_piece="[PAD]", unk_piece="[UNK]", bos_piece="[BOS]",
        eos_piece="[EOS]", user_defined_symbols=["[SEPT]", *"0123456789"],
    )  # fmt: skip
    path.write_bytes(model)
    return path


def weights(family: str) -> dict[str, Any]:
    """A random model as the published code saves it: tied arrays, and GPT's masks."""
    torch.manual_seed(0)
    config = config_of(CONFIGS[family], NUMBERS[family], "")
    state = {n: torch.randn(shape) for n, shape in NUMBERS[family].shapes(config).items()}
    for alias, name in NUMBERS[family].aliases.items():
        state[alias] = state[name]
    for layer in range(3 if family == "gpt" else 0):
        mask = torch.ones(32, 32, dtype=torch.uint8).tril().view(1, 1, 32, 32)
        state[f"transformer.h.{layer}.attn.bias"] = mask
    return state


def published(folder: Path, family: str, vocabulary: Path, state: object = None) -> Path:
    """A folder in the published layout."""
    folder.mkdir(exist_ok=True)
    torch.save(weights(family) if state is None else state, folder / f"base_{family}_kr.pth")
    (folder / f"base_{family}_config.json").write_text(json.dumps(CONFIGS[family]))
    shutil.copy(vocabulary, folder / "kr_spm.model")
    return folder


def arrays(folder: Path) -> dict[str, np.ndarray]:
    found = safetensors.stored(folder / "model.safetensors")
    return {name: each.mapped() for name, each in found.items()}


@FAMILIES
def test_the_published_layout_becomes_a_model_folder(
    tmp_path: Path, vocabulary: Path, family: str
) -> None:
    folder = pingpong.prepared(published(tmp_path / "m", family, vocabulary))
    state, found = weights(family), arrays(folder)
    assert found.keys() == NUMBERS[family].shapes(CONFIGS[family]).keys()
    assert all(np.array_equal(found[name], state[name].numpy()) for name in found)
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == f"pingpong_{family}"
    assert CONFIGS[family].items() <= config.items()
    assert tokenizer.load(folder).control("[SEPT]") == 4


@FAMILIES
def test_the_folder_says_what_it_is(tmp_path: Path, vocabulary: Path, family: str) -> None:
    folder = pingpong.prepared(published(tmp_path / "m", family, vocabulary))
    told = checkpoints.described(folder)
    assert (told.format, told.family) == (NUMBERS[family].format, f"pingpong_{family}")
    assert told.decoding == f"pingpong_{family}_top_p"


@FAMILIES
def test_arrays_under_several_names_are_kept_once(
    tmp_path: Path, vocabulary: Path, family: str
) -> None:
    copies = {name: tensor.clone() for name, tensor in weights(family).items()}
    folder = pingpong.prepared(published(tmp_path / "m", family, vocabulary, copies))
    assert not NUMBERS[family].aliases.keys() & arrays(folder).keys()


@FAMILIES
@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/golden beside this checkout")
def test_the_golden_models_keep_every_name_and_number(
    tmp_path: Path, vocabulary: Path, family: str
) -> None:
    folder = pingpong.prepared(published(tmp_path / "m", family, vocabulary, golden(family)))
    found, beside = arrays(folder), (*NUMBERS[family].aliases, ".attn.bias")
    wanted = {name: tensor for name, tensor in golden(family).items() if not name.endswith(beside)}
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name].numpy()) for name in wanted)


def golden(family: str) -> dict[str, Any]:
    with np.load(SHARED / f"pingpong_{family}_small.npz") as held:
        return {
            name.removeprefix("sd:"): torch.from_numpy(held[name])
            for name in held
            if name.startswith("sd:")
        }


def logits(family: str, folder: Path) -> Any:
    """What transformers' own class says of the golden inputs."""
    library = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    with np.load(SHARED / f"pingpong_{family}_small.npz") as held:
        given = {n: torch.from_numpy(held[n]) for n in held if not n.startswith("sd:")}
    wanted = given.pop("logits")
    if family == "meena":
        given["input_ids"] = given.pop("src")
    kinds = {"gpt": library.AutoModelForCausalLM, "meena": library.AutoModelForSeq2SeqLM}
    model, report = kinds[family].from_pretrained(folder, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        return (model.eval()(**given).logits - wanted).abs().max().item()


@FAMILIES
@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/golden beside this checkout")
def test_transformers_gives_the_published_codes_logits(
    tmp_path: Path, vocabulary: Path, family: str
) -> None:
    folder = pingpong.prepared(published(tmp_path / "m", family, vocabulary, golden(family)))
    pingpong.to_transformers(folder, tmp_path / "theirs")
    assert logits(family, tmp_path / "theirs") < {"gpt": 1e-6, "meena": 2e-5}[family]
    assert checkpoints.described(tmp_path / "theirs").format == NUMBERS[family].format


def test_sizes_that_transformers_cannot_have_are_refused(tmp_path: Path, vocabulary: Path) -> None:
    for family, key, value, cure in (
        ("gpt", "n_inner", 48, "only knows 4 x n_embd = 96: use the onnxruntime engine"),
        ("meena", "max_encoder_length", 12, "two equal halves: use the onnxruntime engine"),
    ):
        folder = tmp_path / family
        pingpong.prepared(published(folder, family, vocabulary))
        path = folder / "tertulia" / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
        with pytest.raises(CheckpointError, match=cure):
            pingpong.to_transformers(folder / "tertulia", tmp_path / "theirs")
        assert not (tmp_path / "theirs").exists()


def test_three_files_from_anywhere_become_a_model_folder(tmp_path: Path, vocabulary: Path) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    files = Original(
        weights=folder / "base_gpt_kr.pth",
        config=folder / "base_gpt_config.json",
        tokenizer=vocabulary,
    )
    pingpong.convert(files, tmp_path / "mine")
    names = {"config.json", "model.safetensors", "tertulia.toml", "tokenizer.model"}
    assert {path.name for path in (tmp_path / "mine").iterdir()} == names


def test_what_is_converted_is_kept_until_one_of_the_files_changes(
    tmp_path: Path, vocabulary: Path
) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    weights_of = pingpong.prepared(folder) / "model.safetensors"
    first = weights_of.stat().st_ctime_ns
    assert pingpong.prepared(folder) == folder / "tertulia"
    assert weights_of.stat().st_ctime_ns == first
    os.utime(folder / "base_gpt_kr.pth", ns=(1, 1))
    pingpong.prepared(folder)
    assert weights_of.stat().st_ctime_ns != first


def test_another_kind_of_folder_is_left_as_it_is(tmp_path: Path, vocabulary: Path) -> None:
    assert pingpong.prepared(tmp_path) == tmp_path
    folder = pingpong.prepared(published(tmp_path / "m", "gpt", vocabulary))
    assert pingpong.prepared(folder) == folder
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "weights.pth").touch()
    assert pingpong.prepared(tmp_path) == tmp_path


def test_a_folder_of_somebody_else_is_not_taken_away(tmp_path: Path, vocabulary: Path) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    (folder / "tertulia").mkdir()
    (folder / "tertulia" / "diary.txt").touch()
    with pytest.raises(CheckpointError, match="tertulia cannot be made"):
        pingpong.prepared(folder)
    assert (folder / "tertulia" / "diary.txt").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("large_gpt_kr.pth", r"must hold weights, \*\.pth, once, and has base_gpt_kr\.pth, large_"),
        ("large_gpt_config.json", r"must hold a config of Pingpong's, once"),
        ("jp_spm.model", r"must hold a vocabulary, \*\.model, once"),
    ],
)
def test_a_folder_with_two_of_a_kind_is_refused(
    tmp_path: Path, vocabulary: Path, name: str, said: str
) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    (folder / name).write_text(json.dumps(CONFIGS["gpt"]))
    with pytest.raises(CheckpointError, match=said):
        pingpong.prepared(folder)


def test_a_folder_without_a_vocabulary_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    (folder / "kr_spm.model").unlink()
    with pytest.raises(CheckpointError, match=r"a vocabulary, \*\.model, once, and has none"):
        pingpong.prepared(folder)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    (folder / "kr_spm.model").unlink()
    (folder / "kr_spm.model").symlink_to(vocabulary)
    with pytest.raises(CheckpointError, match="leads out of the model's folder"):
        pingpong.prepared(folder)


EDITS: dict[str, tuple[str, Edit, str]] = {
    "a layer too few": ("gpt", lambda s: s.pop("transformer.h.2.ln_1.bias"), "lacks transformer.h"),
    "a layer too many": (
        "meena",
        lambda s: s.update({"model.decoder.layers.3.fc1.bias": torch.ones(96)}),
        r"has model\.decoder\.layers\.3",
    ),
    "another shape": (
        "gpt",
        lambda s: s.update({"transformer.wpe.weight": torch.ones(33, 24)}),
        r"transformer\.wpe\.weight is F32 \[33, 24\], must be floats \[32, 24\]",
    ),
    "another type": (
        "meena",
        lambda s: s.update({"model.position.weight": torch.ones(32, 24, dtype=torch.int32)}),
        r"model\.position\.weight is I32",
    ),
    "an untied head": (
        "gpt",
        lambda s: s.update({"lm_head.weight": torch.ones(97, 24)}),
        r"lm_head\.weight is not transformer\.wte\.weight",
    ),
    "an alias of another shape": (
        "meena",
        lambda s: s.update({"model.decoder.embed_positions.weight": torch.ones(2, 24)}),
        r"embed_positions\.weight is not model\.position\.weight",
    ),
    "a mask that shows what is to come": (
        "gpt",
        lambda s: s.update({"transformer.h.1.attn.bias": torch.ones(1, 1, 32, 32).byte()}),
        r"h\.1\.attn\.bias is not a causal mask",
    ),
    "a mask that is too small": (
        "gpt",
        lambda s: s.update({"transformer.h.1.attn.bias": torch.ones(1, 1, 8, 8).tril().byte()}),
        "is not a causal mask for n_positions 32",
    ),
    "the other family": (
        "gpt",
        lambda s: (s.clear(), s.update(weights("meena"))),
        r"has model\.shared\.weight, which does not fit a pingpong_gpt",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_weights_that_do_not_fit_the_config_are_refused(
    tmp_path: Path, vocabulary: Path, name: str
) -> None:
    family, edit, said = EDITS[name]
    state = weights(family)
    edit(state)
    folder = published(tmp_path / "m", family, vocabulary, state)
    with pytest.raises(CheckpointError, match=said + ".*take both from the same model"):
        pingpong.prepared(folder)
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_layer", 10**9),
        ("n_layer", 0),
        ("n_embd", "24"),
        ("n_embd", True),
        ("vocab_size", 10**12),
        ("n_positions", -1),
        ("n_head", 5),
        ("layer_norm_epsilon", 0),
        ("layer_norm_epsilon", float("nan")),
        ("pad_token_id", 1.5),
    ],
)
def test_a_config_with_a_size_that_is_none_is_refused(
    tmp_path: Path, vocabulary: Path, key: str, value: object
) -> None:
    folder = published(tmp_path / "m", "gpt", vocabulary)
    (folder / "base_gpt_config.json").write_text(json.dumps({**CONFIGS["gpt"], key: value}))
    with pytest.raises(CheckpointError, match=rf"base_gpt_config\.json: {key} is .*, must "):
        pingpong.prepared(folder)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("eos_token_id", 4, r"\[EOS\] is 3, and eos_token_id"),
        ("vocab_size", 20, "pieces, and vocab"),
    ],
)
def test_a_vocabulary_that_does_not_fit_the_config_is_refused(
    tmp_path: Path, vocabulary: Path, key: str, value: int, said: str
) -> None:
    folder = published(tmp_path / "m", "meena", vocabulary)
    (folder / "base_meena_config.json").write_text(json.dumps({**CONFIGS["meena"], key: value}))
    with pytest.raises(CheckpointError, match=said):
        pingpong.prepared(folder)


def test_what_a_config_does_not_say_is_as_in_the_published_code() -> None:
    config = config_of({key: CONFIGS["gpt"][key] for key in GPT.marks}, GPT, "")
    assert (config["vocab_size"], config["n_positions"], config["n_inner"]) == (32000, 256, 3072)
    assert config["layer_norm_epsilon"] == 1e-5
    assert config_of(CONFIGS["gpt"] | {"n_ctxt": 9999}, GPT, "")["n_positions"] == 32


def test_a_config_is_known_by_its_keys() -> None:
    assert family_of(CONFIGS["gpt"]) is GPT and family_of(CONFIGS["meena"]) is MEENA
    assert family_of({**CONFIGS["gpt"], "model_type": "gpt2"}) is None and family_of({}) is None


@pytest.mark.parametrize(
    ("family", "base", "large"),
    [("gpt", 109_827_072, 335_339_520), ("meena", 152_369_664, 461_342_720)],
)
def test_the_published_sizes_have_the_published_number_of_parameters(
    family: str, base: int, large: int
) -> None:
    widths = {"n_embd": 1024, "n_inner": 4096, "n_layer": 24, "n_head": 16} | {
        "d_model": 1024, "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096, "decoder_layers": 24,
        "encoder_attention_heads": 16, "decoder_attention_heads": 16,
    }  # fmt: skip
    kind = NUMBERS[family]
    counted = [
        sum(int(np.prod(shape)) for shape in kind.shapes(config_of(table, kind, "")).values())
        for table in ({}, widths)
    ]
    assert counted == [base, large]
