"""Opens a checkpoint: safetensors only, no code of strangers, nothing missing, no overflow."""

from pathlib import Path
from typing import Any

import torch
import transformers as library
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError

from tertulia.errors import CheckpointError, ConfigError

OVERFLOWING = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
"""Model types whose activations leave float16's range: replies turn to noise, without an error."""

WANTED = ("*.json", "*.safetensors", "*.model", "merges.txt")


def resolved(model: str, revision: str | None) -> Path:
    """The folder of a model: the one named, or the hub's, fetched when it is not here yet."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or folder.exists() or model.startswith((".", "~")):
        raise CheckpointError(
            f"{model} is not a folder: name the one with config.json and model.safetensors"
        )
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(WANTED)))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise CheckpointError(
            f"no folder {model!r} here, and the hub does not give a model of that name "
            f"({first_line(error)}): check the name and the network, or give a folder"
        ) from error


def open_model(folder: Path, device: str, dtype: str) -> Any:  # noqa: ANN401 - untyped library
    """The model, ready to run."""
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(
            f"{folder} has no safetensors, and other weights are not opened because they can run "
            "code: fetch the safetensors of this model, or convert it"
        )
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    target = chosen_device(device)
    try:
        config = library.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        refuse_overflow(config, dtype, folder)
        kinds = {True: library.AutoModelForSeq2SeqLM, False: library.AutoModelForCausalLM}
        model, found = kinds[bool(config.is_encoder_decoder)].from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        if isinstance(error, (CheckpointError, ConfigError)):
            raise
        raise CheckpointError(
            f"{folder} cannot be opened: {first_line(error)}; fetch the checkpoint again, or use "
            "the engine that its page names"
        ) from error
    refuse_holes(found, folder)
    return model.to(target).eval()


def refuse_overflow(config: Any, dtype: str, folder: Path) -> None:  # noqa: ANN401
    stored = getattr(config, "dtype", None)
    half = dtype == "float16" or (dtype == "auto" and stored in (torch.float16, "float16"))
    if half and config.model_type in OVERFLOWING:
        raise ConfigError(
            f"{folder}: a {config.model_type} overflows in float16 and then talks noise: use "
            "dtype = 'bfloat16' or 'float32'"
        )


def refuse_holes(found: dict[str, Any], folder: Path) -> None:
    """Refuses what the library would load all the same, with no more than a warning.

    Weights that are not there would stay random, and int8 weights would lose their scales.
    """
    lacking = sorted({*found["missing_keys"], *(str(key) for key in found["mismatched_keys"])})
    if lacking:
        raise CheckpointError(
            f"{folder} lacks {len(lacking)} weights of its architecture, {lacking[0]} first: fetch "
            "the checkpoint again"
        )
    if any(str(key).endswith("_scale") for key in found["unexpected_keys"]):
        raise CheckpointError(
            f"{folder} holds int8 weights with scales of their own, as the built-in model does: "
            "use the onnxruntime engine"
        )


def chosen_device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "device is 'cuda', and torch sees no GPU here: use device = 'cpu', or install the "
            "torch build for your CUDA"
        )
    return device


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
