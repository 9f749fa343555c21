"""A published pyhf workspace and the card that a converter made of it: why they differ, number by number.

The likelihood of the workspace is written down in numpy, with each of the differences as a switch: with
none of them it is what ``read_pyhf`` gives, with all of them what ``read_datacard`` gives; each is needed.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from real_cards import DATA
from scipy.special import gammaln

from smoothfit import read_datacard, read_pyhf

FOLDER = DATA / "converter-ridolfi/test/big_model"
CARD, WORKSPACE = FOLDER / "converted_datacard.txt", FOLDER / "bottom-squarks.json"
pytestmark = pytest.mark.skipif(not CARD.exists(), reason="reference data not found")

DIFFERENCES = {
    "observations": "those of CRz_cuts are VRzAlt_cuts', 242 for 73: taken by position, not by name",
    "single top": "mu_ttbar scales single top in CRtt_cuts only, not in SR_metsigST",
    "normsys": "those of 45 nuisances with histosys too are lost: the lines 'shape?' find templates",
    "histosys": "the templates of these 45 count twice, by the lines 'shape' and 'shape?'",
    "log-normals": "normsys of SigRad, ttH_theory and ttZ_theory, code 4, became Combine's lnN",
    "luminosity": "a factor N(1, 0.017) became the lnN 0.983/1.017",
    "floors": "morphed yields are at least 1e-9 events, pyhf's may be negative",
    "constants": "unit Gaussians for N(1, 0.017) and N(1, delta): constants of the parameters' units",
}
LOG_2PI = math.log(2 * math.pi)


def smooth(t):
    return (3 * t**5 - 10 * t**3 + 15 * t) / 8 if abs(t) < 1 else math.copysign(1.0, t)


def code4(theta, low, high):
    """HistFactory's exponential, between -1 and 1 a polynomial with the same value, slope and curvature."""
    if abs(theta) >= 1:
        return high**theta if theta > 0 else low**-theta
    powers = np.arange(1, 7)
    rows, sides = [], []
    for at, base, sign in ((1.0, high, 1.0), (-1.0, low, -1.0)):
        slope = sign * math.log(base)
        rows += [at**powers, powers * at ** (powers - 1), powers * (powers - 1) * at ** (powers - 2.0)]
        sides += [base - 1.0, slope * base, slope**2 * base]
    return 1.0 + theta**powers @ np.linalg.solve(np.array(rows), np.array(sides))


def combine_lnn(theta, low, high):
    up, down = math.log(high), -math.log(low)
    return math.exp(theta * ((up + down) / 2 + smooth(2 * theta) * (up - down) / 2))


class Workspace:
    """The likelihood at {name: theta}; factors are numbers, the luminosity is in units of its error."""

    def __init__(self):
        self.text = json.loads(WORKSPACE.read_text())
        self.data = {o["name"]: np.array(o["data"]) for o in self.text["observations"]}
        kinds = {}
        for _, _, modifier in self.modifiers():
            kinds.setdefault(modifier["name"], set()).add(modifier["type"])
        self.twofold = {name for name, found in kinds.items() if found == {"normsys", "histosys"}}
        self.nuisances = {name for name, found in kinds.items() if found & {"normsys", "histosys"}}
        self.names = sorted(name for name, found in kinds.items() if "staterror" not in found)

    def modifiers(self):
        for channel in self.text["channels"]:
            for sample in channel["samples"]:
                for modifier in sample["modifiers"]:
                    yield channel["name"], sample, modifier

    def sample(self, channel, sample, values, differs):
        nominal, factor = np.array(sample["data"]), 1.0
        change = np.zeros_like(nominal)
        for modifier in sample["modifiers"]:
            kind, name = modifier["type"], modifier["name"]
            theta = values.get(name)
            if kind == "normfactor":
                lost = name == "mu_ttbar" and (channel, sample["name"]) == ("SR_metsigST", "st")
                factor *= 1.0 if lost and "single top" in differs else theta
            elif kind == "lumi":
                factor *= combine_lnn(theta, 0.983, 1.017) if "luminosity" in differs else 1.0 + 0.017 * theta
            elif kind == "normsys":
                ends = modifier["data"]["lo"], modifier["data"]["hi"]
                if name in self.twofold:
                    factor *= 1.0 if "normsys" in differs else code4(theta, *ends)
                else:
                    factor *= (combine_lnn if "log-normals" in differs else code4)(theta, *ends)
            elif kind == "histosys":
                u, v = (np.array(modifier["data"][side]) - nominal for side in ("hi_data", "lo_data"))
                times = 2.0 if name in self.twofold and "histosys" in differs else 1.0
                change += times * theta / 2 * ((u - v) + smooth(theta) * (u + v))
        morphed = nominal + change
        return factor * (np.maximum(morphed, 1e-9) if "floors" in differs else morphed)

    def expected(self, channel, values, differs=()):
        return sum(self.sample(channel["name"], s, values, differs) for s in channel["samples"])

    def relative_error(self, channel):
        """(bin,): the width of the staterror's Gaussian."""
        squares = [
            np.square(m["data"])
            for s in channel["samples"]
            for m in s["modifiers"]
            if m["type"] == "staterror"
        ]
        return np.sqrt(sum(squares)) / sum(np.array(s["data"]) for s in channel["samples"])

    def nll(self, values, differs=()):
        total = 0.0
        for channel in self.text["channels"]:
            name = channel["name"]
            other = name == "CRz_cuts" and "observations" in differs
            n, nu = self.data["VRzAlt_cuts" if other else name], self.expected(channel, values, differs)
            total += np.sum(nu - n * np.log(nu) + gammaln(n + 1.0))
            widths = np.ones_like(n) if "constants" in differs else self.relative_error(channel)
            total += np.sum(np.log(widths) + LOG_2PI / 2)
        for name in self.nuisances:
            total += 0.5 * values[name] ** 2 + LOG_2PI / 2
        width = 1.0 if "constants" in differs else 0.017
        return total + 0.5 * values["lumi"] ** 2 + math.log(width) + LOG_2PI / 2


@pytest.fixture(scope="module")
def workspace():
    return Workspace()


def points(workspace, n, size):
    """Parameters around the start values, where the workspace's yields are positive too."""
    rng = np.random.default_rng(8)
    found = []
    while len(found) < n:
        values = {name: size * rng.normal() for name in workspace.names}
        values |= {name: rng.uniform(0.7, 1.3) for name in ("mu_SIG", "mu_z", "mu_ttbar")}
        if all(np.all(workspace.expected(c, values) > 0.1) for c in workspace.text["channels"]):
            found.append(values)
    return found


def test_with_no_difference_it_is_the_workspace(workspace):
    model, obs = read_pyhf(WORKSPACE)
    for values in points(workspace, 10, 0.5):
        own = {**values, "lumi": 1.0 + 0.017 * values["lumi"]}
        assert model.nll(model.values_from_dict(own), obs) == pytest.approx(workspace.nll(values), abs=1e-9)


def test_with_all_differences_it_is_the_card(workspace):
    model, obs = read_datacard(CARD)
    for values in points(workspace, 10, 0.5):
        own = {**values, "r": values["mu_SIG"]}
        del own["mu_SIG"]
        assert model.nll(model.values_from_dict(own), obs) == pytest.approx(
            workspace.nll(values, DIFFERENCES), abs=1e-9
        )


def test_each_difference_counts(workspace):
    """Without it the card's likelihood is another one; floors matter where a template falls below 0."""
    assert len(workspace.twofold) == 45
    values = points(workspace, 1, 0.5)[0] | {"ttbar_Gen": 2.0, "ttbar_PS": 2.0}
    whole = workspace.nll(values, DIFFERENCES)
    for one in DIFFERENCES:
        assert abs(workspace.nll(values, set(DIFFERENCES) - {one}) - whole) > 1e-5, one


def test_statistical_errors_are_the_same_at_the_start(workspace):
    """staterror and autoMCStats: one width a bin, which the second lets follow the processes."""
    model, _ = read_datacard(CARD)
    start = model.values_from_dict({})
    nominal = np.asarray(model.pred(start))
    widths = np.concatenate([workspace.relative_error(c) for c in workspace.text["channels"]])
    assert len(model.bin_parameters) == len(widths)
    for number, name in enumerate(model.bin_parameters):
        shifted = np.concatenate([start, np.eye(len(widths))[number]])
        change = np.asarray(model.pred(shifted)) - nominal
        at = int(np.argmax(np.abs(change)))
        assert change[at] / nominal[at] == pytest.approx(widths[at], rel=1e-6), name
        assert np.count_nonzero(change) == 1


@pytest.mark.slow
def test_what_the_differences_do_to_the_fit():
    """With the right observation, and without signal, the normalisations agree within their errors."""
    card, obs = read_datacard(CARD)
    twin, own_obs = read_pyhf(WORKSPACE)
    right = card.data_from_dict({**card.split(obs), "CRz_cuts": [73.0]})
    np.testing.assert_array_equal(right, own_obs)
    fit = card.fit(right, fixed={"r": 0.0})
    own = twin.fit(own_obs, fixed={"mu_SIG": 0.0})
    for name in ("mu_z", "mu_ttbar"):
        assert fit[name].value == pytest.approx(own[name].value, abs=own[name].error)
