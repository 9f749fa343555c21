"""A workspace read by us and by pyhf, side by side."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyhf

from smoothfit.io import read_pyhf

SETTINGS = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}


class Twin:
    """Our model and pyhf's of one workspace; parameters are matched by name."""

    def __init__(self, source: dict | Path, patch: Any = None, measurement: str | None = None):
        pyhf.set_backend("numpy")
        spec = json.loads(source.read_text()) if isinstance(source, Path) else copy.deepcopy(source)
        if patch is not None:
            import jsonpatch

            spec = jsonpatch.apply_patch(spec, patch)
        workspace = pyhf.Workspace(spec)
        poi = workspace.get_measurement(measurement_name=measurement)["config"]["poi"]
        names = {m["name"] for c in spec["channels"] for s in c["samples"] for m in s["modifiers"]}
        options = {} if poi in names else {"poi_name": None}
        self.theirs = workspace.model(
            measurement_name=measurement, modifier_settings=copy.deepcopy(SETTINGS), **options
        )
        self.data = workspace.data(self.theirs)
        with warnings.catch_warnings():
            if options and poi:
                warnings.filterwarnings("ignore", message=".*parameter of interest.*")
            self.ours, self.obs = read_pyhf(source, measurement, patch)
        self.config = self.theirs.config
        self.init = np.array(self.config.suggested_init(), dtype=float)
        self.bounds = np.array(self.config.suggested_bounds(), dtype=float)
        self.fixed = np.array(self.config.suggested_fixed(), dtype=bool)

    def values(self, parameters: np.ndarray) -> np.ndarray:
        """Our vector of values for pyhf's."""
        result = {}
        for name in self.config.par_order:
            part = np.asarray(parameters)[self.config.par_slice(name)]
            result[name] = float(part[0]) if self.config.param_set(name).is_scalar else part
        return np.asarray(self.ours.values_from_dict(result))

    def parameters(self, values: np.ndarray) -> np.ndarray:
        """pyhf's vector for our values."""
        given = self.ours.values_to_dict(np.asarray(values))
        by_name = {getattr(key, "name", key): value for key, value in given.items()}
        return np.concatenate([np.atleast_1d(by_name[name]) for name in self.config.par_order])

    def their_twice_nll(self, parameters: np.ndarray) -> float:
        """-2 log L of pyhf, NaN where a rate is negative."""
        with np.errstate(all="ignore"):
            return float(-2.0 * np.ravel(self.theirs.logpdf(np.asarray(parameters), self.data))[0])

    def our_twice_nll(self, parameters: np.ndarray) -> float:
        """-2 log L of ours."""
        return 2.0 * float(self.ours.nll(self.values(parameters), self.obs))

    def points(self, n: int, seed: int = 1) -> list[np.ndarray]:
        """Random parameters, from the start towards either bound, where pyhf's -2 log L is finite."""
        random = np.random.default_rng(seed)
        kept: list[np.ndarray] = []
        for trial in range(100 * n):
            reach = (1.0, 0.3, 0.1, 0.03)[trial % 4]
            bound = np.where(random.random(len(self.init)) < 0.5, self.bounds[:, 0], self.bounds[:, 1])
            point = self.init + reach * random.random(len(self.init)) * (bound - self.init)
            if np.isfinite(self.their_twice_nll(point)):
                kept.append(point)
            if len(kept) == n:
                break
        return kept

    def largest_difference(self, n: int) -> float:
        """Largest relative difference of -2 log L, at the start and at n random points."""
        differences = []
        for point in [self.init, *self.points(n)]:
            theirs, ours = self.their_twice_nll(point), self.our_twice_nll(point)
            differences.append(abs(ours - theirs) / max(abs(theirs), 1.0))
        assert len(differences) == n + 1
        # Not max(): that may pass over a NaN.
        return float(np.max(differences))
