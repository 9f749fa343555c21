"""Small cards with templates, for what no published one has: every feature against its formula in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammaln

from smoothfit import read_datacard
from smoothfit.errors import FileFormatError

uproot = pytest.importorskip("uproot")
hist = pytest.importorskip("hist")

EDGES = np.array([0.0, 1.0, 2.0, 4.0])
SIG, BKG, DATA = np.array([1.0, 3.0, 2.0]), np.array([20.0, 10.0, 5.0]), np.array([19.0, 14.0, 8.0])
UP, DOWN = BKG * [1.2, 1.0, 0.7], BKG * [0.9, 1.1, 1.2]
UP2, DOWN2 = BKG * [0.95, 1.1, 1.3], BKG * [1.1, 0.9, 0.8]
VARIANCES = np.array([4.0, 2.5, 1.0])

HEAD = """imax 1
jmax 1
kmax *
shapes * * t.root $PROCESS $PROCESS_$SYSTEMATIC
bin SR
observation -1
bin SR SR
process sig bkg
process 0 1
rate -1 -1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("card")

    def weighted(values, variances):
        made = hist.Hist.new.Variable(EDGES).Weight()
        made.view().value, made.view().variance = values, variances
        return made

    with uproot.recreate(path / "t.root") as file:
        file["sig"], file["bkg"] = weighted(SIG, SIG / 10), weighted(BKG, VARIANCES)
        file["data_obs"] = (DATA, EDGES)
        for name, up, down in (("a", UP, DOWN), ("b", UP2, DOWN2)):
            file[f"bkg_{name}Up"], file[f"bkg_{name}Down"] = (
                weighted(up, VARIANCES),
                weighted(down, VARIANCES),
            )
        file["sig_bUp"], file["sig_bDown"] = weighted(SIG * 1.3, SIG), weighted(SIG * 0.8, SIG)
        file["zero"] = weighted(BKG * 0.0, BKG * 0.0)
        file["zero_aUp"], file["zero_aDown"] = weighted(UP, VARIANCES), weighted(DOWN, VARIANCES)
    return path


@pytest.fixture
def read(folder):
    def write_and_read(lines, head=HEAD, **options):
        path = folder / "card.txt"
        path.write_text(head + lines)
        return read_datacard(path, **options)

    return write_and_read


def smooth(t):
    return (3 * t**5 - 10 * t**3 + 15 * t) / 8 if abs(t) < 1 else math.copysign(1.0, t)


def lnn(theta, low, high):
    up, down = math.log(high), -math.log(low)
    return math.exp(theta * ((up + down) / 2 + smooth(2 * theta) * (up - down) / 2))


def ratios(up, down, scale, theta):
    ku, kd = up.sum() / BKG.sum(), down.sum() / BKG.sum()
    return 1.0 if max(abs(ku - 1), abs(kd - 1)) < 1e-3 else lnn(theta, kd**scale, ku**scale)


def shape(theta, shapes, *, logarithms=False):
    """FORMULAS section 2, hist-mode 1; ``shapes`` are (up, down, scale, theta's own factor)."""
    q, change, factor = min([1.0, *(s for _, _, s in shapes)]), np.zeros(3), 1.0
    for up, down, scale in shapes:
        x = scale * theta
        u, v = (t * BKG.sum() / t.sum() for t in (up, down))
        u, v = (np.log(u / BKG), np.log(v / BKG)) if logarithms else (u - BKG, v - BKG)
        change += 0.5 * x * ((u - v) + smooth(x / q) * (u + v))
        factor *= ratios(up, down, scale, theta)
    morphed = BKG * np.exp(change) if logarithms else np.maximum(BKG + change, 1e-9 * BKG.sum())
    return factor * morphed * BKG.sum() / morphed.sum()


THETAS = (-2.5, -1.0, -0.3, 0.2, 0.7, 1.0, 1.8)


@pytest.mark.parametrize("theta", THETAS)
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("a shape - 1", lambda t: shape(t, [(UP, DOWN, 1.0)])),
        ("a shape - 0.5", lambda t: shape(t, [(UP, DOWN, 0.5)])),
        ("a shapeN - 1", lambda t: shape(t, [(UP, DOWN, 1.0)], logarithms=True)),
        ("a shapeN2 - 0.7", lambda t: shape(t, [(UP, DOWN, 0.7)], logarithms=True)),
        ("a shapeU - 1", lambda t: shape(t, [(UP, DOWN, 1.0)])),
        ("a shape? - 1", lambda t: shape(t, [(UP, DOWN, 1.0)])),
        ("c shape? - 1.1\nnuisance edit rename c a", lambda t: BKG * 1.1**t),
        ("a shape - 1\nx extArg 2 [1,3]\nf rateParam SR bkg @0 x", lambda t: 2 * shape(t, [(UP, DOWN, 1.0)])),
        ("a shape - 1\na lnN - 1.2", lambda t: 1.2**t * shape(t, [(UP, DOWN, 1.0)])),
        ("a shape - 1\nnuisance edit drop sig SR b ifexists", lambda t: shape(t, [(UP, DOWN, 1.0)])),
        ("a trG - 0.1\np param 0 1\nf rateParam SR bkg 1+0*@0 p", lambda t: BKG * (1 + 0.1 * t)),
    ],
)
def test_what_a_line_does_to_templates(read, lines, expected, theta):
    model, obs = read(lines + "\n")
    np.testing.assert_array_equal(obs, DATA)
    found = np.asarray(model.pred({"a": theta}))
    np.testing.assert_allclose(found, SIG + expected(theta), rtol=1e-11)


def test_a_shape_that_is_uniform(read):
    """shapeU: no Gaussian constraint, and a range of -1 to 1."""
    model, obs = read("a shapeU - 1\n")
    lower, upper = (bound[model.index("a")] for bound in model.layout.bounds)
    assert (lower, upper) == (-1.0, 1.0)

    def counts(theta):
        nu = SIG + shape(theta, [(UP, DOWN, 1.0)])
        return np.sum(nu - DATA * np.log(nu) + gammaln(DATA + 1))

    for theta in (-0.5, 0.4):
        rise = float(model.nll({"a": theta}, obs) - model.nll({"a": 0.0}, obs))
        assert rise == pytest.approx(counts(theta) - counts(0.0), abs=1e-10)


@pytest.mark.parametrize("count", [0, 4])
def test_sidebands_of_templates(read, count):
    """gmN: the template's shape with alpha * nu events, Pois(N | nu); also where N = 0."""
    model, obs = read(f"a gmN {count} - {35 / max(count, 1)}\n")
    for nu in (0.4, 2.0, 5.5):
        found = np.asarray(model.pred({"a": nu}))
        np.testing.assert_allclose(found, SIG + BKG / BKG.sum() * 35 / max(count, 1) * nu, rtol=1e-9)
        expected = np.sum(found - DATA * np.log(found) + gammaln(DATA + 1))
        expected += nu - (count * math.log(nu) if count else 0.0) + gammaln(count + 1)
        assert float(model.nll({"a": nu}, obs)) == pytest.approx(expected, abs=1e-9)


def test_edits_of_shapes(read):
    """A renamed shape keeps its templates; one added with a value of 1 is nothing, as in Combine."""
    model, _ = read("a shape - 1\nnuisance edit rename bkg SR a tilt\n")
    np.testing.assert_allclose(model.pred({"tilt": 0.7}), SIG + shape(0.7, [(UP, DOWN, 1.0)]), rtol=1e-11)
    dropped, _ = read("b shape 1 1\nnuisance edit drop bkg SR b\n")
    np.testing.assert_allclose(np.asarray(dropped.pred({"b": 1.0})), SIG * 1.3 + BKG, rtol=1e-11)
    added, _ = read("nuisance edit add bkg SR a shape 0.9\n")
    np.testing.assert_allclose(added.pred({"a": -1.2}), SIG + shape(-1.2, [(UP, DOWN, 0.9)]), rtol=1e-11)
    not_added, _ = read("nuisance edit add bkg SR a shape 1\n")
    assert not_added.parameters == ("r",)
    assert "nothing to add" in not_added.receipt.ignored[0].why


def test_floors_are_of_events_with_auto_mc_stats(read):
    """Without autoMCStats a density is morphed and normalised again; with it the events are floored."""
    far = 6.0
    x = far
    u, v = (t * BKG.sum() / t.sum() - BKG for t in (UP, DOWN))
    morphed = BKG + 0.5 * x * ((u - v) + (u + v))
    assert morphed.min() < 0
    factor = ratios(UP, DOWN, 1.0, far)
    with_stat, _ = read("a shape - 1\nSR autoMCStats 0\n")
    without, _ = read("a shape - 1\n")
    values = {"a": far}
    np.testing.assert_allclose(with_stat.pred(values), SIG + factor * np.maximum(morphed, 1e-9), rtol=1e-11)
    floored = np.maximum(morphed, 1e-9 * BKG.sum())
    expected = SIG + factor * floored * BKG.sum() / floored.sum()
    np.testing.assert_allclose(without.pred(values), expected, rtol=1e-11)


def test_templates_that_cannot_be_used(read):
    for lines, head, word in (
        ("c shape - 1\n", HEAD, "there is no 'bkg_cUp'"),
        ("a shape - 1\n", HEAD.replace("t.root $PROCESS $", "t.root nothing $"), "there is no 'nothing'"),
        ("a shapeN - 1\nb shape - 1\n", HEAD, "use one"),
        ("a shape - 1/2\n", HEAD, "two values"),
        ("", HEAD.replace("rate -1 -1", "rate -1 80"), "the rate is 80, the template has 35"),
        ("", HEAD.replace("observation -1", "observation 3"), "observation of 'SR' is 3"),
    ):
        with pytest.raises(FileFormatError, match=word):
            read(lines, head)
