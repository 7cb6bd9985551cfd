"""A chat template has exactly the room it needs: what is within a limit works, and no more."""

import json
import tracemalloc
from pathlib import Path

import pytest

from tertulia import formats
from tertulia.conversation import Conversation
from tertulia.errors import ConfigError
from tertulia.formats.chat_template import sandbox

MEBI = 1 << 20


def rendered(template: str) -> str:
    return sandbox.compiled(template, "test", None)([{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ range(2, 9, 3) | list | join }}", "258"),
        (f"{{{{ range({sandbox.MAX_RANGE}) | list | count }}}}", str(sandbox.MAX_RANGE)),
        ("{{ 2 ** 64 }}{{ 2 ** -1 }}", f"{2**64}0.5"),
        ("{{ [['a', 1], ['b', 2]] | map(attribute=0) | join('-') }}", "a-b"),
        ("{{ 'a\nb\n\nc' | indent(2) }}", "a\n  b\n\n  c"),
        ("{{ 'a\nb' | indent(2, first=true) }}", "  a\n  b"),
        ("{{ 'a\n\n' | indent(10**9) }}", "a\n\n"),
        ("{{ 'ababab' | replace('a', 'x', 2) }}{{ 'aa'.replace('a', 'b', 1) }}", "xbxbabba"),
        ("{{ ['a', 'b'] | join }}{{ ', '.join(['a', 'b']) }}", "aba, b"),
        ("{{ [{'n': 'a'}, {'n': 'b'}] | join('+', attribute='n') }}", "a+b"),
        ("{{ 'ab' * 3 }}{{ 3 * 'ab' }}{{ 'a' * -1 }}", "ab" * 6),
        ("{{ [1] | tojson(indent=16) }}", json.dumps([1], indent=16)),
    ],
)
def test_what_is_within_the_limits_works_as_in_jinja(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    "template",
    [
        f"{{{{ range({sandbox.MAX_RANGE + 1}) | count }}}}",
        "{{ 2 ** 65 }}",
        "{{ [1] | tojson(indent=17) }}",
        "{{ [1] | tojson(indent=-1) }}",
        "{{ ('a\n' * 9999) | indent(999) }}",
        "{{ '%5d' % 1 }}",
    ],
)
def test_what_is_beyond_a_limit_is_refused(template: str) -> None:
    with pytest.raises(sandbox.REFUSALS):
        rendered(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' | indent(10**9, first=true) }}",
        "{{ 'x\ny' | indent(10**9) }}",
        "{{ ('ab' * 9999) | replace('', 'x' * 9999) }}",
        "{{ ['x' * 99999] * 9999 }}",
        "{{ ('x' * 99999) * 9999 }}",
        "{{ (['x' * 99999] * 4) | join('y' * 200000) }}",
        "{{ ({'a': 'x' * 99999, 'b': 'x' * 400001} | string) ~ ('x' * 99999) }}",
    ],
)
def test_too_much_is_refused_before_it_is_made(template: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(sandbox.REFUSALS):
            rendered(template)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MEBI


def test_a_folder_s_own_template_goes_before_the_one_of_its_tokenizer(tmp_path: Path) -> None:
    said = "{% for m in messages %}{{ m.content }}{% endfor %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "old " + said}))
    talk = Conversation().said("User", "Hi.")
    old = formats.load("chat_template", template=str(tmp_path)).render(talk)
    (tmp_path / "chat_template.jinja").write_text("new " + said)
    new = formats.load("chat_template", template=str(tmp_path)).render(talk)
    assert (old.text[:4], new.text[:4]) == ("old ", "new ")


def test_a_template_of_the_longest_length_is_read_and_a_longer_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    said = "{% for m in messages %}{{ m.content }}{% endfor %}"
    room = sandbox.MAX_TEMPLATE - len(said)
    for more, fits in ((0, True), (1, False)):
        file.write_text(said + "{#" + "x" * (room - 4 + more) + "#}")
        if fits:
            assert (
                formats.load("chat_template", template=str(file))
                .render(Conversation().said("User", "Hi."))
                .text
            )
        else:
            with pytest.raises(ConfigError, match=f"more than {sandbox.MAX_TEMPLATE}"):
                formats.load("chat_template", template=str(file))
