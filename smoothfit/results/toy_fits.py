"""Fits of many toys, one row a toy, read block by block: they may be more than memory holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._optional import require
from .._types import BoolArray, FloatArray, IntArray
from ..errors import UnknownNameError
from ..render import Cell, Measured, Rounded, Table
from ..status import Status
from .record import BLINDED, Columns, Record, plain

__all__ = ["Moments", "ToyBlock", "ToyFits", "column_of", "value_columns"]

OWN = ("toy", "status", "fun", "edm", "steps", "smallest_nu")
"""Columns that are no parameter's."""


def value_columns(parameters: Sequence[str]) -> list[str]:
    """Columns of the values: the names, or "... value" each if one of them is another column's.

    Examples
    --------
    >>> value_columns(["mu", "nu"]), value_columns(["mu", "fun"])
    (['mu', 'nu'], ['mu value', 'fun value'])
    """
    others = {f"{name}{end}" for name in parameters for end in (" error", " at limit")}
    clash = set(parameters) & (others | set(OWN))
    return [f"{name} value" for name in parameters] if clash else list(parameters)


@dataclass(frozen=True, eq=False)
class ToyBlock:
    """The fits of some toys that follow each other, one row each.

    Of a fit that found no minimum ``x``, ``errors`` and ``fun`` are NaN, and its ``status`` says why; of a
    minimum on a kink of the likelihood ``errors`` are.
    """

    first: int
    """The number of the first toy."""
    status: IntArray
    """(toy,): a :class:`~smoothfit.status.Status`."""
    fun: FloatArray
    """(toy,): the NLL at the minimum, with all its constants."""
    edm: FloatArray
    """(toy,): estimated distance to the minimum, in NLL."""
    steps: IntArray
    smallest_nu: FloatArray
    """(toy,): the smallest expectation of a bin, in events."""
    x: FloatArray
    """(toy, param): of the parameters that are kept."""
    at_limit: BoolArray
    """(toy, param)"""
    errors: FloatArray | None = None
    """(toy, param), if asked for."""

    def __len__(self) -> int:
        return len(self.status)

    def __repr__(self) -> str:
        last, found = self.first + len(self) - 1, int(self.at_minimum.sum())
        return f"ToyBlock(toys {self.first} to {last}, {found} at a minimum, x {self.x.shape})"

    @property
    def toy(self) -> IntArray:
        """(toy,): their numbers."""
        return np.arange(self.first, self.first + len(self))

    @property
    def success(self) -> BoolArray:
        """(toy,): which converged."""
        return np.asarray(self.status == Status.CONVERGED)

    @property
    def at_minimum(self) -> BoolArray:
        """(toy,): which found a minimum; on a kink it has no errors."""
        return np.isin(self.status, (Status.CONVERGED, Status.ON_KINK))

    def columns(self, parameters: Sequence[str]) -> dict[str, Any]:
        """{column: (toy,)}, the parameters by these names."""
        found: dict[str, Any] = {name: getattr(self, name) for name in OWN}
        found |= dict(zip(value_columns(parameters), self.x.T, strict=True))
        if self.errors is not None:
            found |= {f"{n} error": e for n, e in zip(parameters, self.errors.T, strict=True)}
        return found | {f"{n} at limit": a for n, a in zip(parameters, self.at_limit.T, strict=True)}


def column_of(blocks: Iterable[ToyBlock], parameters: Sequence[str], name: str) -> Any:
    """(toy,): one column of all blocks; "mu" is also found as "mu value".

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    parts = []
    for block in blocks:
        columns = block.columns(parameters)
        found = f"{name} value" if f"{name} value" in columns else name
        if found not in columns:
            raise UnknownNameError(f"column: none is named '{name}'; they are: {', '.join([*columns][:24])}.")
        parts.append(columns[found])
    return np.concatenate(parts) if parts else np.zeros(0)


class Moments:
    """Mean and standard deviation of columns whose rows come block by block; NaN are left out.

    By the update of T. Chan, G. Golub and R. LeVeque (1979), which does not cancel.

    Examples
    --------
    >>> moments = Moments(1)
    >>> moments.add(np.array([[1.0], [2.0]]))
    >>> moments.add(np.array([[6.0], [np.nan]]))
    >>> moments.mean, moments.deviation.round(6)
    (array([3.]), array([2.645751]))
    """

    def __init__(self, columns: int) -> None:
        self.n, self._mean, self._squares = (np.zeros(columns) for _ in range(3))

    def add(self, rows: FloatArray) -> None:
        """More rows, (row, column)."""
        known = np.isfinite(rows)
        n = known.sum(axis=0)
        every = np.maximum(n, 1)
        mean = np.where(known, rows, 0.0).sum(axis=0) / every
        squares = (np.where(known, rows - mean, 0.0) ** 2).sum(axis=0)
        total, step = self.n + n, mean - self._mean
        self._mean += step * n / np.maximum(total, 1)
        self._squares += squares + step**2 * self.n * n / np.maximum(total, 1)
        self.n = total

    @property
    def mean(self) -> FloatArray:
        """(column,), NaN without rows."""
        return np.where(self.n > 0, self._mean, np.nan)

    @property
    def deviation(self) -> FloatArray:
        """(column,): with n - 1, NaN for less than two rows."""
        return np.sqrt(np.where(self.n > 1, self._squares / np.maximum(self.n - 1, 1), np.nan))

    @property
    def error(self) -> FloatArray:
        """(column,): of the mean."""
        return np.asarray(self.deviation / np.sqrt(np.maximum(self.n, 1)))


@dataclass(frozen=True, eq=False, repr=False)
class ToyFits(Record):
    """Fits of toys: what came of them in all, and the rows on demand.

    What is printed was summed up in one pass over the blocks. :meth:`blocks` gives the rows again, a block at
    a time; :meth:`column` and :meth:`to_pandas` put them together.
    """

    parameters: tuple[str, ...]
    """Of which values are kept."""
    truth: FloatArray
    """(param,): the values that toys were drawn at; NaN where they have none of one value."""
    asked: int
    """How many toys there are to be."""
    statuses: dict[str, int]
    """{name of a status: how many fits ended with it}"""
    values: Moments
    errors: Moments
    pulls: Moments
    """Of (value - truth) / error."""
    pois: tuple[str, ...]
    """Those of the parameters that are no nuisances, nor held."""
    hidden: frozenset[str]
    """Names of parameters whose values are not shown."""
    source: Callable[[], Iterator[ToyBlock]]

    @classmethod
    def of(
        cls,
        source: Callable[[], Iterator[ToyBlock]],
        parameters: Sequence[str],
        *,
        truth: FloatArray,
        asked: int,
        pois: Sequence[str],
        hidden: frozenset[str],
    ) -> ToyFits:
        """Summed up, in one pass."""
        values, errors, pulls = (Moments(len(parameters)) for _ in range(3))
        ended: Counter[int] = Counter()
        for block in source():
            ended.update(block.status.tolist())
            values.add(block.x)
            if block.errors is not None:
                errors.add(block.errors)
                with np.errstate(divide="ignore", invalid="ignore"):
                    pulls.add((block.x - truth) / block.errors)
        statuses = {Status(status).name: count for status, count in ended.most_common()}
        summed = {"values": values, "errors": errors, "pulls": pulls}
        names = tuple(parameters)
        return cls(names, truth, asked, statuses, **summed, pois=tuple(pois), hidden=hidden, source=source)

    def __len__(self) -> int:
        return sum(self.statuses.values())

    @property
    def converged(self) -> int:
        """How many fits did."""
        return self.statuses.get(Status.CONVERGED.name, 0)

    @property
    def on_kink(self) -> int:
        """How many ended where the likelihood has a kink: minima, be it without errors."""
        return self.statuses.get(Status.ON_KINK.name, 0)

    @property
    def failed(self) -> dict[str, int]:
        """{name of a status: how many fits found no minimum and ended with it}"""
        good = (Status.CONVERGED.name, Status.ON_KINK.name)
        return {name: n for name, n in self.statuses.items() if name not in good}

    @property
    def n_failed(self) -> int:
        """Fits that found no minimum."""
        return sum(self.failed.values())

    @property
    def message(self) -> str:
        """How many converged, how the others ended, and whether there are more to come."""
        failed = ", ".join(f"{n} {name}" for name, n in self.failed.items())
        kinks = f", {self.on_kink} ended on a kink, without errors" if self.on_kink else ""
        others = f"; the others: {failed}" if failed else ""
        text = f"{self.converged} of {len(self)} fits converged{kinks}{others}."
        return text if len(self) == self.asked else f"{text} {self.asked} toys were asked for."

    def heading(self) -> str:
        """The message."""
        return self.message

    def blocks(self) -> Iterator[ToyBlock]:
        """The rows, a block at a time; a blinded parameter's, too."""
        return self.source()

    def column(self, name: str) -> Any:
        """(toy,): one column: "mu", "mu error", "mu at limit", "status", "fun" ...

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        return column_of(self.blocks(), self.parameters, name)

    def _summary(self, i: int) -> dict[str, Any]:
        of_values = {"mean": self.values.mean[i], "mean_error": self.values.error[i]}
        return {
            "truth": self.truth[i],
            **of_values,
            "standard_deviation": self.values.deviation[i],
            "error": self.errors.mean[i],
            "pull_mean": self.pulls.mean[i],
            "pull_width": self.pulls.deviation[i],
        }

    def to_dict(self) -> dict[str, Any]:
        """{toys, asked, converged, statuses, parameters: {name: its summary}}; no rows."""
        named = {
            name: BLINDED if name in self.hidden else self._summary(i)
            for i, name in enumerate(self.parameters)
        }
        counts = {"toys": len(self), "asked": self.asked, "converged": self.converged}
        return plain({**counts, "statuses": self.statuses, "parameters": named})  # type: ignore[no-any-return]

    def _row(self, i: int) -> list[Cell]:
        name = self.parameters[i]
        if name in self.hidden:
            return [name, *([BLINDED] * 5)]
        pull: Cell = (
            Measured(self.pulls.mean[i], self.pulls.error[i]) if np.isfinite(self.pulls.mean[i]) else ""
        )
        shown = (self.values.deviation[i], self.errors.mean[i], self.pulls.deviation[i])
        deviation, error, width = (Rounded(x, 3) if np.isfinite(x) else "" for x in shown)
        mean = Measured(self.values.mean[i], self.values.error[i])
        return [name, mean, deviation, error, pull, width]

    def _tables(self) -> list[Table]:
        columns = ["parameter", "mean", "standard deviation", "mean error", "pull", "width of pulls"]
        return [Table("", columns, [self._row(i) for i in range(len(self.parameters))])]

    def _columns(self) -> Columns:
        rows = [block.columns(self.parameters) for block in self.blocks()]
        names = list(rows[0]) if rows else []
        together: Columns = {name: np.concatenate([row[name] for row in rows]) for name in names}
        for name, value in zip(self.parameters, value_columns(self.parameters), strict=True):
            if name in self.hidden and together:
                for column in (value, f"{name} error", f"{name} at limit"):
                    if column in together:
                        together[column] = [BLINDED] * len(together["toy"])
        return together

    def to_pandas(self) -> Any:
        """All rows as a ``pandas.DataFrame``, which has to fit into memory.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        return require("pandas", feature="ToyFits.to_pandas", extra="io").DataFrame(self._columns())
