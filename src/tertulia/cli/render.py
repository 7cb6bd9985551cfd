"""`tertulia render`: exactly what a model would see of a scene, and where each bit comes from."""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tertulia.conversation import Conversation, Turn
    from tertulia.prompt import Prompt
    from tertulia.tokenizer import Tokenizer

HELP = "what the model will see of a scene, byte for byte"
LETTERS_IN_A_TOKEN = 4
SURROGATE = re.compile("[\ud800-\udfff]")


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.add_argument(
        "scene", metavar="SCENE", help="a file, a shipped scene's name, - for stdin"
    )
    parser.add_argument(
        "--format", required=True, metavar="NAME", help="the model family's dialect"
    )
    parser.add_argument("--variant", metavar="V", help="one of the format's variants")
    parser.add_argument("--verbatim", action="store_true", help="leave typed markers as they are")
    parser.add_argument("--json", action="store_true", help="one JSON object, span by span")
    parser.add_argument("--ids", action="store_true", help="token ids; needs --tokenizer")
    parser.add_argument("--tokenizer", type=Path, metavar="PATH", help="a model folder or its file")
    parser.add_argument("--template", type=Path, metavar="PATH", help="chat_template's template")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="another setting of the format, any number of times")  # fmt: skip
    parser.add_argument("--context-window", type=int, metavar="N",
                        help="forget oldest turns until it fits; needs --tokenizer")  # fmt: skip
    parser.add_argument("--max-new-tokens", type=int, metavar="N",
                        help="the part of the context window left for the reply")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Prints the string and one newline, with --ids the ids, with --json one object."""
    from tertulia import scene, tokenizer

    checked(args)
    if args.scene == "-":
        # None when the shell has closed it (`<&-`).
        talk = scene.load("-", getattr(sys.stdin, "buffer", None))
    else:
        talk = scene.load(scene.find(args.scene))
    tokens = tokenizer.load(args.tokenizer) if args.tokenizer else None
    dropped, prompt = rendered(talk, args, tokens)
    ids = tokens.ids(prompt.runs()) if tokens and args.ids else None
    if args.json:
        write(whole(prompt, dropped, ids))
    else:
        write(" ".join(map(str, ids)) if ids is not None else plain(prompt))
    return 0


def checked(args: argparse.Namespace) -> None:
    """Raises ConfigError for an option that would have no effect or cannot work."""
    from tertulia.errors import ConfigError

    if args.ids and not args.tokenizer:
        raise ConfigError("--ids needs the model's own tokenizer: add --tokenizer PATH")
    if args.tokenizer and not (args.ids or args.context_window is not None):
        raise ConfigError("--tokenizer does nothing here: add --ids or --context-window N")
    if args.context_window is not None and not args.tokenizer:
        raise ConfigError("--context-window counts tokens: add --tokenizer PATH")
    if args.context_window is not None and args.context_window < 1:
        raise ConfigError(f"--context-window is {args.context_window}: give at least 1")
    if args.max_new_tokens is not None and args.context_window is None:
        raise ConfigError("--max-new-tokens does nothing here: add --context-window N")


def rendered(
    talk: "Conversation", args: argparse.Namespace, tokens: "Tokenizer | None"
) -> "tuple[Sequence[Turn], Prompt]":
    """The turns that did not fit, and the prompt of the rest."""
    from tertulia import config, formats, lore
    from tertulia.agent import Agent
    from tertulia.cli._window import Window
    from tertulia.decoding import Decoding

    format = formats.load(args.format, **settings(args))
    if tokens is None or args.context_window is None:
        # Without the model's own tokenizer the budgets of lore are counted roughly.
        knowing = lore.informed(talk, 0, lambda text: len(text) // LETTERS_IN_A_TOKEN + 1)
        return (), lore.traced(format.render(knowing), knowing)
    given = {} if args.max_new_tokens is None else {"max_new_tokens": args.max_new_tokens}
    decoding = config.build(Decoding, given, "--max-new-tokens")
    agent = Agent(format=format, engine=Window(tokens, args.context_window), decoding=decoding)
    fitting, prompt = agent.fit(talk)
    return talk.turns[: len(talk.turns) - len(fitting.turns)], prompt


def settings(args: argparse.Namespace) -> dict[str, object]:
    """The format's settings as its own types; what a file would hold as TOML is read as TOML."""
    from typing import get_args, get_type_hints

    from tertulia import registry
    from tertulia.errors import ConfigError

    hints = get_type_hints(registry.load("tertulia.formats", args.format).Settings)
    found: dict[str, object] = {}
    if args.variant is not None:
        found["variant"] = args.variant
    if args.verbatim:
        found["verbatim"] = True
    if args.template is not None:
        found["template"] = args.template
    for each in args.set:
        key, equals, value = each.partition("=")
        if not equals:
            raise ConfigError(f"--set {each!r}: write KEY=VALUE")
        if key not in hints:
            near = registry.nearest(key, hints)
            raise ConfigError(f"--set: format {args.format!r} has no setting {key!r}: {near}")
        if key in found:
            raise ConfigError(f"--set {each!r}: {key} is given twice; keep one")
        is_text = {str, Path} & {hints[key], *get_args(hints[key])}
        found[key] = value if is_text else toml_value(value)
    return found


def toml_value(text: str) -> object:
    """A value as TOML has it (true, 3, ["a"]); anything else is a string."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def plain(prompt: "Prompt") -> str:
    """The prompt's text; raises SceneError when it cannot be written as UTF-8."""
    from tertulia.errors import SceneError

    for span in prompt.spans:
        if lone := SURROGATE.search(span.text):
            raise SceneError(
                f"{span.field or 'the prompt'} holds a lone surrogate (U+{ord(lone[0]):04X}), "
                "which UTF-8 cannot hold: take it out, leave out --verbatim, or use --json"
            )
    return prompt.text


def whole(prompt: "Prompt", dropped: "Sequence[Turn]", ids: Sequence[int] | None) -> str:
    """The prompt as one JSON object; lone surrogates are escaped."""
    spans = [
        {"text": each.text, "control": each.control, "learn": each.learn, "field": each.field}
        for each in prompt.spans
    ]
    table: dict[str, Any] = {
        "text": prompt.text,
        "spans": spans,
        "stop": list(prompt.stop),
        "dropped": [told(each) for each in dropped],
        "unsupported": list(prompt.unsupported),
    }
    if ids is not None:
        table["ids"] = list(ids)
    text = json.dumps(table, ensure_ascii=False)
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def told(turn: "Turn") -> Mapping[str, str]:
    return {"speaker": turn.speaker, "text": turn.text, "image": turn.image}


def write(text: str) -> None:
    """Past the terminal's encoding and newlines: the bytes are UTF-8 whatever it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.buffer.flush()
