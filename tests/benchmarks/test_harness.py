"""The harness of the benchmarks on a tiny workload.

What it compares is one likelihood, and what it reports is what it measured. No test here looks at how long
anything takes.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import as_pyhf, handwritten, pictures, processes, reference, report, run
from benchmarks.figures import FIGURES, table
from benchmarks.measuring import Bench, Pair, Timing
from benchmarks.processes import Failure, WorkerProcess, run_script
from benchmarks.worker import Worker

TINY = "W2_n4_b10"


def points(m, n=5):
    """Values near the nominal ones."""
    rng = np.random.default_rng(3)
    for _ in range(n):
        x = m.x0 + 0.5 * rng.standard_normal(m.npar)
        x[: m.npoi] = rng.uniform(0.5, 1.5, m.npoi)
        yield x


# -- one likelihood for all tools --------------------------------------------------------------------


@pytest.mark.reference
def test_the_yardstick_with_errors_by_process():
    models = reference.load()
    m, scaling = reference.workload("W3_process")
    assert scaling == "process"
    data = models.data(m, "poisson")
    for x in points(m, 2):
        poi, lnN, shape, bb = np.split(x, np.cumsum([m.npoi, m.SL, m.SS]))
        expected = 0.0
        for b in range(0, m.B):
            nu, variance = 0.0, 0.0
            for i in range(m.P):
                factor = poi[m.poi_of[i]] if m.poi_of[i] >= 0 else 1.0
                factor *= math.exp(lnN @ m.logk[:, i])
                content = m.nom[i, b]
                for k, t in enumerate(shape):
                    even = abs(t) if abs(t) > 1 else (3 * t**6 - 10 * t**4 + 15 * t**2) / 8
                    content += 0.5 * t * (m.up[k, i, b] - m.dn[k, i, b])
                    content += 0.5 * even * (m.up[k, i, b] + m.dn[k, i, b] - 2 * m.nom[i, b])
                nu += factor * content
                variance += factor**2 * m.sumw2[i, b]
            nu += bb[b] * math.sqrt(variance)
            expected += nu - data[b] + (data[b] * math.log(data[b] / nu) if data[b] else 0.0)
        expected += 0.5 * sum(t * t for t in x[m.npoi :])
        assert reference.nll(models, m, scaling, data, x) == pytest.approx(expected, rel=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["W1", "W3", "W3_process", "W4"])
def test_the_hand_written_likelihood_is_the_workload_s(name):
    models = reference.load()
    m, scaling = reference.workload(name)
    assert handwritten.check(models, m, scaling, models.data(m, "poisson")) < 1e-9


@pytest.mark.reference
@pytest.mark.parametrize("errors", [False, True])
def test_the_workspace_has_the_workload_s_likelihood(errors):
    pyhf = pytest.importorskip("pyhf")
    models = reference.load()
    m = models.w4()
    if errors:
        m.sumw2 = m.nom * np.linspace(0.1, 0.4, m.P)[:, None]
        m.relerr = np.sqrt(m.sumw2.sum(0)) / m.nom.sum(0)
        m = models.finish(m)
    data = models.data(m, "poisson")
    workspace = pyhf.Workspace(as_pyhf.workspace(m, data))
    model = workspace.model(modifier_settings=as_pyhf.MODIFIERS)
    names = [
        f"{p}[{b}]" if p.startswith("staterror") else p
        for p in model.config.par_order
        for b in range(model.config.param_set(p).n_parameters)
    ]
    constants = []
    for x in points(m, 3):
        values = as_pyhf.from_workload_order(m, names, x)
        np.testing.assert_allclose(as_pyhf.in_workload_order(m, names, values), x, atol=1e-12)
        found = -float(model.logpdf(values, workspace.data(model))[0])
        constants.append(found - models.ref_nll(m, data, x))
    assert np.ptp(constants) < 1e-8


# -- a worker ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workers():
    if not reference.shared("workloads", "models.py").is_file():
        pytest.skip("the workloads are not there")
    pytest.importorskip("optimistix")
    return {peer: Worker(peer, TINY) for peer in ("ours", "bfgs", "minuit_hessian")}


def test_tools_reach_one_minimum(workers):
    reached = {peer: worker.do("kernel")["nll"] for peer, worker in workers.items()}
    assert reached["bfgs"] == pytest.approx(reached["ours"], abs=1e-8)
    # MIGRAD stops at an estimated distance of 1e-4.
    assert 0.0 <= reached["minuit_hessian"] - reached["ours"] < 1e-3


def test_tools_find_the_same_intervals(workers):
    ours, theirs = (workers[peer].do("minos") for peer in ("ours", "minuit_hessian"))
    assert ours["failed"] == theirs["failed"] == 0
    assert ours["of"] == 2
    # MINOS's tolerance on a crossing.
    assert theirs["up"] == pytest.approx(ours["up"], abs=5e-3)
    assert theirs["down"] == pytest.approx(ours["down"], abs=5e-3)


def test_toys_are_judged_one_by_one(workers):
    loop = workers["bfgs"].do("toys", part=3)
    iminuit = workers["minuit_hessian"].do("toys", part=3)
    assert (loop["failed"], loop["of"]) == (0, 3)
    np.testing.assert_allclose(iminuit["values"], loop["values"], atol=1e-3)


def test_a_part_takes_parameters_of_every_kind(workers):
    worker = workers["minuit_hessian"]
    assert worker._chosen("impacts", None) == [1, 2, 3, 4]
    assert worker._chosen("impacts", 2) == [1, 3]
    assert np.shape(worker.do("impacts", part=2)["values"]) == (2, 2, 1)


# -- processes -----------------------------------------------------------------------------------------


@pytest.fixture
def absent(tmp_path):
    """An interpreter that lacks what the peer needs."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'absent'\" >&2\nexit 1\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.reference
def test_side_by_side(absent):
    bench = Bench([absent, sys.executable], quick=True)
    try:
        pair = bench.pair(TINY, "fit", "minuit_gradient")
        missing = bench.pair(TINY, "fit", "minuit_gradient", peer_task="impacts_on_one")
    finally:
        bench.close()
    for timing in (pair.ours, pair.peer):
        assert not timing.error
        assert len(timing.later) == 1
        assert timing.seconds == timing.later[0] > 0.0
    assert set(bench.minima[TINY]) == {0, 1}
    assert set(bench.minima[TINY][0]) == {"ours", "minuit_gradient"}
    assert missing.peer.error == "not offered"
    assert "iminuit" in bench.versions


def test_what_is_not_installed_is_said(absent):
    bench = Bench([absent])
    pair = bench.pair(TINY, "fit", "bfgs")
    assert pair.peer.error == "not installed: absent"
    row = table.against("fit", pair, "BFGS", at_least=4)
    assert row.theirs == "not installed: absent"


@pytest.mark.reference
def test_a_worker_that_takes_too_long_is_ended():
    worker = WorkerProcess("minuit_gradient", TINY, [sys.executable])
    with pytest.raises(Failure, match="not finished after 0 s"):
        worker.ask("fit", data=0, part=None, limit_s=0.0)
    assert not worker.alive
    with pytest.raises(Failure, match="ended by an earlier task"):
        worker.ask("fit", data=0, part=None, limit_s=1.0)


def test_scripts_report_their_memory_and_their_failures():
    # In a small process: what this one uses would be counted as its child's.
    measuring = (
        "from benchmarks.processes import run_script\n"
        """found = run_script(["timeit", "-n1", "-r1", "len(b'x' * 300_000_000)"], limit_s=60.0)\n"""
        "print(found.peak_bytes, found.seconds)"
    )
    command = [sys.executable, "-c", measuring]
    done = subprocess.run(command, cwd=processes.ROOT, capture_output=True, text=True, check=True)
    peak_bytes, seconds = map(float, done.stdout.split())
    assert 3e8 < peak_bytes < 6e8
    assert seconds > 0.0
    with pytest.raises(Failure, match="ZeroDivisionError"):
        run_script(["timeit", "-n1", "1/0"], limit_s=60.0)
    with pytest.raises(Failure, match="not finished after 0 s"):
        run_script(["timeit", "-n1", "import time; time.sleep(30)"], limit_s=0.2)


# -- the table -----------------------------------------------------------------------------------------


def test_ratios_and_bars():
    ours = Timing("ours", 2.0, [0.010, 0.012, 0.011])
    peer = Timing("peer", 3.0, [0.2, 0.4, 0.3], scale=5.0)
    row = table.against("fit", Pair(ours, peer), "peer", at_least=100)
    assert row.ratio == pytest.approx(5.0 * 0.3 / 0.011)
    assert row.verdict == "met"
    assert table.against("fit", Pair(ours, peer), "peer", at_least=200).verdict == "missed by a factor 1.5"
    # Ours is 136 times faster, hence within a factor 2; the other way round it is not.
    assert table.against("fit", Pair(ours, peer), "peer", within=2).verdict == "met"
    assert table.against("fit", Pair(peer, ours), "peer", within=2).verdict == "missed by a factor 68"
    assert table.against("fit", Pair(ours, peer), "peer").verdict == ""
    broken = Timing("peer", error="not installed: x")
    assert table.against("fit", Pair(ours, broken), "peer", at_least=4).verdict == "not measured"
    assert table.against("fit", Pair(broken, ours), "peer", at_least=4).verdict == "failed"
    assert table.limited("fit", [ours, ours], 0.022).verdict == "met"
    assert table.limited("fit", [ours], 0.010).verdict == "missed by a factor 1.1"


def test_the_page_keeps_what_is_not_generated(tmp_path):
    ours, peer = Timing("ours", 2.0, [0.010]), Timing("peer", 3.0, [0.2])
    rows = [
        table.against("model.fit", Pair(ours, peer), "a | b", at_least=4),
        table.limited("x", [ours], 1e-3),
    ]
    page = tmp_path / "RESULTS.md"
    page.write_text(f"# Results\n\nbefore\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n")
    report.write({"w3-fit": [row.to_dict() for row in rows]}, {"jax": "1.2.3"}, tmp_path)
    text = page.read_text()
    assert text.startswith("# Results\n\nbefore\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "jax 1.2.3" in text
    assert "1 of 2 bars are met" in text
    assert "| model.fit | 10 ms | a \\| b | 200 ms | 20 | 4 x faster | met | 1.99 s / 2.80 s |" in text
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["figures"]["w3-fit"]["rows"][0]["raw"]["peer"]["later_s"] == [0.2]
    for picture in ("w3.png", "bars.png"):
        assert (tmp_path / "plots" / picture).stat().st_size > 1000
    # A later run of another figure keeps this one.
    report.write({"w1": [rows[1].to_dict()]}, {}, tmp_path)
    assert "1 of 3 bars are met" in page.read_text()


def test_pictures_of_nothing(tmp_path):
    pictures.draw({}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_figure_has_a_name_that_runs(capsys):
    run.main(["--list"])
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed if not line.startswith("by itself")] == list(FIGURES)
    for command in run.ELSEWHERE:
        assert any(f"python -m benchmarks.{command}:" in line for line in listed)
    with pytest.raises(SystemExit):
        run.main(["--only", "w9"])


def test_minima_are_compared_data_set_by_data_set():
    bench = Bench([], quick=True)
    reached = {"ours": 10.0 + 2e-10, "bfgs": 10.0, "minuit_hessian": 10.5}
    bench.minima = {"W4": {0: reached, 1: {"ours": 5.0, "bfgs": math.nan, "minuit_hessian": 5.25}}}
    rows = {row.what: row for row in FIGURES["minima"].measure(bench)}
    assert rows["W4"].ours == "2.0e-10 above the lowest of 2 data sets"
    # A tool that failed is infinitely far above.
    assert rows["W4"].theirs == "minuit_hessian 5.0e-01, bfgs inf"
    assert rows["W4"].verdict == "met"
    bench.minima["W4"][0]["ours"] = 10.0 + 2e-9
    rows = {row.what: row for row in FIGURES["minima"].measure(bench)}
    assert rows["W4"].verdict == "missed by a factor 2"
    assert rows["W1"].verdict == "not measured"
