"""What intervals cover: ``python -m benchmarks.coverage --write``.

Three models, truths that are small and large, and three methods: Minos at 68.27%, asymptotic CLs limits at
95%, Feldman-Cousins at 90%. Where there are nuisances, Feldman-Cousins comes twice: with reference toys at
the truth, and as data are treated, with toys where a fit to each data set puts the nuisances.
``--share 0.02`` runs a part of the toys; nothing is written then.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.sections import write_section
from smoothfit import Model, Process, Variable
from smoothfit.results import Coverage

__all__ = ["MODELS", "counting", "main", "on_off", "shape"]

_TOYS = 10_000
_PROFILED_TOYS, _PROFILED_REFERENCES = 300, 200
"""Of Feldman-Cousins as data are treated: data sets, and toys for each."""
_SEED = 1
_FC_CL = 0.9


def counting() -> Model:
    """One count, mu + 3."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    return Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()


def on_off() -> Model:
    """A count 4 mu + 5 b beside one of background alone, 10 b."""
    mu, b = Variable("mu", 1.0, lower_bound=0.0), Variable("b", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", [4.0, 0.0]).scale_by(mu))
    return model.add_proc(Process("bkg", [5.0, 10.0]).scale_by(b)).prepare()


def shape() -> Model:
    """A peak of 12 mu on 60 falling events: normalisation, slope, signal width, finite simulation."""
    x = (np.arange(10) + 0.5) / 10.0
    bkg = np.exp(-2.0 * x)
    bkg *= 60.0 / bkg.sum()
    tilt = np.exp(-0.3 * (x - 0.5))

    def peak(width: float) -> Any:
        # The tail keeps the extrapolated templates positive: a floor would be a kink of the likelihood.
        shape = 0.05 + np.exp(-0.5 * ((x - 0.6) / width) ** 2)
        return 12.0 * shape / shape.sum()

    mu = Variable("mu", 1.0, lower_bound=0.0)
    norm, slope, width = (Variable(n, 0.0, nuisance=True) for n in ("norm", "slope", "width"))
    sig = Process("sig", peak(0.10), sumw2=peak(0.10) / 50.0).scale_by(mu)
    sig["main"].add_shape(width, peak(0.12), peak(0.085))
    background = Process("bkg", bkg, sumw2=0.3 * bkg).add_lnN(norm, 1.1)
    background["main"].add_shape(slope, bkg * tilt, bkg / tilt)
    return Model().add_proc(sig).add_proc(background).prepare()


MODELS: dict[str, tuple[Callable[[], Model], tuple[float, ...], bool]] = {
    "one count, mu + 3": (counting, (0.5, 3.0, 8.0), False),
    "on/off, 4 mu + 5 b and 10 b": (on_off, (0.2, 1.0, 3.0), True),
    "ten bins, 12 mu on 60, three systematics and MC statistics": (shape, (0.2, 1.0, 2.0), True),
}
"""name -> (model, true values, whether there are nuisances)."""
_METHODS = {
    "Minos": ("minos", None),
    "CLs": ("upper_limit", None),
    "Feldman-Cousins": ("feldman_cousins", _FC_CL),
}


def profiled(truth: float, seed: int) -> Callable[..., tuple[float, float]]:
    """Whether the truth is accepted, as an interval of that value alone, or of none.

    Toys of each data set have the nuisances where the fit to it, with the parameter at the truth, has them.
    """
    number = iter(range(1 << 40))

    def feldman_cousins(model: Model, obs: Any, globs: Any) -> tuple[float, float]:
        options: dict[str, Any] = {"cl": _FC_CL, "toys": _PROFILED_REFERENCES, "globs": globs}
        found = model.feldman_cousins("mu", [truth], obs, seed=seed + next(number), **options)
        if np.isnan(found.p_values[0]):
            return np.nan, np.nan
        return (truth, truth) if found.accepted[0] else (np.inf, -np.inf)

    return feldman_cousins


def measure(name: str, share: float) -> dict[str, Coverage]:
    """{method: coverage} of a model."""
    make, truths, nuisances = MODELS[name]
    model = make()
    toys = max(10, round(share * _TOYS))
    found = {
        label: model.coverage("mu", truths, method=method, cl=cl, toys=toys, seed=_SEED)
        for label, (method, cl) in _METHODS.items()
    }
    if nuisances:
        few = max(5, round(share * _PROFILED_TOYS))
        each = [
            model.coverage("mu", [truth], method=profiled(truth, 1000 * k), cl=_FC_CL, toys=few, seed=_SEED)
            for k, truth in enumerate(truths)
        ]
        found["Feldman-Cousins, nuisances fitted"] = each  # type: ignore[assignment]
    return found


def _cells(found: Any) -> list[str]:
    """A cell a true value: coverage with its error, in percent, and failures."""
    records = found if isinstance(found, list) else [found]
    cells = []
    for record in records:
        for k in range(len(record)):
            lost = int(record.failed_toys[k])
            cell = f"{100.0 * record.coverage[k]:.1f} ± {100.0 * record.errors[k]:.1f}"
            cells.append(cell + (f" ({lost} of {lost + int(record.toys[k])} failed)" if lost else ""))
    return cells


def _lines(name: str, found: dict[str, Any]) -> list[str]:
    _, truths, _ = MODELS[name]
    columns = " | ".join(f"mu = {truth:g}" for truth in truths)
    lines = [f"| {name} | meant | {columns} |", "|---|---|" + "---|" * len(truths)]
    for label, records in found.items():
        first = records[0] if isinstance(records, list) else records
        lines.append(f"| {label} | {100.0 * first.cl:.4g} | {' | '.join(_cells(records))} |")
    minos = found["Minos"]
    for label, values, errors in (
        ("bias of mu", minos.bias, minos.bias_errors),
        ("mean of pulls", minos.pull_mean, minos.pull_mean_errors),
        ("width of pulls", minos.pull_width, minos.pull_width_errors),
    ):
        cells = " | ".join(f"{v:.3f} ± {e:.3f}" for v, e in zip(values, errors, strict=True))
        lines.append(f"| {label} | | {cells} |")
    return [*lines, ""]


def _section(tables: list[list[str]]) -> str:
    lines = [
        "## Coverage",
        "",
        f"`python -m benchmarks.coverage --write`: {_TOYS} toys a number, in percent, with statistical",
        f"errors. Feldman-Cousins compares with {_TOYS} reference toys at the truth; with nuisances fitted",
        f"it is made as for data, {_PROFILED_TOYS} data sets with {_PROFILED_REFERENCES} toys each. Counts",
        "are discrete and mu has a bound at 0, so that what is meant is not what is covered:",
        "Feldman-Cousins covers at least that in one count; Minos and CLs follow from large counts.",
        "",
    ]
    for table in tables:
        lines += table
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="part of the toys; nothing is written below 1"
    )
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    asked = parser.parse_args(arguments)
    tables = []
    for name in MODELS:
        began = time.perf_counter()
        tables.append(_lines(name, measure(name, asked.share)))
        print("\n".join(tables[-1]), f"\n({time.perf_counter() - began:.0f} s)\n", flush=True)
    if asked.write and asked.share >= 1.0:
        write_section("coverage", _section(tables))


if __name__ == "__main__":
    main()
