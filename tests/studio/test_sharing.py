"""Talks as files: out of the page, and into it."""

from pathlib import Path

from tests.studio.knowing import Zoo


def test_a_talk_is_saved_in_a_form_of_ones_choice_and_the_losses_are_told(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("button", name="Share: export").click()
    page.get_by_role("combobox", name="As").select_option("sharegpt")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the file").click()
    assert saved.value.suggested_filename == "talk.jsonl"
    assert Path(saved.value.path()).read_bytes() == b'{"talk": 1}\n'
    page.get_by_text("turns.rating (2)").wait_for()


def test_a_page_that_can_be_read_alone_is_saved(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("button", name="Share: export").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save a page to read").click()
    assert saved.value.suggested_filename == "talk.html"


def test_a_file_is_read_and_its_talk_opened(zoo: Zoo) -> None:
    page = zoo.page
    page.goto(f"{zoo.address}/#/")
    page.get_by_label("A file of talks").set_input_files(
        {"name": "talks.jsonl", "mimeType": "application/json", "buffer": b'{"a": 1}'}
    )
    page.locator("[data-turn]").get_by_text("Imported.").wait_for()
    assert zoo.fake.uploaded == [b'{"a": 1}']
