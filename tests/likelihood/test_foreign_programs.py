"""Likelihoods of evermore, pyhf and pyhs3 joined with a channel of ours, against one model of both."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import smoothfit
from smoothfit.model import Model, Process, Variable

A = {"signal": np.array([3.0, 8.0]), "bkg": np.array([50.0, 40.0]), "obs": np.array([57.0, 44.0])}
B = {"signal": np.array([6.0]), "bkg": np.array([80.0]), "obs": np.array([84.0])}
RNG = np.random.default_rng(1)
DRAWN = np.column_stack([RNG.uniform(0.1, 3.0, 12), RNG.normal(0.0, 1.0, (12, 2))])


def channel(name, which, mu, jes, lumi, jes_kappa=(0.92, 1.15), **options):
    """A channel with an asymmetric log-normal on its background and one on everything."""
    signal = Process(f"sig_{name}", which["signal"], channel=name).scale_by(mu).add_lnN(lumi, 1.02)
    bkg = Process(f"bkg_{name}", which["bkg"], channel=name).add_lnN(jes, jes_kappa, **options)
    return signal, bkg.add_lnN(lumi, 1.02)


def variables(nuisance=True):
    return Variable("mu", 1.0), *(Variable(name, 0.0, nuisance=nuisance) for name in ("jes", "lumi"))


def model_of(*names, nuisance=True, **options):
    """Our model of these channels, and its Variables."""
    shared, model = variables(nuisance), Model()
    for name in names:
        for process in channel(name, {"A": A, "B": B}[name], *shared, **options):
            model.add_proc(process)
    return model, shared


def assert_same(joined, obs, whole, whole_obs):
    """NLL differences at many points, and the fits."""
    found = np.array([joined.nll(dict(zip(("mu", "jes", "lumi"), v, strict=True)), obs) for v in DRAWN])
    expected = np.array(
        [whole.nll(dict(zip(("mu", "jes", "lumi"), v, strict=True)), whole_obs) for v in DRAWN]
    )
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=0.0, atol=1e-8)
    one, other = joined.fit(obs), whole.fit(whole_obs)
    for name in ("mu", "jes", "lumi"):
        assert one[name].value == pytest.approx(other[name].value, abs=1e-6 * other[name].error)
        assert one[name].error == pytest.approx(other[name].error, rel=1e-6)
    sides = [m.minos_bounds("mu", m.fit(o), o)[:2] for m, o in ((joined, obs), (whole, whole_obs))]
    np.testing.assert_allclose(*sides, rtol=1e-6)


def whole(**options):
    model, _ = model_of("A", "B", **options)
    return model.prepare(), np.concatenate([A["obs"], B["obs"]])


# -- evermore --------------------------------------------------------------------------------------


class Params(NamedTuple):
    mu: Any
    jes: Any
    lumi: Any


class OfEvermore:
    """The NLL of channel A as evermore writes it: the parameters' state is filled with our values."""

    def __init__(self, *, constraints):
        self.evm, self.nnx = pytest.importorskip("evermore"), pytest.importorskip("flax.nnx")
        self.constraints = constraints
        normal = self.evm.NormalParameter
        params = Params(self.evm.Parameter(1.0), normal(0.0), normal(0.0))
        self.graph, self.state = self.nnx.split(params)

    def nll(self, values, data):
        flat = dict(zip(Params._fields, values, strict=True))
        leaves, structure = jax.tree.flatten(self.state)
        names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(self.state)]
        order = [next(f for f in flat if f in name) for name in names]
        assert len(leaves) == 3
        params = self.nnx.merge(self.graph, jax.tree.unflatten(structure, [flat[f] for f in order]))
        lumi = params.lumi.scale_log_symmetric(kappa=1.02)
        jes = params.jes.scale_log_asymmetric(up=1.15, down=0.92)
        expected = lumi(params.mu.scale()(data["signal"])) + lumi(jes(data["bkg"]))
        log_likelihood = self.evm.pdf.PoissonContinuous(lamb=expected).log_prob(data["obs"]).sum()
        if self.constraints:
            log_likelihood += self.evm.util.sum_over_leaves(self.evm.loss.get_log_probs(params))
        return -log_likelihood


@pytest.mark.agreement
def test_evermore_without_its_constraints_takes_those_of_our_variables():
    model, shared = model_of("B")
    model.add_likelihood(OfEvermore(constraints=False), shared, A)
    assert_same(model.prepare(), B["obs"], *whole())


@pytest.mark.agreement
def test_evermore_with_its_constraints_wants_variables_without():
    model, shared = model_of("B", nuisance=False)
    model.add_likelihood(OfEvermore(constraints=True), shared, A)
    assert_same(model.prepare(), B["obs"], *whole())


# -- pyhf ------------------------------------------------------------------------------------------


def workspace(*names):
    """The channels as pyhf has them, with staterror in A."""
    channels = []
    for name in names:
        which = {"A": A, "B": B}[name]
        lumi = {"name": "lumi", "type": "normsys", "data": {"lo": 1.0 / 1.02, "hi": 1.02}}
        jes = {"name": "jes", "type": "normsys", "data": {"lo": 0.92, "hi": 1.15}}
        mu = {"name": "mu", "type": "normfactor", "data": None}
        stat = {"name": f"staterror_{name}", "type": "staterror", "data": (0.05 * which["bkg"]).tolist()}
        samples = [
            {"name": f"sig_{name}", "data": which["signal"].tolist(), "modifiers": [mu, lumi]},
            {"name": f"bkg_{name}", "data": which["bkg"].tolist(), "modifiers": [jes, lumi, stat]},
        ]
        channels.append({"name": name, "samples": samples})
    return {
        "channels": channels,
        "observations": [{"name": n, "data": {"A": A, "B": B}[n]["obs"].tolist()} for n in names],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture
def pyhf_on_jax():
    """pyhf with its jax backend; numpy's is put back."""
    pyhf = pytest.importorskip("pyhf")
    pyhf.set_backend("jax")
    yield pyhf
    pyhf.set_backend("numpy")


@pytest.mark.agreement
def test_pyhf_joined_with_a_channel_of_ours_is_the_workspace_of_both(pyhf_on_jax):
    pyhf = pyhf_on_jax
    of_a = pyhf.Workspace(workspace("A"))
    theirs = of_a.model()

    class OfPyhf:
        """Its main part: constraints of shared parameters are those of our Variables, as in the whole."""

        parameters = tuple(theirs.config.par_names)

        def nll(self, values, data):
            return -theirs.mainlogpdf(data, values)

    model, obs = smoothfit.read_pyhf(workspace("B"))
    stat = smoothfit.read_pyhf(workspace("A"))[0].specification.variables()
    stat = next(v for v in stat if v.name == "staterror_A")
    places = {"mu": "mu", "jes": "jes", "lumi": "lumi", "staterror_A[0]": stat}
    model.add_likelihood(OfPyhf(), places, jnp.asarray(A["obs"]), name="pyhf").prepare()
    both, both_obs = smoothfit.read_pyhf(workspace("A", "B"))
    pyhf.set_backend("numpy")
    in_numpy = pyhf.Workspace(workspace("A", "B"))
    numpy_model = in_numpy.model()
    found, expected = [], []
    for mu, jes, lumi in DRAWN:
        at = {"mu": mu, "jes": jes, "lumi": lumi, "staterror_A": [1.02, 0.97], "staterror_B": 1.01}
        found.append(model.nll(at, obs))
        pars = {
            "mu": mu,
            "jes": jes,
            "lumi": lumi,
            "staterror_A[0]": 1.02,
            "staterror_A[1]": 0.97,
            "staterror_B[0]": 1.01,
        }
        values = [pars[name] for name in numpy_model.config.par_names]
        expected.append(-float(numpy_model.logpdf(values, in_numpy.data(numpy_model))[0]))
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=0.0, atol=1e-8)
    one, other = model.fit(obs), both.fit(both_obs)
    for name in ("mu", "jes", "lumi", "staterror_A", "staterror_B"):
        np.testing.assert_allclose(one[name].value, other[name].value, rtol=0.0, atol=1e-6)
        np.testing.assert_allclose(one[name].error, other[name].error, rtol=1e-6)


@pytest.mark.agreement
def test_a_whole_pyhf_likelihood_wants_variables_without_constraints(pyhf_on_jax):
    """logpdf has the constraints of all its parameters."""
    theirs = pyhf_on_jax.Workspace(workspace("A")).model()
    data = jnp.asarray(pyhf_on_jax.Workspace(workspace("A")).data(theirs))
    names = list(theirs.config.par_names)
    own = [Variable(name, 1.0 if name.startswith(("mu", "stat")) else 0.0) for name in names]
    by_name = dict(zip(names, own, strict=True))
    model = Model()
    for process in channel("B", B, by_name["mu"], by_name["jes"], by_name["lumi"], interpolation="code4"):
        model.add_proc(process)
    model.add_likelihood(lambda v, d: -theirs.logpdf(v, d)[0], own, data, name="pyhf").prepare()
    assert model.nuisances == ()
    # One workspace of both, B without errors of its simulation; pyhf's polynomial for log-normals is code4's.
    content = workspace("A", "B")
    for sample in content["channels"][1]["samples"]:
        sample["modifiers"] = [m for m in sample["modifiers"] if m["type"] != "staterror"]
    pyhf_on_jax.set_backend("numpy")
    pyhf = pyhf_on_jax
    both = pyhf.Workspace(content)
    numpy_model = both.model()
    found, expected = [], []
    for mu, jes, lumi in DRAWN:
        pars = {"mu": mu, "jes": jes, "lumi": lumi, "staterror_A[0]": 1.02, "staterror_A[1]": 0.97}
        found.append(model.nll({by_name[name]: value for name, value in pars.items()}, B["obs"]))
        values = [pars[name] for name in numpy_model.config.par_names]
        expected.append(-float(numpy_model.logpdf(values, both.data(numpy_model))[0]))
    apart = np.diff(found) - np.diff(expected)
    np.testing.assert_allclose(apart, 0.0, atol=1e-8)


# -- pyhs3 -----------------------------------------------------------------------------------------


@pytest.mark.agreement
def test_pyhs3_made_to_jax_joined_with_a_channel_of_ours(tmp_path):
    pyhs3 = pytest.importorskip("pyhs3")
    alone, _ = model_of("A", jes_kappa=1.1)
    path = tmp_path / "a.json"
    smoothfit.write_hs3(alone.prepare(), A["obs"], path)
    assert json.loads(path.read_text())["metadata"]["hs3_version"]
    content = pyhs3.Workspace.load(path)
    graph = pyhs3.jaxify(content.model(content.analyses[0]).log_prob)

    class OfHs3:
        parameters = graph.input_names

        def nll(self, values, data):
            return -jnp.sum(graph.call_positional(*values)[0])

    # Its log-probability has the constraints.
    model, (mu, jes, lumi) = model_of("B", nuisance=False, jes_kappa=1.1)
    model.add_likelihood(OfHs3(), {"mu": mu, "jes": jes, "lumi": lumi})
    assert_same(model.prepare(), B["obs"], *whole(jes_kappa=1.1))
