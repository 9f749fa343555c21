"""What can be saved, kind by kind: names in the file, and what each consists of.

One table for effects, one for constraints, one for the library's own functions. A file names a kind, never a
class; what is in no table is refused (or, of functions, traced).

Of each field the table says what it is:

    array      numbers of any shape, or None where that is allowed
    number     one number
    flag, text, texts
    variable   one of the model's variables
    function   a user's function, called with the arrays of the variable
    elementwise   a user's function of one array, element by element
    distribution  the same, of which one derivative more is taken
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ... import constraints, effects
from ...eft import Dim6EFTMorphing
from ...eft.quadratic import Quadratic
from ...unfolding.regularisation import Penalty
from ..formula import Formula

__all__ = ["CONSTRAINTS", "EFFECTS", "FUNCTIONS", "Kind", "kind_of"]


@dataclass(frozen=True)
class Kind:
    """One kind of object."""

    name: str
    cls: type
    fields: Mapping[str, str]
    """Name -> what it is."""
    make: Callable[..., Any]
    """Called with the fields by name."""
    read: Callable[[Any], Mapping[str, Any]] | None = None
    """The fields of an object; attributes of these names, if not given."""

    def values(self, obj: Any) -> Mapping[str, Any]:
        """The fields of an object."""
        return self.read(obj) if self.read is not None else {name: getattr(obj, name) for name in self.fields}


def _kind(name: str, cls: type, make: Callable[..., Any] | None = None, **fields: str) -> Kind:
    return Kind(name, cls, fields, make or cls)


def _lnn(down: Any, up: Any, interpolation: str) -> effects.LnN:
    return effects.LnN((down, up), interpolation=interpolation)


def _quantile(support: Any, **functions: Any) -> effects.Quantile:
    lower, upper = (float(end) for end in support)
    return effects.Quantile(**functions, support=(lower, upper))


def _penalty(rows: Any, target: Any, tau: float) -> Penalty:
    return Penalty(rows, target, tau)


EFFECTS: tuple[Kind, ...] = (
    _kind("lnN", effects.LnN, _lnn, down="array", up="array", interpolation="text"),
    _kind("lnU", effects.LnU, kappa="array"),
    _kind("linear", effects.Linear, width="array"),
    _kind("trG", effects.TrG, width="array"),
    _kind("gmN", effects.GmN, count="number", alpha="array"),
    _kind("gmM", effects.GmM, sigma="number"),
    _kind("poisson", effects.Poisson, events="array"),
    Kind(
        "quantile",
        effects.Quantile,
        {
            "icdf": "elementwise",
            "cdf": "distribution",
            "isf": "elementwise",
            "sf": "distribution",
            "support": "array",
        },
        _quantile,
        lambda effect: {**effect.functions, "support": effect.support},
    ),
)

CONSTRAINTS: tuple[Kind, ...] = (
    _kind("gaussian", constraints.Gaussian, mean="array", width="array"),
    _kind("asymmetric", constraints.AsymmetricGaussian, width_down="array", width_up="array", mean="array"),
    _kind("lognormal", constraints.LogNormal, kappa="array", mean="array"),
    _kind("poisson", constraints.Poisson, tau="array", count="array"),
    _kind("gamma", constraints.Gamma, width="array"),
    _kind("uniform", constraints.Uniform, lower="array", upper="array"),
    _kind("density", constraints.LogDensity, fn="function", glob="array", width="array"),
)
"""Of a variable without one there is nothing to save."""

FUNCTIONS: tuple[Kind, ...] = (
    _kind("eft", Dim6EFTMorphing, variable="variable", basis_values="array", linear_only="flag"),
    _kind("eft_quadratic", Quadratic, operators="texts", terms="array", linear_only="flag"),
    _kind("formula", Formula, text="text", names="texts"),
    Kind(
        "unfolding_penalty",
        Penalty,
        {"rows": "array", "target": "array", "tau": "number"},
        _penalty,
        lambda penalty: {"rows": penalty.rows, "target": penalty.target, "tau": penalty.tau},
    ),
)


def kind_of(table: tuple[Kind, ...], obj: Any) -> Kind | None:
    """The kind of an object, by its class itself; None if it is in no table."""
    return next((kind for kind in table if type(obj) is kind.cls), None)
