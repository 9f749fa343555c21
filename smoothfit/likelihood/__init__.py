"""The likelihood: the expectation, the constraints, and the objective that fits minimise."""

from __future__ import annotations

from .derived import Derived, derive
from .objective import Evaluation, Problem, Sensitivity, pose

__all__ = ["Derived", "Evaluation", "Problem", "Sensitivity", "derive", "pose"]
