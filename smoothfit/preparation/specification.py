"""What a model was told besides its processes: the input of ``prepare()``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._checks import plural
from .._types import BoolArray, FloatArray
from ..build import Process, Variable
from ..build.declarations import variables_of
from ..build.faces import listed
from ..montecarlo import Options
from ..render import one_line

__all__ = [
    "ChannelDescription",
    "Correlation",
    "DataTerm",
    "Likelihood",
    "McStat",
    "Seen",
    "Specification",
    "UserTerm",
]


@dataclass(frozen=True)
class Correlation:
    """Correlated nuisances: the matrix runs over the components of the variables, in order."""

    variables: tuple[Variable, ...]
    matrix: FloatArray
    stated: BoolArray
    """Which entries it is about; the others are 0, unless they are stated elsewhere."""


@dataclass(frozen=True)
class Seen:
    """What a term of a model that was combined with others is given: what that model alone has."""

    channels: tuple[str, ...]
    """Their bins are its data, in this order."""
    globs: tuple[str, ...]
    """Parameters and bin parameters whose global observables it is given, in this order."""


@dataclass(frozen=True, eq=False)
class Likelihood:
    """A likelihood of another program, and the data that it is compared with."""

    name: str
    given: Any
    """What the user gave: an object with ``nll``, or a function; None in a model that was loaded."""
    leaves: tuple[np.ndarray, ...]
    """Arrays of the data, of float64, int64 or bool."""
    structure: Any
    """The pytree that the data are."""


@dataclass(frozen=True)
class UserTerm:
    """A term of the log-likelihood; ``variables`` is None for a function of (values, data, globs).

    Of a likelihood ``fn`` is its NLL, a function of the vector of all components of ``variables`` and of the
    arrays of its data, one after the other.
    """

    fn: Callable[..., Any]
    variables: tuple[Variable, ...] | None
    label: str
    order: tuple[str, ...] | None = None
    """Parameter names in the order in which a function of all values expects them: that of the model
    when it was written, so that positions taken then stay right. None: that of the next ``prepare()``."""
    seen: Seen | None = None
    """Data and global observables that it is given, and then the values in ``order`` alone. None: all."""
    likelihood: Likelihood | None = None
    """Of a term that is a likelihood, by ``add_likelihood``; it may bring parameters of its own."""


@dataclass(frozen=True)
class McStat:
    """Treatment of Monte Carlo statistics in some channels (None: all)."""

    mode: str = "lite"
    options: Options = field(default_factory=Options)
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class DataTerm:
    """The probability of the data: Poisson, or Gaussian with these variances."""

    gaussian: bool = False
    variances: Any = None
    """(bin,) or {channel: (bin,)}; None for the observed counts."""


@dataclass(frozen=True)
class ChannelDescription:
    """How a channel is shown."""

    edges: FloatArray | None = None
    label: str | None = None
    unit: str | None = None


@dataclass
class Specification:
    """All that ``prepare()`` reads."""

    processes: list[Process] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)
    terms: list[UserTerm] = field(default_factory=list)
    mc_stat: list[McStat] = field(default_factory=list)
    data_term: DataTerm = field(default_factory=DataTerm)
    masked: tuple[str, ...] = ()
    """Channels that are predicted but not part of the likelihood."""
    descriptions: dict[str, ChannelDescription] = field(default_factory=dict)
    poi: str | None = None
    known_as: list[tuple[Variable, Variable]] = field(default_factory=list)
    """Variables of models that were combined, and those that stand for them here."""

    def __repr__(self) -> str:
        names = [process.name for process in self.processes]
        parts = [f"processes: {listed(names)}", *([f"masked: {listed(self.masked)}"] if self.masked else [])]
        told: dict[str, list[Any]] = {
            "correlation": self.correlations,
            "term": self.terms,
            "mode": self.mc_stat,
        }
        parts += [plural(len(entries), noun) for noun, entries in told.items() if entries]
        return one_line(f"Specification({'; '.join(parts)})")

    def brought(self) -> list[Variable]:
        """Variables of likelihoods: parameters of the model, whether processes depend on them or not."""
        return [v for term in self.terms if term.likelihood is not None for v in term.variables or ()]

    def variables(self) -> list[Variable]:
        """Variables that processes and likelihoods depend on, each once, in the order met."""
        seen: dict[int, Variable] = {}
        for process in self.processes:
            for contrib in process.contribs.values():
                for effect in (*process.effects, *contrib.effects):
                    for variable in variables_of(effect):
                        seen.setdefault(id(variable), variable)
        for variable in self.brought():
            seen.setdefault(id(variable), variable)
        return list(seen.values())

    def own(self, variable: Any) -> Any:
        """The variable that stands for one of a model that was combined; anything else is itself."""
        return next((own for known, own in self.known_as if known is variable), variable)
