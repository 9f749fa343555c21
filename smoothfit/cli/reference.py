"""All commands with their options as Markdown: the last part of ``docs/cli.md``.

``python -m smoothfit.cli.reference docs/cli.md`` writes it there, below the line that begins it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from . import COMMANDS, commands_of, parser
from .usage import Parser, values_of

__all__ = ["BEGIN", "page", "reference"]

BEGIN = "<!-- Below this line: python -m smoothfit.cli.reference docs/cli.md -->"


def reference() -> str:
    """Options that all commands on one file have, then each command with those of its own."""
    every = commands_of(parser())
    common = _common([one for one in every.values() if "--blind" in one._option_string_actions])
    blocks = ["## All options", "Of every command that reads a file:", _table(common.values())]
    for heading, commands in COMMANDS.items():
        blocks.append(f"### {heading[0].upper()}{heading[1:]}")
        for command in commands:
            name = command.__name__.rpartition(".")[2]
            one = every[name]
            own = [a for a in one._actions if _shown(a) not in common and a.dest != "help"]
            blocks += [f"#### smoothfit {name}", str(one.description)]
            blocks += [f"    {one.format_usage().removeprefix('usage: ').strip()}", _table(own)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def page(text: str) -> str:
    """The page with its last part made anew."""
    return f"{text.partition(BEGIN)[0]}{BEGIN}\n\n{reference()}"


def _common(parsers: list[Parser]) -> dict[str, argparse.Action]:
    """What all of these have, as it is shown."""
    rows = [{_shown(action): action for action in one._actions if action.dest != "help"} for one in parsers]
    return {shown: action for shown, action in rows[0].items() if all(shown in other for other in rows)}


def _table(actions: Iterable[argparse.Action]) -> str:
    rows = [_shown(action) for action in actions]
    return "\n".join(["| option | what it is |", "|---|---|", *rows]) if rows else ""


def _shown(action: argparse.Action) -> str:
    """A row of a table."""
    names = ", ".join(action.option_strings)
    takes = "" if action.nargs == 0 else values_of(action)
    if action.nargs == "?" and takes:
        takes = f"[{takes}]"
    about = (action.help or "") % {"default": action.default} if action.help else ""
    return f"| `{f'{names} {takes}'.strip()}` | {about.strip()} |".replace("{Up|Down}", r"{Up\|Down}")


def main(paths: list[str]) -> int:
    """Write the part to a page, or print it."""
    if not paths:
        print(reference(), end="")
    for path in map(Path, paths):
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
