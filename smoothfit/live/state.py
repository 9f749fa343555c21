"""What a live model knows, without anything that is seen: values, presets, data, fits, and what follows."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError
from ..inference import inputs
from ..inference.at_point import AtPoint, Observed
from ..inference.context import check_made_with
from ..render import number, with_error
from ..results import BLINDED, FitResult
from .data_sets import ASIMOV, NAMES, NONE, OBSERVED, DataSet
from .moving import WHAT, Moving
from .standing import ChannelDeviance, Standing

__all__ = ["POSTFIT", "PREFIT", "State"]

PREFIT, POSTFIT = "pre-fit", "post-fit"


class State(Moving):
    """Values of a prepared model's parameters, and what follows from them.

    Whoever wants to know of changes is told by :meth:`on_change`. Nothing is computed before it is asked for.
    """

    def __init__(
        self, model: Any, obs: Any, *, globs: Any = None, values: Any = None, best_fit: Any = None
    ) -> None:
        super().__init__(model, values)
        layout = self._layout
        if best_fit is not None:
            check_made_with(self._context(), best_fit, obs, WHAT)
            obs, globs = best_fit.obs, best_fit.globs if globs is None else globs
        nothing = np.zeros(layout.n_bins)
        self._sets = {NONE: DataSet(NONE, nothing, layout.globs)}
        if obs is not None:
            counts, observables = inputs.counts(layout, obs), inputs.globs(layout, globs)
            self._sets[OBSERVED] = DataSet(OBSERVED, counts, observables)
        self._data = self._sets[OBSERVED] if obs is not None else self._asimov(self._start)
        self._observed: dict[str, Observed] = {}
        self._last: dict[str, FitResult] = {}
        """Data set -> the last fit to it."""
        self._fits: dict[str, FitResult] = {}
        """The last one that converged."""
        if best_fit is not None:
            self._keep(best_fit)
        self._presets: dict[str, FloatArray] = {}
        self._point: tuple[tuple[Any, ...], AtPoint] | None = None
        self._kept_blinded = frozenset() if best_fit is None else best_fit.blinded
        self._blinded = self.blinded

    # -- presets ---------------------------------------------------------------------------------

    @property
    def presets(self) -> tuple[str, ...]:
        """Names of what can be applied now."""
        fitted = (POSTFIT,) if self._data.name in self._fits else ()
        return (PREFIT, *fitted, *self._presets)

    def apply(self, name: str) -> None:
        """Move all parameters to a preset: "pre-fit", "post-fit" or one of yours.

        Blinded parameters stay where they are when others go to a fit of data.
        """
        if name == POSTFIT and name not in self.presets:
            raise InvalidValueError(f"{WHAT}: there is no good fit to these data yet; fit first.")
        if name not in self.presets:
            known = ", ".join(self.presets)
            raise InvalidValueError(f"{WHAT}: there is no preset '{name}'; there are: {known}.")
        if name == PREFIT:
            self.reset()
            return
        if name == POSTFIT:
            moved, fit = self.x, self._fits[self._data.name]
            at = [i for i in range(len(moved)) if not self._hides(i)]
            moved[at] = fit.x[at]
            self._around_fit = True
            self._move(moved)
            return
        self._move(self._presets[name].copy())

    def store(self, name: str) -> None:
        """Keep the values as a preset of this name; one of that name is replaced."""
        name = str(name).strip()
        if name in ("", PREFIT, POSTFIT):
            raise InvalidValueError(
                f"{WHAT}: a preset needs a name other than '{PREFIT}' and '{POSTFIT}', got {name!r}."
            )
        self._presets[name] = self.x
        self._changed()

    # -- data ------------------------------------------------------------------------------------

    @property
    def data(self) -> str:
        """What the expectation is compared with: "data", "Asimov" or "none"."""
        return self._data.name

    @property
    def data_set(self) -> DataSet:
        """Its counts and global observables."""
        return self._data

    @property
    def data_names(self) -> tuple[str, ...]:
        """What there is to choose from."""
        return tuple(name for name in NAMES if name == ASIMOV or name in self._sets)

    def use(self, name: str) -> None:
        """Compare with "data", "Asimov" or "none"."""
        if name not in self.data_names:
            known = ", ".join(self.data_names)
            raise InvalidValueError(
                f"{WHAT}: cannot compare with {name!r}; there are: {known}. "
                "Data are given as interactive(model, obs)."
            )
        self._data = self._sets[name] if name in self._sets else self._asimov(self._start)
        self._changed()

    def use_asimov(self, values: Any = None) -> None:
        """Compare with the Asimov data of these values; by default, of where the parameters are now."""
        x = self.x if values is None else inputs.values(self._layout, values)
        for kept in (self._observed, self._fits, self._last):
            kept.pop(ASIMOV, None)
        self._data = self._asimov(x)
        self._changed()

    def _asimov(self, x: Any) -> DataSet:
        found = DataSet(ASIMOV, *self._model.asimov(x))
        self._sets[ASIMOV] = found
        return found

    # -- fits ------------------------------------------------------------------------------------

    @property
    def result(self) -> FitResult | None:
        """The last fit to what is compared with, whether it converged or not; None before one."""
        return self._last.get(self._data.name)

    def fit(self, **options: Any) -> FitResult:
        """Fit from where the parameters are, with what is held; if it converged, go there.

        Options are those of ``model.fit`` (``fitter``, ``starts``, ``seed``). What did not converge is
        returned and said, and moves nothing.
        """
        context, data = self._context(), self._data
        if not data.is_there:
            raise InvalidValueError(f"{WHAT}: there is nothing to fit; choose data or Asimov data first.")
        names, x = context.layout.names, self.x
        fixed = {names[at]: x[at] for at in sorted(self._held)}
        asked: dict[str, Any] = {"globs": data.globs, "fixed": fixed, "init": x, "strict": False}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = self._model.fit(data.counts, **(asked | options))
        for warning in caught:
            self.note(str(warning.message))
        self._keep(found)
        lines = found.heading().splitlines()
        self.note("\n".join(line for line in lines if not (self._hides_nll and line.startswith("-log L"))))
        if found.success:
            self.apply(POSTFIT)
        else:
            self._changed()
        return found

    def _keep(self, found: FitResult) -> None:
        self._last[self._data.name] = found
        if found.success:
            self._fits[self._data.name] = found

    def fitted_text(self, at: int) -> str:
        """What a fit found for a parameter, as text; empty before one."""
        fit = self._fits.get(self._data.name)
        if fit is None:
            return ""
        if self._hides(at):
            return BLINDED
        if fit.fixed[at]:
            return f"{number(fit.x[at])} fixed"
        # Fits of many thousand parameters have no errors of all.
        return with_error(fit.x[at], fit.errors[at]) if fit.errors[at] > 0.0 else number(fit.x[at])

    # -- blinding --------------------------------------------------------------------------------

    @property
    def blinded(self) -> frozenset[str]:
        """Names of what is hidden with data: by the model, or by the fit that this began with."""
        return self._model.blinded | self._kept_blinded

    def _hides(self, at: int) -> bool:
        return self._data.is_observed and self._layout.is_blinded(at, self.blinded)

    @property
    def _hides_nll(self) -> bool:
        return self._data.is_observed and bool(self.blinded)

    def _shown_fit(self, at: int) -> FitResult | None:
        """The fit that a parameter's slider may follow."""
        fit = self._fits.get(self._data.name)
        return None if fit is None or self._hides(at) else fit

    def _follow_blinding(self) -> None:
        """What is blinded from now on must not stay where a fit of data has put it."""
        blinded = self.blinded
        if blinded == self._blinded:
            return
        layout, self._blinded = self._layout, blinded
        if OBSERVED in self._last:
            for at in range(len(self._x)):
                if layout.is_blinded(at, blinded):
                    for x in (self._x, *self._presets.values()):
                        x[at] = self._start[at]

    # -- what follows ----------------------------------------------------------------------------

    def at_values(self) -> AtPoint:
        """Yields and NLL at the values: computed once, however often it is asked for."""
        x, observed = self.x, self._observer()
        key = (x.tobytes(), self._data)
        if self._point is None or self._point[0] != key:
            self._point = key, observed(x)
        return self._point[1]

    def _observer(self) -> Observed:
        """The model with what it is compared with, laid out once."""
        context, data = self._context(), self._data
        found = self._observed.get(data.name)
        if found is None or found.counts is not data.counts:
            found = Observed(replace(context, blinded=frozenset()), data.counts, data.globs)
            self._observed[data.name] = found
        return found

    def standing(self) -> Standing:
        """The NLL, its distance to the fit, what pulls cost, and how far each channel is from its data."""
        found, layout = self.at_values(), self._layout
        if not self._data.is_there:
            return Standing(float("nan"), float("nan"), float("nan"))
        fit = self._fits.get(self._data.name)
        counted = self._observer().counted
        channels = {
            c.name: ChannelDeviance(float(found.bins[c.bins].sum()), int(counted[c.bins].sum()))
            for c in layout.channels
        }
        blinded = self.blinded if self._data.is_observed else frozenset()
        names = {c.name for c in layout.channels}
        parameters = {name for v in layout.variables for name in (v.name, *v.sub_names)}
        return Standing(
            nll=found.nll,
            delta=float("nan") if fit is None else 2.0 * (found.nll - fit.fun),
            constraints=found.constraints,
            channels=channels,
            hidden=self._hides_nll,
            # With a parameter hidden its slider, moved to the smallest number, would give it away.
            hidden_channels=frozenset(names if blinded & parameters else blinded & names),
        )
