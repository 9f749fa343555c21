"""Every effect against its formula written anew, derivatives against differences, the registry itself."""

from __future__ import annotations

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import ndtr, ndtri
from scipy import stats

from smoothfit.effects import (
    EFFECTS,
    KINDS,
    GmM,
    GmN,
    Linear,
    LnN,
    LnU,
    Poisson,
    Quantile,
    TrG,
    second_order,
)
from smoothfit.errors import ShapeMismatchError

ROOT = Path(__file__).resolve().parents[2]


def h(t):
    return (3 * t**5 - 10 * t**3 + 15 * t) / 8


def combine(theta, kd, ku):
    up, down = np.log(ku), -np.log(kd)
    slope = np.where(
        np.abs(theta) < 0.5,
        (up + down) / 2 + h(2 * theta) * (up - down) / 2,
        np.where(theta > 0, up, down),
    )
    return np.exp(theta * slope)


def talk(theta, kd, ku):
    up, down = ku, 1 / kd
    inside = theta / 4 * (3 - theta**2) * (up - down) + (up + down) / 2
    return np.where(theta > 1, up, np.where(theta < -1, down, inside)) ** theta


def code1(theta, kd, ku):
    return np.where(theta >= 0, ku**theta, kd**-theta)


def code4(theta, kd, ku):
    """Degree 6, value 1 at 0, and value and two derivatives of code1 at +-1."""
    powers, rows, right = np.arange(1, 7), [], []
    for sign, kappa in ((1.0, ku), (-1.0, kd)):
        log = np.log(kappa)
        rows += [sign**powers, powers * sign ** (powers - 1), powers * (powers - 1) * sign ** (powers - 2.0)]
        right += [kappa - 1, sign * log * kappa, log**2 * kappa]
    polynomial = 1 + theta[:, None] ** powers @ np.linalg.solve(np.array(rows), np.array(right))
    return np.where(np.abs(theta) < 1, polynomial, code1(theta, kd, ku))


def from_count(theta, n):
    """The upper limit on a Poisson mean at confidence CDF_N(theta), by scipy, over that at 1/2."""
    lower = stats.gamma.ppf(stats.norm.cdf(theta), n + 1)
    upper = stats.gamma.isf(stats.norm.sf(theta), n + 1)
    return np.where(theta < 0, lower, upper) / stats.gamma.ppf(0.5, n + 1)


def student(theta):
    """Student's t with 2 degrees of freedom, whose quantiles are closed: x = (2p-1) sqrt(2/(4p(1-p)))."""
    p, q = stats.norm.cdf(theta), stats.norm.sf(theta)
    return 1 + 0.1 * (p - q) * np.sqrt(2 / (4 * p * q))


def _student_cdf(x):
    # For x < 0 without cancellation: 1/2 (1 + z/sqrt(2 + z^2)) = 1/(2 + z^2 + |z| sqrt(2 + z^2)).
    z = (x - 1) / 0.1
    root = jnp.sqrt(2 + z * z)
    small = 1 / (root * (root + jnp.abs(z)))
    return jnp.where(z < 0, small, 1 - small)


WIDE, POSITIVE, UNIT = (-3.0, 3.0), (0.01, 4.0), (-1.0, 1.0)
CASES = {
    "lnN": (LnN(1.13), lambda t: 1.13**t, WIDE),
    "lnN combine": (LnN((0.9, 1.3)), lambda t: combine(t, 0.9, 1.3), WIDE),
    "lnN one-sided": (LnN((1.1, 1.2)), lambda t: combine(t, 1.1, 1.2), WIDE),
    "lnN talk": (LnN((0.9, 1.3), interpolation="talk"), lambda t: talk(t, 0.9, 1.3), WIDE),
    "lnN code1": (LnN((0.9, 1.3), interpolation="code1"), lambda t: code1(t, 0.9, 1.3), WIDE),
    "lnN code4": (LnN((0.9, 1.3), interpolation="code4"), lambda t: code4(t, 0.9, 1.3), WIDE),
    "lnU": (LnU(1.7), lambda t: 1.7**t, UNIT),
    "linear": (Linear(0.2), lambda t: 1 + 0.2 * t, WIDE),
    "trG": (TrG(-0.25), lambda t: 1 - 0.25 * t, WIDE),
    "gmN": (GmN(10, 0.5), lambda t: t / 10, POSITIVE),
    "gmM": (GmM(0.3), lambda t: t, POSITIVE),
    "poisson": (Poisson(5), lambda t: from_count(t, 5), WIDE),
    "poisson 0": (Poisson(0), lambda t: np.log(stats.norm.sf(t)) / np.log(0.5), WIDE),
    "quantile gauss": (
        Quantile(lambda p: 1 + 0.2 * ndtri(p), isf=lambda q: 1 - 0.2 * ndtri(q)),
        lambda t: 1 + 0.2 * t,
        WIDE,
    ),
    "quantile lnN": (
        Quantile(lambda p: 1.3 ** ndtri(p), isf=lambda q: 1.3 ** -ndtri(q)),
        lambda t: 1.3**t,
        WIDE,
    ),
    "quantile cdf": (
        Quantile(cdf=lambda x: ndtr((x - 1) / 0.2), sf=lambda x: ndtr((1 - x) / 0.2)),
        lambda t: 1 + 0.2 * t,
        WIDE,
    ),
    "quantile exponential": (
        Quantile(cdf=lambda x: -jnp.expm1(-x), sf=lambda x: jnp.exp(-x), support=(0.0, jnp.inf)),
        lambda t: -stats.norm.logsf(t),
        WIDE,
    ),
    "quantile student": (
        Quantile(cdf=_student_cdf, sf=lambda x: _student_cdf(2 - x)),
        student,
        WIDE,
    ),
}

# Each effect is compiled once, for 200 points.
_DERIVATIVES = jax.jit(lambda effect, t: second_order(jax.vmap(effect), t), static_argnums=0)


def derivatives(effect, theta):
    """Value, slope and curvature at up to 200 points."""
    theta = np.asarray(theta)
    return [np.asarray(d)[: len(theta)] for d in _DERIVATIVES(effect, jnp.asarray(np.resize(theta, 200)))]


@pytest.mark.parametrize("name", CASES)
def test_value_and_derivatives(name):
    """Value by formula at 200 points, gradient and curvature by differences of the formula."""
    effect, formula, (low, high) = CASES[name]
    theta = np.random.default_rng(0).uniform(low, high, 200)
    value, slope, curvature = derivatives(effect, theta)
    np.testing.assert_allclose(value, formula(theta), rtol=1e-12)
    # Away from where a formula changes, differences of sixth order see one smooth function.
    joints = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    step = 4e-3
    away = np.min(np.abs(theta[:, None] - joints), axis=1) > 4 * step
    t = theta[away]
    f = {k: formula(t + k * step) for k in range(-3, 4)}
    first = (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + f[3] - f[-3]) / (60 * step)
    second = (2 * (f[3] + f[-3]) - 27 * (f[2] + f[-2]) + 270 * (f[1] + f[-1]) - 490 * f[0]) / (180 * step**2)
    np.testing.assert_allclose(np.asarray(slope)[away], first, rtol=0, atol=1e-9 * np.max(np.abs(f[0])))
    np.testing.assert_allclose(np.asarray(curvature)[away], second, rtol=0, atol=2e-7 * np.max(np.abs(f[0])))


@pytest.mark.parametrize(
    "name", [name for name in CASES if not name.startswith("gm") and name != "quantile exponential"]
)
def test_no_effect_at_zero(name):
    assert derivatives(CASES[name][0], [0.0])[0][0] == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "joints", "orders"),
    [
        ("lnN combine", (-0.5, 0.0, 0.5), 3),
        ("lnN code4", (-1.0, 0.0, 1.0), 3),
        # The talk's form promises value and slope only; code1 the value.
        ("lnN talk", (-1.0, 1.0), 2),
        ("lnN code1", (0.0,), 1),
        # Where the tail that is compared changes.
        ("poisson", (0.0,), 3),
        ("quantile cdf", (0.0, 0.5), 3),
        ("quantile gauss", (0.0,), 3),
    ],
)
def test_continuity_at_the_joints(name, joints, orders):
    found = derivatives(CASES[name][0], np.ravel([[j - 1e-10, j + 1e-10] for j in joints]))
    jumps = [np.max(np.abs(np.diff(d.reshape(-1, 2)))) for d in found]
    assert max(jumps[:orders]) < 1e-8
    # What is not promised does jump: the comparison would see it.
    assert orders == 3 or jumps[orders] > 1e-3


def test_numbers_of_the_log_normals():
    """FORMULAS section 8: kappas 1.3/0.9 at +-0.5."""
    for effect, expected in (
        (LnN((0.9, 1.3)), [1.1402, 0.9487]),
        (LnN((0.9, 1.3), interpolation="talk"), [1.1272, 0.9363]),
    ):
        np.testing.assert_allclose([effect(0.5), effect(-0.5)], expected, atol=5e-5)


def test_quantiles_far_in_both_tails():
    theta = np.array([-9.9, -8.0, -6.5, -5.2, 5.2, 6.5, 8.0, 9.9])
    for name in (
        "quantile gauss",
        "quantile lnN",
        "quantile cdf",
        "quantile exponential",
        "quantile student",
    ):
        effect, formula, _ = CASES[name]
        value, slope, curvature = derivatives(effect, theta)
        np.testing.assert_allclose(value, formula(theta), rtol=1e-11, err_msg=name)
        step = 1e-3
        f = [formula(theta + k * step) for k in (-2, -1, 1, 2)]
        first = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * step)
        np.testing.assert_allclose(slope, first, rtol=1e-7, err_msg=name)
        assert np.all(np.isfinite(curvature))


def test_a_count_far_in_both_tails():
    at = np.array([-9.0, -7.0, -5.0, -1.0, 1.0, 5.0, 7.0, 9.0, stats.norm.ppf(0.95)])
    events = [0.0, 3.0, 400.0]
    factor = jax.jit(KINDS["count"].factor)
    value = np.asarray(factor(np.tile(at, 3), np.repeat(events, 9))).reshape(3, 9)
    np.testing.assert_allclose(value, [from_count(at, n) for n in events], rtol=1e-10)
    # What its upper limit says: P(N <= n | lambda(theta)) = CDF_N(-theta), by the sum of probabilities.
    limit = value[1, -1] * stats.gamma.ppf(0.5, 4)
    assert stats.poisson.cdf(3, limit) == pytest.approx(0.05, rel=1e-11)


def test_without_a_complement_the_upper_tail_ends_at_seven():
    effect = Quantile(lambda p: 1 + 0.2 * ndtri(p))
    value, slope, _ = derivatives(effect, [5.0, 7.0, 9.0])
    np.testing.assert_allclose(value[0], 2.0, rtol=1e-9)
    assert value[2] == value[1]
    assert slope[2] == 0.0


def test_one_number_a_sub_process():
    found = LnN(([0.9, 0.8], 1.2))(1.0)
    np.testing.assert_allclose(found, [[1.2], [1.2]], rtol=1e-15)
    np.testing.assert_allclose(GmN(4, [0.5, 0.0])(8.0), [[2.0], [1.0]], rtol=1e-15)
    assert Linear(0.1)(2.0).shape == ()


def test_an_array_of_thetas():
    theta = np.array([[-1.0, 0.0, 0.5], [1.0, 2.0, 3.0]])
    for effect, formula in (
        (LnN((0.9, 1.3)), lambda t: combine(t, 0.9, 1.3)),
        (Linear(0.2), lambda t: 1 + 0.2 * t),
        (Poisson(5), lambda t: from_count(t, 5)),
    ):
        np.testing.assert_allclose(effect(theta), formula(theta), rtol=1e-12)
    with pytest.raises(ShapeMismatchError, match=r"Linear: theta has shape \(3,\).* 2 sub-processes"):
        Linear([0.1, 0.2])(theta[0])


@pytest.mark.parametrize(
    "typed",
    [
        "LnN(1.01)",
        "LnN((0.9, 1.3), interpolation='talk')",
        "LnN(([0.9, 0.8], [1.1, 1.2]))",
        "LnU(2.0)",
        "Linear([0.1, 0.2])",
        "TrG(0.5)",
        "GmN(60, 1.5)",
        "GmM(0.3)",
        "Poisson(6.0)",
    ],
)
def test_effects_are_shown_as_they_are_typed(typed):
    known = {cls.__name__: cls for cls in (LnN, LnU, Linear, TrG, GmN, GmM, Poisson)}
    name, numbers = typed.split("(", 1)
    numbers, _, interpolation = numbers[:-1].partition(", interpolation=")
    given = ast.literal_eval(f"({numbers},)")
    options = {"interpolation": interpolation.strip("'")} if interpolation else {}
    assert repr(known[name](*given, **options)) == typed


# -- the registry ---------------------------------------------------------------------------------------

# Numbers that each kind may have, for the checks that hold for any.
NUMBERS = {"affine": (1.0, 0.3), "count": (4.0,)}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_consistent_with_automatic_differentiation(name):
    kind = KINDS[name]
    assert kind.name == name
    numbers = NUMBERS.get(name, (0.8, 1.4))
    assert len(numbers) == len(kind.numbers)
    theta = jnp.linspace(-2.3, 2.2, 10)
    derived = kind.derive(*(jnp.full(10, n) for n in numbers))
    found = jax.jit(kind.derivatives)(theta, *derived)
    witness = jax.jit(lambda t: second_order(lambda t: kind.derivatives(t, *derived)[0], t))(theta)
    for one, other in zip(found, witness, strict=True):
        assert one.shape == (10,)
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)
    assert float(kind.factor(jnp.zeros(1), *(jnp.full(1, n) for n in numbers))[0]) == pytest.approx(
        1.0, abs=1e-15
    )


@pytest.mark.parametrize("label", EFFECTS)
def test_every_effect_is_documented_and_tested(label):
    cls = EFFECTS[label]
    assert cls.label == label
    page = ROOT / "docs" / "effects" / f"{label}.md"
    assert f"{cls.__name__}(" in page.read_text(encoding="utf-8")
    assert f"({label}.md)" in (ROOT / "docs" / "effects" / "index.md").read_text(encoding="utf-8")
    assert f"effects/{label}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert any(name.split()[0] == label for name in CASES)
