"""Which processes a picture tells apart: of very many the smallest are one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._types import FloatArray
from ..layout import ProcessInfo

__all__ = ["Shown", "told_apart"]

_MOST = 16


class Shown(NamedTuple):
    """Processes as they are drawn."""

    processes: tuple[ProcessInfo, ...]
    sums: FloatArray
    """(drawn, process): 1 where a process is part of a drawn one."""


def told_apart(processes: Sequence[ProcessInfo], yields: FloatArray) -> Shown:
    """The processes, or the largest and all signals, and the sum of the others.

    Chosen once, from (process, bin) yields of the start values: what is drawn must not change under the hand.

    Examples
    --------
    >>> many = [ProcessInfo(f"p{i}", (f"p{i}",), False, i == 0) for i in range(20)]
    >>> shown = told_apart(many, np.arange(20.0)[:, None])
    >>> len(shown.processes), shown.processes[0].name, shown.processes[-1].name
    (16, 'p0', '5 others')
    """
    if len(processes) <= _MOST:
        return Shown(tuple(processes), np.eye(len(processes)))
    sizes = np.abs(yields).sum(axis=1)
    order = sorted(range(len(processes)), key=lambda i: (processes[i].signal, sizes[i]))
    gone = order[: len(processes) - _MOST + 1]
    kept = [i for i in range(len(processes)) if i not in gone]
    # Without sub-processes, so that nobody takes it for one of the model's.
    rest = ProcessInfo(f"{len(gone)} others", (), False, False)
    sums = np.zeros((_MOST, len(processes)))
    sums[np.arange(len(kept)), kept] = 1.0
    sums[-1, gone] = 1.0
    return Shown((*(processes[i] for i in kept), rest), sums)
