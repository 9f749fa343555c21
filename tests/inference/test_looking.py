"""What a model says of itself: sizes and bytes counted by other means, compilations as JAX reports them."""

from __future__ import annotations

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import cached

from smoothfit import functional
from smoothfit.constraints import Gaussian
from smoothfit.fitters import batch
from smoothfit.model import ChannelContrib, Model, Process, Variable
from smoothfit.preparation import groups
from smoothfit.results import TracedProgram
from smoothfit.results.jaxpr import count_primitives


def two_channels(n=17, seed=0):
    """20 bins in two channels: a signal in one of them, an array background of three in both."""
    rng = np.random.default_rng(seed)
    mu, k = Variable("mu", 1.0), Variable("k", 1.0, fixed=True)
    lumi, jes, norm = (Variable(name, 0.0, nuisance=True) for name in ("lumi", "jes", "norm"))
    tilt = Variable("tilt", 0.0, constraint=Gaussian(width=0.1))
    yields = rng.uniform(20, 30, n)
    sig = Process("sig", yields, channel="A", sumw2=rng.uniform(1, 2, n)).scale_by(mu).scale_by(k)
    sig.add_lnN(lumi, 1.02)
    sig["A"].add_shape(jes, 1.1 * yields, 0.9 * yields)
    rows = rng.uniform(50, 60, (3, n))
    bkg = Process("bkg", rows, channel="A")
    bkg.add_contrib(ChannelContrib("B", rng.uniform(50, 60, (3, 3))))
    bkg.add_lnN(lumi, 1.02).add_lnN(norm, 1.1)
    bkg["A"].add_shape(jes, 1.1 * rows, 0.9 * rows)
    bkg["B"].scale_by_fn(lambda t: jnp.exp(t * jnp.arange(3.0)), tilt)
    return Model().add_proc(sig).add_proc(bkg)


# -- sizes -----------------------------------------------------------------------------------------------


def test_sizes_by_hand():
    found = two_channels().prepare().stats()
    assert found.sizes == {
        "free parameters": 1,
        "constrained parameters": 4,
        "held parameters": 1,
        "bin parameters": 17,
        "parameters that a minimiser sees": 6,
        "bins": 20,
        "channels": 2,
        "processes": 2,
        "rows": 7,
    }
    # lumi on 1 + 3 + 3 rows, norm on 3 + 3; jes on 1 + 3.
    assert found.systematics == {"lnN_combine": 13, "shape": 4, "functions": 1}


def test_bytes_of_one_channel_by_hand():
    """Without padding every array has the size of what was given."""
    model = Model()
    rng = np.random.default_rng(0)
    theta = Variable("theta", 0.0, nuisance=True)
    for name in "abc":
        yields = rng.uniform(5, 6, 40)
        contrib = ChannelContrib("main", yields, 0.1 * yields)
        model.add_proc(Process(name).add_contrib(contrib.add_shape(theta, 1.1 * yields, 0.9 * yields)))
    found = model.prepare().stats()
    assert found.template_bytes == {
        **dict.fromkeys(("nominal", "sumw2", "shape_up", "shape_down"), 3 * 40 * 8),
        **dict.fromkeys(("width", "tau", "globs"), 8),
    }


@pytest.mark.parametrize("name", ["effects", "lite_process", "full"])
def test_bytes_of_the_arrays(name):
    model = cached(name).model
    found, prepared = model.stats(), model.prepared

    def size(tree):
        return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(tree))

    assert sum(found.template_bytes.values()) == size(prepared.templates)
    assert found.plan_bytes == size(prepared.plan)
    assert found.total_bytes == size(prepared) + found.derived_bytes


LIVE = """
import gc
import jax, numpy as np
from smoothfit import Model, Process, Variable

def live():
    gc.collect()
    return sum(array.nbytes for array in jax.live_arrays())

def make(n):
    rng = np.random.default_rng(0)
    theta = Variable("theta", 0.0, nuisance=True)
    model = Model()
    for name in ("a", "b", "c"):
        yields = rng.uniform(5.0, 6.0, n)
        process = Process(name, yields, sumw2=0.1 * yields).scale_by(Variable("mu_" + name, 1.0))
        process["main"].add_shape(theta, 1.1 * yields, 0.9 * yields)
        model.add_proc(process)
    return model.prepare()

for n in (20_000, 100_000):
    before = live()
    model = make(n)
    said = [model.stats().total_bytes]
    counted = [live() - before]
    model.likelihood(np.ones(n))
    said.append(model.stats().total_bytes)
    counted.append(live() - before)
    print(n, *said, *counted)
    del model
"""


def test_bytes_are_those_of_all_live_arrays():
    done = subprocess.run([sys.executable, "-c", LIVE], capture_output=True, text=True, check=True)
    lines = [list(map(int, line.split())) for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == [20_000, 100_000]
    for n, *said_and_counted in lines:
        said, counted = np.array(said_and_counted).reshape(2, 2)
        assert said[0] > 3 * 4 * 8 * n
        assert said[1] > said[0]
        assert said[0] == counted[0]
        # Programs have constants of their own, of one tile of bins (4096 at most) at a time.
        assert 0 <= counted[1] - said[1] < 5 * 8 * 4096


def test_how_it_is_fitted(monkeypatch):
    model = two_channels()
    assert model.prepare().stats().fits == "dense"
    assert model.stats().batches == "in lockstep"
    monkeypatch.setattr(batch, "_DENSE", 3)
    assert model.stats().batches == "one by one"
    monkeypatch.setattr(groups, "LARGE", 50)
    assert model.prepare().stats().fits == "by channel"
    monkeypatch.setattr(groups, "MATRIX_FREE", 2)
    assert model.prepare().stats().fits == "matrix-free"


# -- what was compiled -----------------------------------------------------------------------------------


def test_compilations_are_those_that_jax_reports():
    """20 bins in such channels are a structure of this test alone."""
    events = []

    def listen(event, duration_secs, **_):
        if event.endswith("backend_compile_duration"):
            events.append(duration_secs)

    model = two_channels(n=19, seed=1).prepare()
    assert model.stats().compiled == ()
    assert model.stats().n_traces == 0
    obs = model.layout.start @ np.zeros((6, 22)) + 70.0
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        model.nll(model.layout.start, obs)
        by_jax = list(events)
        events.clear()
        model.nll(model.layout.start + 0.01, obs + 1.0)
        assert events == []
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    (compiled,) = model.stats().compiled
    assert compiled.function == "inference.evaluation.nll"
    assert compiled.calls == 1
    assert compiled.compiling == pytest.approx(sum(by_jax))
    assert compiled.seconds > compiled.compiling


def test_a_structure_is_compiled_once():
    first, second = (two_channels(n=23, seed=seed).prepare() for seed in (0, 1))
    obs = first.pred({})
    first.fit(obs)
    second.fit(obs)
    first.fit(obs + 1.0, fixed={"mu": 1.0})
    calls = {found.function: found.calls for found in first.stats().compiled}
    assert calls == {found.function: found.calls for found in second.stats().compiled}
    assert calls["fitters.batch._solve_one"] == 1
    assert all(number == 1 for number in calls.values())
    assert first.stats().n_traces == len(calls)
    other = two_channels(n=24).prepare()
    assert other.stats().compiled == ()
    # A program of the user's own is not ours, however often it is called.
    jax.jit(lambda v: functional.nll(other.prepared, v, np.ones(27)))(other.layout.start)
    assert "inference.evaluation.nll" not in {found.function for found in other.stats().compiled}


@pytest.mark.slow
def test_batches_are_compiled_once_too():
    model = two_channels(n=29).prepare()
    for seed in (1, 2):
        model.batch_fit(model.toy_pred({}, 200, seed=seed))
    calls = {found.function: found.calls for found in model.stats().compiled}
    assert calls["fitters.batch._lockstep"] == 1


def test_a_record_like_others():
    model = two_channels(n=25).prepare()
    model.nll(model.layout.start, np.ones(28))
    found = model.stats()
    content = json.loads(found.to_json())
    assert content["sizes"]["bins"] == 28
    assert content["bytes"]["total"] == found.total_bytes
    assert sum(size for name, size in content["bytes"].items() if name != "total") == found.total_bytes
    assert content["compiled"][0]["function"] == "inference.evaluation.nll"
    frame = found.to_pandas()
    assert frame.set_index("name").number["rows"] == 7
    assert list(frame[frame.group == "compiled"].number) == [1]
    text = repr(found)
    assert text.startswith("Fits: dense. Batches: in lockstep.\n\nSizes\n")
    assert "inference.evaluation.nll" in text
    assert "<table" in found._repr_html_()


# -- the program -----------------------------------------------------------------------------------------


def test_equations_are_counted_with_those_within():
    def program(x):
        y = jax.lax.scan(lambda c, _: (c * x + 1.0, c), x, None, length=3)[0]
        z = jax.lax.cond(y > 0.0, lambda v: v - 1.0, lambda v: jnp.sin(v) * v, y)
        return jax.jit(lambda v: v / 3.0)(z) / 7.0

    found = TracedProgram(jax.make_jaxpr(program)(2.0))
    counts = found.primitives
    assert counts["scan"] == counts["cond"] == counts["jit"] == counts["sin"] == counts["sub"] == 1
    assert counts["mul"] == counts["div"] == 2
    assert found.n_equations == sum(counts.values())
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert count_primitives(jax.make_jaxpr(lambda x: x)(1.0)) == {}
    assert repr(TracedProgram(jax.make_jaxpr(lambda x: x)(1.0))) == "TracedProgram(0 equations)"


@pytest.mark.parametrize("name", ["effects", pytest.param("lite_process", marks=pytest.mark.slow)])
def test_the_program_is_the_likelihood(name):
    small = cached(name)
    model = small.model
    found = model.jaxpr(small.obs)
    values = np.concatenate([model.layout.start, model.layout.bin_centre]) + 0.01
    (by_program,) = jax.core.eval_jaxpr(found.jaxpr.jaxpr, found.jaxpr.consts, values)
    assert float(by_program) == pytest.approx(model.nll(values, small.obs), rel=1e-12)
    assert model.jaxpr().primitives == found.primitives
    text, short = str(found), repr(found)
    assert f"f64[{len(values)}]" in text
    assert len(text) > 10_000
    assert len(short) < 120
    assert short.startswith(f"TracedProgram({found.n_equations} equations; ")
