"""``smoothfit inspect``: what is in a model."""

from __future__ import annotations

import argparse
from typing import Any

from ..results import strict_json
from .arguments import STDOUT, add_command, add_input
from .models import read
from .outputs import check_outputs, print_text, write_outputs

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit inspect workspace.json
  smoothfit inspect workspace.json --measurement measurement --json"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Show what is in a model: yields, parameters, counts."
    add_input(add_command(commands, "inspect", about, _EPILOG, _run))


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments, needs_data=False)
    start = None if obs is None else float(model.nll(model.values_from_dict({}), obs))
    if arguments.blind:
        model.blind(pois=model.pois)
    summary = model.summary()
    content = strict_json(
        {
            **summary.to_dict(),
            "receipt": None if model.receipt is None else model.receipt.to_dict(),
            "nll_at_start": start,
        }
    )
    write_outputs(arguments, content, record=summary)
    receipt = "" if model.receipt is None else f"{model.receipt!r}\n\n"
    nll = "No data." if start is None else f"NLL at the start: {start:.6f}"
    print_text(content if arguments.json == STDOUT else f"{receipt}{summary!r}\n\n{nll}")
    return 0
