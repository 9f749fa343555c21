"""Quantities of interest: parameters, functions of them, and yields.

What is asked about is a list of *nodes*, each a scalar function of the vector (parameters, bin parameters):
values picked from it, a sum of yields, or a user's function of other nodes. A user's function is traced once,
as everywhere in the library; values and gradients are compiled once a set of programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_name, check_text
from .._compilation import compiled
from .._pytree import Index, pytree_dataclass, resolve, static
from .._types import Array, BoolArray, FloatArray, IntArray, Leaf
from ..build import Process, Variable
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from ..prepared import Prepared
from ..programs import Program, trace
from ..results import Estimates, FitResult
from . import prediction
from .context import Context, check_made_with
from .propagation import propagation_of

__all__ = ["Derived", "Node", "Quantities", "derived", "parameters_of", "quantities_of", "value_of"]


class Derived:
    """A quantity that follows from parameters or yields: a ratio, a sum, a bin of the prediction.

    It may stand wherever a parameter of interest is asked for: ``derived``, ``impacts``, ``breakdown``.

    Parameters
    ----------
    name
        What tables call it.
    fn
        A function of the arguments' values, written with ``jax.numpy``; returns one number.
    arguments
        Variables, names of variables or components, and other derived quantities. An array variable is
        handed over as an array, everything else as a scalar.
    label, unit
        LaTeX for pictures, and a unit.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If something is no function, or no argument is given.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> a, b = Variable("mu_a", 1.0), Variable("mu_b", 1.0)
    >>> model = Model().add_proc(Process("a", [100.0, 0.0]).scale_by(a))
    >>> model = model.add_proc(Process("b", [0.0, 50.0]).scale_by(b)).prepare()
    >>> best_fit = model.fit([120.0, 40.0])
    >>> ratio = Derived("a/b", lambda a, b: a / b, a, b)
    >>> in_bin = Derived.yield_of("b", bins=1)
    >>> model.derived([ratio, in_bin], best_fit)
    quantity    value
    -----------------------
    a/b         1.50 ± 0.27
    b, main[1]  40.0 ± 6.3
    """

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        *arguments: Any,
        label: str | None = None,
        unit: str | None = None,
    ) -> None:
        self.name = check_name("Derived", name)
        what = f"Derived '{name}'"
        if not callable(fn):
            raise InvalidTypeError(f"{what}: expected a function, got {type(fn).__name__}.")
        if not arguments:
            raise InvalidValueError(f"{what}: give the variables that the function is called with.")
        for argument in arguments:
            if not isinstance(argument, str | Variable | Derived):
                raise InvalidTypeError(
                    f"{what}: an argument is a Variable, a name or another Derived, got "
                    f"{type(argument).__name__}."
                )
        self.label = check_text(f"{what}: label", label)
        self.unit = check_text(f"{what}: unit", unit)
        self._source: _Call | _YieldOf = _Call(fn, arguments)

    @classmethod
    def yield_of(
        cls,
        process: Process | str | None = None,
        channel: str | None = None,
        *,
        bins: int | Sequence[int] | None = None,
        name: str | None = None,
        label: str | None = None,
    ) -> Derived:
        """Expected events of a process in a channel, summed over bins; None is all of them.

        Parameters
        ----------
        bins
            Positions in the channel, from 0; if the model has one channel, it need not be named.
        """
        wanted = None if bins is None else tuple(int(b) for b in np.atleast_1d(bins))
        of_process = process.name if isinstance(process, Process) else process
        made = cls.__new__(cls)
        made._source = _YieldOf(of_process, channel, wanted)
        made.name = name if name is not None else made._source.name()
        made.label, made.unit = label, "events"
        return made

    def __repr__(self) -> str:
        return f"Derived({self.name!r})"


@dataclass(frozen=True)
class _Call:
    """A user's function and what it is called with."""

    fn: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class _YieldOf:
    """Which yields are summed."""

    process: str | None
    channel: str | None
    bins: tuple[int, ...] | None

    def name(self) -> str:
        place = self.channel or ("main" if self.bins is not None else None)
        listed = "" if self.bins is None else "[" + ",".join(map(str, self.bins)) + "]"
        return ", ".join([self.process or "all processes", *([] if place is None else [f"{place}{listed}"])])


# -- nodes: what is compiled -------------------------------------------------------------------------------


@pytree_dataclass
class _Picked:
    """Entries of the vector of values."""

    positions: Leaf | Index
    scalar: bool = static()


@pytree_dataclass
class _Summed:
    """A sum of yields."""

    weights: Leaf
    """(row tile, width): 1 where a yield is counted."""


@pytree_dataclass
class _Applied:
    """A function of other nodes."""

    captured: tuple[Leaf, ...]
    arguments: tuple[Any, ...]
    program: Program = static()


Node: TypeAlias = _Picked | _Summed | _Applied


def value_of(node: Node, prepared: Prepared, x: Array) -> Array:
    """The value of a node at ``x`` (param + bin param,); pure, traceable and differentiable.

    Nodes and ``prepared`` with their indices resolved (:func:`~smoothfit._pytree.resolve`).
    """
    if isinstance(node, _Picked):
        return x[node.positions[0]] if node.scalar else x[node.positions]  # type: ignore[index]
    if isinstance(node, _Summed):
        return jnp.sum(node.weights * prediction.row_yields(prepared, x))
    arguments = [value_of(argument, prepared, x) for argument in node.arguments]
    return node.program(node.captured, *arguments).reshape(())  # type: ignore[arg-type]


def parameters_of(node: Node, n_params: int) -> IntArray | None:
    """Positions of the parameters that a node is a function of; None where bins have a part in it."""
    if isinstance(node, _Summed):
        return None
    if isinstance(node, _Picked):
        positions = np.asarray(node.positions.values, dtype=int)  # type: ignore[union-attr]
        return positions if np.all(positions < n_params) else None
    parts = [parameters_of(argument, n_params) for argument in node.arguments]
    known = [part for part in parts if part is not None]
    return np.unique(np.concatenate(known)) if len(known) == len(parts) else None


def _all(nodes: tuple[Node, ...], prepared: Prepared, x: Array) -> Array:
    return jnp.stack([value_of(node, prepared, x) for node in nodes])


@compiled
def _gradients(nodes: tuple[Node, ...], prepared: Prepared, x: Array) -> Array:
    found: Array = jax.jacrev(partial(_all, nodes, prepared))(x)
    return found


@compiled
def _values(nodes: tuple[Node, ...], prepared: Prepared, batch: Array) -> Array:
    found: Array = jax.lax.map(partial(_all, nodes, prepared), batch, batch_size=64)
    return found


@dataclass(frozen=True)
class Quantities:
    """Resolved quantities: names, and functions of the vector (parameters, bin parameters)."""

    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    positions: IntArray
    """(quantity,): where a plain parameter stands, -1 for what is derived."""
    nodes: tuple[Node, ...]
    """Of what is derived, in order."""
    hidden: BoolArray
    """(quantity,): whether blinded parameters could be read off it."""

    def values(self, context: Context, x: FloatArray) -> FloatArray:
        """(..., quantity) at ``x`` (..., param + bin param)."""
        found = x[..., np.maximum(self.positions, 0)].astype(float)
        if self.nodes:
            batch = x.reshape(-1, x.shape[-1])
            derived = np.asarray(_values(resolve(self.nodes), resolve(context.prepared), batch))
            found[..., self.positions < 0] = derived.reshape(*x.shape[:-1], len(self.nodes))
        return found

    def gradients(self, context: Context, x: FloatArray) -> FloatArray:
        """(quantity, param + bin param) at ``x`` (param + bin param,)."""
        found = np.zeros((len(self.names), len(x)))
        plain = np.flatnonzero(self.positions >= 0)
        found[plain, self.positions[plain]] = 1.0
        if self.nodes:
            derived = _gradients(resolve(self.nodes), resolve(context.prepared), x)
            found[self.positions < 0] = np.asarray(derived)
        return found


def derived(context: Context, wanted: Any, best_fit: FitResult, obs: Any = None) -> Estimates:
    """Quantities at a fit, with errors and their covariance by linear propagation of the fit's.

    Parameters
    ----------
    wanted
        :class:`~smoothfit.Derived` quantities and parameters (Variables, names, regular expressions); one, or
        a list.

    Returns
    -------
    Estimates
        ``["name"]`` is a value with its error; ``.covariance`` (quantity, quantity).

    Raises
    ------
    UnknownNameError, InvalidValueError, UserFunctionError
        For names that the model does not have, functions that cannot be used, or a fit without a covariance.
    """
    check_made_with(context, best_fit, obs, "derived")
    found = quantities_of(context, wanted, best_fit, "derived")
    gradients = found.gradients(context, best_fit.x)
    covariance = gradients @ propagation_of(context, best_fit, "derived").directions(gradients).T
    return Estimates(
        names=found.names,
        labels=found.labels,
        values=found.values(context, best_fit.x),
        covariance=0.5 * (covariance + covariance.T),
        hidden=found.hidden,
    )


def quantities_of(context: Context, given: Any, best_fit: FitResult, call: str) -> Quantities:
    """Resolve what a user asks about: Variables, names, patterns, derived quantities, or a list of them.

    Raises
    ------
    UnknownNameError, InvalidTypeError, InvalidValueError
        For what the model does not have, and for functions that are not finite at the best fit.
    """
    listed = [given] if isinstance(given, str | Variable | Derived) else list(given)
    if not listed:
        raise InvalidValueError(f"{call}: no quantity is named; give parameters or derived quantities.")
    layout, all_names = context.layout, context.layout.names
    seen = replace(best_fit, blinded=context.blinded | best_fit.blinded)
    blinded = np.array([seen.is_blinded(i) for i in range(len(all_names))], dtype=bool)
    names: list[str] = []
    labels: list[str | None] = []
    positions: list[int] = []
    nodes: list[Node] = []
    hidden: list[bool] = []
    for one in listed:
        if isinstance(one, Derived):
            node = _node(context, one)
            names.append(one.name)
            labels.append(one.label)
            positions.append(-1)
            nodes.append(node)
            hidden.append(_depends(context, one, node, blinded, best_fit.x))
            continue
        variable = layout.variable(one)
        for position in layout.positions(one, patterns=True):
            names.append(all_names[position])
            labels.append(variable.label if variable is not None and variable.is_scalar else None)
            positions.append(position)
            hidden.append(bool(blinded[position]))
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidValueError(f"{call}: '{repeated[0]}' is asked for twice; names must differ.")
    found = Quantities(
        tuple(names),
        tuple(labels),
        np.array(positions, dtype=int),
        tuple(nodes),
        np.array(hidden, dtype=bool),
    )
    _check_finite(context, found, call, best_fit.x)
    return found


def _check_finite(context: Context, found: Quantities, call: str, at: FloatArray) -> None:
    finite = np.isfinite(found.values(context, at))
    finite &= np.all(np.isfinite(found.gradients(context, at)), axis=1) if found.nodes else True
    wrong = [name for name, fine in zip(found.names, finite, strict=True) if not fine]
    if wrong:
        raise InvalidValueError(
            f"{call}: '{wrong[0]}' or its derivative is not finite at the best fit; guard divisions, "
            "logarithms and roots."
        )


def _depends(context: Context, one: Derived, node: Node, blinded: BoolArray, at: FloatArray) -> bool:
    """Whether a blinded parameter is an argument, or moves it."""
    if not blinded.any():
        return False
    named = [i for a in _named(one) for i in context.layout.positions(a)]
    moved = np.asarray(_gradients((resolve(node),), resolve(context.prepared), at))[0] != 0.0
    return bool(blinded[named].any() or np.any(blinded & moved))


def _named(one: Derived) -> list[Any]:
    if isinstance(one._source, _YieldOf):
        return []
    return [leaf for a in one._source.arguments for leaf in (_named(a) if isinstance(a, Derived) else [a])]


def _node(context: Context, one: Derived) -> Node:
    """What is to be compiled for a derived quantity."""
    layout = context.layout
    if isinstance(one._source, _YieldOf):
        return _Summed(weights=_weights(context, one._source, f"Derived '{one.name}'"))
    arguments: list[Node] = []
    shapes: list[tuple[int, ...]] = []
    for argument in one._source.arguments:
        if isinstance(argument, Derived):
            arguments.append(_node(context, argument))
            shapes.append(())
            continue
        at = layout.positions(argument)
        variable = layout.variable(argument)
        scalar = variable is None or variable.is_scalar
        arguments.append(_Picked(positions=Index(np.array(at, dtype=float)), scalar=scalar))
        shapes.append(() if scalar else (len(at),))
    owner = f"Derived '{one.name}'"
    program, captured = trace(one._source.fn, shapes, label=one.name, owner=owner)
    if int(np.prod(program.out_shape)) != 1:
        raise ShapeMismatchError(
            f"{owner}: the function returns an array of shape {program.out_shape}, expected one number; make "
            "one Derived of each entry."
        )
    return _Applied(captured=captured, arguments=tuple(arguments), program=program)


def _weights(context: Context, source: _YieldOf, owner: str) -> FloatArray:
    layout, geometry = context.layout, context.prepared.plan.geometry
    rows = [row for row in layout.rows if source.process in (None, row.process)]
    if not rows:
        known = ", ".join(p.name for p in layout.processes)
        raise UnknownNameError(f"{owner}: no process is named '{source.process}'; they are: {known}.")
    channels = {channel.name: channel for channel in layout.channels}
    name = source.channel
    if name is None and source.bins is not None:
        if len(channels) > 1:
            raise InvalidValueError(
                f"{owner}: bins are counted within a channel; name one of {', '.join(channels)}."
            )
        name = next(iter(channels))
    if name is not None and name not in channels:
        raise UnknownNameError(f"{owner}: no channel is named '{name}'; they are: {', '.join(channels)}.")
    rows = [row for row in rows if name in (None, row.channel)]
    if not rows:
        raise UnknownNameError(f"{owner}: '{source.process}' has no yields in channel '{name}'.")
    width = geometry.width
    weights = np.zeros((len(np.asarray(resolve(context.prepared.plan.rows.row))), width))
    for row in rows:
        n_bins = channels[row.channel].stop - channels[row.channel].start
        bins = range(n_bins) if source.bins is None else source.bins
        outside = [b for b in bins if not 0 <= b < n_bins]
        if outside:
            raise InvalidValueError(
                f"{owner}: channel '{row.channel}' has {n_bins} bins, numbered from 0; there is no bin "
                f"{outside[0]}."
            )
        for b in bins:
            weights[row.row_tiles[b // width], b % width] = 1.0
    return weights
