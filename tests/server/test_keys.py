"""Keys that clients show, and where they are written down."""

import logging
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from tertulia.errors import ConfigError
from tertulia.server.doors.guard import shown_by
from tertulia.server.doors.refusals import Refusal
from tertulia.server.keys import named, of_file
from tertulia.server.settings import Settings
from tests.server.asking import HI, asked, chat

ANNA, BERTA = named("anna", "s3cret-of-anna"), named("berta", "s3cret-of-berta")
BODY = {"model": "mini", "messages": HI}


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_name_of_the_key_that_was_shown_stands_for_the_client() -> None:
    for key, text in ((ANNA, "s3cret-of-anna"), (BERTA, "s3cret-of-berta")):
        for headers in ({"x-api-key": text}, {"authorization": f"Bearer {text}"}):
            assert shown_by(Headers(headers), (ANNA, BERTA)) == key.name
    assert shown_by(Headers({}), ()) == ""


def test_two_keys_at_once_are_refused_even_if_both_are_right() -> None:
    both = {"x-api-key": "s3cret-of-anna", "authorization": "Bearer s3cret-of-berta"}
    with pytest.raises(Refusal):
        shown_by(Headers(both), (ANNA, BERTA))


def test_a_key_is_held_and_shown_as_its_digest_only() -> None:
    settings = Settings(key="s3cret-of-all", keys=(ANNA,))
    assert "s3cret" not in repr(settings) + repr(settings.every_key)


def test_a_file_has_a_name_and_a_key_on_each_line(tmp_path: Path) -> None:
    path = written(tmp_path, "# ours\nanna s3cret-of-anna\n\nberta\ts3cret-of-berta\n")
    assert of_file(path) == (ANNA, BERTA)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        of_file(written(tmp_path, "anna s3cret", mode))


@pytest.mark.parametrize(
    "text",
    ["", "# none", "s3cret", "anna s3cret x", "a/b s3cret", "anna s3crét", "anna s3cret\nanna x",
     "anna s3cret\nberta s3cret", "an\x00na s3cret"],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_without_the_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        of_file(written(tmp_path, text))
    assert "s3cr" not in str(caught.value)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="check the path"):
        of_file(Path("/none/such"))


def test_the_log_names_the_key_and_never_holds_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tertulia.server"):
        response = chat({}, headers={"x-api-key": "s3cret-of-anna"}, keys=(ANNA, BERTA))
        assert response.status_code == 200
        asked(lambda http: http.post("/v1/chat/completions", json=BODY), keys=(ANNA,))
    assert "key=anna" in caplog.text and "s3cret" not in caplog.text
