"""A network trained on the result of the analysis: the three blobs of neos.

Signal and background are Gaussian blobs in the plane. Where the background is, is known badly: an
uncertainty moves it to one of two other places. A small network maps the plane to [0, 1], its output is
histogrammed, and the histogram is fitted. The network is trained in two ways: by the cross-entropy of signal
and nominal background, which knows of no uncertainty, and by the median expected CLs of mu = 1, profiled,
which is what the analysis is for. The idea is that of neos: N. Simpson and L. Heinrich, arXiv:2203.05570.

The steps are :func:`blobs` -> :func:`observable` -> :func:`templates` -> :func:`expected_cls` ->
:func:`trainer`, and for the comparison with counted events :func:`best_edges` and :func:`counted_cls`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from smoothfit import Model, Process, Variable, functional
from smoothfit.differentiable import kde_histogram

__all__ = [
    "EDGES",
    "Blobs",
    "best_edges",
    "blobs",
    "cls_loss",
    "counted",
    "counted_cls",
    "cross_entropy",
    "expected_cls",
    "initial_weights",
    "lines",
    "observable",
    "structure",
    "templates",
    "trainer",
]

_SIGNAL, _BACKGROUND = 5.0, 50.0
"""Expected events."""
_FLOOR = 1e-2
"""Background events added to each bin: without any, its expectation may be 0."""
EDGES = np.linspace(0.0, 1.0, 6)
_CENTRES = np.array([(-1.0, 1.0), (1.0, -1.0), (2.5, 2.0), (-2.5, -1.5)])
_LAYERS = (2, 64, 64, 1)
_RATE, _BATCH, _STEPS = 3e-3, 2000, 300
"""Of Adam; events of each kind in a step; steps."""
_BANDWIDTHS = 0.10, 0.03
"""Of the kernel at the first step and at the last: far events steer first, then what is counted is."""
_COUNTED = 100_000
"""Events of each kind by which edges are chosen, and as many by which trainings are compared."""

Weights = list[tuple[Any, Any]]
Loss = Callable[[Weights, "Blobs", Any], Any]


class Blobs(NamedTuple):
    """One array for each kind: events (event, 2), observables (event,) or templates (bin,)."""

    signal: Any
    nominal: Any
    up: Any
    """The background with the nuisance at +1 ..."""
    down: Any
    """... and at -1."""


def blobs(key: Any, n: int) -> Blobs:
    """``n`` events of each kind, Gaussian with unit variances."""
    return Blobs(*(jax.random.normal(key, (4, n, 2)) + jnp.asarray(_CENTRES)[:, None]))


def initial_weights(key: Any) -> Weights:
    """A network of two hidden layers, in single precision."""
    sizes = zip(jax.random.split(key, 3), _LAYERS[:-1], _LAYERS[1:], strict=True)
    return [
        (jax.random.normal(k, (n, m), "float32") * np.float32(n**-0.5), jnp.zeros(m, "float32"))
        for k, n, m in sizes
    ]


def logit(weights: Weights, x: Any) -> Any:
    """(event,): the network's output at (event, 2)."""
    x = jnp.asarray(x, "float32")
    for matrix, offset in weights[:-1]:
        x = jnp.tanh(x @ matrix + offset)
    matrix, offset = weights[-1]
    return (x @ matrix + offset)[:, 0].astype(float)


def observable(weights: Weights, events: Blobs) -> Blobs:
    """The network's output for each event, between 0 and 1."""
    return Blobs(*jax.nn.sigmoid(logit(weights, jnp.concatenate(events))).reshape(4, -1))


def templates(x: Blobs, histogram: Callable[[Any], Any]) -> Blobs:
    """Expected events in each bin; ``histogram`` makes counts of an observable, soft or hard."""
    signal, *background = (histogram(row) / row.shape[0] for row in x)
    return Blobs(_SIGNAL * signal, *(_BACKGROUND * row + _FLOOR for row in background))


def structure(rows: Blobs | None = None) -> Model:
    """A strength, and a nuisance that is a shape; with these templates, or any, to be replaced."""
    ones = np.ones(len(EDGES) - 1)
    rows = Blobs(ones, ones, 1.1 * ones, 0.9 * ones) if rows is None else rows
    mu, place = Variable("mu", 1.0, lower_bound=0.0, upper_bound=20.0), Variable("place", 0.0, nuisance=True)
    background = Process("background", rows.nominal).add_shape(place, rows.up, rows.down)
    return Model().add_proc(Process("signal", rows.signal).scale_by(mu)).add_proc(background).prepare()


def expected_cls(model: Model, rows: Blobs) -> Any:
    """The median CLs of mu = 1 without a signal; NaN if a fit failed."""
    background = {"yields": rows.nominal, "up": {"place": rows.up}, "down": {"place": rows.down}}
    prepared = model.replaced(
        {("signal", "main"): {"yields": rows.signal}, ("background", "main"): background}
    )
    found = functional.hypotest(prepared, model.index("mu"), 1.0, rows.nominal)
    return jnp.where(found.found, found.expected_cls[2], jnp.nan)


def cls_loss(model: Model) -> Loss:
    """The logarithm of the expected CLs of soft histograms."""

    def loss(weights: Weights, events: Blobs, bandwidth: Any) -> Any:
        def soft(x: Any) -> Any:
            return kde_histogram(x, EDGES, bandwidth, flow="reflect").yields

        return jnp.log(expected_cls(model, templates(observable(weights, events), soft)))

    return loss


def cross_entropy(weights: Weights, events: Blobs, bandwidth: Any) -> Any:
    """The binary cross-entropy of signal and nominal background."""
    signal, background = logit(weights, events.signal), logit(weights, events.nominal)
    return 0.5 * (jnp.mean(jax.nn.softplus(-signal)) + jnp.mean(jax.nn.softplus(background)))


def trainer(loss: Loss) -> Callable[..., tuple[Weights, np.ndarray]]:
    """A function (weights, key, steps, batch) -> (weights, loss at each step): Adam, new events in each step.

    It is compiled once for all trainings.
    """
    optimiser = optax.adam(_RATE)

    @jax.jit
    def step(weights: Weights, state: Any, events: Blobs, bandwidth: Any) -> tuple[Weights, Any, Any]:
        value, gradient = jax.value_and_grad(loss)(weights, events, bandwidth)
        # A fit that fails gives NaN: the step is left out.
        gradient = jax.tree.map(lambda slope: jnp.where(jnp.isfinite(value), slope, 0.0), gradient)
        change, state = optimiser.update(gradient, state)
        return optax.apply_updates(weights, change), state, value

    def train(
        weights: Weights, key: Any, steps: int = _STEPS, batch: int = _BATCH
    ) -> tuple[Weights, np.ndarray]:
        state, values = optimiser.init(weights), []
        for k, bandwidth in zip(jax.random.split(key, steps), np.geomspace(*_BANDWIDTHS, steps), strict=True):
            weights, state, value = step(weights, state, blobs(k, batch), bandwidth)
            values.append(value)
        return weights, np.array(values)

    return train


def counted(x: Blobs, edges: Any) -> Blobs:
    """Templates of counted events."""
    return templates(x, lambda row: np.histogram(row, edges)[0])


def counted_cls(x: Blobs, edges: Any) -> float:
    """The median expected CLs of counted events, by the methods of the model."""
    rows = counted(x, edges)
    return float(structure(rows).hypotest("mu", 1.0, rows.nominal).expected[2])


def best_edges(
    x: Blobs, cls: Callable[[Blobs], Any], rng: np.random.Generator, tries: int = 200
) -> np.ndarray:
    """Of as many bins, edges of a low expected CLs: from random ones, and then moved at random.

    Edges are among 400 quantiles of all events, so that no sample is preferred by where its observables lie.
    """
    grid = np.quantile(np.concatenate(x), np.linspace(0.0, 1.0, 401))
    grid[0], grid[-1] = 0.0, 1.0
    cumulated = [np.concatenate([[0], np.cumsum(np.histogram(row, grid)[0])]) for row in x]
    inner = len(EDGES) - 2

    def judged(at: np.ndarray) -> float:
        ends = np.concatenate([[0], at, [400]])
        shares = [np.diff(row[ends]) / row[-1] for row in cumulated]
        found = float(cls(Blobs(_SIGNAL * shares[0], *(_BACKGROUND * row + _FLOOR for row in shares[1:]))))
        return found if np.isfinite(found) else np.inf

    at = np.searchsorted(grid, EDGES[1:-1]).clip(1, 399)
    best, lowest = at, judged(at)
    for k in range(2 * tries):
        at = rng.integers(1, 400, inner) if k < tries else best + rng.integers(-20, 21, inner)
        at = np.sort(at.clip(1, 399))
        if np.all(np.diff(at) > 0) and (found := judged(at)) < lowest:
            best, lowest = at, found
    return grid[np.concatenate([[0], best, [400]])]


def compare(seeds: Iterable[int], steps: int = _STEPS, batch: int = _BATCH) -> list[list[float]]:
    """A row a seed: expected CLs after cross-entropy and after CLs, in equal bins; the same in the best."""
    model = structure()
    trains = trainer(cross_entropy), trainer(cls_loss(model))
    cls = jax.jit(lambda rows: expected_cls(model, rows))
    rows = []
    for seed in seeds:
        keys = jax.random.split(jax.random.key(seed), 4)
        networks = [train(initial_weights(keys[0]), keys[1], steps, batch)[0] for train in trains]
        equal, best = [], []
        for network in networks:
            choosing = _arrays(observable(network, blobs(keys[2], _COUNTED)))
            x = _arrays(observable(network, blobs(keys[3], _COUNTED)))
            equal.append(counted_cls(x, EDGES))
            best.append(counted_cls(x, best_edges(choosing, cls, np.random.default_rng(seed))))
        rows.append(equal + best)
    return rows


def _arrays(x: Blobs) -> Blobs:
    return Blobs(*map(np.asarray, x))


def lines(seeds: Iterable[int], steps: int = _STEPS, batch: int = _BATCH) -> list[str]:
    """The table of :func:`compare`."""
    began = time.perf_counter()
    rows = compare(seeds, steps, batch)
    seconds = time.perf_counter() - began
    found = [
        "| expected CLs with the uncertainty, trained on | cross-entropy | CLs "
        "| cross-entropy, best bins | CLs, best bins |",
        "|---|---|---|---|---|",
    ]
    for seed, row in zip(seeds, rows, strict=True):
        found.append(f"| seed {seed} | " + " | ".join(f"{cls:.4f}" for cls in row) + " |")
    lower = sum(row[1] < row[0] for row in rows), sum(row[3] < row[2] for row in rows)
    return [
        *found,
        "",
        f"The network of CLs is the better one for {lower[0]} of {len(rows)} seeds in equal bins,",
        f"for {lower[1]} where each has its best edges, in {len(EDGES) - 1} bins. Edges are chosen by",
        f"other events than the ones counted, {_COUNTED} of each kind. {steps} steps of {batch} events",
        f"of each kind. Both trainings of all seeds, edges and comparison: {seconds:.0f} s, compiling in it.",
        "",
    ]
