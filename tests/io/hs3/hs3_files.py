"""HS3 files for tests, made of parts; and a transcription of their likelihood in numpy and scipy."""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.special import gammaln


def poisson(count, mean):
    """-log Pois(count | mean), for counts that need not be whole."""
    count, mean = np.asarray(count, float), np.asarray(mean, float)
    return float(np.sum(mean - np.where(count > 0, count * np.log(mean), 0.0) + gammaln(count + 1.0)))


def gauss(value, mean, width):
    """-log N(value | mean, width)"""
    return float(-np.sum(stats.norm.logpdf(value, mean, width)))


def modifier(kind, parameter, data=None, **fields):
    entry = {"name": parameter, "type": kind, "parameter": parameter, **fields}
    return entry if data is None else {**entry, "data": data}


def sample(name, contents, *modifiers, errors=None):
    data = {"contents": list(contents)}
    if errors is not None:
        data["errors"] = list(errors)
    return {"name": name, "data": data, "modifiers": list(modifiers)}


def channel(*samples, name="SR", **fields):
    n = len(samples[0]["data"]["contents"])
    axes = [{"name": f"obs_{name}", "min": 0.0, "max": float(n), "nbins": n}]
    return {"name": name, "type": "histfactory_dist", "axes": axes, "samples": list(samples), **fields}


def file(channels, counts, *, values=None, const=(), extra=(), functions=(), aux=(), ranges=None, **sections):
    """A file of one likelihood; ``counts`` go with ``channels``, ``extra`` are other distributions."""
    names = [c["name"] for c in channels]
    data = [
        {"name": f"data_{name}", "type": "binned", "axes": c["axes"], "contents": list(n)}
        for name, c, n in zip(names, channels, counts, strict=True)
    ]
    likelihood = {"name": "main", "distributions": names, "data": [d["name"] for d in data]}
    if aux:
        likelihood["aux_distributions"] = list(aux)
    point = [{"name": n, "value": v, "const": n in const} for n, v in (values or {}).items()]
    axes = [{"name": n, "min": low, "max": high} for n, (low, high) in (ranges or {}).items()]
    return {
        "metadata": {"hs3_version": "0.2"},
        "distributions": [*channels, *extra],
        "functions": list(functions),
        "data": data,
        "likelihoods": [likelihood],
        "domains": [{"name": "default_domain", "type": "product_domain", "axes": axes}],
        "parameter_points": [{"name": "default_values", "parameters": point}],
        **sections,
    }


MU = modifier("normfactor", "mu")
SIGNAL = sample("sig", [5.0, 3.0], MU)
COUNTS = [57.0, 22.0]


def one(*modifiers, contents=(50.0, 20.0), errors=None, counts=COUNTS, fields=None, **options):
    """A signal and a background that these modifiers act on."""
    background = sample("bkg", contents, *modifiers, errors=errors)
    return file([channel(SIGNAL, background, **(fields or {}))], [counts], **options)
