"""Pass 3, likelihoods of other programs: traced as user functions are, at the shapes of their data."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .._types import FloatArray
from ..errors import UserFunctionError
from ..host import HostLikelihood
from ..programs import trace
from .functions import Traced, check_finite
from .likelihoods import CALL, nll_of
from .parameters import Parameters
from .specification import UserTerm

__all__ = ["trace_likelihood"]

_CURE = (
    "write it with jax.numpy, without if, float() or numpy on its arguments, or wrap it: "
    "smoothfit.host_likelihood(fn, n_parameters) calls a likelihood that cannot be written so"
)


def trace_likelihood(term: UserTerm, p: Parameters) -> Traced:
    """Trace the NLL of an ``add_likelihood``, with its sign turned; its data are held like captured arrays.

    Raises
    ------
    UserFunctionError
        If it cannot be traced, is no number of float64, takes more parameters, or is not finite at the start.
    """
    assert term.likelihood is not None
    positions = np.concatenate([p.of(v) for v in term.variables or ()])
    leaves, given = term.likelihood.leaves, term.likelihood.given
    nll = None if given is None else nll_of(given)
    host = nll if isinstance(nll, HostLikelihood) else None
    if nll is not None and host is None:
        _check_reach(term, p.start[positions])
    program, captured = trace(
        lambda values, *arrays: jnp.negative(term.fn(values, *arrays)),
        [(len(positions),), *(leaf.shape for leaf in leaves)],
        label=term.label,
        owner=CALL,
        cure=_CURE,
    )
    if int(np.prod(program.out_shape, dtype=int)) != 1:
        raise UserFunctionError(
            f"{CALL}: the NLL of '{term.label}' has shape {program.out_shape}, expected one number; sum over "
            "events or bins."
        )
    if program.out_dtype != "float64":
        raise UserFunctionError(
            f"{CALL}: the NLL of '{term.label}' is a {program.out_dtype}, and a fit needs float64; leave its "
            "arguments as they are, and give its own arrays as float64."
        )
    held = (*captured, *(jnp.asarray(leaf, float) for leaf in leaves))
    traced = Traced(program, held, (positions,), (False,))
    check_finite(traced, p, term.label, CALL, host)
    return traced


def _check_reach(term: UserTerm, start: FloatArray) -> None:
    """An index beyond the vector, which numpy refuses, and JAX takes for the last one."""
    assert term.likelihood is not None
    try:
        term.fn(start.copy(), *term.likelihood.leaves)
    except IndexError as error:
        if f"out of bounds for axis 0 with size {len(start)}" not in str(error):
            return
        raise UserFunctionError(
            f"{CALL}: the NLL of '{term.label}' takes more parameters than the {len(start)} that it is given "
            f"({error}); give a Variable for each, in its order."
        ) from error
    except Exception:  # noqa: BLE001 - what it cannot do with numpy's arrays it may do with JAX's.
        return
