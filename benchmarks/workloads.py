"""The reference workloads (../shared/workloads), built through the public API."""

from __future__ import annotations

from typing import Any

import numpy as np

from smoothfit import ChannelContrib, Model, Process, Variable

__all__ = ["build", "workload_order"]


def build(workload: Any, *, scaling: str = "total") -> Model:
    """A workload as a Model: lnN and raw shapes by channel, Barlow-Beeston lite where it has errors."""
    pois = [Variable(f"mu{i}", 1.0) for i in range(workload.npoi)]
    lognormals = [Variable(f"lnN{i}", 0.0, nuisance=True) for i in range(workload.SL)]
    shapes = [Variable(f"shape{i}", 0.0, nuisance=True) for i in range(workload.SS)]
    model = Model()
    for i in range(workload.P):
        process = Process(f"p{i}")
        for channel, bins in workload.chans:
            sumw2 = workload.sumw2[i, bins] if workload.relerr is not None else None
            contrib = ChannelContrib(channel, workload.nom[i, bins], sumw2)
            for k in np.flatnonzero(workload.logk[:, i]):
                contrib.add_lnN(lognormals[k], float(np.exp(workload.logk[k, i])))
            for k in np.flatnonzero(workload.mask_s[:, i]):
                contrib.add_shape(shapes[k], workload.up[k, i, bins], workload.dn[k, i, bins], kind="raw")
            process.add_contrib(contrib)
        if workload.poi_of[i] >= 0:
            process.scale_by(pois[workload.poi_of[i]])
        model.add_proc(process)
    return model.set_mc_stat("lite", scaling=scaling)


def workload_order(model: Model, workload: Any) -> np.ndarray:
    """Where the workload's parameters are among the model's, parameters first, bin parameters last."""
    at = [model.index(name) for name in workload.names if not name.startswith("bb")]
    n = len(model.parameters)
    return np.concatenate([np.array(at, dtype=int), np.arange(n, n + len(model.bin_parameters))])
