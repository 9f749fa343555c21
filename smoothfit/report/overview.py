"""The beginning of a report: whether the fit is valid, in words and colour, and what it found."""

from __future__ import annotations

import numpy as np

from .._checks import plural
from ..render import number, with_error
from ..results import BLINDED
from ..status import Status
from . import markup
from .contents import Contents

__all__ = ["overview"]


def overview(contents: Contents, without_pictures: str = "") -> list[str]:
    """Pieces of HTML: the status of the fit, what is hidden, the main numbers, what is not on the page."""
    fit = contents.fit
    boxes = []
    if fit.success:
        limited = any(fit.at_limit[i] and not fit.is_blinded(i) for i in range(fit.layout.n_params))
        # A direction that is hardly determined is told in numbers.
        doubts = [] if contents.hidden_parameters else fit.heading().splitlines()[2:]
        kind = "warn" if limited or doubts else "good"
        boxes.append(markup.status(kind, "The fit converged.", fit.message, *doubts))
    else:
        name = Status(fit.status).name if fit.status in list(Status) else str(fit.status)
        boxes.append(markup.status("bad", f"INVALID FIT: {name}.", fit.message, "Nothing here is a result."))
    boxes += [
        markup.status("bad", "A lower minimum was found.", f"{one.names[0]}: {one.heading().splitlines()[0]}")
        for one in contents.scans
        if one.lower_minimum is not None
    ]
    if contents.hidden_parameters or contents.hidden_channels:
        boxes.append(markup.status("warn", "Blinded.", *_blinded(contents)))
    counts = {} if contents.findings is None else contents.findings.counts
    if counts.get("error"):
        boxes.append(
            markup.status("bad", f"{plural(counts['error'], 'error')} in the model: see the findings.")
        )
    parts = [*boxes, markup.facts(_figures(contents), "figures")]
    missing = [
        *contents.left_out,
        *([f"No pictures: {without_pictures}"] if without_pictures else []),
    ]
    if missing:
        parts += ["<h3>Not in this report</h3>", markup.item_list(missing)]
    saved = {"json:fit": "Save the fit as JSON", "json:all": "Save all numbers as JSON"}
    return [*parts, markup.buttons(saved)]


def _blinded(contents: Contents) -> list[str]:
    lines = []
    if contents.hidden_parameters:
        names = ", ".join(contents.hidden_parameters)
        lines.append(f"Neither shown nor in this file: {names}, and what would give it away.")
    if contents.hidden_channels:
        members = ", nor parameters of their single bins" if contents.hidden_members else ""
        lines.append(f"Data are not shown of: {', '.join(contents.hidden_channels)}{members}.")
    return lines


def _figures(contents: Contents) -> dict[str, str]:
    fit, layout = contents.fit, contents.fit.layout
    found = {}
    if fit.success:
        found = {name: with_error(*fit[name]) for name in contents.pois}
        found |= dict.fromkeys(contents.hidden_parameters, BLINDED)
    found |= {"-log L": number(fit.fun, digits=10), "Estimated distance to the minimum": f"{fit.edm:.2g}"}
    held = int(np.sum(fit.fixed[: layout.n_params]))
    found["Parameters"] = f"{layout.n_params}" + (f", {held} held" if held else "")
    if layout.n_bin_params:
        found["Bin parameters"] = str(layout.n_bin_params)
    found["Channels, bins"] = f"{len(layout.channels)}, {layout.n_bins}"
    if fit.success and len(fit.x) <= 1000 and np.isfinite(fit.condition_number):
        found["Condition number"] = f"{fit.condition_number:.3g}"
    return found
