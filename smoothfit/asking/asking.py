"""What one asks of a prepared model: values, predictions, fits, intervals, draws.

:class:`Asking` is the half of :class:`~smoothfit.Model` that calls the functions of ``inference``. It
computes nothing itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from .._types import ArrayLike, FloatArray
from ..build import Process, Variable
from ..errors import FitError, InvalidTypeError, UnknownNameError
from ..fitters import Fitter
from ..inference import (
    bands,
    batch_fits,
    bounds,
    breakdown,
    compiled,
    contours,
    draws,
    fitting,
    freezing,
    impacts,
    inputs,
    labelling,
    quantities,
    scans,
    variations,
)
from ..inference.context import Context
from ..inference.toys import Draws
from ..inference.values import Values
from ..layout import Layout
from ..lint import Thresholds, checking
from ..prepared import Prepared
from ..results import (
    BatchFitResult,
    Breakdown,
    Contour,
    Contours,
    Estimates,
    Findings,
    FitResult,
    Impacts,
    MinosBounds,
    Pulls,
    Receipt,
    Scan,
    Variations,
    Yields,
)
from .inside import Inside
from .tests_and_limits import TestsAndLimits

__all__ = ["Asking"]


class Asking(TestsAndLimits, Inside):
    """Everything that can be asked once a model is prepared."""

    _blinded: frozenset[str]
    receipt: Receipt | None

    @abstractmethod
    def _current(self) -> Layout:
        """The layout; raises if the model is not prepared, or stale."""

    @property
    @abstractmethod
    def prepared(self) -> Prepared:
        """The arrays: the first argument of :mod:`smoothfit.functional`."""

    def _context(self) -> Context:
        return Context(self.prepared, self._current(), self._blinded)

    # -- names and values ----------------------------------------------------------------------------------

    @property
    def processes(self) -> tuple[str, ...]:
        """Process names."""
        return tuple(p.name for p in self._current().processes)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names, in the order of the bins."""
        return tuple(c.name for c in self._current().channels)

    def values_from_dict(self, values: Mapping[Any, Any]) -> FloatArray:
        """(param,): these values, the start values elsewhere; longer if bin parameters are named."""
        layout = self._current()
        vector = np.concatenate([layout.start, layout.bin_centre])
        written = layout.assign(vector, values, what="values_from_dict")
        with_bins = any(position >= layout.n_params for position in written)
        return vector if with_bins else vector[: layout.n_params]

    def values_to_dict(self, values: ArrayLike | Mapping[Any, Any]) -> Values:
        """{variable: value}, also by name and sub-name; bin parameters by name if given."""
        return Values(self._current(), values)

    def data_from_dict(self, data: Mapping[str, Any]) -> FloatArray:
        """(bin,): counts of all channels, from arrays or histograms."""
        if not isinstance(data, Mapping):
            raise InvalidTypeError(f"data_from_dict: expected a dict, got {type(data).__name__}.")
        return inputs.counts(self._current(), data, "data_from_dict")

    def split(self, array: ArrayLike) -> dict[str, FloatArray]:
        """{channel: part} of a (..., bin) array."""
        return self._current().split(array)

    # -- predictions -----------------------------------------------------------------------------

    def _predictors(self, process: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        def pred(values: Any) -> FloatArray:
            layout = self._current()
            rows = np.asarray(compiled.row_yields(self.prepared, inputs.values(layout, values)))
            found = labelling.process_yields(layout, rows, process)
            info = next(p for p in layout.processes if p.name == process)
            return found if info.is_array else found[0]

        def batch_pred(batch: Any) -> FloatArray:
            rows = compiled.batch_rows(self.prepared, inputs.values(self._current(), batch, batch=True))
            layout = self._current()
            info = next(p for p in layout.processes if p.name == process)
            found = [labelling.process_yields(layout, one, process) for one in np.asarray(rows)]
            return np.array(found if info.is_array else [one[0] for one in found])

        return pred, batch_pred

    def pred(
        self, values: Any, *, process: Process | str | None = None, channel: str | None = None
    ) -> FloatArray:
        """(bin,): expected events, of all processes or one, in all channels or one."""
        layout = self._current()
        vector = inputs.values(layout, values)
        if process is None:
            found = np.asarray(compiled.expected(self.prepared, vector))
        else:
            name = process if isinstance(process, str) else getattr(process, "name", process)
            if name not in self.processes:
                raise UnknownNameError(
                    f"pred: no process is named '{name}'; they are: {', '.join(self.processes)}."
                )
            rows = np.asarray(compiled.row_yields(self.prepared, vector))
            found = labelling.process_yields(layout, rows, name).sum(axis=0)
        if channel is None:
            return found
        if channel not in self.channels:
            raise UnknownNameError(
                f"pred: no channel is named '{channel}'; they are: {', '.join(self.channels)}."
            )
        return layout.split(found)[channel]

    def batch_pred(self, batch: Any) -> FloatArray:
        """(toy, bin): expected events at each row of ``batch`` (toy, param[ + bin param])."""
        return np.asarray(
            compiled.batch_expected(self.prepared, inputs.values(self._current(), batch, "batch", batch=True))
        )

    def yields(
        self,
        at: Any,
        obs: Any = None,
        *,
        title: str | None = None,
        uncertainty: str = "linear",
        samples: float = 1e4,
        seed: int | None = None,
    ) -> Yields:
        options: dict[str, Any] = {"uncertainty": uncertainty, "samples": samples, "seed": seed}
        return bands.yields(self._context(), at, obs, title=title, **options)

    def nll(self, values: Any, obs: Any, globs: Any = None) -> float:
        """The negative log-likelihood with all constants; bin parameters at 0 if left out."""
        layout = self._current()
        vector, counts = inputs.values(layout, values), inputs.counts(layout, obs)
        return float(compiled.nll(self.prepared, vector, counts, inputs.globs(layout, globs)))

    def lint(self, obs: Any = None, *, thresholds: Thresholds | None = None) -> Findings:
        context, receipt = self._context(), self.receipt
        return checking.lint(context, self.specification, obs, thresholds=thresholds, receipt=receipt)

    def variations(self, nuisance: Any, *, at: Any = None, to: Any = None) -> Variations:
        return variations.variations(self._context(), self.specification, nuisance, at=at, to=to)

    # -- fits ------------------------------------------------------------------------------------

    def fit(
        self,
        obs: Any,
        *,
        globs: Any = None,
        fixed: Mapping[Any, Any] | None = None,
        init: Any = None,
        fitter: str | Fitter | None = None,
        strict: bool = True,
        starts: int = 1,
        seed: int | None = None,
        errors_of: Sequence[Any] = (),
    ) -> FitResult:
        options = {"globs": globs, "fixed": fixed, "init": init, "fitter": fitter, "strict": strict}
        options |= {"starts": starts, "seed": seed, "errors_of": errors_of}
        return self._known_to(lambda: fitting.fit(self._context(), obs, **options))

    def _known_to(self, call: Callable[[], FitResult]) -> FitResult:
        """The result of a fit, also of one that failed, which is told its model."""
        try:
            return call().of_model(self)
        except FitError as error:
            if isinstance(error.result, FitResult):
                error.result.of_model(self)
            raise

    def batch_fit(
        self,
        obs_batch: Any,
        *,
        globs: Any = None,
        fixed: Mapping[Any, Any] | None = None,
        init: Any = None,
        errors: bool = False,
        prepared: Any = None,
    ) -> BatchFitResult:
        options = {"globs": globs, "fixed": fixed, "init": init, "errors": errors, "prepared": prepared}
        return batch_fits.batch_fit(self._context(), obs_batch, **options)

    def frozen(self, *which: Any, groups: str | Sequence[str] = (), at: Any = None) -> dict[str, float]:
        return freezing.frozen(self._context(), *which, groups=groups, at=at)

    def profile(self, values: Mapping[Any, Any], best_fit: FitResult, obs: Any = None) -> FitResult:
        return self._known_to(lambda: fitting.profile(self._context(), values, best_fit, obs))

    def minos_bounds(
        self, variable: Any, best_fit: FitResult, obs: Any = None, *, cl: float | None = None
    ) -> MinosBounds:
        return bounds.minos_bounds(self._context(), variable, best_fit, obs, cl=cl)

    def scan(
        self,
        variable: Any,
        points: Any,
        best_fit: FitResult,
        obs: Any = None,
        *,
        stat_only: bool = False,
        range: tuple[Any, ...] | None = None,
    ) -> Scan:
        options: dict[str, Any] = {"stat_only": stat_only, "range": range}
        return scans.scan(self._context(), variable, points, best_fit, obs, **options)

    def contour(
        self,
        a: Any,
        b: Any,
        best_fit: FitResult,
        obs: Any = None,
        *,
        cl: float | Sequence[float] = 0.68,
        points: int = 64,
    ) -> Contour:
        return contours.contour(self._context(), a, b, best_fit, obs, cl=cl, points=points)

    def contours(
        self,
        variables: Sequence[Any],
        best_fit: FitResult,
        obs: Any = None,
        *,
        cl: float | Sequence[float] = 0.68,
        points: int = 64,
    ) -> Contours:
        return contours.contours(self._context(), variables, best_fit, obs, cl=cl, points=points)

    def pulls(self, best_fit: FitResult, obs: Any = None, *, minos: bool = False) -> Pulls:
        return bands.pulls(self._context(), best_fit, obs, minos=minos)

    def impacts(
        self,
        pois: Any,
        best_fit: FitResult,
        obs: Any = None,
        *,
        kind: str = "traditional",
        bounds: str = "minos",
        nuisances: Any = None,
        groups: Mapping[str, Any] | None = None,
    ) -> Impacts:
        options = {"kind": kind, "bounds": bounds, "nuisances": nuisances, "groups": groups}
        return impacts.impacts(self._context(), pois, best_fit, obs, **options)

    def derived(self, wanted: Any, best_fit: FitResult, obs: Any = None) -> Estimates:
        return quantities.derived(self._context(), wanted, best_fit, obs)

    def breakdown(
        self,
        pois: Any,
        best_fit: FitResult,
        obs: Any = None,
        groups: Mapping[str, Any] | None = None,
        *,
        method: str = "hessian",
    ) -> Breakdown:
        return breakdown.breakdown(self._context(), pois, best_fit, obs, groups, method=method)

    # -- random draws ----------------------------------------------------------------------------

    def toy_pred(self, values: Any, n: float, *, seed: int | None = None) -> Draws:
        return draws.toy_pred(self._context(), values, n, seed=seed)

    def toy_glob(self, values: Any, n: float, *, seed: int | None = None) -> Draws:
        return draws.toy_glob(self._context(), values, n, seed=seed)

    def sample_prior(self, n: float, *, seed: int | None = None) -> Draws:
        return draws.sample_prior(self._context(), n, seed=seed)

    def asimov(self, values: Any) -> tuple[FloatArray, FloatArray]:
        return draws.asimov(self._context(), values)

    def sample_from_covariance(self, best_fit: FitResult, n: float, *, seed: int | None = None) -> Draws:
        return draws.sample_from_covariance(self._context(), best_fit, n, seed=seed)

    # -- blinding --------------------------------------------------------------------------------

    def blind(self, *, pois: Any = (), channels: Any = ()) -> Self:
        """Hide parameters and the data of channels in tables, JSON and pictures, until ``unblind()``."""
        layout = self._current()
        found = {layout.variable(p).name if layout.variable(p) else p for p in _listed(pois)}  # type: ignore[union-attr]
        for name in found:
            layout.positions(name)
        for channel in _listed(channels):
            if channel not in self.channels:
                raise UnknownNameError(
                    f"blind: no channel is named '{channel}'; they are: {', '.join(self.channels)}."
                )
        self._blinded = self._blinded | frozenset(found) | frozenset(_listed(channels))
        return self

    @property
    def blinded(self) -> frozenset[str]:
        """Names of what is hidden: parameters and channels."""
        return self._blinded

    def unblind(self, *, pois: Any = None, channels: Any = None) -> Self:
        """Show everything again, or only what is named: of an empty list, nothing.

        Raises
        ------
        UnknownNameError
            For what is named and not hidden.
        """
        if pois is None and channels is None:
            self._blinded = frozenset()
            return self
        named = {p.name if isinstance(p, Variable) else p for p in _listed(() if pois is None else pois)}
        named |= set(_listed(() if channels is None else channels))
        if unknown := sorted(named - self._blinded):
            hidden = ", ".join(sorted(self._blinded)) or "nothing"
            raise UnknownNameError(f"unblind: '{unknown[0]}' is not hidden; hidden is: {hidden}.")
        self._blinded = self._blinded - named
        return self


def _listed(given: Any) -> list[Any]:
    return [given] if isinstance(given, str | Variable) else list(given)


# The documentation of a method is that of the function it calls.
for _function in (
    bands.pulls,
    bands.yields,
    batch_fits.batch_fit,
    bounds.minos_bounds,
    breakdown.breakdown,
    checking.lint,
    contours.contour,
    contours.contours,
    draws.asimov,
    draws.sample_from_covariance,
    draws.sample_prior,
    draws.toy_glob,
    draws.toy_pred,
    fitting.fit,
    fitting.profile,
    freezing.frozen,
    impacts.impacts,
    quantities.derived,
    scans.scan,
    variations.variations,
):
    getattr(Asking, _function.__name__).__doc__ = _function.__doc__
