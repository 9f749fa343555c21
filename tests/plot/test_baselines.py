"""Every picture of the gallery against the one that was looked at: tests/plot/baseline.

A picture that is meant to look otherwise is renewed by ``python -m docs.gallery --baseline`` (with names of
subjects or pictures for some of them), looked at, and committed.
"""

from __future__ import annotations

import dataclasses
import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from docs.gallery import pictures, subjects
from smoothfit import plot
from smoothfit.results import Pulls

pytest.importorskip("matplotlib")
image = pytest.importorskip("PIL.Image")

BASELINE = Path(__file__).parent / "baseline"
TILE = 12
TOLERANCE = 10.0
"""Of the root mean square of any tile, in grey levels of 255: below what a small point makes that moves by
its own size, and above what last digits do (nothing). See the tests at the end."""
SLOW = {
    "toy_eft": "two models more",
    "toy_feldman_cousins_plane": "toys at 81 points",
    "toy_coverage": "thousands of fits",
    "toy_toys": "hundreds of fits",
}
"""Of the toy; pictures of larger models are slow all."""

pytestmark = pytest.mark.skipif(
    (BASELINE / "made_with.txt").read_text(encoding="utf-8").strip() != pictures.drawn_by(),
    reason="the baselines were drawn by another matplotlib, whose letters differ",
)


@cache
def subject(name):
    return subjects.make(name)


def pixels(content):
    return np.asarray(image.open(io.BytesIO(content)).convert("RGB"), dtype=np.float64)


def difference(found, expected):
    """The largest root mean square of a tile; infinite for pictures of other sizes."""
    if found.shape != expected.shape:
        return np.inf
    square = np.mean((found - expected) ** 2, axis=2)
    rows, columns = (np.arange(0, size, TILE) for size in square.shape)
    sums = np.add.reduceat(np.add.reduceat(square, rows, axis=0), columns, axis=1)
    counts = np.add.reduceat(np.add.reduceat(np.ones_like(square), rows, axis=0), columns, axis=1)
    # Small tiles at the edges count as full ones: a single pixel is no change.
    return float(np.sqrt(np.max(sums / np.maximum(counts, TILE**2))))


def cases():
    for path in sorted(BASELINE.glob("*.png")):
        name, picture = path.stem.split("_", 1)
        quick = name == "toy" and path.stem not in SLOW
        marks = [] if quick else [pytest.mark.slow]
        yield pytest.param(name, picture, id=path.stem, marks=marks)


# A fit that ends on a bound is part of the gallery; its warnings are tested elsewhere.
@pytest.mark.filterwarnings("ignore::smoothfit.errors.AsymptoticWarning")
@pytest.mark.parametrize(("name", "picture"), list(cases()))
def test_pictures_are_as_they_were(name, picture, tmp_path_factory):
    try:
        made = subject(name)
    except subjects.Missing as missing:
        pytest.skip(str(missing))
    found = pictures.small_png(pictures.PICTURES[picture].draw(made))
    expected = (BASELINE / f"{name}_{picture}.png").read_bytes()
    change = difference(pixels(found), pixels(expected))
    if change > TOLERANCE:
        path = tmp_path_factory.mktemp("changed") / f"{name}_{picture}.png"
        path.write_bytes(found)
        pytest.fail(f"the picture changed by {change:.1f} (up to {TOLERANCE:g} is allowed): see {path}")


def test_every_picture_of_the_toy_has_a_baseline():
    have = {path.stem.removeprefix("toy_") for path in BASELINE.glob("toy_*.png")}
    assert have == set(pictures.drawable(subject("toy")))


def test_baselines_are_small():
    assert sum(path.stat().st_size for path in BASELINE.iterdir()) < 5e6


# -- what the tolerance lets through -------------------------------------------------------------------


def png(record, **options):
    return pixels(pictures.small_png(plot.pulls(record, **options)))


def make_pulls():
    rng = np.random.default_rng(3)
    names = tuple(f"nuisance_{i}" for i in range(20))
    return Pulls(names, (None,) * 20, rng.normal(0.0, 0.5, 20), rng.uniform(0.5, 1.0, 20))


def test_last_digits_are_no_change():
    record = make_pulls()
    noisy = dataclasses.replace(record, pull=record.pull * (1.0 + 1e-7), error=record.error * (1.0 - 1e-7))
    assert difference(png(noisy), png(record)) < 0.1 * TOLERANCE


def changed_pull(record):
    pull = record.pull.copy()
    # The markers are about 0.1 wide.
    pull[7] += 0.15
    return dataclasses.replace(record, pull=pull)


@pytest.mark.parametrize(
    "change",
    [
        changed_pull,
        lambda r: dataclasses.replace(r, names=(*r.names[:-1], "nuisance_9")),
        lambda r: dataclasses.replace(r, error=np.where(np.arange(20) == 4, 1.2 * r.error, r.error)),
        lambda r: r.take([1, 0, *range(2, 20)]),
        lambda r: r.take(range(19)),
    ],
    ids=["a point moved", "a name", "an error bar", "two swapped", "one less"],
)
def test_real_changes_exceed_the_tolerance(change):
    record = make_pulls()
    assert difference(png(change(record)), png(record)) > 1.5 * TOLERANCE
