"""The builders: mutable numpy objects that describe a model, checked at the call that errs.

* :class:`Variable`: what is fitted, or constrained; :class:`TreeVariable`: the weights of a network.
* :class:`Process`: what contributes to the expected yields.
* :class:`ChannelContrib`: the yields of a process in one channel, with their systematics.

What was asked of a process or a contribution is kept as declarations (:class:`Scale`,
:class:`ScaleFn`, :class:`AddFn`, :class:`Systematic`, :class:`Shape`), which ``prepare()`` turns into arrays.
"""

from __future__ import annotations

from .changes import Tracked, total_changes
from .contribution import ChannelContrib
from .declarations import AddFn, Declaration, Scale, ScaleFn, Shape, Systematic
from .process import Process
from .trees import TreeVariable
from .variable import Variable

__all__ = [
    "AddFn",
    "ChannelContrib",
    "Declaration",
    "Process",
    "Scale",
    "ScaleFn",
    "Shape",
    "Systematic",
    "Tracked",
    "TreeVariable",
    "Variable",
    "total_changes",
]
