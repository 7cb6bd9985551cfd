"""A model of the Hugging Face hub as a folder of ours: only data, all of it checked, or nothing.

Everything is fetched into a hidden folder, .NAME.COMMIT.part, which keeps what is whole, and what
has come of the rest, for the next try. The folder gets the model's name when all of it is there
and its weights are safetensors.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from tertulia import checkpoints
from tertulia.checkpoints import download, guess, hub, layout, manifest, pickles
from tertulia.checkpoints import folder as folders
from tertulia.checkpoints.download import Told
from tertulia.checkpoints.hub import Remote, Repository
from tertulia.checkpoints.safetensors import check_room, cured
from tertulia.checkpoints.wanted import is_weights, needed
from tertulia.errors import CheckpointError, TertuliaError

ROOM_BYTES = 64 << 20
"""Left free on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a pull would fetch, and what is known of it.

    files    what is needed, weights last
    folder   where it will be
    missing  bytes of it that are not on this machine
    """

    repository: Repository
    files: tuple[Remote, ...]
    folder: Path
    missing: int
    licence: str

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def weights(self) -> tuple[Remote, ...]:
        return tuple(file for file in self.files if is_weights(file.name))

    @property
    def safe(self) -> bool:
        return all(file.name.endswith(".safetensors") for file in self.weights)

    @property
    def hidden(self) -> Path:
        """Where it is until it is whole."""
        return self.folder.with_name(f".{self.folder.name}.{self.repository.commit[:12]}.part")

    @property
    def non_commercial(self) -> bool:
        """Whether the licence's name says that it forbids commercial use."""
        words = set(re.split(r"[^a-z]+", self.licence.lower()))
        return bool(words & {"nc", "noncommercial", "research"}) or words >= {"non", "commercial"}


def already(name: str, revision: str | None = None) -> Path | None:
    """Where a model is, whole, on this machine: among the pulled or in Hugging Face's cache.

    revision  a commit, which then has to be the one that was pulled
    """
    for place in checkpoints.places(name):
        with suppress(TertuliaError):
            folders.weights(place)
            told = manifest.read(place)
            if revision is None or (told and told.source.endswith(f"@{revision}")):
                return place
    return None


def planned(name: str, revision: str | None = None) -> Plan:
    """What a pull would do; only the list of the model's files is fetched.

    Raises CheckpointError for a model that is not there, has no weights to be read here or names
    files outside of its folder, for a folder that is taken, and for a disk without room; and
    MissingExtra without huggingface_hub.
    """
    known = checkpoints.KNOWN.get(name)
    full = known.hub if known else name
    if not checkpoints.ON_THE_HUB.fullmatch(full):
        raise CheckpointError(checkpoints.absent(name))
    repository = hub.repository(full, revision)
    folder = checkpoints.home() / full
    if folder.exists():
        raise CheckpointError(
            f"{folder} is there already: take it away to fetch it anew; what it says of itself is "
            f"in its {manifest.NAME}"
        )
    files = needed(repository)
    licence = repository.licence or (known.licence if known else "")
    plan = Plan(repository=repository, files=files, folder=folder, missing=0, licence=licence)
    plan = replace(plan, missing=sum(file.size - here(plan, file) for file in files))
    with cured(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    again = 0 if plan.safe else sum(file.size for file in plan.weights)
    check_room(folder, plan.missing + again + ROOM_BYTES)
    return plan


def here(plan: Plan, file: Remote) -> int:
    """How many bytes of a file need not be fetched."""
    whole, part = plan.hidden / file.name, plan.hidden / f"{file.name}.part"
    if whole.is_file() or cached(plan, file):
        return file.size
    return min(part.stat().st_size, file.size) if part.is_file() else 0


def cached(plan: Plan, file: Remote) -> Path | None:
    """The file in Hugging Face's cache, of the same commit and size."""
    found = hub.cached_file(plan.repository.hub, file.name, plan.repository.commit)
    return found if found is not None and found.stat().st_size == file.size else None


def pull(plan: Plan, format: str = "", told: Told = lambda name, done: None) -> Path:
    """Carries the plan out; the model's folder.

    format  the dialect, where the model does not tell it

    An interrupted pull goes on where it was when it is started again. Raises CheckpointError when
    the network fails, when what comes is not what was announced, when the format cannot be told,
    and for a model that needs code of its own.
    """
    small = [file for file in plan.files if not is_weights(file.name)]
    with cured(plan.hidden):
        plan.hidden.mkdir(parents=True, exist_ok=True)
    with alone(plan), download.client(hub.headers()) as asking:
        for file in small:
            get(plan, file, asking, told)
        found = examined(plan, format)
        for file in plan.weights:
            get(plan, file, asking, told)
        if not plan.safe:
            told(folders.WEIGHTS, 0)
            made_safe(plan)
        folders.weights(plan.hidden)
        with cured(plan.folder):
            manifest.write(found, plan.hidden)
        folders.rename(plan.hidden, plan.folder)
    for old in plan.folder.parent.glob(f".{plan.folder.name}.*.part"):
        shutil.rmtree(old, ignore_errors=True)
    return plan.folder


@contextmanager
def alone(plan: Plan) -> Iterator[None]:
    """Raises CheckpointError while another process pulls the same model."""
    from filelock import FileLock, Timeout

    locks = checkpoints.home() / ".locks"
    with cured(locks):
        locks.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(locks / f"{plan.repository.hub.replace('/', '--')}.lock", timeout=0):
            yield
    except Timeout as error:
        raise CheckpointError(
            f"{plan.repository.hub} is being pulled by another process: wait for it"
        ) from error


def get(plan: Plan, file: Remote, asking: httpx.Client, told: Told) -> None:
    """One file into the hidden folder, from Hugging Face's cache or from the hub."""
    target = plan.hidden / file.name
    if target.is_file():
        told(file.name, file.size)
        return
    found = cached(plan, file)
    if found is None:
        url = hub.address(plan.repository, file.name)
        download.fetch(asking, url, file, target, told)
        return
    linked = target.with_name(f"{file.name}.cached")
    with cured(target):
        linked.unlink(missing_ok=True)
        try:
            os.link(found.resolve(), linked)
        except OSError:
            shutil.copyfile(found, linked)
        download.check(linked, file, str(found))
        os.replace(linked, target)
    told(file.name, file.size)


def examined(plan: Plan, format: str) -> manifest.Manifest:
    """What the model is, before its weights are fetched; it is forgotten when it is refused."""
    name = plan.repository.hub.rpartition("/")[2]
    try:
        table = folders.config(plan.hidden)
        if "auto_map" in table and not layout.known(table.get("model_type")):
            raise CheckpointError(
                f"{plan.repository.hub} needs code of its own (auto_map in config.json), which is "
                "never fetched and never run"
            )
        if (plan.hidden / folders.INDEX).is_file():
            check_shards(plan)
        found = guess.described(plan.hidden, format=format, name=name)
    except TertuliaError:
        shutil.rmtree(plan.hidden, ignore_errors=True)
        raise
    source = f"{plan.repository.hub}@{plan.repository.commit}"
    return replace(found, licence=plan.licence, source=source)


def check_shards(plan: Plan) -> None:
    """Raises CheckpointError for an index of files that the hub does not have."""
    absent = set(folders.weight_map(plan.hidden).values()) - {file.name for file in plan.weights}
    if absent:
        raise CheckpointError(
            f"{plan.repository.hub} has no {min(absent)}, which its index names: it is not whole"
        )


def made_safe(plan: Plan) -> None:
    """Weights of torch as safetensors, without anything in them being run."""
    pickles.to_safetensors(plan.hidden, plan.hidden / folders.WEIGHTS)
    for file in plan.files:
        if is_weights(file.name) or file.name == pickles.INDEX:
            (plan.hidden / file.name).unlink()
