"""The help texts of the command line, as a terminal of 80 columns shows them."""

import argparse
from collections.abc import Mapping

from tertulia.cli import parser
from tertulia.cli.chat.commands import ALL


def files() -> Mapping[str, str]:
    """Name below tests/golden -> text: `tertulia --help`, each verb's, and /help of a talk."""
    top = parser()
    [verbs] = [each for each in top._actions if isinstance(each, argparse._SubParsersAction)]
    helps = {"tertulia": top, **verbs.choices, **inner(verbs.choices)}
    told = {f"help/{name}.txt": narrow(each) for name, each in helps.items()}
    commands = "\n\n".join(
        "\n".join(filter(None, (each.usage, f"  {each.told}", each.more))) for each in ALL
    )
    return {**told, "help/chat-commands.txt": f"{commands}\n"}


def inner(verbs: Mapping[str, argparse.ArgumentParser]) -> dict[str, argparse.ArgumentParser]:
    """The actions of those verbs that have several, as `verb-action`."""
    return {
        f"{name}-{action}": told
        for name, verb in verbs.items()
        for each in verb._actions
        if isinstance(each, argparse._SubParsersAction)
        for action, told in each.choices.items()
    }


def narrow(parser: argparse.ArgumentParser) -> str:
    formatter = parser.formatter_class
    parser.formatter_class = lambda prog: formatter(prog, width=80)  # type: ignore[assignment,return-value]
    return parser.format_help()
