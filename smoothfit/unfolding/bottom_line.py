"""The bottom-line test: unfolded data must not tell hypotheses apart better than the data do.

R. Cousins, S. May, Y. Sun, "Should unfolded histograms be used to test hypotheses?", arXiv:1607.07038.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import as_floats, check_finite, describe
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..inference.fitting import fit_prepared_data, held_values
from ..model import Model
from ..results import BottomLine, UnfoldingResult
from . import algebra
from .penalised import chi2_at

__all__ = ["bottom_line_test"]


def bottom_line_test(
    model: Model, result: UnfoldingResult, hypotheses: Mapping[str, Any], *, tolerance: float = 0.02
) -> BottomLine:
    """Compare data with truth hypotheses, folded and unfolded.

    Parameters
    ----------
    model
        The model that was unfolded, without a penalty.
    result
        What :func:`~smoothfit.unfolding.unfold` made of the data.
    hypotheses
        {name: x (truth bin,)} in the unit of ``result.x``.
    tolerance
        How much larger, relative to max(chi2, 1), the unfolded chi2 may be: the folded one is a
        likelihood's, the unfolded one a Gaussian's, and for few events they differ.

    Returns
    -------
    BottomLine
        chi2 with p-value of each, in the space of the data: twice the data term and the constraints (0 for
        a perfect description) with mu held at the hypothesis and the rest profiled, as many degrees of
        freedom as bins; and unfolded: (x - h)^T V^-1 (x - h) with V the sandwich covariance, as many as V
        has rank. A hypothesis passes if its unfolded chi2 is not above the folded one.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For hypotheses that are no dict, of another length, or a result of another model or one that failed.

    Examples
    --------
    >>> from smoothfit import Model, Variable
    >>> from smoothfit.unfolding import Regularisation, response_process, unfold
    >>> mu = Variable("mu", np.ones(2))
    >>> response, truth = [[0.8, 0.2], [0.2, 0.8]], [1000.0, 800.0]
    >>> sig = response_process("sig", response, truth, probabilities=True).scale_by(mu)
    >>> model = Model().add_proc(sig).prepare()
    >>> result = unfold(model, mu, [970.0, 850.0], Regularisation("size", truth), tau=None)
    >>> bottom_line_test(model, result, {"nominal": [1000.0, 800.0]})
    Bottom-line test passed: unfolding added no discriminating power.
    <BLANKLINE>
    hypothesis  folded chi2/n      p  unfolded chi2/n      p  passed
    ----------------------------------------------------------------
    nominal     0.2224/2       0.895  0.2207/2         0.896  yes
    """
    if not isinstance(result, UnfoldingResult):
        raise InvalidTypeError(f"bottom_line_test: expected an UnfoldingResult, got {describe(result)}.")
    if not isinstance(hypotheses, Mapping) or not hypotheses:
        raise InvalidTypeError(
            f"bottom_line_test: hypotheses must be a dict {{name: truth}}, got {describe(hypotheses)}."
        )
    if not result.success:
        raise InvalidValueError("bottom_line_test: the unfolding failed; there is no result to test.")
    allowed = as_floats("bottom_line_test: tolerance", tolerance)
    if allowed.ndim != 0 or not 0.0 <= allowed < np.inf:
        raise InvalidValueError(
            f"bottom_line_test: tolerance must be a finite number >= 0, got {describe(tolerance)}."
        )
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import chdtrc

    context = model._context()
    if context.layout.names != result.fit.layout.names:
        raise InvalidValueError(
            "bottom_line_test: the result is of another model; give the one that was unfolded."
        )
    held = held_values(result.fit)
    folded, unfolded, success, ndof = [], [], [], 0
    for name, given in hypotheses.items():
        what = f"bottom_line_test: hypothesis '{name}'"
        x = check_finite(what, as_floats(what, given)).ravel()
        if x.shape != result.x.shape:
            raise ShapeMismatchError(
                f"{what} has {len(x)} entries, the truth {len(result.x)} bins; give one a truth bin."
            )
        fixed = {**held, **dict(zip(result.names, x / result.nominal, strict=True))}
        start = result.fit.x[: context.layout.n_params]
        fit = fit_prepared_data(context, result.fit.obs, result.fit.globs, fixed, start, None, False)
        folded.append(chi2_at(context, fit.x, fit.obs, fit.globs).total if fit.success else np.nan)
        success.append(fit.success)
        chi2, ndof = algebra.quadratic_form(result.x - x, result.sandwich_covariance)
        unfolded.append(chi2)
    return BottomLine(
        names=tuple(hypotheses),
        folded=np.array(folded),
        folded_ndof=result.n_bins,
        folded_p=chdtrc(result.n_bins, np.array(folded)),
        unfolded=np.array(unfolded),
        unfolded_ndof=ndof,
        unfolded_p=chdtrc(ndof, np.array(unfolded)),
        success=np.array(success),
        tolerance=float(allowed),
    )
