"""Quadratics as other programs write them: CMS Combine's interference model and EFT2Obs.

Both are JSON: load it with ``json.load`` and hand the result in. Formulas in strings are refused, never
evaluated.

Sources: ``python/InterferenceModels.py`` and ``src/CMSInterferenceFunc.cxx`` of Combine (fields; upper
triangle row by row, mirrored), ``scripts/eftscaling.py`` of EFT2Obs (fields, and the legacy layout).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..build import Variable
from ..errors import DuplicateNameError, FileFormatError, UnknownNameError
from .quadratic import Quadratic, from_matrices, from_quadratic, warn_if_negative

__all__ = ["CombineScaling", "from_combine", "from_eft2obs"]

_PARAMETER = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\[([^\[\]]*)\])?\s*")
_FREE_RANGE = 1e30
"""A bound as large as this is none."""


@dataclass(frozen=True, eq=False, repr=False)
class CombineScaling:
    """What :func:`from_combine` read: coefficients, and how they scale each (channel, process)."""

    variable: Variable
    """All coefficients that are not constant, with the ranges and start values of the file."""
    scaling: Mapping[tuple[str, str], Quadratic]
    """Relative quadratics of (channel, process), functions of the whole variable."""

    def __getitem__(self, key: tuple[str, str]) -> Quadratic:
        """The scaling of (channel, process)."""
        if key not in self.scaling:
            known = ", ".join(f"{c}/{p}" for c, p in self.scaling)
            raise UnknownNameError(f"CombineScaling: no scaling for {key!r}; they are for: {known}.")
        return self.scaling[key]

    def __repr__(self) -> str:
        listed = ", ".join(f"{channel}/{process}" for channel, process in self.scaling)
        return f"CombineScaling({', '.join(self.variable.sub_names)}; {listed})"


def _entry(what: str, item: Mapping[str, Any], field: str, kind: type | tuple[type, ...]) -> Any:
    if field not in item or not isinstance(item[field], kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(k.__name__ for k in kinds)
        raise FileFormatError(f"{what}: '{field}' is missing or not a {expected}.")
    return item[field]


def _numbers(what: str, values: Any, ndim: int) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise FileFormatError(f"{what} has rows of different lengths.") from error
    if array.dtype.kind not in "iuf" or array.ndim != ndim or not np.all(np.isfinite(array)):
        raise FileFormatError(f"{what} must be finite numbers with {ndim} axes.")
    return array.astype(np.float64)


@dataclass(frozen=True)
class _Parameter:
    name: str
    value: float
    lower: float
    upper: float
    constant: bool


def _parameter(what: str, text: Any) -> _Parameter:
    """``name``, ``name[value]`` (a constant), ``name[low, high]`` or ``name[value, low, high]``."""
    matched = _PARAMETER.fullmatch(text) if isinstance(text, str) else None
    if matched is None:
        raise FileFormatError(
            f"{what}: the parameter {text!r} is none of name, name[value], name[low,high] and "
            "name[value,low,high]; formulas are not read, write them with scale_by_fn."
        )
    name, inside = matched.groups()
    if inside is None:
        return _Parameter(name, 0.0, -np.inf, np.inf, False)
    try:
        numbers = [float(part) for part in inside.split(",")]
    except ValueError as error:
        raise FileFormatError(f"{what}: the range of {text!r} is not made of numbers.") from error
    if len(numbers) == 1:
        return _Parameter(name, numbers[0], -np.inf, np.inf, True)
    if len(numbers) == 2:
        numbers = [0.5 * (numbers[0] + numbers[1]), *numbers]
    if len(numbers) != 3 or not numbers[1] <= numbers[0] <= numbers[2]:
        raise FileFormatError(f"{what}: the range of {text!r} is none; write name[value,low,high].")
    lower, upper = (np.sign(x) * np.inf if abs(x) >= _FREE_RANGE else x for x in numbers[1:])
    return _Parameter(name, numbers[0], lower, upper, False)


def from_combine(data: Any, name: str = "c") -> CombineScaling:
    """Read the scaling data of Combine's interference model.

    A list of {"channel", "process", "parameters", "scaling"}: in each bin the template is multiplied by
    p^T S p with p the parameters and S the symmetric matrix whose upper triangle, row by row, is a row of
    ``scaling``. An off-diagonal entry thus is *half* the factor of p_i p_j. Constant parameters
    (``sm[1]``) carry the terms of lower order.

    Parameters
    ----------
    data
        The content of the JSON file.
    name
        Of the Variable of all coefficients.

    Raises
    ------
    FileFormatError
        For anything that is not of that form.
    DuplicateNameError
        For a channel and process given twice.

    Warns
    -----
    MorphingWarning
        If a scaling becomes negative somewhere.

    Examples
    --------
    >>> item = {"channel": "SR", "process": "ttH", "parameters": ["sm[1]", "ctG[0,-2,2]"],
    ...         "scaling": [[1.0, 0.1, 0.05], [1.0, 0.2, 0.1]]}
    >>> read = from_combine([item])
    >>> read.variable
    Variable('c', [0.0], sub_names=['ctG'], lower_bound=-2.0, upper_bound=2.0)
    >>> read["SR", "ttH"]([2.0]).round(6).tolist()
    [1.6, 2.2]
    """
    what = "from_combine"
    if not isinstance(data, Sequence) or isinstance(data, str | bytes) or not data:
        raise FileFormatError(f"{what}: expected a list of scalings, got {type(data).__name__}.")
    known: dict[str, _Parameter] = {}
    read: dict[tuple[str, str], tuple[list[_Parameter], FloatArray]] = {}
    for number, item in enumerate(data):
        if not isinstance(item, Mapping):
            raise FileFormatError(f"{what}: scaling {number} is no dict.")
        here = f"{what}: scaling {number}"
        key = (_entry(here, item, "channel", str), _entry(here, item, "process", str))
        here = f"{what}: {key[0]}/{key[1]}"
        if key in read:
            raise DuplicateNameError(f"{here} is given twice.")
        parameters = [_parameter(here, text) for text in _entry(here, item, "parameters", list)]
        for parameter in parameters:
            # A bare name refers to one that is described elsewhere.
            described = np.isfinite(parameter.lower) or np.isfinite(parameter.upper) or parameter.constant
            if parameter.name not in known or described:
                known[parameter.name] = parameter
        triangle = _numbers(f"{here}: scaling", _entry(here, item, "scaling", list), 2)
        n = len(parameters)
        if triangle.shape[1] != n * (n + 1) // 2:
            raise FileFormatError(
                f"{here}: scaling has {triangle.shape[1]} terms a bin, {n} parameters have "
                f"{n * (n + 1) // 2}."
            )
        read[key] = (parameters, triangle)
    free = [parameter for parameter in known.values() if not parameter.constant]
    if not free:
        raise FileFormatError(f"{what}: all parameters are constant.")
    operators = tuple(parameter.name for parameter in free)
    variable = Variable(
        name,
        [p.value for p in free],
        lower_bound=[None if np.isinf(p.lower) else p.lower for p in free],
        upper_bound=[None if np.isinf(p.upper) else p.upper for p in free],
        sub_names=operators,
    )
    scaling = {}
    for key, (parameters, triangle) in read.items():
        scaling[key] = _combined([known[p.name] for p in parameters], triangle, operators)
        warn_if_negative(f"{what}: {key[0]}/{key[1]}", scaling[key])
    return CombineScaling(variable, scaling)


def _combined(parameters: list[_Parameter], triangle: FloatArray, operators: tuple[str, ...]) -> Quadratic:
    n = len(parameters)
    first, second = np.triu_indices(n)
    matrices = np.zeros((len(triangle), n, n))
    matrices[:, first, second] = matrices[:, second, first] = triangle
    # p = P (1, c)
    places = np.zeros((n, 1 + len(operators)))
    for row, parameter in enumerate(parameters):
        if parameter.constant:
            places[row, 0] = parameter.value
        else:
            places[row, 1 + operators.index(parameter.name)] = 1.0
    return from_matrices(operators, np.einsum("ia,bij,jc->bac", places, matrices, places, optimize=True))


def from_eft2obs(data: Any, operators: Sequence[str] | None = None) -> Quadratic:
    """Read the parametrisation that EFT2Obs writes as JSON, in its present layout or the older one.

    Relative to the standard model: 1 + sum of value x product of the term's parameters. The
    statistical uncertainties of the terms are not used.

    Parameters
    ----------
    data
        The content of the JSON file.
    operators
        Names in the order of the variable; by default in the order of the terms.

    Raises
    ------
    FileFormatError
        For anything that is not of that form.
    UnknownNameError
        For a term of an operator that is not in ``operators``.

    Warns
    -----
    MorphingWarning
        If it becomes negative somewhere, which limited statistics may do.

    Examples
    --------
    >>> data = {"nbins": 2, "terms": [[["cHG"], [0.2, 0.4], [0.01, 0.01]],
    ...                               [["cHG", "cHG"], [0.05, 0.1], [0.0, 0.0]]]}
    >>> from_eft2obs(data)([2.0]).round(6).tolist()
    [1.6, 2.2]
    """
    what = "from_eft2obs"
    if not isinstance(data, Mapping):
        raise FileFormatError(f"{what}: expected a dict, got {type(data).__name__}.")
    n_bins = _entry(what, data, "nbins", int)
    terms = _terms(what, data, n_bins)
    linear = {names[0]: values for names, values in terms.items() if len(names) == 1}
    squares = {(names[0], names[1]): values for names, values in terms.items() if len(names) == 2}
    given = None if operators is None else list(operators)
    return from_quadratic(np.ones(n_bins), linear, squares or None, operators=given)


def _terms(what: str, data: Mapping[str, Any], n_bins: int) -> dict[tuple[str, ...], FloatArray]:
    """{parameters of a term: (bin,)}"""
    rows: dict[tuple[str, ...], Any] = {}
    if "terms" in data:
        for number, term in enumerate(_entry(what, data, "terms", list)):
            if not isinstance(term, list | tuple) or len(term) < 2 or not isinstance(term[0], list | tuple):
                raise FileFormatError(f"{what}: term {number} is no [parameters, values, uncertainties].")
            _keep(what, rows, tuple(term[0]), term[1])
    else:
        bins = _entry(what, data, "bins", list)
        if len(bins) != n_bins:
            raise FileFormatError(f"{what}: 'bins' has {len(bins)} entries, 'nbins' is {n_bins}.")
        for index, entries in enumerate(bins):
            for entry in entries if isinstance(entries, list) else [None]:
                if not isinstance(entry, list) or len(entry) < 3:
                    raise FileFormatError(
                        f"{what}: a term of bin {index} is no [value, uncertainty, parameters]."
                    )
                # A term that a bin lacks is 0 there.
                row = rows.setdefault(tuple(entry[2:]), [0.0] * n_bins)
                row[index] = entry[0]
    found = {}
    for names, values in rows.items():
        if not 1 <= len(names) <= 2 or not all(isinstance(name, str) for name in names):
            raise FileFormatError(f"{what}: {list(names)} is no term of one or two parameters.")
        found[names] = _numbers(f"{what}: the term {' '.join(names)}", values, 1)
        if len(found[names]) != n_bins:
            raise FileFormatError(
                f"{what}: the term {' '.join(names)} has {len(found[names])} of {n_bins} bins."
            )
    return found


def _keep(what: str, rows: dict[tuple[str, ...], Any], names: tuple[str, ...], values: Any) -> None:
    if names in rows:
        raise DuplicateNameError(f"{what}: the term {' '.join(map(str, names))} is given twice.")
    rows[names] = values
