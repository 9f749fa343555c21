"""What goes into a report: records, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..results import Findings, FitResult, Impacts, ModelSummary, Pulls, Receipt, Record, Scan, Yields

__all__ = ["MOST_COVARIANCE", "SECTIONS", "Contents"]

SECTIONS = ("yields", "pulls", "impacts", "correlations", "scans", "model", "lint")
"""What can be chosen; the summary, the parameters and where it all comes from are in every report."""


MOST_COVARIANCE = 600
"""Parameters up to which the covariance is in the page, where it takes 4 MB."""


@dataclass(frozen=True)
class Contents:
    """Records that hide what is blinded, in the order of the page; None is left out."""

    title: str
    fit: FitResult
    """With every name that is hidden in ``blinded``."""
    pois: tuple[str, ...] = ()
    """The parameters of interest that are not hidden."""
    prefit: Yields | None = None
    postfit: Yields | None = None
    pulls: Pulls | None = None
    impacts: Impacts | None = None
    correlations: bool = False
    scans: tuple[Scan, ...] = ()
    summary: ModelSummary | None = None
    findings: Findings | None = None
    others: tuple[Record, ...] = ()
    receipt: Receipt | None = None
    made_with: Mapping[str, str] = field(default_factory=dict)
    """Versions and hashes, by name."""
    left_out: tuple[str, ...] = ()
    """What is not there, and why."""
    hidden_parameters: tuple[str, ...] = ()
    hidden_channels: tuple[str, ...] = ()
    """Whose data are not shown."""
    hidden_members: int = 0
    """So many parameters of single bins of these channels are not shown, beside bin parameters."""
