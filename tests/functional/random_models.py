"""Models of one structure with random numbers: compiled once, whatever the numbers."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from smoothfit.model import ChannelContrib, Model, Process, Variable

N_CHANGES = 6


class Case(NamedTuple):
    """A model with data (bin,) and global observables (global observable,)."""

    model: Model
    obs: np.ndarray
    globs: np.ndarray


def moved(prepared, obs, globs, s):
    """(prepared, obs, globs) changed by s (N_CHANGES,).

    In turn: nominal yields, up templates, Monte Carlo variances, kappas, data, a global observable.
    """
    templates = prepared.templates

    def tilted(leaf, change):
        pattern = jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape)
        return leaf * (1.0 + 0.05 * change * pattern)

    kappas = {
        kind: tuple(tilted(x, 0.2 * s[3]) for x in numbers) for kind, numbers in templates.effects.items()
    }
    changed = dataclasses.replace(
        templates,
        nominal=tilted(templates.nominal, s[0]),
        shape_up=tilted(templates.shape_up, s[1]),
        sumw2=tilted(templates.sumw2, s[2]),
        effects=kappas,
    )
    prepared = dataclasses.replace(prepared, templates=changed)
    return prepared, tilted(obs, s[4]), globs.at[0].add(0.2 * s[5])


def case(seed: int) -> Case:
    """A signal in two channels above a background with a shape, a normalisation and Monte Carlo statistics.

    In every third model a rate without constraint ends at its bound, in every other one the signal does
    or the data are lower than the background.
    """
    rng = np.random.default_rng(seed)
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=20.0)
    jes, norm = (Variable(name, 0.0, nuisance=True) for name in ("jes", "norm"))
    at_bound = seed % 3 == 0
    rate = Variable("rate", 1.0, lower_bound=1.0 if at_bound else 0.2, upper_bound=3.0)
    model, sig, bkg, other = Model(), Process("sig"), Process("bkg"), Process("other")
    for channel, n_bins in (("A", 3), ("B", 2)):
        yields = rng.uniform(40.0, 90.0, n_bins)
        bkg.add_contrib(ChannelContrib(channel, yields))
        sig.add_contrib(ChannelContrib(channel, rng.uniform(4.0, 15.0, n_bins)))
        other.add_contrib(ChannelContrib(channel, rng.uniform(5.0, 20.0, n_bins)))
        bkg[channel].add_shape(
            jes, up=yields * rng.uniform(1.02, 1.2, n_bins), down=yields * rng.uniform(0.85, 0.98, n_bins)
        )
        bkg[channel].register_sumw2(yields * rng.uniform(0.1, 0.4, n_bins))
    bkg.add_lnN(norm, 1.08)
    sig.scale_by(mu)
    other.scale_by(rate)
    model.add_proc(sig).add_proc(bkg).add_proc(other).prepare()
    truth = model.values_from_dict(
        {"mu": 0.0 if seed % 2 else 0.7, "jes": rng.normal(), "rate": 0.7 if at_bound else 1.2}
    )
    expected = np.asarray(model.pred(truth))
    obs = np.round(expected + np.sqrt(expected) * rng.normal(0.0, 0.8, len(expected)))
    globs = model.layout.globs + rng.normal(0.0, 0.3, len(model.layout.globs))
    return Case(model, obs, globs)
