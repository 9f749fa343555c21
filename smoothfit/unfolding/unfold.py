"""Regularised unfolding: a penalised profile-likelihood fit, its strength chosen or given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._types import ArrayLike, FloatArray
from ..build import Variable
from ..build.checks import as_floats, check_choice, check_finite
from ..errors import FitError, InvalidValueError, ShapeMismatchError
from ..inference import compiled, inputs, labelling
from ..model import Model
from ..results import FitResult, UnfoldingResult, UnfoldingScan
from . import algebra
from .choice import CRITERIA, Choice, best_tau
from .coverage import NOMINAL, Coverage, CoverageToys
from .penalised import Penalised, Point, penalise
from .regularisation import Regularisation, read_tau

__all__ = ["unfold"]

_POINTS = 50
_REACH = 30.0


def _read_taus(taus: Any) -> FloatArray:
    found = check_finite("unfold: taus", as_floats("unfold: taus", taus))
    if found.ndim != 1 or len(found) < 3:
        raise ShapeMismatchError(
            f"unfold: taus has shape {found.shape}; give at least three numbers to scan."
        )
    if np.any(found <= 0.0) or np.any(np.diff(found) <= 0.0):
        raise InvalidValueError(
            "unfold: taus must be positive and increase; np.geomspace(1e-4, 1.0, 40) makes such numbers."
        )
    return found


def _default_taus(problem: Penalised, free: Point) -> FloatArray:
    """From no effect to no freedom: around the tau where the penalty weighs as much as the data."""
    of_mu = np.asarray(free.solution.covariance)[np.ix_(problem.at, problem.at)]
    if not free.success or not np.all(np.isfinite(of_mu)):
        raise InvalidValueError(
            "unfold: the fit without penalty did not converge, so there is no scale for tau; give taus, or a "
            "tau."
        )
    strengths = algebra.half_strengths(of_mu, problem.regularisation.rows)
    return np.geomspace(strengths[0] / _REACH, strengths[-1] * _REACH, _POINTS)


def _scan(problem: Penalised, taus: FloatArray, start: FloatArray) -> list[Point]:
    """Fits from the smallest tau on, each from the one before."""
    points = []
    for tau in taus:
        points.append(problem.solve(float(tau), start))
        if points[-1].success:
            start = np.asarray(points[-1].solution.values)
    return points


def _record(points: Sequence[Point], coverages: dict[float, Coverage], hidden: bool) -> UnfoldingScan:
    """The scan as a record, in the order of tau."""
    ordered = sorted(points, key=lambda point: point.tau)
    success = np.array([point.success for point in ordered])

    def column(values: Sequence[float]) -> FloatArray:
        return np.where(success, np.array(values, dtype=np.float64), np.nan)

    def rows(values: Sequence[FloatArray]) -> FloatArray:
        return np.where(success[:, None], np.array(values), np.nan)

    none = Coverage(np.nan, np.nan, 0)
    known = [coverages.get(point.tau, none) for point in ordered]
    correlations = rows([point.correlations for point in ordered])
    # All of them are NaN where the covariance has no inverse.
    any_known = np.any(np.isfinite(correlations), axis=1)
    filled = np.where(any_known[:, None], correlations, 0.0)
    variances = rows([np.diagonal(point.sandwich) for point in ordered])
    return UnfoldingScan(
        tau=np.array([point.tau for point in ordered]),
        success=success,
        x=rows([point.x for point in ordered]),
        errors=np.sqrt(np.where(variances >= 0.0, variances, np.nan)),
        chi2_data=column([point.data for point in ordered]),
        chi2_constraints=column([point.constraints for point in ordered]),
        norm=column([point.norm for point in ordered]),
        curvature=column([point.curvature for point in ordered]),
        mean_global_correlation=np.where(any_known, np.nanmean(filled, axis=1), np.nan),
        max_global_correlation=np.where(any_known, np.nanmax(filled, axis=1), np.nan),
        coverage=np.array([one.mean for one in known]),
        coverage_error=np.array([one.error for one in known]),
        hidden=hidden,
    )


def _by_coverage(
    problem: Penalised,
    points: list[Point],
    truth: Any,
    toys: float,
    tolerance: float,
    seed: int | None,
) -> tuple[Choice, dict[float, Coverage]]:
    """The largest tau of the scan up to which the mean coverage stays within the tolerance."""
    made: list[Point] = []
    if truth is None:
        pilot = best_tau("lcurve", points, problem.solve)
        if pilot is None:
            raise FitError(
                "unfold: no fit of the scan gives an L-curve to take the toys' truth from; give truth=."
            )
        made = pilot.points
        vector = next(point.vector for point in [*points, *made] if point.tau == pilot.tau)
    else:
        vector = points[0].vector.copy()
        vector[problem.at] = inputs.values(problem.context.layout, {problem_name(problem): truth}, "truth")[
            problem.at
        ]
    drawn = CoverageToys(problem, vector, toys, seed)
    found: dict[float, Coverage] = {}
    best = None
    for point in points:
        if not point.success:
            continue
        found[point.tau] = drawn.at(point.tau)
        if not found[point.tau].mean >= NOMINAL - tolerance:
            break
        best = point.tau
    remark = f"Toys of seed {drawn.seed}."
    failed = max(one.failed for one in found.values())
    if failed:
        remark += f" Up to {failed} toys' fits failed at a tau, and are left out."
    if best is None:
        first = points[0].tau
        return Choice(first, made, f"No tau of the scan covers: the smallest is taken. {remark}"), found
    shown = f"Mean coverage {found[best].mean:.4f} ± {found[best].error:.4f} at tau = {best:.4g}."
    if best == points[-1].tau:
        shown += " This is the largest tau of the scan: give taus that reach further."
    return Choice(best, made, f"{shown} {remark}"), found


def problem_name(problem: Penalised) -> str:
    """The name of mu."""
    layout = problem.context.layout
    return next(v.name for v in layout.variables if v.indices[0] == problem.at[0])


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
        hessian_of=lambda: compiled.scaled_hessian(prepared, data, problem.held, point.solution),
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
        (truth bin,): mu of the toys of "coverage"; by default fitted, at the tau of the L-curve.
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
    scanned = None if taus is None else _read_taus(taus)
    allowed = as_floats("unfold: tolerance", tolerance)
    if allowed.ndim != 0 or not 0.0 <= allowed < NOMINAL:
        raise InvalidValueError(
            f"unfold: tolerance must be a number in [0, {NOMINAL:.3f}), got {tolerance!r}."
        )
    free = problem.solve(0.0)
    if scanned is None and criterion is not None:
        scanned = _default_taus(problem, free)
    first = (
        free if free.success else problem.solve(float(scanned[-1] if scanned is not None else given or 0.0))
    )
    start = np.asarray(first.solution.values)
    points = [] if scanned is None else _scan(problem, scanned, start)
    coverages: dict[float, Coverage] = {}
    remark = ""
    if criterion is not None:
        choice: Choice | None
        if criterion == "coverage":
            choice, coverages = _by_coverage(problem, points, truth, toys, float(allowed), seed)
        else:
            choice = best_tau(criterion, points, problem.solve)
        if choice is None:
            failed = sum(not point.success for point in points)
            raise FitError(
                f"unfold: the criterion '{criterion}' is known at none of the {len(points)} tau of the scan "
                f"({failed} fits failed); give other taus, or a tau."
            )
        points, given, remark = points + choice.points, choice.tau, choice.remark
    assert given is not None
    known = [point for point in points if point.tau == given]
    final = free if given == 0.0 else known[0] if known else problem.solve(given, start)
    fit = _labelled(problem, final)
    hidden = _is_hidden(problem)
    failures = sum(not point.success for point in points)
    notes = [fit.message, remark, f"{failures} of {len(points)} fits of the scan failed." if failures else ""]
    binning = regularisation.binning
    info = problem.context.layout.variable(mu)
    slope = np.zeros_like(final.x) if given == 0.0 else final.by_log_tau / given
    result = UnfoldingResult(
        names=mu.sub_names,
        of=regularisation.of,
        operator=regularisation.name,
        tau=given,
        criterion=criterion or ("no regularisation" if given == 0.0 else "given"),
        message=" ".join(note for note in notes if note),
        success=final.success,
        x=final.x,
        penalised_covariance=final.covariance,
        sandwich_covariance=final.sandwich,
        bias=0.5 * final.by_log_tau,
        dx_dtau=slope,
        unregularised=free.x,
        unregularised_covariance=free.covariance,
        nominal=regularisation.unit.copy(),
        chi2_data=final.data,
        chi2_constraints=final.constraints,
        chi2_penalty=final.penalty,
        n_bins=problem.context.layout.n_bins,
        global_correlation=final.correlations,
        fit=fit,
        unregularised_fit=_labelled(problem, free),
        scan=_record(points, coverages, hidden) if points else None,
        edges=tuple(axis.edges for axis in binning.axes),
        is_flow=binning.is_flow,
        label=info.label if info is not None else None,
        unit=info.unit if info is not None else None,
        hidden=hidden,
    )
    if strict and not result.success:
        raise FitError(f"unfold: the fit at tau = {given:.4g} failed. {fit.message}", result)
    return result


def _is_hidden(problem: Penalised) -> bool:
    """Whether any component of mu is blinded."""
    layout, blinded = problem.context.layout, problem.context.blinded
    return problem_name(problem) in blinded or bool(
        blinded & {layout.parameters[position] for position in problem.at}
    )
