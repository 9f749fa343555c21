"""The workloads as pyhf workspaces, for the tools that read those.

normsys with kappa and 1/kappa, histosys with the templates, staterror where the workload has errors. With the
interpolations of ``MODIFIERS`` pyhf's likelihood is the workload's to rounding (a symmetric log-normal is
exponential on both sides, code1; the sixth-order polynomial on raw templates is code4p).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["MODIFIERS", "from_workload_order", "in_workload_order", "workspace"]

MODIFIERS = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code4p"}}
"""``modifier_settings`` for pyhf."""


def _listed(array: np.ndarray) -> list[float]:
    return [float(value) for value in array]


def _modifiers(m: Any, i: int, channel: str, bins: slice) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if m.poi_of[i] >= 0:
        found.append({"name": f"mu{m.poi_of[i]}", "type": "normfactor", "data": None})
    for k in np.flatnonzero(m.logk[:, i]):
        kappa = float(np.exp(m.logk[k, i]))
        found.append({"name": f"lnN{k}", "type": "normsys", "data": {"hi": kappa, "lo": 1.0 / kappa}})
    for k in np.flatnonzero(m.mask_s[:, i]):
        templates = {"hi_data": _listed(m.up[k, i, bins]), "lo_data": _listed(m.dn[k, i, bins])}
        found.append({"name": f"shape{k}", "type": "histosys", "data": templates})
    if m.relerr is not None:
        errors = np.sqrt(m.sumw2[i, bins])
        found.append({"name": f"staterror_{channel}", "type": "staterror", "data": _listed(errors)})
    return found


def workspace(m: Any, counts: np.ndarray) -> dict[str, Any]:
    """The workspace of a workload with observed counts."""
    channels = [
        {
            "name": channel,
            "samples": [
                {
                    "name": f"p{i}",
                    "data": _listed(m.nom[i, bins]),
                    "modifiers": _modifiers(m, i, channel, bins),
                }
                for i in range(m.P)
            ],
        }
        for channel, bins in m.chans
    ]
    observations = [{"name": channel, "data": _listed(counts[bins])} for channel, bins in m.chans]
    measurement = {"name": "measurement", "config": {"poi": "mu0", "parameters": []}}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [measurement],
        "version": "1.0.0",
    }


def _places(m: Any, names: Sequence[str]) -> np.ndarray:
    """For each of the workload's parameters, where the tool has it.

    Tools write a bin's parameter as ``staterror_ch0[3]``.
    """
    wanted = list(m.names[: m.npar - m.nbb])
    if m.nbb:
        wanted += [f"staterror_{c}[{b}]" for c, bins in m.chans for b in range(bins.stop - bins.start)]
    at = {name: k for k, name in enumerate(names)}
    return np.array([at[name] for name in wanted])


def in_workload_order(m: Any, names: Sequence[str], values: Any) -> np.ndarray:
    """A tool's values in the workload's order; gamma = 1 + delta x becomes x."""
    x = np.asarray(values, float)[_places(m, names)]
    if m.nbb:
        x[-m.nbb :] = (x[-m.nbb :] - 1.0) / m.relerr
    return x


def from_workload_order(m: Any, names: Sequence[str], x: np.ndarray) -> np.ndarray:
    """The other way."""
    given = np.array(x, float)
    if m.nbb:
        given[-m.nbb :] = 1.0 + m.relerr * given[-m.nbb :]
    values = np.empty(len(names))
    values[_places(m, names)] = given
    return values
