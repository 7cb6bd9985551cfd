"""One file from the hub: gone on with where it broke off, and checked before it has its name.

huggingface_hub itself begins every file anew (huggingface_hub issue 4196, 2026), which is no way
to fetch eleven gigabytes; so the bytes are streamed here, and only who may ask and what there is
comes from that package.
"""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tertulia.checkpoints.hub import Remote
from tertulia.checkpoints.safetensors import cured
from tertulia.errors import CheckpointError

CHUNK_BYTES = 1 << 20
ATTEMPTS = 5
"""Failures in a row without a byte between them."""
PAUSE_SECONDS = 1.0
TIMEOUT = httpx.Timeout(30.0)

Told = Callable[[str, int], None]
"""Hears a file's name and how many more bytes of it are here; fewer when some were thrown away."""


class Broken(Exception):
    """This attempt failed, another may not."""


def client(headers: dict[str, str]) -> httpx.Client:
    """A client that keeps the token to the hub itself when the hub sends it elsewhere."""
    # Not compressed, so that places in the file are places in what is sent.
    sent = {**headers, "accept-encoding": "identity"}
    return httpx.Client(headers=sent, timeout=TIMEOUT, follow_redirects=True)


def fetch(asking: httpx.Client, url: str, file: Remote, target: Path, told: Told) -> None:
    """A file of the hub at target, whole and checked; what came of it so far is kept beside it.

    Raises CheckpointError when it cannot be had, or is not what the hub announced.
    """
    part = target.with_name(f"{target.name}.part")
    here = part.stat().st_size if part.is_file() else 0
    told(file.name, here)
    failures = 0
    while here != file.size or not part.exists():
        try:
            here = go_on(asking, url, file, part, told)
        except (Broken, httpx.TransportError) as error:
            more = part.stat().st_size if part.is_file() else 0
            failures = 1 if more > here else failures + 1
            here = more
            if failures >= ATTEMPTS:
                raise CheckpointError(
                    f"{url} broke off {failures} times ({error}): check the network and run the "
                    "same command again, it goes on from there"
                ) from error
            time.sleep(PAUSE_SECONDS * failures)
    check(part, file, url)
    with cured(target):
        os.replace(part, target)


def go_on(asking: httpx.Client, url: str, file: Remote, part: Path, told: Told) -> int:
    """Asks for what is missing and appends it; the bytes that are here then."""
    here = part.stat().st_size if part.is_file() else 0
    if here > file.size:
        part.unlink()
        told(file.name, -here)
        here = 0
    asked = {"range": f"bytes={here}-"} if here else {}
    with asking.stream("GET", url, headers=asked) as answer:
        refuse(answer, url)
        if answer.status_code != 206:
            told(file.name, -here)
            here = 0
        elif not answer.headers.get("content-range", "").startswith(f"bytes {here}-"):
            raise Broken("another part of it came than was asked for")
        with cured(part), part.open("ab" if here else "wb") as kept:
            # In pieces as they come: larger ones would be lost when the line breaks.
            for chunk in answer.iter_bytes():
                here += len(chunk)
                if here > file.size:
                    kept.truncate(0)
                    raise CheckpointError(
                        f"{url} sends more than the {file.size} bytes it announced: do not trust it"
                    )
                kept.write(chunk)
                told(file.name, len(chunk))
    if here < file.size:
        raise Broken(f"{here} of {file.size} bytes came")
    return here


def refuse(answer: httpx.Response, url: str) -> None:
    """Raises for an answer that is not the file; Broken for one that may pass."""
    code = answer.status_code
    if code in (200, 206):
        return
    if code in (408, 429) or code >= 500:
        raise Broken(f"it answers {code}")
    cure = "is it the right revision? see the model's page"
    if code in (401, 403):
        cure = "accept the model's terms on its page, and give your token (HF_TOKEN)"
    raise CheckpointError(f"{url} answers {code}: {cure}")


def check(part: Path, file: Remote, url: str) -> None:
    """Raises CheckpointError, and forgets the file, when its bytes are not the announced ones."""
    if file.sha256:
        digest, wanted = hashlib.sha256(), file.sha256
    elif file.sha1:
        # As git names its blobs.
        digest, wanted = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False), file.sha1
    else:
        return
    with part.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != wanted:
        part.unlink()
        raise CheckpointError(
            f"{url} is not what the hub announced (its checksum is another): run the same command "
            "again, and do not trust the place if it says so twice"
        )
