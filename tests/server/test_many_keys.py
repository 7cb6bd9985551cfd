"""Ten thousand keys in one file: each is known by its name, and each client has its own measure."""

import asyncio
from pathlib import Path

from starlette.datastructures import Headers

from tertulia.server.doors.guard import shown_by
from tertulia.server.keys import of_file
from tests.server.asking import HI, client

MANY = 10_000


def file_of_keys(folder: Path) -> Path:
    path = folder / "keys"
    path.write_text("".join(f"client-{n} key-of-{n}\n" for n in range(MANY)))
    path.chmod(0o600)
    return path


def test_each_of_ten_thousand_keys_is_known(tmp_path: Path) -> None:
    keys = of_file(file_of_keys(tmp_path))
    assert len(keys) == MANY
    for n in (0, 1, MANY // 2, MANY - 1):
        assert shown_by(Headers({"x-api-key": f"key-of-{n}"}), keys) == f"client-{n}"


def test_each_of_many_clients_over_http_has_its_own_measure(tmp_path: Path) -> None:
    keys = of_file(file_of_keys(tmp_path))
    body = {"model": "mini", "messages": HI, "max_tokens": 1}

    async def act() -> list[list[int]]:
        async with client(keys=keys, requests=2) as http:
            return [
                [
                    (
                        await http.post(
                            "/v1/chat/completions", json=body, headers={"x-api-key": f"key-of-{n}"}
                        )
                    ).status_code
                    for _ in range(3)
                ]
                for n in (0, 1, MANY - 1)
            ]

    assert asyncio.run(act()) == [[200, 200, 429]] * 3
