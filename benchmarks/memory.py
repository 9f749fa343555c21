"""The memory of prepared models: ``python -m benchmarks.memory``.

For each model: the bytes of the arrays handed in (yields, variances, templates), and those of the prepared
arrays that the library keeps. Padding to tiles and index arrays are the difference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax
import numpy as np

from benchmarks.reference import load, shared
from benchmarks.workloads import build
from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.eft import Dim6EFTMorphing

__all__ = ["kept", "many_shapes"]

_FLOAT = 8


def kept(arrays: Any) -> int:
    """Bytes of a pytree's arrays."""
    return int(sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(arrays)))


def many_shapes(n_shapes: int, n_processes: int, n_channels: int, n_bins: int) -> tuple[Model, int]:
    """Each shape on two processes in one channel; (model, bytes handed in)."""
    rng = np.random.default_rng(0)
    per = n_bins // n_channels
    processes = [Process(f"p{i}") for i in range(n_processes)]
    handed = 0
    for process in processes:
        for c in range(n_channels):
            process.add_contrib(ChannelContrib(f"c{c}", rng.uniform(5, 10, per)))
            handed += _FLOAT * per
    for k in range(n_shapes):
        theta = Variable(f"s{k}", 0.0, nuisance=True)
        for i in (k % n_processes, (k + 1) % n_processes):
            contrib = processes[i][f"c{k % n_channels}"]
            nominal = contrib.yields[0]
            up, down = (nominal * rng.uniform(0.9, 1.1, per) for _ in range(2))
            contrib.add_shape(theta, up, down)
            handed += 2 * _FLOAT * per
    model = Model()
    for process in processes:
        model.add_proc(process)
    return model.prepare(), handed


def monte_carlo(mode: str, n_processes: int = 10, n_bins: int = 5000) -> tuple[Model, int]:
    """Processes with variances in one channel."""
    rng = np.random.default_rng(1)
    model = Model().set_mc_stat(mode)
    for i in range(n_processes):
        yields = rng.uniform(5, 10, n_bins)
        model.add_proc(Process(f"p{i}", yields, sumw2=0.1 * yields).scale_by(Variable(f"mu{i}", 1.0)))
    return model.prepare(), 2 * _FLOAT * n_processes * n_bins


def morphed(n_operators: int = 4, n_bins: int = 500) -> tuple[Model, int]:
    """A basis of templates with its Monte Carlo covariance."""
    rng = np.random.default_rng(2)
    size = 1 + n_operators + n_operators * (n_operators + 1) // 2
    points = rng.normal(size=(size, n_operators))
    weights = rng.uniform(0.5, 1.5, (size, n_bins, 20))
    covariance = np.einsum("kbe,lbe->klb", weights, weights)
    c = Variable("c", np.zeros(n_operators))
    process = Process("eft", weights.sum(-1), sumw2=covariance).scale_by_fn(Dim6EFTMorphing(c, points), c)
    return Model().add_proc(process).prepare(), _FLOAT * n_bins * (size + size**2)


def workload(name: str) -> tuple[Model, int]:
    """One of the reference workloads."""
    given = load().get(name)
    shapes = [(k, i) for k, i in zip(*np.nonzero(given.mask_s), strict=True)]
    variances = 0 if given.relerr is None else given.nom.size
    handed = _FLOAT * (given.nom.size + variances + 2 * len(shapes) * given.nom.shape[1])
    return build(given).prepare(), handed


def main() -> None:
    """Print the table."""
    models: dict[str, Callable[[], tuple[Model, int]]] = {
        "1000 shapes, 50 processes, 20 channels, 5000 bins": lambda: many_shapes(1000, 50, 20, 5000),
        "Monte Carlo lite, 10 processes, 5000 bins": lambda: monte_carlo("lite"),
        "Monte Carlo lite-gamma, 10 processes, 5000 bins": lambda: monte_carlo("lite-gamma"),
        "Monte Carlo full, 10 processes, 5000 bins": lambda: monte_carlo("full"),
        "EFT, 4 operators with covariances, 500 bins": morphed,
    }
    if shared("workloads", "models.py").exists():
        models["W3"] = lambda: workload("W3")
    print(f"{'model':52}{'handed in':>12}{'kept':>12}{'ratio':>8}")
    for name, make in models.items():
        model, handed = make()
        size = kept(model.prepared)
        print(f"{name:52}{handed / 1e6:9.2f} MB{size / 1e6:9.2f} MB{size / handed:8.2f}")


if __name__ == "__main__":
    main()
