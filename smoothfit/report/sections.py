"""The sections of a page: for each its HTML, and the tables that the script fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import MissingPackageError
from ..render import number
from ..results import Impacts, Pulls, Record
from ..status import Status
from . import markup, pictures, tables
from .contents import MOST_COVARIANCE, Contents
from .overview import overview
from .packing import packed
from .pictures import Picture
from .tables import Shown

__all__ = ["Page", "built"]

_MOST_CHANNELS = 24
"""So many channels are drawn; the others are in tables."""


@dataclass
class Page:
    """Sections in their order, and what the script needs for them."""

    contents: Contents
    sections: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name -> title in the navigation, HTML."""
    tables: dict[str, Shown] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    """What was added to the report, by name."""
    without_pictures: str = ""
    """Why there are none."""

    def add(self, name: str, title: str, *content: str) -> None:
        """A section."""
        self.sections[name] = (title, markup.section(name, title, *content))

    def table(self, name: str, shown: Shown) -> str:
        """A table, and where it goes."""
        self.tables[name] = shown
        return markup.table_place(name)

    def pictures(self, draw: Callable[..., Picture | list[Picture]], *of: Any, caption: str = "") -> str:
        """What a function draws, one or several pictures, or nothing where matplotlib is missing."""
        if self.without_pictures:
            return ""
        try:
            made = draw(*of)
        except MissingPackageError as error:
            self.without_pictures = str(error)
            return ""
        below = f"<figcaption>{markup.text(caption)}</figcaption>" if caption else ""
        return "".join(
            f'<figure><img src="{one.source}" alt="{markup.text(one.words)}">{below}</figure>'
            for one in (made if isinstance(made, list) else [made])
        )


def built(contents: Contents) -> Page:
    """All sections of a report."""
    page = Page(contents)
    _parameters(page)
    _pulls(page, contents.pulls)
    _impacts(page, contents.impacts)
    _yields(page)
    _scans(page)
    _correlations(page)
    _others(page)
    _model(page)
    _lint(page)
    _about(page)
    # Last, as it says what is missing from the others.
    page.add("summary", "Summary", *overview(contents, page.without_pictures))
    page.sections = {"summary": page.sections.pop("summary"), **page.sections}
    return page


def _parameters(page: Page) -> None:
    fit = page.contents.fit
    place = page.table("parameters", tables.parameters_table(fit))
    about = "Best-fit values with errors from the covariance, in the order of the model."
    if not fit.success:
        about = "Where the fit stopped. These are no results, and have no errors."
    attempts = ""
    if fit.attempts:
        shown = [[a.what, Status(a.status).name, number(a.fun, digits=10), a.steps] for a in fit.attempts]
        attempts = "<h3>What was tried</h3>" + page.table("attempts", _attempts(shown))
    page.add("parameters", "Parameters", markup.paragraph(about, "about"), place, attempts)


def _attempts(rows: list[list[Any]]) -> Shown:
    from ..render import Table

    return tables.shown_table(Table("Attempts", ("from", "status", "NLL", "steps"), rows))


def _pulls(page: Page, pulls: Pulls | None) -> None:
    if pulls is None:
        return
    about = (
        "(fitted - pre-fit) / (pre-fit error), with the post-fit error in the same units. Bands are one and "
        "two pre-fit errors."
    )
    place = page.table("pulls", tables.pulls_table(pulls))
    page.add("pulls", "Pulls", markup.paragraph(about, "about"), place)


_MOVED = {
    "traditional": "How far a parameter of interest moves with a nuisance held at its post-fit bounds",
    "prefit": "How far a parameter of interest moves with a nuisance one pre-fit error from its best fit",
    "global": "How far a parameter of interest moves with a global observable moved by its pre-fit error",
}


def _impacts(page: Page, impacts: Impacts | None) -> None:
    if impacts is None:
        return
    about = markup.text(f"{_MOVED[impacts.kind]}, all others fitted.")
    key = (
        f'<p class="about">{about} <span class="key up"></span> nuisance up, <span class="key down"></span> '
        "nuisance down; a thinner bar is to the side of the other one; a cross marks a fit that failed.</p>"
    )
    groups = ""
    if impacts.groups is not None:
        groups = "<h3>Groups</h3>" + _tables_of(page, "groups", impacts.groups)
    page.add("impacts", "Impacts", key, page.table("impacts", tables.impacts_table(impacts)), groups)


def _yields(page: Page) -> None:
    prefit, postfit = page.contents.prefit, page.contents.postfit
    if prefit is None:
        return
    parts = []
    for i, channel in enumerate(prefit.channels):
        hidden = channel.name in page.contents.hidden_channels
        # After the fit, hidden data show in what was fitted to them.
        after = None if hidden else postfit
        drawn = ""
        if i < _MOST_CHANNELS:
            drawn = page.pictures(pictures.channel_picture, channel, prefit, after)
        title = markup.text(channel.name) + (" (data hidden)" if hidden else "")
        table = page.table(f"channel {channel.name}", tables.channel_table(i, channel, prefit, after))
        parts.append(f"<div><h3>{title}</h3>{drawn}{table}</div>")
    shown = postfit if not page.contents.hidden_channels else None
    page.tables["bins"] = tables.bins_table(prefit, shown, packed)
    about = "The stack is what is expected before the fit. Errors are those of the constraints."
    if postfit is not None:
        about = (
            "The stack is what is expected after the fit, the dashed line before it. Errors after the fit "
            "are from the covariance of all parameters."
        )
    page.add(
        "yields",
        "Yields",
        markup.paragraph(about, "about"),
        f'<div class="pictures wide">{"".join(parts)}</div>',
        markup.buttons({"csv:bins": "Save all bins as CSV"}),
    )


def _scans(page: Page) -> None:
    if not page.contents.scans:
        return
    parts = []
    for one in page.contents.scans:
        name = one.names[0]
        drawn = page.pictures(pictures.scan_picture, one, caption=" ".join(one.heading().splitlines()))
        table = page.table(f"scan {name}", tables.scan_table(one))
        folded = f"<details><summary>The {len(one)} points</summary>{table}</details>"
        parts.append(f"<div><h3>{markup.text(name)}</h3>{drawn}{folded}</div>")
    about = "Twice the rise of the NLL above its minimum, everything else minimised over."
    page.add(
        "scans", "Scans", markup.paragraph(about, "about"), f'<div class="pictures">{"".join(parts)}</div>'
    )


def _correlations(page: Page) -> None:
    if not page.contents.correlations or not 2 <= page.contents.fit.layout.n_params <= MOST_COVARIANCE:
        return
    about = (
        "The parameters with the largest correlations, and the strongest pairs. "
        "Red is positive, blue negative; the colour is stronger for a larger one."
    )
    saved = {
        "matrix:correlation": "Save all correlations as CSV",
        "matrix:covariance": "Save the covariance as CSV",
    }
    page.add(
        "correlations",
        "Correlations",
        markup.paragraph(about, "about"),
        '<div id="map"></div>',
        markup.table_place("pairs"),
        markup.buttons(saved),
    )


def _tables_of(page: Page, name: str, record: Record) -> str:
    parts = []
    for i, table in enumerate(record._tables()):
        title = f"<h3>{markup.text(table.title)}</h3>" if table.title else ""
        # Sections have tables of one title.
        shown = replace(tables.shown_table(table), title=f"{name}: {table.title or i + 1}")
        parts.append(title + page.table(f"{name} {i + 1}", shown))
    return "".join(parts)


def _words(record: Record) -> str:
    return "".join(markup.paragraph(line) for line in record.heading().splitlines())


def _others(page: Page) -> None:
    parts = []
    for k, record in enumerate(page.contents.others):
        kind = type(record).__name__
        name = f"{kind} {k + 1}"
        page.records[name] = record.to_dict()
        drawn = page.pictures(pictures.record_pictures, record)
        pictured = f'<div class="pictures">{drawn}</div>' if drawn else ""
        tabled = _tables_of(page, name, record)
        parts.append(f"<h3>{markup.text(_spaced(kind))}</h3>{_words(record)}{pictured}{tabled}")
    if parts:
        page.add("further", "Further results", *parts)


def _spaced(kind: str) -> str:
    """ "GoodnessOfFit" -> "Goodness of fit"."""
    found = "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(kind))
    return found.removesuffix(" result")


def _model(page: Page) -> None:
    summary, receipt = page.contents.summary, page.contents.receipt
    if summary is None:
        return
    parts = [_words(summary), _tables_of(page, "model", summary)]
    if receipt is not None:
        parts += ["<h3>What was read</h3>", _words(receipt), _tables_of(page, "receipt", receipt)]
    page.add("model", "Model", *parts)


def _lint(page: Page) -> None:
    findings = page.contents.findings
    if findings is None:
        return
    place = page.table("findings", tables.findings_table(findings)) if len(findings) else ""
    page.add("findings", "Findings", _words(findings), place)


def _about(page: Page) -> None:
    contents, fit = page.contents, page.contents.fit
    facts = dict(contents.made_with)
    layout = fit.layout
    held = {layout.names[i]: float(fit.x[i]) for i in np.flatnonzero(fit.fixed) if not fit.is_blinded(int(i))}
    if held:
        listed = ", ".join(f"{name} = {number(value)}" for name, value in list(held.items())[:40])
        facts["held in the fit"] = listed + (f" and {len(held) - 40} more" if len(held) > 40 else "")
    page.add("about", "Made with", markup.facts(facts))
