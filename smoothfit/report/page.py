"""The page as a whole: one HTML file that may ask nothing of anybody.

Style and script are in the file, and named by their hashes in its policy: nothing else runs, whatever a name
in a model says, and no address is ever asked.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from ..results import BLINDED
from . import colours, markup
from .contents import MOST_COVARIANCE, Contents
from .packing import embedded, packed
from .sections import Page, built

__all__ = ["page_text"]

_SCRIPTS = ("data", "numbers", "drawings", "tooltips", "downloads", "tables", "correlations", "page")


@cache
def _style() -> str:
    return f"{colours.stylesheet()}\n{_asset('page.css')}"


@cache
def _script() -> str:
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n{parts}'


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")


def _policy() -> str:
    """What the page may do: its own style and script, images that it holds; nothing from elsewhere."""
    rules = {
        "default-src": "'none'",
        "style-src": f"'{_hash(_style())}'",
        "script-src": f"'{_hash(_script())}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _covariance(contents: Contents) -> dict[str, Any] | None:
    """That of what is not hidden: all of it, as its halves differ in their last bits."""
    fit = contents.fit
    n = fit.layout.n_params
    if fit.chosen is not None or not n or n > MOST_COVARIANCE:
        return None
    shown = [i for i in range(n) if not fit.is_blinded(i)]
    matrix = fit.hess_inv[np.ix_(shown, shown)]
    return {"names": [fit.names[i] for i in shown], "matrix": packed(matrix)}


def _data(page: Page, file: str) -> dict[str, Any]:
    contents = page.contents
    fit = contents.fit.to_dict()
    covariance = _covariance(contents)
    # The matrices are put together again where they are asked for.
    fit = {key: value for key, value in fit.items() if key not in ("covariance", "correlation")}
    if contents.hidden_parameters:
        # A direction is in units of parameters' errors.
        fit["flat_directions"] = []
    return {
        "file": file,
        "absent": BLINDED,
        "about": {"title": contents.title, **contents.made_with},
        "fit": fit,
        "covariance": covariance,
        "tables": {name: table.to_dict() for name, table in page.tables.items()},
        "records": page.records,
    }


def page_text(contents: Contents, *, file: str = "report") -> str:
    """The report as HTML; ``file`` is what names of downloads begin with."""
    page = built(contents)
    links = "".join(
        f'<li><a href="#{name}">{markup.text(title)}</a></li>' for name, (title, _) in page.sections.items()
    )
    body = "\n".join(html for _, html in page.sections.values())
    source = (
        ""
        if contents.receipt is None
        else f'<span class="source">{markup.text(contents.receipt.heading())}</span>'
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{markup.text(contents.title)}</title>
<style>{_style()}</style>
</head>
<body>
<a class="skip" href="#summary">Skip to the content</a>
<header><div class="bar">
<h1>{markup.text(contents.title)}{source}</h1>
<button type="button" id="theme" aria-pressed="false">Dark theme</button>
</div></header>
<div class="frame">
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
<noscript><p class="status warn">The script of this page, which fills its tables, is off.</p></noscript>
{body}
</main>
</div>
<div id="tooltip" role="tooltip" hidden></div>
<div id="spoken" class="unseen" role="status"></div>
<script type="application/json" id="data">{embedded(_data(page, file))}</script>
<script>{_script()}</script>
</body>
</html>
"""
