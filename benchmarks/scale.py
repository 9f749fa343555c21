"""Large models through the public API: ``python benchmarks/scale.py [CASE ...] [--part 0.1] [--check]``.

* ``systematics``: 1000 nuisances, each a shape on three (process, channel), in 30 processes of 100 channels
  of 1000 bins, with Monte Carlo statistics in every bin; a fit with the covariance of all parameters.
* ``parameters``: 10 000 free normalisations, 50 overlapping peaks in each of 200 channels of 500 bins, and
  100 nuisances that connect the channels; a fit and the errors of ten parameters.

``--part`` scales the number of channels and parameters. Each case runs in a process of its own, so that the
peak memory is its own. With ``--check`` a reduced ``parameters`` model is fitted with its full Hessian, too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from smoothfit import ChannelContrib, FitResult, Model, Process, Variable
from smoothfit.preparation import groups

__all__ = ["many_parameters", "many_systematics"]


def many_systematics(
    n_nuisances: int = 1000, n_processes: int = 30, n_channels: int = 100, n_bins: int = 1000
) -> Model:
    """Each systematic a shape of a few per cent on three blocks; three signals with free normalisation."""
    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 1.0, n_bins)
    processes = [Process(f"p{i}", signal=i < 3) for i in range(n_processes)]
    for process in processes:
        for c in range(n_channels):
            yields = (
                rng.uniform(1.0, 30.0) * np.exp(-rng.uniform(0.0, 2.0) * x) * rng.uniform(0.9, 1.1, n_bins)
            )
            process.add_contrib(ChannelContrib(f"c{c}", yields, 0.1 * yields))
    for i in range(3):
        processes[i].scale_by(Variable(f"mu{i}", 1.0, lower_bound=0.0))
    for k in range(n_nuisances):
        theta = Variable(f"theta{k}", 0.0, nuisance=True)
        for block in rng.choice(n_processes * n_channels, 3, replace=False):
            contrib = processes[block // n_channels][f"c{block % n_channels}"]
            size, phase = rng.uniform(0.02, 0.1), rng.uniform(0.0, 6.0)
            change = size * np.sin(6.0 * x + phase)
            nominal = contrib.yields[0]
            contrib.add_shape(theta, nominal * (1.0 + change), nominal * (1.0 - 0.9 * change))
    model = Model()
    for process in processes:
        model.add_proc(process)
    return model


def many_parameters(
    n_channels: int = 200, n_peaks: int = 50, n_bins: int = 500, n_nuisances: int = 100
) -> Model:
    """Peaks with free heights on a background whose shape and normalisation are shared by all channels."""
    rng = np.random.default_rng(2)
    x = (np.arange(n_bins) + 0.5) / n_bins
    centres = (np.arange(n_peaks) + 0.5) / n_peaks
    peaks = np.exp(-0.5 * ((x - centres[:, None]) * n_peaks) ** 2)
    shared = [Variable(f"theta{k}", 0.0, nuisance=True) for k in range(n_nuisances)]
    model = Model()
    background = Process("background")
    for c in range(n_channels):
        heights = Variable(f"height{c}", np.ones(n_peaks), lower_bound=0.0)
        signal = Process(f"signal{c}", rng.uniform(20.0, 60.0, (n_peaks, 1)) * peaks, channel=f"c{c}")
        model.add_proc(signal.scale_by(heights))
        yields = rng.uniform(30.0, 50.0) * np.exp(-x)
        contrib = ChannelContrib(f"c{c}", yields)
        for k in rng.choice(n_nuisances, min(4, n_nuisances), replace=False):
            change = rng.uniform(0.02, 0.1) * np.cos(rng.uniform(2.0, 9.0) * x)
            contrib.add_shape(shared[k], yields * (1.0 + change), yields * (1.0 - change))
        background.add_contrib(contrib)
    return model.add_proc(background)


def _report(what: str, start: float) -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    now = time.perf_counter()
    print(f"  {what:28}{now - start:9.1f} s   peak {peak:6.2f} GiB", flush=True)
    return now


def _describe(fit: FitResult) -> None:
    print(f"  {fit.message} -log L = {fit.fun:.6f}, status {fit.status}", flush=True)


def systematics(part: float) -> None:
    """The fit with its covariance."""
    start = time.perf_counter()
    size = round(100 * part)
    model = many_systematics(round(1000 * part), 30, size)
    start = _report("building", start)
    model.prepare()
    sizes = len(model.parameters), model.n_bins, len(model.bin_parameters)
    print("  {} parameters, {} bins, {} bin parameters".format(*sizes))
    start = _report("prepare()", start)
    rng = np.random.default_rng(3)
    truth = model.layout.start + np.where(
        np.isfinite(model.layout.widths), rng.normal(size=len(model.parameters)), 0
    )
    obs = rng.poisson(model.pred(truth)).astype(float)
    start = _report("toy data", start)
    fit = model.fit(obs)
    start = _report("first fit, with covariance", start)
    _describe(fit)
    print(
        f"  errors of mu0, theta0, a bin: {fit.errors[0]:.6f} {fit['theta0'].error:.6f} {fit.errors[-1]:.6f}"
    )
    obs = rng.poisson(model.pred(truth)).astype(float)
    start = time.perf_counter()
    fit = model.fit(obs)
    _report("next fit, other data", start)
    _describe(fit)


def parameters(part: float, check: bool) -> None:
    """The fit and the errors of ten parameters."""
    start = time.perf_counter()
    groups.MATRIX_FREE = min(groups.MATRIX_FREE, int(3000 * part))
    model = many_parameters(round(200 * part))
    start = _report("building", start)
    model.prepare()
    print(f"  {len(model.parameters)} parameters, {model.n_bins} bins")
    start = _report("prepare()", start)
    rng = np.random.default_rng(4)
    obs = rng.poisson(model.pred({})).astype(float)
    start = _report("toy data", start)
    chosen = [*model.parameters[:5], *model.nuisances[:5]]
    fit = model.fit(obs, strict=False)
    start = _report("first fit, no errors", start)
    _describe(fit)
    fit = model.fit(obs, init=fit.x, errors_of=chosen, strict=False)
    _report(f"the errors of {len(chosen)} parameters", start)
    _describe(fit)
    print("  errors: " + ", ".join(f"{name} {fit[name].error:.6f}" for name in chosen))
    obs = rng.poisson(model.pred({})).astype(float)
    start = time.perf_counter()
    fit = model.fit(obs, errors_of=chosen, strict=False)
    _report("other data, with the errors", start)
    _describe(fit)
    if check:
        groups.MATRIX_FREE = 10**9
        model.prepare()
        start = time.perf_counter()
        dense = model.fit(obs, strict=False)
        _report("the same with the Hessian", start)
        _describe(dense)
        positions = [model.index(name) for name in chosen]
        pull = np.max(np.abs((fit.x - dense.x) / dense.errors))
        error = np.max(np.abs(fit.errors[positions] / dense.errors[positions] - 1.0))
        print(f"  largest difference: values {pull:.1e} errors, the ten errors {error:.1e} of themselves")


def main() -> None:
    """Run the cases asked for, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=["systematics", "parameters"])
    parser.add_argument("--part", type=float, default=1.0)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--here", action="store_true", help="in this process")
    given = parser.parse_args()
    cases: dict[str, Callable[[], None]] = {
        "systematics": lambda: systematics(given.part),
        "parameters": lambda: parameters(given.part, given.check),
    }
    for case in given.cases:
        if given.here:
            print(case, flush=True)
            cases[case]()
        else:
            options = ["--here", "--part", str(given.part), *(["--check"] if given.check else [])]
            subprocess.run([sys.executable, __file__, case, *options], check=True)


if __name__ == "__main__":
    main()
