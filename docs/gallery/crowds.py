"""Records of few and of many entries, to see whether a picture of them can be read. No physics is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from smoothfit import Model, Process, Variable
from smoothfit.layout import ChannelInfo, ProcessInfo
from smoothfit.results import (
    Breakdown,
    ChannelCompatibility,
    Contour,
    Contours,
    GoodnessOfFit,
    Impacts,
    Pulls,
    ToyCounts,
    UnfoldingResult,
    UnfoldingScan,
    Variations,
    Yields,
)

__all__ = ["recipes"]

_NAMES = ("lumi_13TeV_{}", "CMS_scale_j_absolute_{}_2018", "pdf_qqbar_{}", "btag_hf_stats_{}", "norm_tt_{}")
_BROKEN = r"\frac{\alpha_s"
"""A label that cannot be set."""


def _names(n: int) -> tuple[str, ...]:
    return tuple(_NAMES[i % len(_NAMES)].format(i) for i in range(n))


def _labels(n: int) -> tuple[str | None, ...]:
    known: list[str | None] = [None, None, r"\alpha_s(m_Z)", _BROKEN]
    return tuple(known[i] if i < len(known) else None for i in range(n))


def _yields(n: int) -> Yields:
    rng = np.random.default_rng(1)
    bins = 6 if n < 50 else 12
    channels = tuple(
        ChannelInfo(f"SR_{i}_2j_1b" if i % 3 else f"CR_{i}", i * bins, (i + 1) * bins, label="m", unit="GeV")
        for i in range(n)
    )
    processes = tuple(
        ProcessInfo(f"sample_{i}" if i else "sig", (f"p{i}",), False, i == 0, r"t\bar{t}H" if not i else None)
        for i in range(n)
    )
    sizes = rng.exponential(200.0, n)
    falling = np.tile(np.exp(-np.arange(bins) / 3.0), n)
    parts = {
        p.name: size * falling * rng.uniform(0.5, 1.5, n * bins)
        for p, size in zip(processes, sizes, strict=True)
    }
    total = np.sum(list(parts.values()), axis=0)
    return Yields(
        "post-fit", channels, processes, parts, total, 0.08 * total, rng.poisson(total).astype(float)
    )


def _pulls(n: int) -> Pulls:
    rng = np.random.default_rng(2)
    return Pulls(_names(n), _labels(n), rng.normal(0.0, 0.6, n), rng.uniform(0.4, 1.0, n))


def _impacts(n: int) -> Impacts:
    rng = np.random.default_rng(3)
    pois = ("mu_ggH", "mu_VBF", "mu_VH")
    up = rng.normal(0.0, 0.1, (n, 3)) * np.exp(-np.arange(n) / (0.2 * n))[:, None]
    up[1, 0] = np.nan
    failed = tuple("not converged" if i == 1 else "converged" for i in range(n))
    groups = Breakdown(
        "hessian",
        pois,
        (r"\mu_{ggH}", None, None),
        np.array([1.0, 0.8, 1.3]),
        np.full(3, 0.09),
        ("statistics", "experiment", "theory", "simulation"),
        0.09 * np.array([[0.5, 0.6, 0.8], [0.2, 0.2, 0.1], [0.25, 0.15, 0.05], [0.05, 0.05, 0.05]]),
        np.zeros(3, dtype=bool),
    )
    return Impacts(
        "traditional",
        "minos",
        pois,
        (r"\mu_{ggH}", None, None),
        np.array([1.0, 0.8, 1.3]),
        np.array([0.3, 0.25, 0.5]),
        _names(n),
        _labels(n),
        np.ones(n),
        -np.ones(n),
        up,
        -up * rng.uniform(-0.3, 1.2, (n, 3)),
        failed,
        tuple("at limit" if i == 2 else "converged" for i in range(n)),
        np.where(np.arange(n) == 3, np.nan, rng.normal(0.0, 0.5, n)),
        rng.uniform(0.5, 1.0, n),
        rng.uniform(0.5, 1.0, n),
        np.zeros(3, dtype=bool),
        groups,
    )


def _breakdown(n: int) -> Breakdown:
    rng = np.random.default_rng(4)
    shares = rng.exponential(1.0, (n, 1))
    shares[2] *= -0.1
    return Breakdown(
        "hessian",
        ("mu",),
        (r"\mu",),
        np.ones(1),
        shares.sum(axis=0),
        _names(n),
        shares,
        np.zeros(1, dtype=bool),
    )


def _fit(n: int) -> Any:
    """A fit of n parameters: nuisances in threes, which the data hardly tell apart."""
    rng = np.random.default_rng(5)
    bins = max(12, n)
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("sig", rng.uniform(2e3, 4e3, bins)).scale_by(mu))
    bkg = Process("bkg", rng.uniform(2e4, 4e4, bins))
    nominal = bkg["main"].yields[0]
    kinds = rng.normal(0.0, 0.01, (n, bins))
    for i, name in enumerate(_names(n - 1)):
        shift = np.exp(kinds[i % (n // 3 + 1)] + rng.normal(0.0, 0.004, bins))
        theta = Variable(name, 0.0, nuisance=True)
        bkg["main"].add_shape(theta, nominal * shift, nominal / shift, kind="raw")
    return model.add_proc(bkg).prepare().fit(rng.poisson(3.3e4, bins))


def _contours(s: Any, pairs: int) -> Contours:
    layout, rng = s["fit"].layout, np.random.default_rng(6)
    angle = np.linspace(0.0, 2.0 * np.pi, 33)
    count = next(k for k in range(2, 99) if k * (k - 1) // 2 >= pairs)
    found = []
    for first, second in combinations(layout.names[:count], 2):
        best, rho = rng.normal(0.0, 0.3, 2), rng.uniform(-0.8, 0.8)
        unit = np.stack([np.cos(angle), rho * np.cos(angle) + np.sqrt(1.0 - rho**2) * np.sin(angle)], axis=1)
        curves = best + np.array([1.5, 2.4])[:, None, None] * unit
        status = np.zeros((2, 33), dtype=int)
        found.append(
            Contour(
                (first, second),
                (0.68, 0.95),
                curves,
                status,
                np.zeros((2, 33, len(layout.names))),
                best,
                layout,
            )
        )
    return Contours(tuple(found))


def _gof(n: int) -> GoodnessOfFit:
    rng = np.random.default_rng(7)
    toys = rng.chisquare(6, (400, n))
    counts = ToyCounts("frequentist", 1, 400, 400)
    return GoodnessOfFit(
        "saturated",
        5.5 * n,
        toys.sum(axis=1),
        tuple(f"SR_{i}" for i in range(n)),
        rng.chisquare(6, n),
        toys,
        0.0,
        6 * n,
        counts,
    )


def _compatibility(n: int) -> ChannelCompatibility:
    rng = np.random.default_rng(8)
    names = tuple(f"category_{i}" for i in range(n))
    toys = rng.chisquare(max(n - 1, 1), 400)
    values, errors = rng.normal(1.0, 0.4, n), rng.uniform(0.2, 0.6, n)
    return ChannelCompatibility(
        "mu",
        names,
        tuple((name,) for name in names),
        values,
        errors,
        1.0,
        0.1,
        float(n),
        n - 1,
        toys,
        ToyCounts("frequentist", 1, 400, 400),
        label=r"\mu",
    )


def _limits(n: int) -> Any:
    mu = Variable("mu", 1.0, lower_bound=0.0, label=r"\sigma\,/\,\sigma_\mathrm{th}")
    model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu)).add_proc(Process("bkg", [50.0, 40.0]))
    one = model.prepare().upper_limit(mu, [51.0, 42.0])
    rng, masses = np.random.default_rng(9), np.linspace(300.0, 3000.0, n)
    scale = 0.2 * (masses / 300.0) ** 2
    wobble = np.exp(rng.normal(0.0, 0.2, n))
    return masses, [
        replace(one, observed=one.observed * f * w, expected=one.expected * f)
        for f, w in zip(scale, wobble, strict=True)
    ]


def _unfolding(s: Any, n: int) -> UnfoldingResult:
    rng = np.random.default_rng(10)
    at = np.arange(n)
    truth = 9000.0 * np.exp(-at / (0.25 * n))
    errors = 0.08 * truth
    near = np.exp(-0.5 * ((at[:, None] - at) / max(1.0, 0.03 * n)) ** 2)
    covariance = near * errors * errors[:, None]
    wide = np.where(np.eye(n, dtype=bool), 2.0, -0.4) * near * errors * errors[:, None]
    tau = np.geomspace(1e-4, 1.0, 25)
    curve = np.log10(tau)
    scan = UnfoldingScan(
        tau,
        np.ones(25, dtype=bool),
        np.tile(truth, (25, 1)),
        np.tile(errors, (25, 1)),
        20.0 + 60.0 / (1.0 + np.exp(-3.0 * (curve + 1.2))),
        np.full(25, 2.0),
        10.0 ** (1.5 - 3.0 / (1.0 + np.exp(-3.0 * (curve + 2.5)))),
        np.exp(-((curve + 2.0) ** 2)),
        0.75 - 0.2 * np.exp(-((curve + 2.1) ** 2)),
        0.9 - 0.15 * np.exp(-((curve + 1.9) ** 2)),
        np.full(25, np.nan),
        np.full(25, np.nan),
    )
    found = truth + np.linalg.cholesky(covariance + 1e-9 * np.eye(n) * errors**2) @ rng.normal(size=n)
    return UnfoldingResult(
        tuple(f"x[{i}]" for i in range(n)),
        "yield",
        "curvature",
        float(tau[12]),
        "lcurve",
        "",
        True,
        found,
        covariance,
        covariance,
        0.3 * errors * np.sin(at / (0.1 * n)),
        np.zeros(n),
        truth + 2.0 * errors * rng.normal(size=n),
        wide @ wide.T / np.max(np.abs(wide)) + np.diag((2.0 * errors) ** 2),
        truth,
        20.0,
        2.0,
        1.0,
        2 * n,
        np.full(n, 0.5),
        s["fit"],
        s["fit"],
        scan,
        (np.linspace(0.0, 600.0, n + 1),),
        None,
        r"p_\mathrm{T}",
        "GeV",
    )


def _variations(n: int) -> list[Variations]:
    rng = np.random.default_rng(11)
    bins = 8
    channels = tuple(ChannelInfo(f"SR_{i}", i * bins, (i + 1) * bins) for i in range(n))
    process = ProcessInfo("ttbar", ("ttbar",), False, False, r"t\bar{t}")
    nominal = np.tile(100.0 * np.exp(-np.arange(bins) / 4.0), n)
    wave = 0.1 * np.sin(np.arange(n * bins) / 3.0)
    noise = rng.normal(0.0, 0.02, (2, n * bins))
    sides = [{"ttbar": nominal * (1.0 + s * wave + e)} for s, e in zip((1.0, -0.8), noise, strict=True)]
    error = {"ttbar": np.sqrt(0.4 * nominal)}
    return [
        Variations(
            "CMS_scale_j_absolute",
            None,
            1.0,
            -1.0,
            channels,
            (process,),
            {"ttbar": nominal},
            sides[0],
            sides[1],
            error,
        )
    ]


def _sharp(n: int) -> Variations:
    """One channel of so many bins."""
    (record,) = _variations(-(-n // 8))
    channels = (ChannelInfo("SR", 0, 8 * -(-n // 8)),)
    return replace(record, channels=channels)


def recipes(n: int) -> dict[str, Callable[[Any], Any]]:
    """Records of n entries each."""
    return {
        "fit": lambda s: _fit(n),
        "postfit": lambda s: _yields(n),
        "pulls": lambda s: _pulls(n),
        "impacts": lambda s: _impacts(n),
        "breakdown": lambda s: _breakdown(n),
        "contours": lambda s: _contours(s, n),
        "gof": lambda s: _gof(n),
        "compatibility": lambda s: _compatibility(n),
        "mass_scan": lambda s: _limits(n),
        "unfolding": lambda s: _unfolding(s, n),
        "variations": lambda s: _variations(n),
        "bins": lambda s: _sharp(n),
    }
