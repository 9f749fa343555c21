"""Regularised unfolding: a penalised profile-likelihood fit, its strength chosen or given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import as_floats, check_choice, check_finite
from .._pytree import resolve
from .._types import ArrayLike, FloatArray
from ..build import Variable
from ..errors import FitError, InvalidValueError, ShapeMismatchError
from ..inference import compiled, inputs, labelling
from ..model import Model
from ..results import FitResult, UnfoldingResult, UnfoldingScan
from .choice import CRITERIA, best_tau
from .coverage import NOMINAL, Coverage, CoverageToys, choose_by_coverage
from .penalised import Penalised, Point, penalise
from .regularisation import Regularisation, read_tau
from .scan import default_taus, read_taus, scan, scan_record

__all__ = ["unfold"]


def _toy_truth(problem: Penalised, first: Point, truth: Any) -> FloatArray:
    """(param + bin param,): where toys are drawn, by default what the fit without penalty found."""
    if truth is None:
        return first.vector
    given = check_finite("unfold: truth", as_floats("unfold: truth", truth))
    if given.shape != problem.at.shape:
        raise ShapeMismatchError(
            f"unfold: truth has shape {given.shape}, expected {problem.at.shape}; give mu of the toys."
        )
    vector = first.vector.copy()
    vector[problem.at] = given
    return vector


def _labelled(problem: Penalised, point: Point) -> FitResult:
    layout, prepared = problem.context.layout, problem.prepared(point.tau)
    _, mask = inputs.fixed(layout, prepared, problem.fixed)
    data = inputs.data(layout, problem.obs, problem.globs)
    return labelling.fit_result(
        point.solution,
        layout,
        fitter="newton",
        obs=problem.obs,
        globs=problem.globs,
        fixed=mask,
        dense=np.asarray(resolve(prepared.plan.dense)),
        curvature_of=lambda: compiled.curvature(prepared, data, problem.held, point.solution),
        blinded=problem.context.blinded,
    )


def unfold(
    model: Model,
    mu: Variable,
    obs: Any,
    regularisation: Regularisation,
    *,
    tau: float | str | None = "lcurve",
    taus: ArrayLike | None = None,
    globs: Any = None,
    fixed: Any = None,
    truth: Any = None,
    toys: float = 500,
    tolerance: float = 0.02,
    seed: int | None = None,
    strict: bool = True,
) -> UnfoldingResult:
    """Unfold data: fit the truth with a penalty, everything else of the model profiled.

    Parameters
    ----------
    model
        A prepared model, without the penalty; it stays as it is.
    mu
        The variable that scales the truth bins (:func:`~smoothfit.unfolding.response_process`).
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    regularisation
        The penalty tau^2/2 |L (x - f x0)|^2.
    tau
        A number, or how to choose it:

        - "lcurve": the maximum curvature of log chi2 against log |L (x - f x0)|^2. chi2 is everything but the
          penalty, data and constraints: it is what grows with tau for sure, as nuisances are profiled.
        - "min-global-correlation": the smallest mean over the truth bins of the global correlation
          rho_i = sqrt(1 - 1/((V^-1)_ii V_ii)), V the sandwich covariance; "max-global-correlation": the
          smallest maximum.
        - "coverage": the largest tau of the scan up to which toys' intervals x +- one error of the sandwich
          cover the truth in 68.27% of cases, on average over the bins, less ``tolerance``.
        - None: no regularisation.
    taus
        (point,): the strengths to scan, increasing. By default 50 from no effect to no freedom. A number
        or None as ``tau`` scans only if they are given.
    globs, fixed
        As of ``model.fit``.
    truth
        (truth bin,): mu of the toys of "coverage". By default that of the fit without penalty (at the largest
        tau if it failed): its scatter looks like structure, so that tau errs on the small side. A smoothed
        truth would hide the bias that is to be seen.
    toys, tolerance, seed
        Of "coverage": number of toys, how much the mean coverage may lack, and the toys' seed.
    strict
        Whether to raise if the fit at the final tau failed; else it is returned flagged.

    Returns
    -------
    UnfoldingResult
        The spectrum with its covariances and bias, what was scanned, and the result without penalty.

    Raises
    ------
    FitError
        If the fit at the final tau fails, or the criterion is known at no point of the scan.
    InvalidValueError, InvalidTypeError, ShapeMismatchError, UnknownNameError
        For a negative tau, taus that do not increase, or a mu that does not fit model and truth.

    Notes
    -----
    The inverse Hessian H^-1 of the penalised fit counts the penalty as information; the sandwich
    H^-1 (H - H_R) H^-1, H_R = tau^2 L^T L, is the covariance under repetition of the measurement, and
    gives the errors. The bias is -H^-1 (dR/dx) with R the penalty: what, to first order, the penalty does
    to Asimov data of the fitted truth (for linear problems exactly). dx/dtau = -H^-1 d2NLL/dx dtau is exact,
    and 2/tau times that bias. Fits at all tau share one compilation. A fit of the scan that fails is flagged,
    and takes no part in the choice.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothfit import Model, Variable
    >>> from smoothfit.unfolding import Regularisation, response_process, unfold
    >>> response = np.array([[0.7, 0.2, 0.0], [0.2, 0.6, 0.2], [0.0, 0.2, 0.7]])
    >>> truth = np.array([1000.0, 800.0, 500.0])
    >>> mu = Variable("mu", np.ones(3))
    >>> sig = response_process("sig", response, truth, probabilities=True).scale_by(mu)
    >>> model = Model().add_proc(sig).prepare()
    >>> result = unfold(model, mu, [900.0, 760.0, 520.0], Regularisation("curvature", truth), tau=0.01)
    >>> result.x.round(1), result.unregularised.round(1)
    (array([1063.1,  751.8,  523.5]), array([1077.3,  729.4,  534.5]))
    """
    problem = penalise(model, mu, obs, regularisation, globs, fixed)
    criterion = check_choice("unfold: tau", tau, (*CRITERIA, None)) if isinstance(tau, str) else None
    given = 0.0 if tau is None else None if criterion else read_tau("unfold: tau", tau)
    scanned = None if taus is None else read_taus(taus)
    allowed = as_floats("unfold: tolerance", tolerance)
    if allowed.ndim != 0 or not 0.0 <= allowed < NOMINAL:
        raise InvalidValueError(
            f"unfold: tolerance must be a number in [0, {NOMINAL:.3f}), got {tolerance!r}."
        )
    free = problem.solve(0.0)
    if scanned is None and criterion is not None:
        scanned = default_taus(problem, free)
    # Where to start from: the fit without penalty may have no minimum, one with a strong penalty has.
    strongest = float(scanned[-1]) if scanned is not None else given
    first = free if free.success or not strongest else problem.solve(strongest)
    start = np.asarray(first.solution.values)
    points = [] if scanned is None else scan(problem, scanned, start)
    coverages: Mapping[float, Coverage] = {}
    remark = ""
    if criterion == "coverage":
        vector = _toy_truth(problem, first, truth)
        drawn = CoverageToys(problem, vector, toys, seed)
        choice, coverages = choose_by_coverage(points, drawn, float(allowed))
    elif criterion is not None:
        choice = best_tau(criterion, points, problem.solve)
    if criterion is not None:
        points, given, remark = points + choice.points, choice.tau, choice.remark
    assert given is not None
    known = [point for point in points if point.tau == given]
    final = free if given == 0.0 else known[0] if known else problem.solve(given, start)
    how = criterion or ("no regularisation" if given == 0.0 else "given")
    made = scan_record(points, coverages, problem.is_hidden) if points else None
    result = _record(problem, free, final, made, how, remark)
    if strict and not result.success:
        raise FitError(f"unfold: the fit at tau = {given:.4g} failed. {result.fit.message}", result)
    return result


def _record(
    problem: Penalised, free: Point, final: Point, made: UnfoldingScan | None, criterion: str, remark: str
) -> UnfoldingResult:
    regularisation, fit = problem.regularisation, _labelled(problem, final)
    failures = 0 if made is None else int(np.sum(~made.success))
    failed = "" if made is None or not failures else f"{failures} of {len(made)} fits of the scan failed."
    lost = ""
    if final.success and np.any(np.diagonal(final.sandwich) < 0.0):
        lost = "The sandwich covariance is lost in rounding: data know too little for so small a tau."
    info = problem.context.layout.variable(problem.name)
    assert info is not None
    return UnfoldingResult(
        names=info.sub_names,
        of=regularisation.of,
        operator=regularisation.name,
        tau=final.tau,
        criterion=criterion,
        message=" ".join(note for note in (fit.message, remark, failed, lost) if note),
        success=final.success,
        x=final.x,
        penalised_covariance=final.covariance,
        sandwich_covariance=final.sandwich,
        bias=0.5 * final.by_log_tau,
        dx_dtau=np.zeros_like(final.x) if final.tau == 0.0 else final.by_log_tau / final.tau,
        unregularised=free.x,
        unregularised_covariance=free.covariance,
        nominal=regularisation.unit.copy(),
        chi2_data=final.data,
        chi2_constraints=final.constraints,
        chi2_penalty=final.penalty,
        n_bins=problem.n_bins,
        global_correlation=final.correlations,
        fit=fit,
        unregularised_fit=_labelled(problem, free),
        scan=made,
        edges=tuple(axis.edges for axis in regularisation.binning.axes),
        is_flow=regularisation.binning.is_flow,
        label=info.label,
        unit=info.unit,
        hidden=problem.is_hidden,
    )
