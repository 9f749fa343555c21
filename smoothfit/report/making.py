"""From a fit and its model to the records of a report."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from .._checks import check_text, describe
from ..errors import (
    InvalidTypeError,
    InvalidValueError,
    LowerMinimumWarning,
    SmoothfitError,
    UnknownNameError,
)
from ..inference import labelling
from ..model import Model
from ..results import (
    Findings,
    FitResult,
    Impacts,
    ModelSummary,
    Pulls,
    Receipt,
    Record,
    Scan,
    Yields,
)
from . import hiding
from .about import made_with
from .contents import MOST_COVARIANCE, SECTIONS, Contents

__all__ = ["gather"]

_MOST_POIS = 10
"""So many free parameters have impacts and scans if none are named."""
_POINTS = 41
_SAME_NLL = 1e-6
_NEEDS_MODEL = ("yields", "impacts", "scans", "model", "lint")
_NEEDS_MINIMUM = ("pulls", "impacts", "correlations", "scans")

_T = TypeVar("_T")


def gather(
    fit: Any,
    *,
    model: Model | None = None,
    include: Sequence[str] | None = None,
    pois: Any = None,
    records: Sequence[Record] = (),
    title: str | None = None,
) -> Contents:
    """The contents of a report; arguments are those of :func:`.writing.write_report`."""
    if not isinstance(fit, FitResult):
        raise InvalidTypeError(f"report: expected the FitResult of model.fit(obs), got {describe(fit)}.")
    model = _checked_model(fit, fit.model if model is None else model, given=model is not None)
    if title is not None:
        check_text("report: title", title)
    sections = _checked_sections(include, model)
    blinded = fit.blinded | (frozenset() if model is None else model.blinded)
    hidden = hiding.Hidden.of(fit, model, blinded)
    making = _Making(fit, model, sections, hidden, strict=include is not None)
    return making.contents(pois, _checked_records(records), title or "Fit report")


def _checked_model(fit: FitResult, model: Any, *, given: bool) -> Model | None:
    if model is None:
        return None
    if not isinstance(model, Model):
        raise InvalidTypeError(f"report: model must be a Model, got {describe(model)}.")
    same = model.layout is fit.layout
    if not same and model.layout.names == fit.layout.names and model.n_bins == len(fit.obs):
        # The names agree; whether the templates do is seen where the fit ended.
        found = model.nll(fit.x, fit.obs, fit.globs)
        same = not np.isfinite(fit.fun) or abs(found - fit.fun) <= _SAME_NLL * max(1.0, abs(fit.fun))
    if not same:
        which = "model= is another one" if given else "the model was changed since"
        raise InvalidValueError(f"report: the fit was made with another model: {which}; fit this one.")
    return model


def _checked_sections(include: Any, model: Model | None) -> tuple[str, ...]:
    if include is None:
        return SECTIONS
    given = [include] if isinstance(include, str) else list(include)
    for name in given:
        if name not in SECTIONS:
            raise InvalidValueError(
                f"report: include: there is no section {describe(name)}; there are: {', '.join(SECTIONS)}."
            )
        if model is None and name in _NEEDS_MODEL:
            raise InvalidValueError(
                f"report: '{name}' needs the model, which this result does not know (it was read from a "
                "file, or copied); give it as model=."
            )
    return tuple(name for name in SECTIONS if name in given)


def _checked_records(records: Any) -> list[Record]:
    given = [records] if isinstance(records, Record) else list(records)
    for one in given:
        if not isinstance(one, Record):
            raise InvalidTypeError(
                f"report: records: expected records, as of model.upper_limit(...), got {describe(one)}."
            )
    return given


@dataclass
class _Making:
    """One report in the making."""

    fit: FitResult
    model: Model | None
    sections: tuple[str, ...]
    hidden: hiding.Hidden
    strict: bool
    """Whether what cannot be made is an error: the sections were named."""
    left_out: list[str] = field(default_factory=list)

    def contents(self, pois: Any, records: list[Record], title: str) -> Contents:
        fit, hidden = self.fit, self.hidden
        chosen = self._pois(pois)
        self._note_what_is_missing()
        others = self._shown(records)
        prefit, postfit = self._yields()
        receipt = None if self.model is None else self.model.receipt
        return Contents(
            title=title,
            fit=hiding.fit_hidden(fit, hidden),
            pois=chosen,
            prefit=prefit,
            postfit=postfit,
            pulls=self._pulls(_taken(others, Pulls)),
            impacts=self._impacts(chosen, _taken(others, Impacts)),
            correlations=self._wants("correlations") and fit.chosen is None,
            scans=self._scans(chosen, others),
            summary=self._summary(_taken(others, ModelSummary)),
            findings=self._findings(_taken(others, Findings)),
            others=tuple(others),
            receipt=_without_folder(_taken(others, Receipt) or receipt),
            made_with=made_with(fit, self.model, with_data=not hidden.channels),
            left_out=tuple(self.left_out),
            hidden_parameters=hidden.parameters,
            hidden_channels=hidden.channels,
            hidden_members=len(hidden.members),
        )

    def _wants(self, section: str) -> bool:
        if section not in self.sections or (self.model is None and section in _NEEDS_MODEL):
            return False
        return self.fit.success or section not in _NEEDS_MINIMUM

    def _note_what_is_missing(self) -> None:
        if not self.fit.success:
            lost = ", ".join(name for name in _NEEDS_MINIMUM if name in self.sections)
            self.left_out.append(
                "The fit did not converge, so there are no errors, no post-fit yields"
                f"{f' and no {lost}' if lost else ''}."
            )
        if self.model is None:
            self.left_out.append(
                "The result does not know its model: no yields, impacts, scans, tables of the model and "
                "findings; with model= they are there."
            )
        if self.fit.chosen is not None or self.fit.layout.n_params > MOST_COVARIANCE:
            self.left_out.append(f"Correlations are shown of up to {MOST_COVARIANCE} parameters.")

    def _tried(self, what: str, call: Callable[[], _T]) -> _T | None:
        """What a call gives; what it cannot give is said on the page, or raised if it was asked for."""
        try:
            with warnings.catch_warnings():
                # The page says so, in the summary.
                warnings.simplefilter("ignore", LowerMinimumWarning)
                return call()
        except SmoothfitError as error:
            if self.strict:
                raise
            self.left_out.append(f"No {what}: {error}")
            return None

    def _shown(self, records: list[Record]) -> list[Record]:
        """Records of the user that hide what is blinded."""
        kept = []
        for record in records:
            shown: Record | None
            if isinstance(record, Pulls):
                shown = hiding.pulls_shown(record, self.hidden)
            elif isinstance(record, Impacts):
                shown = hiding.impacts_shown(record, self.hidden)
            else:
                shown = hiding.record_hidden(record, self.hidden)
            if shown is None:
                self.left_out.append(f"{type(record).__name__}: it would show what is blinded.")
            else:
                kept.append(shown)
        return kept

    def _pois(self, pois: Any) -> tuple[str, ...]:
        """Names of the parameters that have impacts and scans: free, not held, not hidden."""
        fit, layout = self.fit, self.fit.layout
        if pois is not None:
            given = [pois] if isinstance(pois, str) or hasattr(pois, "sub_names") else list(pois)
            found = [i for key in given for i in layout.positions(key)]
            held = [layout.names[i] for i in found if i >= layout.n_params or fit.fixed[i]]
            if held:
                raise UnknownNameError(
                    f"report: pois: '{held[0]}' was held in the fit, or belongs to a bin; name free "
                    "parameters."
                )
            names = list(dict.fromkeys(layout.names[i] for i in found))
        else:
            free = [n for v in layout.variables if not v.nuisance for n in v.sub_names]
            names = [n for n in free if not fit.fixed[layout.positions(n)[0]]]
            first = None if self.model is None else self.model.poi
            names.sort(key=lambda name: name != first)
            if len(names) > _MOST_POIS:
                self.left_out.append(
                    f"Impacts and scans are of {_MOST_POIS} of {len(names)} free parameters; pois= names "
                    "others."
                )
                names = names[:_MOST_POIS]
        return tuple(name for name in names if not self.hidden.hides(name))

    def _yields(self) -> tuple[Yields | None, Yields | None]:
        model, fit, channels = self.model, self.fit, frozenset(self.hidden.channels)
        if model is None or not self._wants("yields"):
            return None, None
        prefit = self._tried("yields", lambda: model.yields(model.values_from_dict({}), fit.obs))
        postfit = None
        if self.hidden.parameters:
            self.left_out.append("Post-fit yields would tell the blinded parameters.")
        elif fit.success:
            postfit = self._tried("post-fit yields", lambda: model.yields(fit))
        if prefit is not None:
            prefit = replace(prefit, blinded=prefit.blinded | channels)
        if postfit is not None:
            postfit = replace(postfit, blinded=postfit.blinded | channels)
        return prefit, postfit

    def _pulls(self, given: Pulls | None) -> Pulls | None:
        fit, layout = self.fit, self.fit.layout
        if given is not None or not self._wants("pulls"):
            return given
        at = np.flatnonzero(np.isfinite(layout.widths) & ~fit.fixed[: layout.n_params])
        found = hiding.pulls_shown(labelling.pulls(fit, at), self.hidden)
        return found if len(found) else None

    def _impacts(self, pois: tuple[str, ...], given: Impacts | None) -> Impacts | None:
        model, fit = self.model, self.fit
        if given is not None or not pois or model is None or not self._wants("impacts"):
            return given
        made = self._tried("impacts", lambda: model.impacts(list(pois), fit))
        return None if made is None or not len(made) else hiding.impacts_shown(made, self.hidden)

    def _scans(self, pois: tuple[str, ...], others: list[Record]) -> tuple[Scan, ...]:
        """Those given, and of the parameters that none was given of."""
        given = [one for one in others if isinstance(one, Scan) and len(one.names) == 1 and not one.hidden]
        for one in given:
            others.remove(one)
        model, fit = self.model, self.fit
        if model is None or not self._wants("scans"):
            return tuple(given)
        missing = [name for name in pois if (name,) not in {one.names for one in given}]
        made = [self._tried(f"scan of {n}", lambda n=n: model.scan(n, _POINTS, fit)) for n in missing]  # type: ignore[misc]
        return tuple(given) + tuple(one for one in made if one is not None)

    def _summary(self, given: ModelSummary | None) -> ModelSummary | None:
        model = self.model
        return given if given is not None or model is None or not self._wants("model") else model.summary()

    def _findings(self, given: Findings | None) -> Findings | None:
        model = self.model
        if given is not None or model is None or not self._wants("lint"):
            return given
        # Findings about hidden data would be about what they are.
        obs = None if self.hidden.channels else self.fit.obs
        return self._tried("findings", lambda: model.lint(obs))


def _taken(records: list[Record], kind: type[_T]) -> _T | None:
    """The first record of a kind, which has a section of its own."""
    for one in records:
        if isinstance(one, kind):
            records.remove(one)
            return one
    return None


def _without_folder(receipt: Receipt | None) -> Receipt | None:
    """The page goes to others, whom the folders of this machine are no help to."""
    if receipt is None or not os.path.isabs(receipt.source):
        return receipt
    return replace(receipt, source=os.path.basename(receipt.source))
