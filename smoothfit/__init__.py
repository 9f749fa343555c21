"""smoothfit: binned likelihood fits for high-energy physics, on JAX.

Build a model from :class:`Variable`, :class:`Process`, :class:`ChannelContrib` and :class:`Model`, or
read one with :func:`read_pyhf`, :func:`read_hs3`, :func:`read_datacard`, :func:`read_histfactory` or
:func:`read_histograms`; then fit. :func:`save` and :func:`load` keep a model, :func:`save_result` and
:func:`load_result` what it found. The same as pure functions is in :mod:`smoothfit.functional`.
"""

from __future__ import annotations

from ._config import configure as _configure

_configure()

from . import (  # noqa: E402
    constraints,
    data_driven,
    differentiable,
    effects,
    eft,
    errors,
    fitters,
    functional,
    modifiers,
    report,
    systematics,
    unfolding,
)
from .build import ChannelContrib, Process, TreeVariable, Variable  # noqa: E402
from .combine import combine  # noqa: E402
from .diff import diff, nll_difference  # noqa: E402
from .host import host_likelihood  # noqa: E402
from .inference.protocol import Likelihood  # noqa: E402
from .inference.quantities import Derived  # noqa: E402
from .io import (  # noqa: E402
    load,
    load_result,
    read_datacard,
    read_histfactory,
    read_histograms,
    read_hs3,
    read_pyhf,
    save,
    save_result,
    to_hepdata,
    write_combine_impacts,
    write_hs3,
    write_pyhf,
)
from .live import interactive  # noqa: E402
from .model import Model  # noqa: E402
from .results import FitResult  # noqa: E402

__all__ = [
    "ChannelContrib",
    "Derived",
    "FitResult",
    "Likelihood",
    "Model",
    "Process",
    "TreeVariable",
    "Variable",
    "combine",
    "constraints",
    "data_driven",
    "diff",
    "differentiable",
    "effects",
    "eft",
    "errors",
    "fitters",
    "functional",
    "host_likelihood",
    "interactive",
    "load",
    "load_result",
    "modifiers",
    "nll_difference",
    "read_datacard",
    "read_histfactory",
    "read_histograms",
    "read_hs3",
    "read_pyhf",
    "report",
    "save",
    "save_result",
    "systematics",
    "to_hepdata",
    "unfolding",
    "write_combine_impacts",
    "write_hs3",
    "write_pyhf",
]
