"""What a model was told, as plain Python: lists and dicts of names, numbers and references.

The walk is the same for a file and for a hash; a :class:`Store` says what becomes of arrays and functions.
What serves tables and pictures alone stands under keys named ``shown``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ...build import AddFn, ChannelContrib, Declaration, Process, Scale, ScaleFn, Shape, Variable
from ...build.declarations import function_label
from ...build.selection import Region
from ...constraints import Constraint, LogDensity
from ...effects import Effect
from ...errors import InvalidTypeError
from ...layout import Layout
from ...model import Model
from ...preparation.specification import Correlation, Likelihood, McStat, Specification, UserTerm
from .kinds import CONSTRAINTS, EFFECTS, FUNCTIONS, Kind, kind_of
from .trees import structure_told

__all__ = ["Store", "told"]

Shapes = list[tuple[int, ...]]


class Store(Protocol):
    """What becomes of arrays and users' functions."""

    def array(self, values: Any) -> Any:
        """What stands for an array."""
        ...

    def function(
        self, fn: Callable[..., Any], attempts: Sequence[Shapes], *, label: str, owner: str, use: str
    ) -> Any:
        """What stands for a function, called with arrays of the first shapes that it takes.

        ``use`` is "function", "elementwise" or "distribution", as :mod:`.kinds` has it.
        """
        ...


def told(model: Model, store: Store) -> dict[str, Any]:
    """All that a prepared model was told.

    Raises
    ------
    StaleModelError
        If it is not prepared.
    InvalidTypeError
        For an effect or constraint of a class that is not the library's.
    UserFunctionError
        For a function that cannot be stored.
    """
    layout = model.layout
    return _Walk(store, layout).model(model.specification)


class _Walk:
    def __init__(self, store: Store, layout: Layout) -> None:
        self._store, self._layout = store, layout
        self._variables: list[Variable] = []
        self._at: dict[int, int] = {}
        self._of_variables: list[dict[str, Any]] = []

    def model(self, told: Specification) -> dict[str, Any]:
        # Variables are listed as they are met.
        parts = {
            "processes": [self._process(process) for process in told.processes],
            "correlations": [self._correlation(correlation) for correlation in told.correlations],
            "terms": [self._term(term) for term in told.terms],
            "mc_stat": [_mc_stat(stat) for stat in told.mc_stat],
            "data": self._data(told),
            "masked": list(told.masked),
            "shown": {"channels": self._channels(told), "poi": told.poi},
        }
        return {"variables": self._of_variables, **parts}

    def _correlation(self, correlation: Correlation) -> dict[str, Any]:
        return {
            "variables": [self._variable(v) for v in correlation.variables],
            "matrix": self._store.array(correlation.matrix),
            "stated": self._store.array(correlation.stated),
        }

    def _channels(self, told: Specification) -> list[dict[str, Any]]:
        return [
            {"name": name, "edges": self._optional(d.edges), "label": d.label, "unit": d.unit}
            for name, d in told.descriptions.items()
        ]

    def _optional(self, values: Any) -> Any:
        return None if values is None else self._store.array(values)

    def _data(self, told: Specification) -> dict[str, Any]:
        variances = told.data_term.variances
        by_channel = None
        if isinstance(variances, dict):
            by_channel = [[name, self._store.array(v)] for name, v in variances.items()]
            variances = None
        return {
            "gaussian": told.data_term.gaussian,
            "variances": self._optional(variances),
            "by_channel": by_channel,
        }

    # -- variables -------------------------------------------------------------------------------

    def _variable(self, variable: Variable) -> int:
        if id(variable) not in self._at:
            self._at[id(variable)] = len(self._variables)
            self._variables.append(variable)
            self._of_variables.append({})
            self._of_variables[self._at[id(variable)]] = self._described(variable)
        return self._at[id(variable)]

    def _described(self, variable: Variable) -> dict[str, Any]:
        array = self._store.array
        return {
            "name": variable.name,
            "scalar": variable.is_scalar,
            "sub_names": list(variable.sub_names),
            "value": array(variable.value),
            "lower": array(variable.lower),
            "upper": array(variable.upper),
            "fixed": array(variable.fixed),
            "nuisance": variable.nuisance,
            "constraint": self._constraint(variable, variable.constraint),
            "shown": {"label": variable.label, "unit": variable.unit, "group": variable.group},
        }

    def _constraint(self, variable: Variable, constraint: Constraint | None) -> Any:
        if constraint is None:
            return None
        kind = kind_of(CONSTRAINTS, constraint)
        if kind is None:
            raise _unknown("constraint", constraint, f"variable '{variable.name}'", "a LogDensity")
        with_glob = isinstance(constraint, LogDensity) and constraint.glob is not None
        shapes: Shapes = [(variable.size,)] * (2 if with_glob else 1)
        return self._object(kind, constraint, [shapes], f"LogDensity constraint of '{variable.name}'")

    # -- processes -------------------------------------------------------------------------------

    def _process(self, process: Process) -> dict[str, Any]:
        return {
            "name": process.name,
            "signal": process.signal,
            "sub_procs": list(process.sub_procs) if process.is_array else None,
            "contributions": [self._contribution(c, process) for c in process.contribs.values()],
            "effects": [self._declaration(d, f"Process '{process.name}'") for d in process.effects],
            "shown": {"label": process.label},
        }

    def _contribution(self, contrib: ChannelContrib, process: Process) -> dict[str, Any]:
        what = f"ChannelContrib '{contrib.channel}' of '{process.name}'"
        variances = contrib.sumw2 if contrib.covariance is None else contrib.covariance
        return {
            "channel": contrib.channel,
            "array": contrib.is_array,
            "yields": self._store.array(contrib.yields),
            "sumw2": self._optional(variances),
            "effects": [self._declaration(d, what) for d in contrib.effects],
            "shown": {"edges": self._optional(contrib.edges), "label": contrib.axis_label},
        }

    def _declaration(self, declaration: Declaration, owner: str) -> dict[str, Any]:
        if isinstance(declaration, Shape):
            return {
                "kind": "shape",
                "variable": self._variable(declaration.variable),
                "up": self._store.array(declaration.up),
                "down": self._store.array(declaration.down),
                "morphing": declaration.kind,
                "scale": declaration.scale,
            }
        region = self._region(declaration.region)
        if isinstance(declaration, Scale):
            at = self._variable(declaration.variable)
            return {"kind": "scale", "variable": at, "axis": declaration.axis, "region": region}
        if isinstance(declaration, ScaleFn):
            kind = "add_by_fn" if isinstance(declaration, AddFn) else "scale_by_fn"
            return {
                "kind": kind,
                "function": self._function(
                    declaration.fn,
                    _attempts(declaration.variables),
                    label=declaration.label,
                    owner=f"{kind} on {owner}",
                ),
                "variables": [self._variable(v) for v in declaration.variables],
                "axis": declaration.axis,
                "region": region,
            }
        return {
            "kind": "effect",
            "variable": self._variable(declaration.variable),
            "effect": self._effect(declaration.effect, owner),
            "region": region,
        }

    def _effect(self, effect: Effect, owner: str) -> dict[str, Any]:
        kind = kind_of(EFFECTS, effect)
        if kind is None:
            raise _unknown("effect", effect, owner, "a function, to scale_by_fn")
        return self._object(kind, effect, [[()]], f"{type(effect).__name__} on {owner}")

    def _region(self, region: Region) -> Any:
        if region.sub_procs is None and region.bins is None:
            return None
        rows = region.sub_procs
        given = None if rows is None else [item if isinstance(item, str) else int(item) for item in rows]
        if region.bins is None:
            return {"sub_procs": given, "bins": None}
        if isinstance(region.bins, slice):
            ends = (region.bins.start, region.bins.stop, region.bins.step)
            return {"sub_procs": given, "bins": [None if end is None else int(end) for end in ends]}
        bins = np.asarray(region.bins)
        key = "flags" if bins.dtype.kind == "b" else "indices"
        return {"sub_procs": given, "bins": {key: self._store.array(bins)}}

    # -- functions -------------------------------------------------------------------------------

    def _term(self, term: UserTerm) -> dict[str, Any]:
        if term.likelihood is not None:
            return self._likelihood(term, term.likelihood)
        layout, seen = self._layout, None
        if term.variables is None:
            order = list(term.order or layout.parameters)
            # New parameters come last: it is called with all there are.
            shapes: list[Shapes] = [[(layout.n_params,), (layout.n_bins,), (len(layout.globs),)]]
            if term.seen is not None:
                # Of a model that was combined: it is called with what that one has.
                n_bins = sum(c.stop - c.start for c in layout.channels if c.name in term.seen.channels)
                shapes = [[(len(order),), (n_bins,), (len(term.seen.globs),)]]
                seen = {"channels": list(term.seen.channels), "globs": list(term.seen.globs)}
            variables = None
        else:
            order, shapes = None, _attempts(term.variables)
            variables = [self._variable(v) for v in term.variables]
        fn = self._function(term.fn, shapes, label=term.label, owner="add_constraint")
        return {"function": fn, "variables": variables, "order": order, "seen": seen}

    def _likelihood(self, term: UserTerm, likelihood: Likelihood) -> dict[str, Any]:
        """A likelihood of another program: a function of one vector and of the arrays of its data."""
        variables = term.variables or ()
        shapes: Shapes = [(sum(v.size for v in variables),), *(leaf.shape for leaf in likelihood.leaves)]
        return {
            "function": self._function(term.fn, [shapes], label=term.label, owner="add_likelihood"),
            "variables": [self._variable(v) for v in variables],
            "order": None,
            "likelihood": {
                "name": likelihood.name,
                "data": [self._store.array(leaf) for leaf in likelihood.leaves],
                "shown": {"structure": structure_told(likelihood.structure)},
            },
        }

    def _function(
        self,
        fn: Callable[..., Any],
        attempts: Sequence[Shapes],
        *,
        label: str,
        owner: str,
        use: str = "function",
    ) -> Any:
        kind = kind_of(FUNCTIONS, fn)
        if kind is not None:
            return self._object(kind, fn, attempts, owner)
        return self._store.function(fn, attempts, label=label, owner=owner, use=use)

    def _object(self, kind: Kind, obj: Any, attempts: Sequence[Shapes], owner: str) -> dict[str, Any]:
        """An object of one of the tables, field by field."""
        found: dict[str, Any] = {"kind": kind.name}
        for name, value in kind.values(obj).items():
            what = kind.fields[name]
            if value is None:
                found[name] = None
            elif what == "array":
                found[name] = self._store.array(np.asarray(value, dtype=np.float64))
            elif what == "number":
                found[name] = float(value)
            elif what == "texts":
                found[name] = list(value)
            elif what == "variable":
                found[name] = self._variable(value)
            elif what in ("function", "elementwise", "distribution"):
                label = function_label(value)
                found[name] = self._function(value, attempts, label=label, owner=owner, use=what)
            else:
                found[name] = value
        return found


def _mc_stat(stat: McStat) -> dict[str, Any]:
    channels = None if stat.channels is None else list(stat.channels)
    return {"mode": stat.mode, **vars(stat.options), "channels": channels}


def _attempts(variables: Sequence[Variable]) -> list[Shapes]:
    """As ``prepare()`` calls a function of variables: scalars as such, or else as arrays of one."""
    whole: Shapes = [(v.size,) for v in variables]
    bare: Shapes = [() if v.is_scalar else (v.size,) for v in variables]
    return [bare] if bare == whole else [bare, whole]


def _unknown(noun: str, given: Any, owner: str, cure: str) -> InvalidTypeError:
    return InvalidTypeError(
        f"save: {owner} has the {noun} {type(given).__name__}, which is no class of the library, and files "
        f"name only those; write it as {cure}."
    )
