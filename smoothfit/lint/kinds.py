"""The kinds of findings: how bad they are, what is measured, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from ..results import Finding

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """A kind of finding."""

    name: str
    severity: str
    about: str
    measure: str
    advice: str

    def at(self, where: str, figure: float | None = None, *, severity: str | None = None) -> Finding:
        """A finding of this kind."""
        figure = None if figure is None else float(figure)
        return Finding(
            severity or self.severity, self.name, where, figure, self.measure, self.about, self.advice
        )


_ALL = (
    Kind(
        "negative-expectation",
        "error",
        "less than nothing is expected in total",
        "events",
        "a count cannot be negative: merge the bin with another, or set the negative yields to 0",
    ),
    Kind(
        "data-without-expectation",
        "error",
        "data where no process expects anything",
        "observed",
        "no value of any parameter explains these data: merge the bins, or add the missing background",
    ),
    Kind(
        "negative-bin",
        "warning",
        "a process has a negative yield",
        "events",
        "negative weights that are not outweighed: merge bins, or set it to 0 with its error",
    ),
    Kind(
        "empty-bin",
        "warning",
        "no process expects anything",
        "bins",
        "the bin tells nothing, and one event there would break the fit: drop it or merge it",
    ),
    Kind(
        "signal-without-background",
        "warning",
        "signal where no background is expected",
        "signal events",
        "one event there is a discovery, for want of simulated background: merge the bins",
    ),
    Kind(
        "no-data",
        "warning",
        "a channel without any data",
        "expected",
        "check that the observation was filled in; blind data are best kept out of the file",
    ),
    Kind(
        "empty-process",
        "info",
        "a process that expects nothing in a channel",
        "events",
        "leave it out of this channel",
    ),
    Kind(
        "no-mc-errors",
        "info",
        "no uncertainty from limited simulation",
        "part of the expectation",
        "give variances (sumw2; autoMCStats in a card, staterror in a workspace), unless they are negligible",
    ),
    Kind(
        "unused-variances",
        "info",
        "variances are given, and Monte Carlo statistics are off",
        "largest relative error",
        "set_mc_stat() chooses a treatment; mode 'none' ignores what was given",
    ),
    Kind(
        "yield-without-variance",
        "info",
        "a yield without variance in a process that has variances",
        "events",
        "a bin filled from elsewhere, or a histogram whose errors were lost: give its sumw2",
    ),
    Kind(
        "large-mc-error",
        "info",
        "a bin that hardly any simulated event stands behind",
        "largest relative error",
        "merge bins until the error is moderate: its distribution is not Gaussian any more",
    ),
    Kind(
        "identical-templates",
        "warning",
        "up and down are the same",
        "relative change",
        "one template was read twice, probably: check the files; what has one side by nature is symmetrised",
    ),
    Kind(
        "one-sided",
        "warning",
        "up and down change the yields in the same direction, or one does not at all",
        "asymmetry",
        "check that the right templates were read; what has one side by nature is symmetrised explicitly",
    ),
    Kind(
        "null-effect",
        "info",
        "an uncertainty that changes nothing there",
        "relative change",
        "leave it out of this process and channel",
    ),
    Kind(
        "large-shift",
        "warning",
        "a shift larger than the nominal yield",
        "largest relative shift",
        "interpolation between such templates is a guess: smooth or merge them, or use a log-normal",
    ),
    Kind(
        "huge-normalisation",
        "warning",
        "one sigma changes a process by a large factor",
        "factor",
        "check the number (1.05 is 5%); what is hardly known is better a free parameter",
    ),
    Kind(
        "noisy-shape",
        "info",
        "a change of shape that is like a fluctuation of the templates",
        "chi2 per degree of freedom",
        "the fit would take statistics for a systematic: smooth it, or keep its normalisation alone",
    ),
    Kind(
        "spike",
        "info",
        "a change that is not smooth: one bin stands out",
        "departure from neighbours",
        "a few events with large weights, or bins of another meaning: smooth it, or merge bins",
    ),
    Kind(
        "free-systematic",
        "warning",
        "a log-normal or a shape whose parameter has no constraint",
        "templates",
        "only the data hold it: Variable(..., nuisance=True) is constrained; if it is to float, all is well",
    ),
    Kind(
        "no-effect",
        "warning",
        "a parameter that changes no bin",
        "largest relative change",
        "leave it out, or hold it: a fit has nothing to determine it by",
    ),
    Kind(
        "nuisance-on-no-process",
        "warning",
        "a parameter that acts only where nothing is expected or looked at",
        "events it acts on",
        "all it scales is empty or masked: check names of processes and channels",
    ),
    Kind(
        "collinear",
        "info",
        "parameters that do the same thing",
        "cosine of their shifts",
        "only their sum can be fitted; one nuisance of the quadratic sum is the same, free ones must be one",
    ),
    Kind(
        "start-at-bound",
        "warning",
        "a start value on a limit",
        "start",
        "start inside: there derivatives point one way only",
    ),
    Kind(
        "ignored-input",
        "info",
        "something in the file that has no effect",
        "",
        "see the receipt; remove it, or correct it if it was meant to act",
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""All kinds, by name."""
