"""A model as writers of files see it: channels, rows, and what acts on each row.

A row is one sub-process in one channel. Monte Carlo statistics become factors (:mod:`.row_factors`). Settings
of a whole model that no file of templates holds are refused with the cure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._types import Array, FloatArray
from ..build import ChannelContrib
from ..build.declarations import Declaration, Scale, ScaleFn, Shape, effect_label
from ..build.selection import Region
from ..errors import InvalidValueError, NotExpressibleError, ShapeMismatchError
from ..model import Model
from ..preparation.collection import Contribution, collect
from ..preparation.treatments import treat
from .row_factors import row_factors

__all__ = ["Components", "ModelChannel", "Row", "Stacked", "channels_of", "check_counts", "named_effect"]


@dataclass(frozen=True)
class Components:
    """Some components of an array variable, as a factor a bin: what ``scale_by`` cannot say.

    Examples
    --------
    >>> Components(1, 3)(np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [2.0, 3.0]
    """

    first: int
    end: int

    def __call__(self, values: Array) -> Array:
        return values[self.first : self.end]


@dataclass(frozen=True)
class Stacked:
    """Scalar variables, one a bin, as a factor a bin."""

    def __call__(self, *values: Array) -> Array:
        return jnp.stack(values)


@dataclass(frozen=True, eq=False)
class Row:
    """One sub-process in one channel."""

    channel: str
    name: str
    signal: bool
    index: int
    """Which sub-process it is."""
    contrib: ChannelContrib
    yields: FloatArray
    """(bin,)"""
    effects: tuple[Declaration, ...]
    """Those that act on this row."""

    @property
    def what(self) -> str:
        """For messages."""
        return f"process '{self.name}' in channel '{self.channel}'"

    def component(self, scale: Scale) -> int | None:
        """Which component of the variable scales this row; None for one a bin."""
        if scale.axis == "bin":
            return None
        return 0 if scale.axis == "all" else self.position(scale.region)

    def position(self, region: Region) -> int:
        """Where it stands among the rows of a region, which effects with a number a row count."""
        return self.index if region.sub_procs is None else list(region.sub_procs).index(self.index)

    def templates(self, shape: Shape) -> tuple[FloatArray, FloatArray]:
        """(down, up) of this row, (bin,) each."""
        return shape.down[self.index], shape.up[self.index]


@dataclass(frozen=True, eq=False)
class ModelChannel:
    """A channel with its rows; edges, where the model knows them."""

    name: str
    n_bins: int
    rows: tuple[Row, ...]
    edges: FloatArray | None


def channels_of(model: Model, file_format: str, *, correlations: bool = False) -> tuple[ModelChannel, ...]:
    """The channels of a model, in its order; ``correlations`` says whether the format has them.

    Raises
    ------
    NotExpressibleError
        For further terms of the likelihood, correlations, Gaussian data, masked channels, and Monte Carlo
        statistics that no factor a bin is equal to.
    """
    specification = model.specification
    _check_settings(model, file_format, correlations=correlations)
    structure = collect(specification)
    treatments = treat(structure).of_channel
    found = []
    for channel, treatment in zip(structure.channels, treatments, strict=True):
        factors = row_factors(channel, treatment, file_format)
        rows = [
            _row(contribution, k, factors[contribution.first_row - channel.contributions[0].first_row + k])
            for contribution in channel.contributions
            for k in range(contribution.contrib.n_sub)
        ]
        _check_names(channel.name, rows, file_format)
        description = specification.descriptions.get(channel.name)
        edges = None if description is None else description.edges
        if edges is None:
            edges = next(
                (c.contrib.edges for c in channel.contributions if c.contrib.edges is not None), None
            )
        found.append(ModelChannel(channel.name, channel.n_bins, tuple(rows), edges))
    return tuple(found)


def check_counts(model: Model, obs: Any) -> dict[str, FloatArray]:
    """Counts by channel, checked.

    Raises
    ------
    ShapeMismatchError, InvalidValueError
        For another number of counts than bins, and counts that are negative or not finite.
    """
    try:
        counts = np.asarray(obs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidValueError("obs: counts must be numbers, one a bin in the model's order.") from error
    if counts.shape != (model.n_bins,):
        raise ShapeMismatchError(
            f"obs has shape {counts.shape}, expected ({model.n_bins},): one count a bin."
        )
    if not np.all(np.isfinite(counts)) or np.any(counts < 0.0):
        raise InvalidValueError("obs: counts must be finite and not negative.")
    return model.layout.split(counts)


def named_effect(effect: Declaration) -> str:
    """An effect in words for messages: a function with its name, which says where on bins it acts."""
    label = effect_label(effect)
    return f"{label} ({effect.label})" if isinstance(effect, ScaleFn) else label


def _check_settings(model: Model, file_format: str, *, correlations: bool) -> None:
    specification = model.specification
    if specification.terms:
        term = specification.terms[0]
        call = "add_constraint" if term.likelihood is None else "add_likelihood"
        raise NotExpressibleError(
            f"{call}('{term.label}'): {file_format} has no functions as terms of the likelihood; write "
            "the model without it, or give its variables constraints."
        )
    if specification.data_term.gaussian:
        raise NotExpressibleError(
            f"set_data_term('gaussian'): {file_format} has Poisson counts only; use set_data_term('poisson')."
        )
    if specification.correlations and not correlations:
        names = " and ".join(f"'{variable.name}'" for variable in specification.correlations[0].variables)
        raise NotExpressibleError(
            f"correlate_nuisances of {names}: {file_format} has independent constraints only; write the "
            "model without correlations, or with uncorrelated combinations of its nuisances."
        )
    if specification.masked:
        raise NotExpressibleError(
            f"mask_channels('{specification.masked[0]}'): {file_format} has no masked channels; unmask them, "
            "or build the model without."
        )


def _row(contribution: Contribution, k: int, factors: Sequence[Scale]) -> Row:
    process, contrib = contribution.process, contribution.contrib
    acting = [effect for effect in contribution.effects if _acts_on(effect, k)]
    return Row(
        channel=contrib.channel,
        name=process.sub_procs[k],
        signal=process.signal,
        index=k,
        contrib=contrib,
        yields=contrib.yields[k],
        effects=(*acting, *factors),
    )


def _acts_on(effect: Declaration, k: int) -> bool:
    if isinstance(effect, Shape):
        return True
    rows = effect.region.sub_procs
    return rows is None or k in rows


def _check_names(channel: str, rows: Sequence[Row], file_format: str) -> None:
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise NotExpressibleError(
                f"channel '{channel}': two rows are named '{name}', {file_format} needs different names; "
                "rename a process or a sub-process."
            )
