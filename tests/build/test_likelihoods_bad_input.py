"""Wrong input to add_likelihood, host_likelihood and replaced data: what is refused, and the words of it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit import combine, host_likelihood
from smoothfit.errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    NotExpressibleError,
    ShapeMismatchError,
    UnknownNameError,
    UserFunctionError,
)
from smoothfit.io import write_hs3, write_pyhf
from smoothfit.model import Model, Process, Variable

MU, NU = Variable("mu", 1.0), Variable("nu", 2.0)
PAIR = Variable("pair", [0.0, 1.0])


def quadratic(values, data):
    return jnp.sum((values - 1.0) ** 2)


def base(channel="main"):
    return Model().add_proc(Process("p", [10.0], channel=channel).scale_by(MU))


def added(*arguments, **options):
    """Of one parameter, unless Variables are given."""
    return base().add_likelihood(*(arguments if len(arguments) > 1 else (*arguments, [MU])), **options)


def prepared(fn, variables=(MU,), data=None):
    return added(fn, list(variables), data, name="other").prepare()


class Named:
    parameters = ("a", "b")

    def nll(self, values, data):
        return jnp.sum(values**2)


class Numbered:
    n_parameters = 3

    def nll(self, values, data):
        return jnp.sum(values**2)


class Constant:
    nll = 3.0


CASES = {
    # The likelihood.
    "no likelihood": (lambda: added(3.0), InvalidTypeError, r"nll\(values, data\).*3\.0"),
    "an nll that is no function": (lambda: added(Constant()), InvalidTypeError, "nll"),
    "a class": (lambda: added(Named), InvalidTypeError, "class Named.*an object of it"),
    "no name": (lambda: added(quadratic, name=""), InvalidValueError, "name is empty"),
    "a name that is none": (lambda: added(quadratic, name=3), InvalidTypeError, "name must be a string"),
    "twice": (
        lambda: added(quadratic).add_likelihood(quadratic, [MU]),
        DuplicateNameError,
        "'quadratic' already.*another name=",
    ),
    # Its parameters.
    "no variables": (lambda: added(quadratic, []), InvalidValueError, "no Variable is given"),
    "no variables by place": (lambda: added(quadratic, {}), InvalidValueError, "no Variable is given"),
    "numbers": (lambda: added(quadratic, [1.0]), InvalidTypeError, r"expected Variables, got 1\.0"),
    "one number": (lambda: added(quadratic, 1.0), InvalidTypeError, r"in the order of its parameters.*1\.0"),
    "a number by place": (lambda: added(quadratic, {0: 1.0}), InvalidTypeError, "expected Variables"),
    "a name that the model has not": (
        lambda: added(quadratic, ["mass"]),
        UnknownNameError,
        "no variable 'mass'; it has: mu.*Variable",
    ),
    "too few for names": (
        lambda: added(Named(), [MU]),
        ShapeMismatchError,
        "2 parameters, the Variables have 1 component.*a, b",
    ),
    "too many for a number": (
        lambda: added(Numbered(), [PAIR, NU, MU]),
        ShapeMismatchError,
        "3 parameters, the Variables have 4 components",
    ),
    "a name it has not": (lambda: added(Named(), {"a": MU, "c": NU}), UnknownNameError, "'c'.*a, b"),
    "names of one without": (
        lambda: added(quadratic, {"a": MU}),
        UnknownNameError,
        "has no names.*'parameters'.*positions",
    ),
    "a negative position": (lambda: added(quadratic, {-1: MU}), UnknownNameError, "-1.*positions from 0"),
    "a gap": (lambda: added(quadratic, {0: MU, 2: NU}), ShapeMismatchError, "parameter 1 has no Variable"),
    "a gap with a name": (lambda: added(Named(), {"b": NU}), ShapeMismatchError, "'a' has no Variable"),
    "an overlap": (lambda: added(quadratic, {0: PAIR, 1: MU}), ShapeMismatchError, "overlap"),
    "a place twice": (lambda: added(Named(), {"a": MU, 0: NU}), InvalidValueError, "given twice"),
    "too few for an index": (
        lambda: prepared(lambda v, d: v[0] + v[3]),
        UserFunctionError,
        "takes more parameters than the 1.*a Variable for each",
    ),
    "two variables of one name": (
        lambda: prepared(quadratic, [MU, Variable("mu", 1.0)]),
        DuplicateNameError,
        "'mu'",
    ),
    # Its data.
    "text in the data": (
        lambda: added(quadratic, [MU], {"x": np.ones(2), "label": "events"}),
        InvalidTypeError,
        r"data\['label'\].*'events'.*the likelihood itself",
    ),
    "complex data": (lambda: added(quadratic, [MU], np.ones(2) * 1j), InvalidTypeError, "real numbers"),
    "ragged data": (lambda: added(quadratic, [MU], [object()]), InvalidTypeError, r"data\[0\]"),
    "whole numbers too large": (
        lambda: added(quadratic, [MU], np.array([2**60])),
        InvalidValueError,
        r"2\^53",
    ),
    "data of a host's": (
        lambda: prepared(host_likelihood(lambda x: 0.0, 1), data=np.ones(3)),
        UserFunctionError,
        "its data by itself",
    ),
    # Its NLL.
    "not traceable": (
        lambda: prepared(lambda v, d: 0.5 if v[0] > 1.0 else 1.0),
        UserFunctionError,
        "'other' cannot be traced.*host_likelihood",
    ),
    "numpy on a traced array": (
        lambda: prepared(lambda v, d: np.sum(np.asarray(v) ** 2)),
        UserFunctionError,
        "cannot be traced.*host_likelihood",
    ),
    "other arguments": (lambda: prepared(lambda v: v[0]), UserFunctionError, "positional argument"),
    "an array": (lambda: prepared(lambda v, d: v * jnp.ones(3)), UserFunctionError, r"\(3,\).*sum over"),
    "two results": (lambda: prepared(lambda v, d: (v[0], v[0])), UserFunctionError, "tuple"),
    "complex": (lambda: prepared(lambda v, d: v[0] * 1j), UserFunctionError, "complex"),
    "float32": (
        lambda: prepared(lambda v, d: jnp.sum(v.astype("float32"))),
        UserFunctionError,
        "float32.*needs float64",
    ),
    "not finite": (
        lambda: prepared(lambda v, d: jnp.log(v[0] - 1.0)),
        UserFunctionError,
        "'other' is not finite at the variables' start values",
    ),
    "a slope that is not finite": (
        lambda: prepared(lambda v, d: jnp.sqrt(v[0] - 1.0)),
        UserFunctionError,
        "derivative that is not finite",
    ),
    # Host likelihoods.
    "host: no function": (lambda: host_likelihood(3.0, 1), InvalidTypeError, "fn must be a function"),
    "host: no gradient": (
        lambda: host_likelihood(quadratic, 1, gradient=[1.0]),
        InvalidTypeError,
        "gradient must be a function",
    ),
    "host: no number": (lambda: host_likelihood(quadratic, 1.5), InvalidTypeError, "whole number"),
    "host: none": (lambda: host_likelihood(quadratic, 0), InvalidValueError, "at least 1"),
    "host: steps of another number": (
        lambda: host_likelihood(quadratic, 2, step=[0.1, 0.1, 0.1]),
        ShapeMismatchError,
        r"step has shape \(3,\)",
    ),
    "host: negative steps": (lambda: host_likelihood(quadratic, 1, step=-1.0), InvalidValueError, "positive"),
    "host: other variables": (
        lambda: added(host_likelihood(lambda x: 0.0, 2), [MU]),
        ShapeMismatchError,
        "2 parameters, the Variables have 1",
    ),
    "host: other values": (
        lambda: host_likelihood(lambda x: 0.0, 2)(np.ones(3)),
        ShapeMismatchError,
        r"\(3,\), expected \(2,\)",
    ),
    # Other data.
    "data of no likelihood": (
        lambda: prepared(quadratic).replaced(likelihoods={"others": None}),
        UnknownNameError,
        "no likelihood 'others'; there are: 'other'",
    ),
    "data of another form": (
        lambda: prepared(quadratic, data={"x": np.ones(3)}).replaced(likelihoods={"other": np.ones(3)}),
        ShapeMismatchError,
        "data of another form",
    ),
    "data of another length": (
        lambda: prepared(quadratic, data={"x": np.ones(3)}).replaced(
            likelihoods={"other": {"x": np.ones(4)}}
        ),
        ShapeMismatchError,
        r"data\['x'\].*\(4,\), expected \(3,\).*anew, or pad",
    ),
    "floats for whole numbers": (
        lambda: prepared(quadratic, data=np.array([1, 2])).replaced(likelihoods={"other": np.ones(2)}),
        InvalidTypeError,
        "float64, expected int64",
    ),
    "text for data": (
        lambda: prepared(quadratic, data=np.ones(2)).replaced(likelihoods={"other": "events"}),
        InvalidTypeError,
        "expected an array, got str",
    ),
    # The rest of the library.
    "combined twice": (
        lambda: combine(
            prepared(quadratic), base("other").add_likelihood(quadratic, [MU], name="other").prepare()
        ),
        DuplicateNameError,
        "likelihood 'other'.*counts once.*rename",
    ),
    "as a workspace": (
        lambda: write_pyhf(prepared(quadratic), [10.0], "/nowhere"),
        NotExpressibleError,
        r"add_likelihood\('other'\)",
    ),
    "as HS3": (lambda: write_hs3(prepared(quadratic), [10.0]), NotExpressibleError, "add_likelihood"),
    "split by a parameter of its own": (
        lambda: prepared(quadratic, [MU, NU]).channel_compatibility([10.0], poi="nu"),
        InvalidValueError,
        "no process depends on 'nu'",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_bad_input_is_refused_with_words(case):
    call, error, words = CASES[case]
    with pytest.raises(error, match=words):
        call()
