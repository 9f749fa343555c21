"""The library as pure functions of pytrees, for ``jit``, ``vmap`` and ``grad``.

``prepared`` is ``model.prepared`` (or ``model.replaced(...)``, with other templates), ``values`` a vector
(param,) or (param + bin parameter,), ``obs`` counts (bin,), ``globs`` global observables, the parameters'
and then the bins', by default the model's. The methods of :class:`~smoothfit.Model` call
the same code.

- :mod:`.fits`: predictions, the likelihood, fits, profiles, covariances;
- :mod:`.minos`: bounds;
- :mod:`.hypotests`, :mod:`.limits`: tests, significances and limits by asymptotic formulae;
- :mod:`.toys`: random data;
- :mod:`.roots`: roots that are differentiated by their equation.

Examples
--------
>>> import jax
>>> from smoothfit import Model, Process, Variable, functional
>>> sig = Process("sig", [50.0, 1.0]).scale_by(Variable("mu", 1.0))
>>> model = Model().add_proc(sig).add_proc(Process("bkg", [500.0, 500.0])).prepare()
>>> fitted = lambda yields: functional.fit(
...     model.replaced("sig", "main", yields=yields), [525.0, 500.5]).values[0]
>>> [round(float(g), 5) for g in jax.grad(fitted)(jax.numpy.array([50.0, 1.0]))]
[-0.00999, -0.00021]
"""

from __future__ import annotations

from .._compilation import compiler_options
from ..inference.evaluation import data_of
from ..likelihood.objective import nothing_fixed
from .fits import covariance, expected, fit, hessian, hold, nll, profile
from .hypotests import Hypotest, Significance, hypotest, significance
from .limits import Limit, upper_limit
from .minos import minos
from .toys import toys

__all__ = [
    "Hypotest",
    "Limit",
    "Significance",
    "compiler_options",
    "covariance",
    "data_of",
    "expected",
    "fit",
    "hessian",
    "hold",
    "hypotest",
    "minos",
    "nll",
    "nothing_fixed",
    "profile",
    "significance",
    "toys",
    "upper_limit",
]
