"""Constraints of a model as HS3 has them: by the word "Gauss", or as distributions around an observed value.

The observed value of a parameter's distribution is the constant ``nom_<parameter>`` of the parameter point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...build import Variable
from ...constraints import Constraint, Gamma, Gaussian, LogNormal, Poisson, Uniform
from ...errors import NotExpressibleError
from ...model import Model
from ...preparation.correlations import combine
from .formulas import with_names

__all__ = ["Sections", "is_unit"]


class Sections:
    """What is written beside the channels: distributions, functions and constants, each name once."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)
        self.distributions: dict[str, dict[str, Any]] = {}
        self.functions: dict[str, dict[str, Any]] = {}
        self.constants: dict[str, float] = {}
        self.auxiliary: list[str] = []
        """Distributions that are terms of the likelihood by themselves."""
        self._of_parameter: dict[str, str] = {}
        self._formulas: dict[str, str] = {}

    def unique(self, wanted: str) -> str:
        """A name that nothing else has."""
        name, k = wanted, 1
        while name in self._taken:
            name, k = f"{wanted}_{k}", k + 1
        self._taken.add(name)
        return name

    def function(self, wanted: str, **fields: Any) -> str:
        """Add a function; its name."""
        name = self.unique(wanted)
        self.functions[name] = {"name": name, **fields}
        return name

    def formula(self, expression: str, wanted: str) -> str:
        """A generic function, the same for the same expression; its name."""
        if expression not in self._formulas:
            self._formulas[expression] = self.function(wanted, type="generic_function", expression=expression)
        return self._formulas[expression]

    def constraint(self, variable: Variable, component: int) -> str:
        """The distribution that constrains a component; its name.

        Raises
        ------
        NotExpressibleError
            For a constraint that HS3 has no distribution for.
        """
        parameter = variable.sub_names[component]
        if parameter not in self._of_parameter:
            name = self.unique(f"{parameter}_constraint")
            fields = self._fields(variable, component, parameter)
            self.distributions[name] = {"name": name, **fields}
            self._of_parameter[parameter] = name
        return self._of_parameter[parameter]

    def _observed(self, parameter: str, value: float) -> str:
        name = self.unique(f"nom_{parameter}")
        self.constants[name] = value
        return name

    def _fields(self, variable: Variable, k: int, parameter: str) -> dict[str, Any]:
        constraint = variable.constraint
        what = f"the constraint of variable '{variable.name}'"
        if isinstance(constraint, Gaussian):
            x = self._observed(parameter, _of(constraint.mean, k))
            return {"type": "gaussian_dist", "x": x, "mean": parameter, "sigma": _of(constraint.width, k)}
        if isinstance(constraint, Poisson):
            return self._poisson(parameter, _of(constraint.count, k), _of(constraint.tau, k))
        if isinstance(constraint, Gamma):
            # As a function of the parameter, the same but for a constant.
            events = 1.0 / _of(constraint.width, k) ** 2
            return self._poisson(parameter, events - 1.0, events)
        if isinstance(constraint, LogNormal):
            x = self._observed(parameter, _of(constraint.mean, k))
            logarithm = self.formula(with_names("log(@0)", [parameter], what), f"log_{parameter}")
            sigma = float(np.log(_of(constraint.kappa, k)))
            return {"type": "lognormal_dist", "x": x, "mu": logarithm, "sigma": sigma}
        if isinstance(constraint, Uniform):
            ends = _of(constraint.lower, k), _of(constraint.upper, k)
            if ends != (variable.lower[k], variable.upper[k]):
                raise NotExpressibleError(
                    f"{what}: its bounds are inside the range of its density, which HS3 has one of; give it "
                    "no bounds of its own."
                )
            return {"type": "uniform_dist", "x": parameter}
        raise NotExpressibleError(
            f"{what} is {type(constraint).__name__}: HS3 has no such distribution; use Gaussian, LogNormal, "
            "Poisson or Uniform."
        )

    def _poisson(self, parameter: str, count: float, tau: float) -> dict[str, Any]:
        mean = parameter
        if tau != 1.0:
            mean = self.function(f"{parameter}_rate", type="product", factors=[parameter, tau])
        return {"type": "poisson_dist", "x": self._observed(parameter, count), "mean": mean}

    def correlations(self, model: Model) -> set[str]:
        """Add the correlated constraints, as a term of its own; the parameters that it is on."""
        if not model.specification.correlations:
            return set()
        variables, rho = combine(model.specification.correlations)
        parts = [(variable, k) for variable in variables for k in range(variable.size)]
        names = [variable.sub_names[k] for variable, k in parts]
        means, widths = [], []
        for variable, k in parts:
            assert isinstance(variable.constraint, Gaussian)
            means.append(_of(variable.constraint.mean, k))
            widths.append(_of(variable.constraint.width, k))
        label = self.unique("correlated_constraint")
        self.distributions[label] = {
            "name": label,
            "type": "multivariate_normal_dist",
            "x": [self._observed(name, mean) for name, mean in zip(names, means, strict=True)],
            "mean": names,
            "covariances": (np.outer(widths, widths) * rho).tolist(),
        }
        self.auxiliary.append(label)
        return set(names)


def is_unit(constraint: Constraint | None) -> bool:
    """Whether it is the unit Gaussian around 0 that HS3 calls "Gauss" of a normsys or histosys."""
    if not isinstance(constraint, Gaussian):
        return False
    return bool(np.all(np.asarray(constraint.mean) == 0.0) and np.all(np.asarray(constraint.width) == 1.0))


def _of(numbers: Any, k: int) -> float:
    array = np.asarray(numbers, dtype=np.float64)
    return float(array if array.ndim == 0 else array[k if array.size > 1 else 0])
