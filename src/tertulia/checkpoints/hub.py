"""The Hugging Face hub: what a model holds there, and what of it Hugging Face's cache holds here.

All of it goes through the huggingface_hub package, its settings and its token; without the package
nothing is in its cache, and `tertulia pull` says how to get it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tertulia.checkpoints.folder import CONFIG, INDEX, WEIGHTS
from tertulia.errors import CheckpointError, MissingExtra

TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One file of a model on the hub.

    name    relative to the model, as the hub has it: not checked yet
    size    bytes
    sha256  of a large file, kept outside of the hub's git
    sha1    git's own, of any other
    """

    name: str
    size: int
    sha256: str = ""
    sha1: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A model on the hub, at one commit.

    licence  as its card has it; empty when it says nothing
    """

    hub: str
    commit: str
    licence: str
    files: tuple[Remote, ...]


def repository(hub: str, revision: str | None) -> Repository:
    """What the hub says of a model; nothing but the list of its files is fetched.

    Raises MissingExtra without huggingface_hub, and CheckpointError when there is no such model or
    revision, when it is gated, and when the hub cannot be reached or must not be (HF_HUB_OFFLINE).
    """
    try:
        from huggingface_hub import HfApi, constants, errors
    except ImportError as missing:
        raise MissingExtra(
            "tertulia pull needs huggingface_hub: pip install 'tertulia[hub]'"
        ) from missing
    # What its HTTP library raises is in no module of a lasting name; its own error is one of them.
    transport: type[Any] = errors.HfHubHTTPError.__bases__[0]
    try:
        info = HfApi(endpoint=constants.ENDPOINT).model_info(
            hub, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS
        )
        return Repository(
            hub=hub,
            commit=str(info.sha),
            licence=licence(info.card_data),
            files=tuple(map(remote, info.siblings or ())),
        )
    except errors.OfflineModeIsEnabled as error:
        raise CheckpointError(
            f"{hub} is not here, and HF_HUB_OFFLINE keeps it from being fetched: unset it"
        ) from error
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"{hub} is gated: accept its terms on its page, then give your token (`hf auth login`, "
            "or HF_TOKEN)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{hub} has no revision {revision!r}: see its page") from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"the hub has no model {hub!r}, or shows it to its owners only: check the name, or "
            "give your token (`hf auth login`, or HF_TOKEN)"
        ) from error
    except (OSError, ValueError, transport) as error:
        raise CheckpointError(
            f"{constants.ENDPOINT} does not tell what {hub} holds ({first_line(error)}): check the "
            "network and try again"
        ) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{constants.ENDPOINT} gives no list of {hub}'s files that can be read: is it a hub?"
        ) from error


def remote(sibling: Any) -> Remote:  # noqa: ANN401 - the library's own class, from any JSON
    """One file of the hub's answer; TypeError when it is no such thing."""
    large = sibling.lfs
    size = sibling.size if large is None else large.size
    if not isinstance(sibling.rfilename, str) or type(size) is not int or size < 0:
        raise TypeError(f"{sibling.rfilename!r} has size {size!r}")
    sha256 = "" if large is None else str(large.sha256)
    return Remote(name=sibling.rfilename, size=size, sha256=sha256, sha1=str(sibling.blob_id or ""))


def licence(card: Any) -> str:  # noqa: ANN401 - the library's own class
    """The licence of a model card, the name of its own one included."""
    if card is None:
        return ""
    found = card.get("license")
    names = found if isinstance(found, list) else [found, card.get("license_name")]
    return ", ".join(str(name) for name in names if name)


def address(repository: Repository, name: str) -> str:
    """Where a file of a model is fetched from."""
    from huggingface_hub import constants

    path = f"{repository.hub}/resolve/{quote(repository.commit)}/{quote(name)}"
    return f"{constants.ENDPOINT}/{path}"


def headers() -> dict[str, str]:
    """What goes with a request: who asks, and the person's token where there is one."""
    from huggingface_hub import constants, get_token

    found = {"user-agent": "tertulia"}
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return found if token is None else {**found, "authorization": f"Bearer {token}"}


def cached(hub: str) -> Path | None:
    """A model's folder in Hugging Face's cache, when it holds a config and weights."""
    config = cached_file(hub, CONFIG)
    if config is None:
        return None
    names = (WEIGHTS, INDEX, "pytorch_model.bin", "pytorch_model.bin.index.json")
    return config.parent if any((config.parent / name).is_file() for name in names) else None


def cached_file(hub: str, name: str, commit: str | None = None) -> Path | None:
    """One file in Hugging Face's cache, of the newest commit that was fetched or of this one."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(hub, name, revision=commit)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def all_cached() -> Sequence[tuple[str, Path]]:
    """(name on the hub, folder) of every model in Hugging Face's cache, sorted."""
    try:
        from huggingface_hub import CacheNotFound, scan_cache_dir
    except ImportError:
        return ()
    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return ()
    names = sorted(each.repo_id for each in repositories if each.repo_type == "model")
    return [(name, folder) for name in names if (folder := cached(name)) is not None]


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
