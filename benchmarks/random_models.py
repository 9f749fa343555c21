"""Random models: a few structures, in which all numbers are drawn, so that compilations are shared.

What makes fits hard is drawn on purpose: low counts, signals that are not there, parameters at their
bounds, templates that are nearly alike, large systematics and Monte Carlo errors, bad starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.constraints import Gaussian, Poisson

__all__ = ["ONE_SIDED", "STRUCTURES", "Case", "Structure", "draw"]

_ENOUGH = 30.0
"""Events a bin from which a signal may be negative: with fewer, the likelihood may have no minimum."""


@dataclass(frozen=True)
class Structure:
    """What a model consists of, without its numbers."""

    name: str
    channels: tuple[int, ...] = (4,)
    """Bins of each channel."""
    pois: int = 1
    backgrounds: int = 2
    bounded: bool = True
    """Whether signal strengths have a lower bound of 0."""
    lognormals: int = 2
    asymmetric: bool = False
    shapes: int = 0
    kind: str = "shape"
    errors: str | None = None
    """The mode of Monte Carlo statistics."""
    scaling: str = "process"
    constraint: str = "poisson"
    free_background: bool = False
    correlated: bool = False
    auxiliary: bool = False
    """Whether a background has a factor with a Poisson constraint."""
    function: bool = False
    """Whether a background has a factor that is a user's function."""
    binwise: bool = False
    """Whether a background has a factor a bin with a Gaussian constraint."""
    exchange: bool = False
    """Whether the first and the second process are nearly of one shape."""
    one_sided: bool = False
    """Whether systematics may change yields to the same side both ways: there may be two minima then."""


ONE_SIDED = (
    Structure("one-sided log-normals", channels=(6,), lognormals=4, asymmetric=True, one_sided=True),
    Structure("one-sided shapes", channels=(8,), lognormals=1, shapes=3, one_sided=True),
)
"""Apart from the others: the lowest minimum of several is not found from one start."""

STRUCTURES = (
    Structure("counting", channels=(1,), backgrounds=1, lognormals=0),
    Structure("counting with systematics", channels=(1,), lognormals=3),
    Structure("on/off", channels=(1, 1), backgrounds=1, lognormals=1, free_background=True),
    Structure("auxiliary counts", channels=(3,), auxiliary=True),
    Structure("log-normals", channels=(6,), lognormals=5),
    Structure("asymmetric log-normals", channels=(6,), lognormals=5, asymmetric=True),
    Structure("negative signal", channels=(6,), lognormals=4, asymmetric=True, bounded=False),
    Structure("two signals", channels=(5,), pois=2, lognormals=3),
    Structure("two signals alike", channels=(5,), pois=2, lognormals=2, exchange=True),
    Structure("three signals", channels=(4, 4), pois=3, lognormals=4, asymmetric=True, bounded=False),
    Structure("free background", channels=(6,), free_background=True, lognormals=2, exchange=True),
    Structure("correlated", channels=(4, 2), lognormals=4, correlated=True),
    Structure("shapes", channels=(8,), lognormals=2, shapes=3),
    Structure("raw shapes", channels=(8,), lognormals=2, shapes=3, kind="raw", bounded=False),
    Structure("shapes of logarithms", channels=(8,), lognormals=1, shapes=2, kind="shapeN"),
    Structure("function", channels=(5,), lognormals=1, function=True, shapes=1),
    Structure("bin-wise factors", channels=(4, 3), lognormals=2, binwise=True),
    Structure("lite", channels=(6,), errors="lite", lognormals=3),
    Structure("lite, signal negative", channels=(6,), errors="lite", bounded=False, shapes=1),
    Structure("lite, total", channels=(4, 3), errors="lite", scaling="total", shapes=2, pois=2),
    Structure("lite-gamma", channels=(5,), errors="lite-gamma", lognormals=3),
    Structure("full, Poisson", channels=(4,), errors="full", shapes=1),
    Structure("full, Gaussian", channels=(4,), errors="full", constraint="gaussian", lognormals=3),
    Structure(
        "everything",
        channels=(5, 3, 1),
        pois=2,
        backgrounds=3,
        lognormals=5,
        asymmetric=True,
        shapes=3,
        errors="lite",
        free_background=True,
        correlated=True,
        auxiliary=True,
    ),
)


class Case(NamedTuple):
    """A prepared model, data, and where to start."""

    model: Model
    obs: np.ndarray
    globs: np.ndarray
    start: np.ndarray
    """(param,)"""
    bad_start: bool


def _size(rng: np.random.Generator) -> float:
    """A relative uncertainty, 0.5% to 60%."""
    return float(10.0 ** rng.uniform(-2.3, -0.2))


def _varied(rng: np.random.Generator, nominal: np.ndarray, one_sided: bool) -> tuple[np.ndarray, np.ndarray]:
    """(up, down): a slope and noise of each bin."""
    size = min(_size(rng), 0.3)
    tilt = np.linspace(-1.0, 1.0, len(nominal)) * rng.choice([-1.0, 1.0])
    up = size * (tilt + rng.uniform(-0.5, 0.5, len(nominal)))
    down = 0.5 * up if one_sided and rng.random() < 0.5 else -up * rng.uniform(0.5, 1.5)
    return nominal * (1.0 + up), nominal * (1.0 + down)


def _kappa(rng: np.random.Generator, structure: Structure) -> float | tuple[float, float]:
    up = 1.0 + _size(rng)
    if not structure.asymmetric:
        return up
    if structure.one_sided and rng.random() < 0.5:
        return 1.0 + 0.3 * (up - 1.0), up
    return 1.0 / (1.0 + _size(rng)), up


def _processes(structure: Structure, rng: np.random.Generator, level: float) -> list[Process]:
    """Signals, then backgrounds, in all channels; the first background is everywhere."""
    names = [f"sig{i}" for i in range(structure.pois)] + [f"bkg{i}" for i in range(structure.backgrounds)]
    strength = 10.0 ** rng.uniform(-1.5, 0.3)
    alike = 10.0 ** rng.uniform(-3.0, -0.5)
    relative = 10.0 ** rng.uniform(-2.0, -0.3)
    yields: dict[str, list[np.ndarray]] = {}
    for i, name in enumerate(names):
        size = level * strength if i < structure.pois else level * rng.uniform(0.3, 1.0)
        yields[name] = [size * rng.uniform(0.1, 1.0, bins) for bins in structure.channels]
    if structure.exchange:
        first, second = names[0], names[1]
        size = rng.uniform(0.5, 2.0)
        yields[second] = [size * y * (1.0 + alike * rng.normal(size=len(y))) for y in yields[first]]
        yields[second] = [np.maximum(y, 1e-3 * level) for y in yields[second]]
    found = []
    for name in names:
        process = Process(name, signal=name.startswith("sig"))
        for k, y in enumerate(yields[name]):
            sumw2 = None
            if structure.errors is not None:
                sumw2 = (y * relative * rng.uniform(0.5, 2.0, len(y))) ** 2
            process.add_contrib(ChannelContrib(f"ch{k}", y, sumw2))
        found.append(process)
    return found


def _build(structure: Structure, rng: np.random.Generator, level: float) -> Model:
    processes = _processes(structure, rng, level)
    backgrounds = processes[structure.pois :]
    upper = float(rng.choice([5.0, 20.0, 1000.0]))
    for i, process in enumerate(processes[: structure.pois]):
        bounds = {"lower_bound": 0.0, "upper_bound": upper} if structure.bounded else {}
        process.scale_by(Variable(f"mu{i}", 1.0, **bounds))
    lognormals = [Variable(f"lnN{i}", 0.0, nuisance=True) for i in range(structure.lognormals)]
    for i, theta in enumerate(lognormals):
        for process in (processes[i % len(processes)], processes[(i + 1) % len(processes)]):
            process.add_lnN(theta, _kappa(rng, structure))
    for i in range(structure.shapes):
        theta = Variable(f"shape{i}", 0.0, nuisance=True)
        for process in (processes[0], backgrounds[i % len(backgrounds)]):
            for k in range(len(structure.channels)):
                contrib = process[f"ch{k}"]
                if contrib.n_bins > 1:
                    up, down = _varied(rng, contrib.yields[0], structure.one_sided)
                    contrib.add_shape(theta, up, down, kind=structure.kind)
    last = backgrounds[-1]
    if structure.free_background:
        backgrounds[0].scale_by(Variable("norm", 1.0, lower_bound=0.0))
    if structure.auxiliary:
        tau = float(10.0 ** rng.uniform(0.0, 2.0))
        last.scale_by(Variable("aux", 1.0, constraint=Poisson(tau=tau), lower_bound=0.0))
    if structure.binwise:
        for k, bins in enumerate(structure.channels):
            width = np.array([min(_size(rng), 0.3) for _ in range(bins)])
            factor = Variable(f"gamma{k}", [1.0] * bins, constraint=Gaussian(width=width), lower_bound=0.0)
            last[f"ch{k}"].scale_by(factor, axis="bin")
    if structure.function:
        slope = Variable("slope", 0.0, constraint=Gaussian(width=_size(rng)))
        x = jnp.linspace(-1.0, 1.0, structure.channels[0])
        last.scale_by_fn(lambda s: jnp.exp(s * x), slope)
    model = Model()
    for process in processes:
        model.add_proc(process)
    if structure.correlated:
        rho = float(rng.choice([-1.0, 1.0])) * (1.0 - 10.0 ** rng.uniform(-4.0, -0.1))
        model.correlate_nuisances(lognormals[0], lognormals[1], rho)
    if structure.errors is not None:
        model.set_mc_stat(structure.errors, scaling=structure.scaling, constraint=structure.constraint)
    return model.prepare()


def draw(structure: Structure, seed: int, number: int) -> Case:
    """The model of that number among those of a structure, with a toy of it."""
    rng = np.random.default_rng([seed, (*STRUCTURES, *ONE_SIDED).index(structure), number])
    few = np.log10(_ENOUGH) if not structure.bounded else -0.5
    model = _build(structure, rng, float(10.0 ** rng.uniform(few, 4.0)))
    layout = model.layout
    pois = [layout.parameters.index(f"mu{i}") for i in range(structure.pois)]
    truth = layout.start.copy()
    truth[pois] = np.where(rng.random(structure.pois) < 0.4, 0.0, rng.uniform(0.0, 3.0, structure.pois))
    toy = int(rng.integers(2**31))
    globs = np.asarray(model.toy_glob(truth, 1, seed=toy))[0]
    obs = rng.poisson(np.maximum(model.pred(truth), 0.0)).astype(float)
    bad = bool(rng.random() < 1.0 / 3.0)
    start = layout.start.copy()
    if bad:
        free = ~np.isfinite(layout.widths)
        width = np.where(free, 1.0, layout.widths)
        far = start * 10.0 ** rng.uniform(-1.5, 1.5, len(start))
        start = np.where(free, far, start + 3.0 * width * rng.normal(size=len(start)))
        start = np.clip(start, layout.lower, layout.upper)
        if rng.random() < 0.3:
            start[pois] = np.where(np.isfinite(layout.lower[pois]), layout.lower[pois], 0.0)
    return Case(model, obs, globs, start, bad)
