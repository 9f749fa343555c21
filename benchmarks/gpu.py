"""Toys on a GPU: ``python -m benchmarks.gpu``; says so where there is none.

W1 with 400 000 fits, W3 with 2 000, W5 with 100 000, each as one ``batch_fit``. The data are toys of the
nominal model.
``--share 0.001`` runs a part of them, on whatever device there is with ``--any-device``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from benchmarks import reference, report
from benchmarks.figures.table import Row, in_words
from benchmarks.run import show
from benchmarks.workloads import build

__all__ = ["FITS", "main", "measure"]

FITS = {"W1": 400_000, "W3": 2_000, "W5": 100_000}
"""How many fits of each workload. The first is the talk's; 10 s is what it took there."""
_LIMITS_S = {"W1": 10.0}


@dataclass(frozen=True)
class Batch:
    """One batch of fits."""

    fits: int
    first_s: float
    """With tracing and compiling."""
    seconds: float
    converged: int


def measure(name: str, fits: int) -> Batch:
    """Two batches of toys of a workload; the second is timed."""
    m, scaling = reference.workload(name)
    model = build(m, scaling=scaling).prepare()
    asimov = reference.load().expected(m, m.x0)
    rng = np.random.default_rng(11)
    times = []
    for _ in range(2):
        counts = rng.poisson(asimov, (fits, m.B)).astype(float)
        started = time.perf_counter()
        found = model.batch_fit(counts)
        times.append(time.perf_counter() - started)
    return Batch(fits, times[0], times[1], int(np.sum(found.success)))


def _row(name: str, batch: Batch) -> Row:
    words = (
        f"{in_words(batch.seconds)}, {batch.fits / batch.seconds:.3g} fits/s, {batch.converged} converged; "
        f"the first batch {in_words(batch.first_s)}"
    )
    row = Row(f"{name}: {batch.fits} fits", words, raw={"seconds": batch.seconds, "first_s": batch.first_s})
    if name in _LIMITS_S and batch.fits == FITS[name]:
        row.bar, row.margin = f"under {_LIMITS_S[name]:g} s", _LIMITS_S[name] / batch.seconds
    return row


def _device() -> str:
    """The GPU's name, or nothing."""
    try:
        return str(jax.devices("gpu")[0].device_kind)
    except RuntimeError:
        return ""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="part of the fits; nothing is written below 1"
    )
    parser.add_argument("--any-device", action="store_true", help="also without a GPU")
    asked = parser.parse_args(arguments)
    device = _device()
    if not device and not asked.any_device:
        print(f"There is no GPU here: jax sees {jax.default_backend()} only. Nothing was measured.")
        return
    rows = [_row(name, measure(name, max(1, round(asked.share * fits)))) for name, fits in FITS.items()]
    show("gpu", f"batches of fits on {device or jax.default_backend()}", rows)
    if device and asked.share == 1.0:
        report.write({"gpu": [row.to_dict() for row in rows]}, {"jax": jax.__version__}, machine=device)


if __name__ == "__main__":
    main()
