"""Likelihoods of other programs as terms: what ``add_likelihood`` is given, checked at the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_name, check_names, describe, plural
from ..build import Variable
from ..build.declarations import function_label
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from .specification import Likelihood, UserTerm

__all__ = ["CALL", "Flat", "likelihood_term", "nll_of", "read_data"]

CALL = "add_likelihood"

_LARGEST = 1 << 53
"""Whole numbers of data beyond this are no floats, which arrays of a prepared model are."""


class Flat:
    """An NLL of (values, data) as a function of (values, array, array, ...), the arrays of its data."""

    def __init__(self, given: Any, structure: Any, dtypes: Sequence[np.dtype]) -> None:
        self.given, self._structure, self._dtypes = given, structure, tuple(dtypes)
        self._nll = nll_of(given)
        self.__qualname__ = function_label(given)

    def __call__(self, values: Any, *leaves: Any) -> Any:
        """The NLL."""
        arrays = [jnp.asarray(a).astype(dtype) for a, dtype in zip(leaves, self._dtypes, strict=True)]
        return self._nll(values, jax.tree.unflatten(self._structure, arrays))


def nll_of(likelihood: Any) -> Callable[[Any, Any], Any]:
    """The function (values, data) -> NLL of an object with that method, or of a function.

    Raises
    ------
    InvalidTypeError
        For anything else.

    Examples
    --------
    >>> float(nll_of(lambda values, data: 0.5 * (values[0] - data) ** 2)(np.array([3.0]), 1.0))
    2.0
    """
    if isinstance(likelihood, type):
        raise InvalidTypeError(f"{CALL}: got {describe(likelihood)}; give an object of it.")
    nll = getattr(likelihood, "nll", None)
    if callable(nll):
        return nll  # type: ignore[no-any-return]
    if callable(likelihood):
        return likelihood  # type: ignore[no-any-return]
    raise InvalidTypeError(
        f"{CALL}: expected an object with nll(values, data), or a function (values, data) -> nll, got "
        f"{describe(likelihood)}."
    )


def likelihood_term(
    likelihood: Any, variables: Any, data: Any, name: Any, known: Sequence[Variable] = ()
) -> UserTerm:
    """A likelihood as a term; ``known`` Variables may be given by name.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        For what is no likelihood, no Variables or not as many as it has parameters, no arrays.
    """
    nll_of(likelihood)
    name = function_label(likelihood) if name is None else check_name(f"{CALL}: name", name)
    what = f"{CALL} '{name}'"
    names = _names(what, likelihood)
    ordered = _ordered(what, variables, names, known)
    _check_number(what, likelihood, names, ordered)
    leaves, structure = read_data(what, data)
    given = Likelihood(name, likelihood, leaves, structure)
    return UserTerm(Flat(likelihood, structure, [a.dtype for a in leaves]), ordered, name, likelihood=given)


# -- parameters ------------------------------------------------------------------------------------


def _names(what: str, likelihood: Any) -> tuple[str, ...] | None:
    """Names of its parameters, where it says them."""
    names = getattr(likelihood, "parameters", None)
    if names is None or callable(names):
        return None
    return check_names(f"{what}: parameters of the likelihood", names, None, "parameter")


def _ordered(
    what: str, given: Any, names: tuple[str, ...] | None, known: Sequence[Variable]
) -> tuple[Variable, ...]:
    """The Variables in the order of the likelihood's vector."""
    if isinstance(given, Variable | str):
        given = (given,)
    if isinstance(given, Mapping):
        return _by_place(what, {key: _variable(what, v, known) for key, v in given.items()}, names)
    if not isinstance(given, Iterable):
        raise InvalidTypeError(
            f"{what}: expected Variables in the order of its parameters, or a dict of them, got "
            f"{describe(given)}."
        )
    variables = tuple(_variable(what, variable, known) for variable in given)
    if not variables:
        raise InvalidValueError(f"{what}: no Variable is given; give those that its NLL is a function of.")
    return variables


def _variable(what: str, given: Any, known: Sequence[Variable]) -> Variable:
    """A Variable, or the known one of that name."""
    if isinstance(given, Variable):
        return given
    if not isinstance(given, str):
        raise InvalidTypeError(
            f"{what}: expected Variables, got {describe(given)}; make one, Variable(name, value), or give "
            "the object that processes are scaled by."
        )
    found = next((variable for variable in known if variable.name == given), None)
    if found is None:
        listed = ", ".join(variable.name for variable in known[:12]) + (", ..." if len(known) > 12 else "")
        raise UnknownNameError(
            f"{what}: the model has no variable '{given}'; it has: {listed or 'none'}. Make one for a new "
            "parameter: Variable(name, value)."
        )
    return found


def _by_place(what: str, given: Mapping[Any, Any], names: tuple[str, ...] | None) -> tuple[Variable, ...]:
    """From {name or position: Variable}; an array Variable begins there."""
    placed: dict[int, Variable] = {}
    for key, variable in given.items():
        place = _place(what, key, names)
        if place in placed:
            raise InvalidValueError(f"{what}: parameter {key!r} is given twice; give it once.")
        placed[place] = variable
    if not placed:
        raise InvalidValueError(f"{what}: no Variable is given; give those that its NLL is a function of.")
    after = 0
    for place in sorted(placed):
        if place != after:
            which = after if names is None or after >= len(names) else f"'{names[after]}'"
            raise ShapeMismatchError(
                f"{what}: parameter {which} has no Variable"
                if place > after
                else f"{what}: parameter {place} is one of an array Variable that begins before it; the "
                "Variables overlap."
            )
        after += placed[place].size
    return tuple(placed[place] for place in sorted(placed))


def _place(what: str, key: Any, names: tuple[str, ...] | None) -> int:
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and key >= 0:
        return int(key)
    if isinstance(key, str) and names is not None and key in names:
        return names.index(key)
    if isinstance(key, str) and names is None:
        raise UnknownNameError(
            f"{what}: parameter '{key}' is given by name, but the likelihood has no names (an attribute "
            "'parameters'); give positions, or Variables in its order."
        )
    known = "positions from 0" if names is None else f"{', '.join(names)}, or positions from 0"
    raise UnknownNameError(f"{what}: there is no parameter {describe(key)}; there are: {known}.")


def _check_number(
    what: str, likelihood: Any, names: tuple[str, ...] | None, variables: Sequence[Variable]
) -> None:
    """As many components as parameters, where the likelihood says how many it has."""
    number = len(names) if names is not None else getattr(likelihood, "n_parameters", None)
    size = sum(variable.size for variable in variables)
    if isinstance(number, int | np.integer) and size != number:
        raise ShapeMismatchError(
            f"{what}: the likelihood has {plural(int(number), 'parameter')}, the Variables have "
            f"{plural(size, 'component')}; give one a parameter, in its order"
            + ("." if names is None else f": {', '.join(names)}.")
        )


# -- data ------------------------------------------------------------------------------------------


def read_data(what: str, data: Any) -> tuple[tuple[np.ndarray, ...], Any]:
    """Copies of the arrays of a pytree, float64, int64 or bool, and the pytree without them.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For leaves that are no real numbers or flags, and whole numbers beyond 2^53.

    Examples
    --------
    >>> leaves, structure = read_data("data", {"x": [1.0, 2.0], "n": np.array([3, 4])})
    >>> [str(leaf.dtype) for leaf in leaves], structure.num_leaves
    (['int64', 'float64', 'float64'], 3)
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(data)
    return tuple(_leaf(f"{what}: data{jax.tree_util.keystr(path)}", leaf) for path, leaf in paths), structure


def _leaf(what: str, leaf: Any) -> np.ndarray:
    try:
        array = np.asarray(leaf)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{what} is no array, got {describe(leaf)}.") from error
    kind = array.dtype.kind
    if kind not in "biuf":
        raise InvalidTypeError(
            f"{what} must be an array of real numbers or flags, got {describe(leaf)}; what is no array "
            "belongs into the likelihood itself."
        )
    if kind in "iu" and array.size and max(abs(int(array.min())), abs(int(array.max()))) > _LARGEST:
        raise InvalidValueError(f"{what} has whole numbers beyond 2^53; make them floats.")
    copy: np.ndarray = np.array(array, dtype={"b": np.bool_, "f": np.float64}.get(kind, np.int64))
    copy.setflags(write=False)
    return copy
