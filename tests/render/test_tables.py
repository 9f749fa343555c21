"""Text and HTML tables against golden files.

After a wanted change: ``SMOOTHFIT_WRITE_GOLDEN=1 python -m pytest tests/render``, and look at the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from smoothfit.layout import ChannelInfo, ProcessInfo
from smoothfit.render import Table, html, text
from smoothfit.results import MinosBounds, ModelSummary, Pulls, Yields

GOLDEN = Path(__file__).parent / "golden"

HOSTILE = "<script>alert('&')</script>\n\x1b[31mred"
TABLES = {
    "empty": Table("Nothing", ["name", "value"], []),
    "numbers": Table(
        "Numbers",
        ["name", "count", "share", "remark"],
        [["a", 3, 0.5, None], ["long name", 12345, 1e-9, "x"], ["c", 0, float("nan"), ""]],
        "a note",
    ),
    "errors": Table(
        "Errors",
        ["name", "value", ""],
        [["mu", "1.02 ± 0.11", ""], ["norm", "1250 ± 120", "at limit"], ["held", "1", "fixed"]],
    ),
    "hostile": Table(HOSTILE, ["<b>"], [[HOSTILE], ["μ ± <i>"]], "<br>"),
}


def _records():
    channels = (ChannelInfo("SR", 0, 2), ChannelInfo("CR", 2, 3))
    processes = tuple(ProcessInfo(name, (name,), False, name == "sig") for name in ("sig", "bkg"))
    parts = {"sig": np.array([5.0, 1.0, 0.0]), "bkg": np.array([50.0, 40.0, 1000.25])}
    total = parts["sig"] + parts["bkg"]
    return {
        "yields": Yields("pre-fit", channels, processes, parts, total, np.sqrt(total), np.round(total)),
        "pulls": Pulls(
            ("jes", "lumi"), (None, None), np.array([0.51234, -12.0]), np.array([0.98765, 0.0996])
        ),
        "minos": MinosBounds(0.9648466, 0.0484754, None, None, name="mu", value=0.5),
        "summary": ModelSummary("3 bins, 2 parameters", [TABLES["numbers"], TABLES["errors"]]),
    }


def _check(name: str, content: str) -> None:
    file = GOLDEN / name
    if os.environ.get("SMOOTHFIT_WRITE_GOLDEN"):
        file.write_text(content + "\n", encoding="utf-8")
    assert content + "\n" == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    _check(f"{name}.txt", text.table(TABLES[name]))
    _check(f"{name}.html", html.table(TABLES[name]))


@pytest.mark.parametrize("name", _records())
def test_records(name):
    record = _records()[name]
    _check(f"record_{name}.txt", repr(record))
    _check(f"record_{name}.html", record._repr_html_())


def test_every_golden_file_is_used():
    expected = {f"{name}.{kind}" for name in TABLES for kind in ("txt", "html")}
    expected |= {f"record_{name}.{kind}" for name in _records() for kind in ("txt", "html")}
    assert {file.name for file in GOLDEN.iterdir()} == expected


def test_nothing_hostile_gets_through():
    shown = html.table(TABLES["hostile"])
    assert "<script" not in shown
    assert "<i>" not in shown
    assert "<br>" not in shown
    for content in (shown, text.table(TABLES["hostile"])):
        assert "\x1b" not in content
