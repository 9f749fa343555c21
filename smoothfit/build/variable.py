"""Variables: the parameters of a model, scalar or arrays, free or constrained."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import as_floats, check_finite, check_flag, check_name, check_names, check_text, describe
from .._types import ArrayLike, BoolArray, FloatArray, IntArray
from ..constraints import Constraint
from ..errors import InvalidTypeError, InvalidValueError, NotPreparedError, ShapeMismatchError
from ..render import Face, Shown
from .components import inside_support, read_bound, read_constraint, read_flags
from .declarations import read_only
from .faces import typed, typed_constraint, variable_face

__all__ = ["Variable", "check_variable"]


class Variable(Shown):
    """A parameter, or an array of them, that is fitted.

    Parameters
    ----------
    name
        Unique in a model.
    value
        Where fits start and what expectations use: a number, or one a component.
    lower_bound, upper_bound
        None (no bound, or that of the constraint's range), one number, or one number or None a component.
    nuisance
        True for a nuisance parameter: constrained by a unit Gaussian around ``value`` unless
        ``constraint`` says otherwise.
    sub_names
        Names of the components; ``name[0]``, ``name[1]``, ... by default.
    constraint
        An object of :mod:`smoothfit.constraints`.
    label, unit, group
        For tables, pictures and breakdowns.
    fixed
        Components held constant unless a fit says otherwise: a bool, or one a component.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, DuplicateNameError
        For input of the wrong kind, value, length, or repeated sub-names.

    Notes
    -----
    A variable does not change after it was made, and is told apart from others by identity.

    Examples
    --------
    >>> Variable("mu", 1.0, lower_bound=0.0)
    Variable('mu', 1.0, lower_bound=0.0)
    >>> mu = Variable("mu", [1.0, 1.0], sub_names=["mu_1", "mu_2"])
    >>> mu.size, mu.sub_names
    (2, ('mu_1', 'mu_2'))
    """

    def __init__(
        self,
        name: str,
        value: ArrayLike,
        *,
        lower_bound: Any = None,
        upper_bound: Any = None,
        nuisance: bool = False,
        sub_names: Any = None,
        constraint: Constraint | None = None,
        label: str | None = None,
        unit: str | None = None,
        group: str | None = None,
        fixed: bool | ArrayLike = False,
    ) -> None:
        self._name = check_name("Variable", name)
        what = f"Variable '{name}'"
        start = check_finite(f"{what}: value", as_floats(f"{what}: value", value))
        if start.ndim > 1 or start.size == 0:
            raise ShapeMismatchError(
                f"{what}: value has shape {start.shape}; give a number, or a list with one a component."
            )
        self._is_scalar = start.ndim == 0
        self._value = read_only(np.atleast_1d(start))
        self._sub_names = self._read_sub_names(sub_names)
        nuisance = check_flag(f"{what}: nuisance", nuisance)
        self._constraint = read_constraint(what, constraint, nuisance, self._value)
        lower = read_bound(f"{what}: lower_bound", lower_bound, self.size, -np.inf)
        upper = read_bound(f"{what}: upper_bound", upper_bound, self.size, np.inf)
        lower, upper = inside_support(what, self._constraint, lower, upper)
        self._lower, self._upper = read_only(lower), read_only(upper)
        self._check_bounds(what)
        self._nuisance = nuisance or self._constraint is not None
        self._label = check_text(f"{what}: label", label)
        self._unit = check_text(f"{what}: unit", unit)
        self._group = check_text(f"{what}: group", group)
        self._fixed = read_flags(f"{what}: fixed", fixed, self.size)
        self._sub_idxes: IntArray | None = None

    def _read_sub_names(self, sub_names: Any) -> tuple[str, ...]:
        if sub_names is not None:
            return check_names(f"Variable '{self._name}': sub_names", sub_names, self.size, "component")
        return self._default_sub_names(self._name)

    def _default_sub_names(self, name: str) -> tuple[str, ...]:
        """Names of the components of a variable of this name, unless they were given."""
        return (name,) if self._is_scalar else tuple(f"{name}[{i}]" for i in range(self.size))

    def _check_bounds(self, what: str) -> None:
        for name, value, lower, upper in zip(
            self._sub_names, self._value, self._lower, self._upper, strict=True
        ):
            which = "" if name == self._name else f" of '{name}'"
            if lower > upper:
                raise InvalidValueError(
                    f"{what}: lower_bound {lower:g}{which} is above upper_bound {upper:g}; swap them."
                )
            if not lower <= value <= upper:
                raise InvalidValueError(
                    f"{what}: value {value:g}{which} is outside its bounds [{lower:g}, {upper:g}]; "
                    "start inside them."
                )

    @property
    def name(self) -> str:
        """Name, unique in a model."""
        return self._name

    @property
    def size(self) -> int:
        """Number of components."""
        return len(self._value)

    @property
    def is_scalar(self) -> bool:
        """Whether the value was given as one number (functions of it then get a 0-d array)."""
        return self._is_scalar

    @property
    def value(self) -> FloatArray:
        """Starting values, shape (component,)."""
        return self._value

    @property
    def lower(self) -> FloatArray:
        """Lower bounds, shape (component,); -inf where there is none."""
        return self._lower

    @property
    def upper(self) -> FloatArray:
        """Upper bounds, shape (component,); +inf where there is none."""
        return self._upper

    @property
    def nuisance(self) -> bool:
        """Whether it is a nuisance parameter: declared as one, or constrained."""
        return self._nuisance

    @property
    def constraint(self) -> Constraint | None:
        """The constraint with one number a component, or None for a free variable."""
        return self._constraint

    @property
    def glob(self) -> FloatArray:
        """Default global observables, shape (component,); NaN where there is none.

        Examples
        --------
        >>> Variable("theta", 0.0, nuisance=True).glob
        array([0.])
        """
        glob = None if self._constraint is None else self._constraint.glob
        return read_only(np.full(self.size, np.nan) if glob is None else glob)

    @property
    def sub_names(self) -> tuple[str, ...]:
        """Names of the components."""
        return self._sub_names

    @property
    def label(self) -> str | None:
        """Text (or LaTeX) for pictures."""
        return self._label

    @property
    def unit(self) -> str | None:
        """Unit, for pictures."""
        return self._unit

    @property
    def group(self) -> str | None:
        """Group of nuisances, for breakdowns."""
        return self._group

    @property
    def fixed(self) -> BoolArray:
        """Components held constant by default, shape (component,)."""
        return self._fixed

    @property
    def sub_idxes(self) -> IntArray:
        """Positions of the components in the vector of values of the model prepared last.

        Raises
        ------
        NotPreparedError
            Before a model with this variable was prepared.
        """
        if self._sub_idxes is None:
            raise NotPreparedError(
                f"Variable '{self._name}': sub_idxes is known after prepare(); "
                "prepare a model that uses it first."
            )
        return self._sub_idxes

    def _set_sub_idxes(self, indices: ArrayLike) -> None:
        """Called by ``prepare()``."""
        array = np.array(indices, dtype=np.int64)
        array.setflags(write=False)
        self._sub_idxes = array

    def _face(self) -> Face:
        return variable_face(self)

    def __repr__(self) -> str:
        parts = [repr(self._name), typed(self._value) if self._is_scalar else _listed(self._value)]
        if self._sub_names != self._default_sub_names(self._name):
            parts.append(f"sub_names={_listed(self._sub_names)}")
        for name, bounds in (("lower_bound", self._lower), ("upper_bound", self._upper)):
            if np.any(np.isfinite(bounds)):
                parts.append(f"{name}={typed(bounds)}")
        if self._constraint is not None:
            constraint = typed_constraint(self._constraint, self._value)
            parts.append("nuisance=True" if constraint == "Gaussian()" else f"constraint={constraint}")
        elif self._nuisance:
            parts.append("nuisance=True")
        for name, text in (("label", self._label), ("unit", self._unit), ("group", self._group)):
            if text:
                parts.append(f"{name}={text!r}")
        if np.any(self._fixed):
            parts.append(f"fixed={typed(self._fixed)}")
        return f"Variable({', '.join(parts)})"


def check_variable(what: str, variable: Any) -> Variable:
    """A Variable, else InvalidTypeError naming what was given."""
    if not isinstance(variable, Variable):
        cure = f"; make one: Variable({variable!r}, ...)" if isinstance(variable, str) else ""
        raise InvalidTypeError(f"{what} needs a Variable, got {describe(variable)}{cure}.")
    return variable


def _listed(entries: Any) -> str:
    """A list, shortened in the middle when long."""
    shown = [repr(entry) for entry in np.asarray(entries).tolist()]
    return f"[{', '.join(shown if len(shown) <= 6 else [*shown[:3], '...', shown[-1]])}]"
