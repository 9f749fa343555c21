"""What is measured: a function for each row of the table, by name; ``python -m benchmarks.run --list``."""

from __future__ import annotations

# Each module registers its figures; the order is that of the table.
from benchmarks.figures import w3  # isort: skip
from benchmarks.figures import whole_processes  # isort: skip
from benchmarks.figures import small  # isort: skip
from benchmarks.figures import large  # isort: skip
from benchmarks.figures import minima  # isort: skip
from benchmarks.figures.table import FIGURES, Figure, Row

__all__ = ["FIGURES", "Figure", "Row", "large", "minima", "small", "w3", "whole_processes"]
