"""A chat template comes from a stranger: it reaches nothing, and it cannot do endless work."""

from pathlib import Path

import pytest

from tertulia import formats
from tertulia.errors import ConfigError
from tertulia.formats.chat_template import sandbox

LOOP = "{% for i in range(9999) %}"
REACHES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self.__init__.__globals__.os.environ }}",
    "{{ raise_exception.__globals__.json }}",
    "{{ messages|attr('__class__') }}",
    "{{ messages[0]['__class__'].mro() }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ namespace.__init__.__globals__ }}",
    "{% include 'CANARY' %}",
    "{% import 'CANARY' as x %}",
    "{% set x = messages.append(1) %}",
    "{% set x = messages[0].update(a=1) %}",
    "{{ lipsum() }}",
    "{{ joiner() }}",
    "{{ tank }}{{ ' tank'() }}",
]
BOMBS = [
    "{% for i in range(10**9) %}{% endfor %}",
    "{{ range(10**9) | list }}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [1] * 10**9 }}",
    "{{ 9 ** (9**9) }}",
    "{{ 'x' | center(10**9) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ 'x' | indent(10**9, first=true) }}",
    "{{ messages | tojson(indent=10**9) }}",
    "{% set n = namespace(x='ab') %}" + LOOP + "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x='ab') %}" + LOOP + "{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set n = namespace(x=[1]) %}" + LOOP + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=3) %}" + LOOP + "{% set n.x = n.x * n.x %}{% endfor %}",
    "{% macro f(n) %}{{ f(n - 1) }}{{ f(n - 1) }}{% endmacro %}{{ f(60) }}",
    LOOP * 9 + "{% endfor %}" * 9,
    LOOP + "{% for j in range(9999) if false %}{% endfor %}{% endfor %}",
    "{% set x %}" + LOOP + "a" * 99_999 + "{% endfor %}{% endset %}",
    "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
    "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
    "{{ (['a' * 9999] * 9999) | join }}",
    "{{ ('a' * 9999).join(range(9999) | map('string')) }}",
    "{% for i in range(3) recursive %}{{ loop(range(3)) }}{% endfor %}",
    "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}",
    "x" * 300_000,
]
ECHO = "{% for m in messages %}{{ m.content }}{% endfor %}"


def rendered(template: str) -> str:
    return sandbox.compiled(template, "test", None)([{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize("template", REACHES)
def test_a_template_reaches_nothing_outside_the_talk(template: str) -> None:
    with pytest.raises((ConfigError, *sandbox.REFUSALS)):
        assert rendered(template) == "", "an undefined value is refused too, by saying nothing"
        raise ConfigError("nothing was reached")


@pytest.mark.parametrize("template", BOMBS, ids=lambda template: template[:40])
def test_a_template_cannot_do_endless_work(template: str) -> None:
    with pytest.raises((ConfigError, *sandbox.REFUSALS)):
        rendered(template)


@pytest.mark.parametrize("template", [*REACHES, *BOMBS], ids=lambda template: template[:40])
def test_a_hostile_template_is_one_line_for_its_user(template: str, tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(template)
    with pytest.raises(ConfigError) as caught:
        formats.load("chat_template", template=str(file))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 800


def test_the_fuel_cannot_be_refilled() -> None:
    for name in ("_tank", "tank", "Tank"):
        with pytest.raises(sandbox.REFUSALS):
            rendered(f"{{{{ {name}.take(-10**9) }}}}")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{% endfor %}", ""),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "Hi"),
        ("{{ {'a': 'é<'} | tojson }}", '{"a": "é<"}'),
        ("{{ {'a': 1} | tojson(indent=2) }}", '{\n  "a": 1\n}'),
        (
            "{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}"
            "{{ n.x }}",
            "3",
        ),
        ("{{ messages[::-1][0].role }}{{ messages[0].content.split('i')[0] }}", "userH"),
        (
            "{{ 'a-b' | replace('-', '+') }}{{ [1, 2] | join(', ') }}{{ 'a\nb' | indent(2) }}",
            "a+b1, 2a\n  b",
        ),
        ("{{ 'yes' if messages[0].content is string and tools is not defined }}", "yes"),
        (
            "{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f('a') }}{{ 2 ** 3 }}{{ '%s' % 'b' }}",
            "<a>8b",
        ),
    ],
)
def test_what_published_templates_use_works(template: str, text: str) -> None:
    assert rendered(template) == text


def test_a_talk_of_ten_thousand_turns_has_fuel_enough() -> None:
    messages = [{"role": "user", "content": "x" * 100}] * 10_000
    assert len(sandbox.compiled(ECHO, "test", None)(messages)) == 1_000_000
