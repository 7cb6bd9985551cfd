"""Jinja's immutable sandbox with what Hugging Face adds to it, and with a bound on all work.

A template comes with somebody's weights, so it is not trusted. Besides what Jinja's own sandbox
refuses (private attributes, changing a value), nothing here grows without paying for it: every
loop, call, concatenation, filter, literal and output takes from one tank of fuel, and what would
make a large value in one step is measured before it is made.
"""

import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from tertulia.errors import ConfigError

MAX_TEMPLATE = 256 * 2**10
"""Characters. The longest template of a published model is under 30,000."""

FUEL = 500_000
FUEL_PER_MESSAGE = 5_000
"""One unit is a character made, or a tenth of a step or a call. Published templates of 2023 to 2025
take under 2,000 a message; a template that burns it all takes about a second."""

TANK = " tank"
"""The fuel's name among a template's variables. It holds a blank, so no template can say it."""

STEP = 10
MAX_RANGE = 20_000

MAX_EXPONENT = 64
WIDTH = re.compile(r"%[^a-zA-Z%]*[\d*]")
GROWERS = frozenset(
    ("format", "format_map", "ljust", "rjust", "center", "zfill", "expandtabs", "translate")
)
FILTERS = (
    ("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items")
    + ("last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse")
    + ("round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "trim")
    + ("unique", "upper", "wordcount", "e", "escape")
)
REFUSALS = (
    jinja2.TemplateError,
    SecurityError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
) + (AttributeError, RecursionError, MemoryError, SyntaxError)
"""All that a template may end with, besides a text."""


class Tank:
    """The fuel of one rendering."""

    def __init__(self, fuel: int) -> None:
        self.fuel = fuel

    def take(self, units: int) -> None:
        self.fuel -= units + STEP
        if self.fuel < 0:
            raise SecurityError("it does more work than any template of a talk needs")


class Generation(Extension):
    """`{% generation %}…{% endgeneration %}` marks what the model says; here it marks nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self, today: datetime.date | None) -> None:
        # Folding of constants would do a template's sums while it is compiled, outside the bounds.
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            extensions=[Generation, loopcontrols],
        )
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.filters |= {"tojson": to_json, "join": join, "replace": replace, "indent": indent}
        kept = {name: self.globals[name] for name in ("namespace", "dict")}
        self.globals = {**kept, "range": bounded_range, "raise_exception": raise_exception}
        if today is not None:
            self.globals["strftime_now"] = today.strftime

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        found: nodes.Template = Metered().visit(tree)
        return found

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ANN401
        return attr not in GROWERS and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:  # noqa: ANN401
        """Jinja would let a checked `format` through, which can ask for any width."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        tank(context).take(grown(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        tank(context).take(called(function, args))
        if function in (self.joined, self.weighed, self.iterated):
            return function(tank(context), *args)
        return super().call(context, function, *args, **named)

    def joined(self, tank: Tank, *parts: object) -> str:
        """`a ~ b`, measured before it is made."""
        tank.take(sum(weight(part, tank.fuel) for part in parts))
        return "".join(map(str, parts))

    def weighed(self, tank: Tank, value: Any) -> Any:  # noqa: ANN401
        tank.take(weight(value, tank.fuel))
        return value

    def iterated(self, tank: Tank, values: Any, each: int) -> Any:  # noqa: ANN401
        """What a loop goes over; each step pays for the body's own text."""
        if not hasattr(values, "__len__"):
            values = list(islice(iter(values), tank.fuel + 1))
        tank.take(len(values) * (each + STEP))
        return values


class Metered(NodeTransformer):
    """Puts the sandbox's measures around everything that loops or makes a value."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the visitor's own naming
        self.generic_visit(node)
        texts = (t for each in node.body for t in each.find_all(nodes.TemplateData))
        size = nodes.Const(sum(len(text.data) for text in texts))
        node.iter = measured("iterated", [node.iter, size])
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return measured("joined", node.nodes)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.nodes = [
            each if isinstance(each, nodes.TemplateData) else measured("weighed", [each])
            for each in node.nodes
        ]
        return node

    def made(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        stored = getattr(node, "ctx", "load") != "load"
        return node if stored else measured("weighed", [node])

    visit_List = visit_Tuple = visit_Dict = made  # noqa: N815


def measured(name: str, args: Sequence[nodes.Node]) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), list(args), [], None, None)


def tank(context: Context) -> Tank:
    """From where a template cannot put another one: what was handed in, not what it set."""
    found: Tank = context.parent[TANK]
    return found


def weight(value: object, most: int) -> int:
    """Characters and members of a value; the count stops soon after `most`."""
    total, waiting = 0, [value]
    while waiting and total <= most:
        each = waiting.pop()
        total += 1
        if isinstance(each, str | bytes):
            total += len(each)
        elif isinstance(each, int):
            total += each.bit_length() // 3
        elif isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            total += len(each)
            waiting += each
    return total


def grown(operator: str, left: Any, right: Any) -> int:  # noqa: ANN401 - a template's values
    """How much a binary operation makes."""
    if operator == "**":
        if not isinstance(right, int | float) or abs(right) > MAX_EXPONENT:
            raise SecurityError(f"an exponent over {MAX_EXPONENT}")
        return weight(left, FUEL) * MAX_EXPONENT
    if operator == "%":
        if isinstance(left, str) and WIDTH.search(left):
            raise SecurityError("a % format with a width")
        return weight(left, FUEL) + weight(right, FUEL)
    if operator == "*":
        many, times = (right, left) if isinstance(left, int) else (left, right)
        if isinstance(many, str | list | tuple) and isinstance(times, int):
            return len(many) * max(times, 0)
    return weight(left, FUEL) + weight(right, FUEL)


def called(function: Any, args: Sequence[Any]) -> int:  # noqa: ANN401 - any function of a template
    """How much a method of a string makes, where that is more than the string."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if not isinstance(owner, str):
        return 0
    if name == "replace" and len(args) > 1:
        return replaced(owner, str(args[0]), str(args[1]))
    if name == "join" and args and isinstance(args[0], Iterable):
        return sum(len(owner) + weight(each, FUEL) for each in args[0])
    return len(owner)


def replaced(text: str, old: str, new: str) -> int:
    return len(text) + text.count(old) * len(new)


@jinja2.pass_context
def join(context: Context, values: Iterable[Any], d: str = "", attribute: Any = None) -> str:  # noqa: ANN401
    """Jinja's own filter, measured first."""
    if attribute is not None:
        values = [context.environment.getitem(each, attribute) for each in values]
    listed = list(islice(values, FUEL))
    tank(context).take(sum(len(str(d)) + weight(each, FUEL) for each in listed))
    return str(d).join(map(str, listed))


@jinja2.pass_context
def replace(context: Context, text: Any, old: Any, new: Any, count: int = -1) -> str:  # noqa: ANN401
    """Jinja's own filter, measured first."""
    tank(context).take(replaced(str(text), str(old), str(new)))
    return str(text).replace(str(old), str(new), -1 if count is None else count)


@jinja2.pass_context
def indent(context: Context, text: str, width: int = 4, first: bool = False) -> str:
    """Jinja's own filter, measured first; blank lines stay empty."""
    lines = str(text).split("\n")
    kept, moved = ([], lines) if first else (lines[:1], lines[1:])
    tank(context).take(len(text) + sum(map(bool, moved)) * max(width, 0))
    return "\n".join([*kept, *(" " * width + line if line else line for line in moved)])


def to_json(
    value: Any,  # noqa: ANN401 - any value of a template
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Hugging Face's filter: no escaping for HTML, and letters as they are."""
    if indent is not None and not 0 <= int(indent) <= 16:
        raise SecurityError("an indent over 16")
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def bounded_range(*args: int) -> range:
    """A range of bearable length; the loop pays for its steps."""
    found = range(*args)
    if len(found) > MAX_RANGE:
        raise SecurityError(f"a range over {MAX_RANGE}")
    return found


def raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def compiled(source: str, where: str, today: datetime.date | None) -> Callable[..., str]:
    """A function of the template's variables; it raises one of REFUSALS for a refusal.

    Raises ConfigError when the template is too long or is no template.
    """
    if len(source) > MAX_TEMPLATE:
        raise ConfigError(
            f"{where}: the chat template has {len(source)} characters, more than {MAX_TEMPLATE}: "
            "is it the right file?"
        )
    sandbox = Sandbox(today)
    try:
        template = sandbox.from_string(source)
    except REFUSALS as error:
        raise ConfigError(f"{where}: not a chat template: {told(error)}; is it whole?") from error

    def render(messages: list[dict[str, str]], **variables: object) -> str:
        fuel = FUEL + FUEL_PER_MESSAGE * len(messages)
        return template.render({**variables, "messages": messages, TANK: Tank(fuel)})

    return render


def told(error: BaseException) -> str:
    """The template's own words on one line."""
    return " ".join(str(error).split())[:400] or type(error).__name__
