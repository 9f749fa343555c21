"""All checks of a model: :func:`lint`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .._checks import describe
from ..errors import InvalidTypeError
from ..inference import inputs
from ..inference.context import Context
from ..preparation import Specification
from ..results import Finding, Findings, Receipt
from . import parameters, shapes, statistics, systematics, yields
from .kinds import KINDS
from .subject import Subject
from .thresholds import Thresholds

__all__ = ["CHECKS", "lint"]


def _receipt(subject: Subject) -> Iterator[Finding]:
    """What a reader left out."""
    for note in () if subject.receipt is None else subject.receipt.ignored:
        yield KINDS["ignored-input"].at(f"{note.where}: {note.what}: {note.why}")


CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    yields.negative,
    yields.empty,
    yields.signal_alone,
    yields.data,
    statistics.errors,
    systematics.sizes,
    systematics.unconstrained,
    shapes.roughness,
    parameters.at_bounds,
    _receipt,
)
"""Checks of builders and templates; those that move parameters come after them."""


def lint(
    context: Context,
    specification: Specification,
    obs: Any = None,
    *,
    thresholds: Thresholds | None = None,
    receipt: Receipt | None = None,
) -> Findings:
    """What may be wrong with the model: empty bins, one-sided templates, parameters without effect ...

    Nothing is fitted. Channels that are masked are not looked at, nor the data of channels that are hidden.

    Parameters
    ----------
    obs
        Observed counts, (bin,) or a dict by channel; without them checks of the data are left out.
    thresholds
        From where on something is a finding.

    Returns
    -------
    Findings
        Each with severity, kind, object, figure and advice; the worst first.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> mu, jes = Variable("mu", 1.0), Variable("jes", 0.0, nuisance=True)
    >>> sig = Process("sig", [5.0, 3.0], signal=True, sumw2=[0.2, 0.1]).scale_by(mu)
    >>> bkg = Process("bkg", [50.0, 0.0], sumw2=[1.0, 0.0]).add_shape(jes, [55.0, 0.0], [54.0, 0.0])
    >>> found = Model().add_proc(sig).add_proc(bkg).prepare().lint([52.0, 1.0])
    >>> [(finding.kind, finding.where, round(finding.figure, 2)) for finding in found]
    [('one-sided', 'jes on bkg in main', 1.0), ('signal-without-background', 'main, bin 1', 3.0)]
    """
    if thresholds is not None and not isinstance(thresholds, Thresholds):
        raise InvalidTypeError(f"lint: thresholds must be Thresholds(...), got {describe(thresholds)}.")
    counts = None if obs is None else inputs.counts(context.layout, obs)
    subject = Subject(context, specification, counts, thresholds or Thresholds(), receipt)
    found = [finding for check in CHECKS for finding in check(subject)]
    shifts = parameters.Shifts(subject)
    found += [*parameters.effects(shifts), *parameters.pairs(shifts)]
    left_out = []
    if counts is None:
        left_out.append("Without data: checks of these are left out.")
    if shifts.sizes[1] is None:
        left_out.append("Too many parameters and bins to look for parameters that do the same.")
    return Findings(found, left_out)
