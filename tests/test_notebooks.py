"""The notebooks run from top to bottom, without errors, and give the numbers of the references."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Signal (50, 1), background (500, 500), Asimov data at mu = 0.5: S. Wertz, "Smooft status & discussion"
# (1 December 2021), and with more digits from an independent profile with scipy.
VARIANCE = 0.2099119
BOUNDS = (0.9648466, 0.0484754)
# The same with a 5% log-normal on the signal and its Monte Carlo statistics: a profile with scipy.
SYSTEMATICS = (0.46916, -0.45154)

PROBES = {
    "quickstart": {
        "variance": ("best_fit = model.fit(asimov_yields)\nprint", "float(best_fit.hess_inv[0, 0])"),
        "bounds": ("bounds = model.minos_bounds(", "(float(up), float(down))"),
        "systematics": ("lnN_lumi = Variable(", "(float(up - best_mu), float(down - best_mu))"),
        "basis": ("eft_scaling = Dim6EFTMorphing(", "eft_scaling([1.0, 0.0]).ravel().tolist()"),
        "morphing": (
            "eft_scaling = Dim6EFTMorphing(",
            "(eft.pred({c_var: point}) - yields_at(point)).tolist()",
        ),
        "correlation": ("combined.correlate_nuisances(", "combined_fit.success"),
        "coverage": (
            "postfit_up = np.quantile(",
            "float(np.mean((batch_pred > postfit_down) & (batch_pred < postfit_up)))",
        ),
    },
    "neos": {
        "cls": ("rows, found = {}, {}", "[[*key, *map(float, pair)] for key, pair in found.items()]"),
        "templates": ("rows, found = {}, {}", "[r.tolist() for r in rows.values()]"),
        "training": ("by_cls, logs = train", "np.exp(logs).tolist()"),
    },
    "unfolding": {
        "truth": (
            'chosen = results["min-global-correlation"]',
            "float((chosen.x - true_mu) @ np.linalg.solve(chosen.covariance, chosen.x - true_mu))",
        ),
        "errors": (
            'results["coverage, smooth truth"]',
            "{name: float(np.mean(r.errors / r.unregularised_errors)) for name, r in results.items()}",
        ),
        "bottom line": (
            "bottom_line_test(model, chosen",
            "bottom_line_test(model, chosen, hypotheses).passed.tolist()",
        ),
    },
    "eft": {
        "templates": (
            "check = [1.3, -0.7]",
            "[float(np.max(np.abs(morphed / direct - 1.0))), signal.residual, len(signal.basis)]",
        ),
        "errors": ("true_last.append(", "float(np.max(np.abs(np.array(last) / np.array(true_last) - 1.0)))"),
        "minima": (
            "best_fit = model.fit(obs, starts=30",
            "[len(best_fit.minima), best_fit.success, sum(best_fit.minima.failed.values())]",
        ),
        "rise": (
            "bounds = model.minos_bounds(",
            "model.profile({'cHG': bounds.up}, best_fit).fun - best_fit.fun",
        ),
    },
    "abcd": {
        "counts": ("best_fit = model.fit(obs)", "[best_fit.success, value, bounds.up, bounds.down]"),
        "estimate": (
            "multijet.estimate()",
            "[by_hand.tolist(), (obs['B'] * obs['C'] / obs['D']).tolist()]",
        ),
        "coverage": ("n_toys = 300", "[len(pulls), float(pulls.mean()), float(pulls.std())]"),
    },
    "coverage": {
        "sums": ("(minos.coverage - summed)", "((minos.coverage - summed) / minos.errors).tolist()"),
        "ends": (
            "found = model.feldman_cousins(",
            "[found.lower, found.upper, *found.region_errors[0].tolist(), *found.resolutions[0].tolist()]",
        ),
        "methods": (
            "plot.coverage(minos, *others)",
            "(others[1].coverage - others[1].cl).tolist() + others[1].errors.tolist()",
        ),
        "bias": (
            "ours, theirs = make(1.0)",
            "[own.coverage[0], own.errors[0], own.bias[0], own.bias_errors[0], shifted.bias[0]]",
        ),
        "elsewhere": (
            "elsewhere = search.global_significance(",
            "[elsewhere.p_value, elsewhere.p_error, int(elsewhere.positions[elsewhere.best]), obs.tolist()]",
        ),
    },
    "differentiable": {
        "gradient": ("differences = np.array([", "[gradient.tolist(), differences.tolist()]"),
        "cut": (
            "scanned = np.array([",
            "[at_cut, float(scanned.min()), float(scanned[0])]",
        ),
        "binning": ("moved = np.array(", "[*limits.values(), float(moved.min())]"),
    },
    "bayesian": {
        "chains": ("r_hat, effective =", "[float(r_hat.max()), float(effective.min())]"),
        "means": ("shift, ratio =", "shift.tolist()"),
        "widths": ("shift, ratio =", "ratio.tolist()"),
        "third order": (
            "shift, ratio =",
            "(-0.5 * best_fit.hess_inv @ np.einsum('jkl,kl->j', jax.jacfwd(jax.hessian(likelihood.nll))("
            "best_fit.x), best_fit.hess_inv) / best_fit.errors).tolist()",
        ),
        "few": (
            "def upper(weights",
            "[float(of_mu.mean()), float(of_mu.std()), float(effective_sample_size(few_samples)[0]), "
            "float((of_mu < 0.5).mean()), float(np.average(of_mu, weights=root))]",
        ),
    },
    "limits": {
        "limits": (
            'print(f"asymptotic',
            "[limit.observed, by_toys.observed, by_toys.observed_error, float(np.nanmin(limit.p_values))]",
        ),
        "tested": ("plot.hypotest(tested)", "[tested.cls, tested.cls_error, tested.toys.n_failed]"),
    },
    "from_combine": {
        "interval": (
            'bounds = model.minos_bounds("r"',
            "[model.profile({'r': x}, best_fit, obs).fun - best_fit.fun for x in (bounds.up, bounds.down)]",
        ),
        "both": (
            "both, both_obs = smoothfit.combine(",
            "[both_fit.success, float(both.nll({'r': 0.5}, both_obs) - both.nll({'r': 1.5}, both_obs)), "
            "float(model.nll({'r': 0.5}, obs) - model.nll({'r': 1.5}, obs))]",
        ),
        "saved": ("loaded = smoothfit.load(", "smoothfit.nll_difference(model, obs, loaded, obs).largest"),
    },
    "from_pyhf": {
        "pyhf": ("ours_at_start - theirs_at_start", "ours_at_start - theirs_at_start"),
        "files": ("largest = {}", "largest"),
        "kept": ("kept = smoothfit.load_result(", "(kept.x - best_fit.x).tolist()"),
    },
    "goodness_of_fit": {
        "saturated": (
            "saturated = model.goodness_of_fit(good",
            "[saturated.observed, saturated.constraints, saturated.channel_observed.tolist()]",
        ),
        "precise": (
            "precise = model",
            "[precise.p_value, precise.p_value_error, precise.asymptotic_p_value]",
        ),
        "uniform": ("experiments = [", "p.tolist()"),
        "compatible": (
            "compatible = model",
            "[compatible.p_value, compatible.p_value_error, compatible.asymptotic_p_value]",
        ),
    },
    "systematics": {
        "interpolations": (
            "slope of log(factor)",
            "[[float(LnN((0.9, 1.3), interpolation=i)(t)) for t in (-0.5, 0.5)] "
            "for i in ('combine', 'talk')]",
        ),
        "shapes": (
            "pictures = Model()",
            "[(half['linear'] - 0.5 * (nominal + up)).tolist(), "
            "(beyond['quadratic'] - (nominal + 1.75 * (up - nominal) - 0.25 * (nominal - down))).tolist()]",
        ),
        "constraints": (
            "counting_fit = counting.fit(",
            "[counting_fit[name].value for name in ('Gaussian', 'Poisson', 'Gamma', 'Uniform')]",
        ),
        "correlated": ("found = {", "{name: record.pull.tolist() for name, record in found.items()}"),
        "modes": ("modes = {", "{name: [fit[mu].value, fit[mu].error] for name, fit in fits.items()}"),
        "asimov": ("n_toys = 500", "distance"),
        "coverage": ("n_toys = 500", "[len(pull), float(pull.mean()), float(pull.std())]"),
    },
}
"""notebook -> name -> (text of a cell, expression to evaluate after that cell)."""


NEEDED = {"bayesian": ("numpyro",), "neos": ("optax",)}
"""notebook -> further packages that it uses."""


def _with_probes(notebook: Any, probes: dict[str, tuple[str, str]]) -> Any:
    """The notebook with an expression evaluated after each cell that a probe names."""
    import nbformat

    for name, (text, expression) in probes.items():
        at = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and text in c.source]
        assert len(at) == 1, f"{len(at)} cells contain {text!r}, the probe '{name}' needs one"
        source = f'import json; print(json.dumps(["probe", "{name}", {expression}]))'
        notebook.cells.insert(at[0] + 1, nbformat.v4.new_code_cell(source))
    return notebook


def _probed(notebook: Any) -> dict[str, Any]:
    found = {}
    for output in _outputs(notebook):
        text = output.get("text", "")
        if output.output_type == "stream" and text.startswith('["probe"'):
            _, name, value = json.loads(text)
            found[name] = value
    return found


def _outputs(notebook: Any) -> list[Any]:
    return [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]


def _run(path: Path, folder: Path) -> Any:
    import nbformat

    given, result = folder / "given.ipynb", folder / "result.ipynb"
    nbformat.write(_with_probes(nbformat.read(path, as_version=4), PROBES.get(path.stem, {})), given)
    # In a process of its own: what the client leaves open is no concern of this one's strict warnings.
    command = [sys.executable, str(ROOT / "notebooks" / "execute.py"), str(given), "--to", str(result)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return nbformat.read(result, as_version=4)


def test_there_are_notebooks():
    assert "quickstart" in [path.stem for path in NOTEBOOKS]
    assert set(PROBES) <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_small_and_without_errors(path):
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < 200_000
    counts = [c.execution_count for c in notebook.cells if c.cell_type == "code"]
    assert counts == [*range(1, len(counts) + 1)], "run notebooks/execute.py"
    assert not [o for o in _outputs(notebook) if o.output_type == "error"]
    assert not [o for o in _outputs(notebook) if o.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_says_what_one_learns_and_where_to_go_next(path):
    nbformat = pytest.importorskip("nbformat")
    first, *_, last = nbformat.read(path, as_version=4).cells
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "**You will learn**" in first.source
    assert "## Where to go next" in last.source
    links = re.findall(r"\]\(([^)#]+)\)", first.source + last.source)
    assert [link for link in links if not link.startswith("http")]
    for link in links:
        assert link.startswith("http") or (path.parent / link).is_file(), link


def test_all_together_are_small():
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 2_000_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path):
    for package in ("nbclient", "nbformat", "ipykernel", *NEEDED.get(path.stem, ())):
        pytest.importorskip(package)
    notebook = _run(path, tmp_path)
    assert not [o for o in _outputs(notebook) if o.output_type == "error"]
    found = _probed(notebook)
    assert set(found) == set(PROBES.get(path.stem, {}))
    CHECKS.get(path.stem, lambda found: None)(found)


def _check_from_combine(found: dict[str, Any]) -> None:
    assert found["interval"] == pytest.approx([0.5, 0.5], abs=1e-6)
    success, both, one = found["both"]
    assert success
    # With all nuisances at the start the second year is the first again.
    assert both == pytest.approx(2.0 * one, rel=1e-12)
    assert found["saved"] < 1e-12


def _check_from_pyhf(found: dict[str, Any]) -> None:
    assert abs(found["pyhf"]) < 1e-8
    assert len(found["files"]) == 3
    assert max(found["files"].values()) < 1e-9
    assert np.all(np.array(found["kept"]) == 0.0)


def _check_limits(found: dict[str, Any]) -> None:
    asymptotic, toys, error, lowest = found["limits"]
    # Formulae are good to a few percent where the signal has thirty events of background.
    assert toys == pytest.approx(asymptotic, abs=3.0 * error + 0.03 * asymptotic)
    assert lowest < 0.05
    cls, error, failed = found["tested"]
    assert cls == pytest.approx(0.05, abs=3.0 * error + 0.005)
    assert failed == 0


def _check_goodness_of_fit(found: dict[str, Any]) -> None:
    observed, constraints, channels = found["saturated"]
    assert observed == pytest.approx(constraints + sum(channels), rel=1e-12)
    p, error, asymptotic = found["precise"]
    assert error <= 0.0003
    # With 20 events a bin chi2 is an approximation.
    assert p == pytest.approx(asymptotic, abs=4.0 * error + 0.5 * asymptotic)
    assert stats.kstest(found["uniform"], "uniform").pvalue > 1e-4
    p, error, asymptotic = found["compatible"]
    assert p == pytest.approx(asymptotic, abs=4.0 * error)


def _check_quickstart(found: dict[str, Any]) -> None:
    assert found["variance"] == pytest.approx(VARIANCE, abs=1e-7)
    assert found["bounds"] == pytest.approx(BOUNDS, abs=1e-7)
    assert found["systematics"] == pytest.approx(SYSTEMATICS, abs=1e-5)
    assert found["basis"] == pytest.approx([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], abs=1e-12)
    assert found["morphing"] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert found["correlation"] is True
    assert found["coverage"] == pytest.approx(0.6826, abs=1e-3)


def _check_differentiable(found: dict[str, Any]) -> None:
    gradient, differences = found["gradient"]
    assert gradient == pytest.approx(differences, rel=1e-6, abs=1e-6)
    # A scan of hard histograms, without a gradient, has no better cut: to what a smeared histogram is worth.
    by_gradient, by_scan, first = found["cut"]
    assert by_gradient < 1.01 * by_scan < 0.8 * first
    start, cut, binning, neighbour = found["binning"]
    assert binning < cut < 0.8 * start
    assert binning < 1.015 * neighbour


def _check_eft(found: dict[str, Any]) -> None:
    difference, residual, size = found["templates"]
    assert difference < 1e-10
    assert residual < 1e-10
    assert size == 6
    assert found["errors"] < 1e-9
    assert found["minima"] == [2, True, 0]
    assert found["rise"] == pytest.approx(0.5, abs=1e-6)


def _check_abcd(found: dict[str, Any]) -> None:
    success, value, up, down = found["counts"]
    assert success
    # Generated with a strength of 1: within three errors.
    assert abs(value - 1.0) < 3.0 * (up - down) / 2.0
    assert found["estimate"][0] == pytest.approx(found["estimate"][1], rel=1e-12)
    number, mean, width = found["coverage"]
    assert number == 300
    # Four errors of a mean and of a width of 300 unit Gaussians.
    assert abs(mean) < 4.0 / 300**0.5
    assert abs(width - 1.0) < 4.0 / 600**0.5


def _check_unfolding(found: dict[str, Any]) -> None:
    # chi2 of the truth that was put in: of eight bins, 26.1 is exceeded once in a thousand.
    assert found["truth"] < 26.1
    assert found["bottom line"] == [True, True, True]
    # The table's ranking: the less is smoothed, the larger the errors; all smaller than without a penalty.
    errors = found["errors"]
    order = [
        "lcurve",
        "max-global-correlation",
        "min-global-correlation",
        "coverage, smooth truth",
        "coverage",
    ]
    assert sorted(errors, key=errors.__getitem__) == order
    assert errors["coverage"] < 1.0


def _check_systematics(found: dict[str, Any]) -> None:
    # Combine's and the talk's form of 0.9/1.3, by hand.
    assert found["interpolations"][0] == pytest.approx([0.9487, 1.1402], abs=5e-5)
    assert found["interpolations"][1] == pytest.approx([0.9363, 1.1272], abs=5e-5)
    assert found["shapes"] == pytest.approx(np.zeros((2, 10)), abs=1e-9)
    # d/da of 100 a - 132 log(a) - log C: quadratic equations, the uniform one ends at its limit.
    gaussian = (-75.0 + (75.0**2 + 4 * 25.0 * 132.0) ** 0.5) / 50.0
    poisson, gamma = (132.0 + 25.0) / 125.0, (132.0 + 24.0) / 125.0
    assert found["constraints"] == pytest.approx([gaussian, poisson, gamma, 1.2], abs=1e-7)
    for name, matrix in {
        "independent": np.eye(3),
        "half of it": np.array([[1.0, 0.45, -0.15], [0.45, 1.0, 0.25], [-0.15, 0.25, 1.0]]),
    }.items():
        assert found["correlated"][name] == pytest.approx(_three_pulls(matrix), abs=1e-6)
    a, b, c = found["correlated"]["repaired"]
    assert a < found["correlated"]["independent"][0]
    assert b > 0.0 > c
    # Those that take the simulation's statistics into account agree with each other.
    none, *others = found["modes"].values()
    assert all(error > none[1] + 0.03 for _, error in others)
    assert np.ptp([value for value, _ in others]) < 0.02
    assert found["asimov"] < 1e-7
    number, mean, width = found["coverage"]
    assert number > 495
    # Four errors.
    assert abs(mean) < 4.0 / 500**0.5
    assert abs(width - 1.0) < 4.0 / 1000**0.5


def _three_pulls(correlation: Any) -> Any:
    """Three counts 125, 100, 100 of 100 * 1.2^theta each, theta with this correlation: by scipy."""
    precision, counts = np.linalg.inv(correlation), np.array([125.0, 100.0, 100.0])

    def gradient(theta: Any) -> Any:
        return np.log(1.2) * (100.0 * 1.2**theta - counts) + precision @ theta

    return optimize.root(gradient, np.zeros(3), tol=1e-12).x


def _check_coverage(found: dict[str, Any]) -> None:
    # Sums of Poisson probabilities, in errors.
    assert np.max(np.abs(found["sums"])) < 4.5
    lower, upper, below, above, *apart = found["ends"]
    # G. Feldman and R. Cousins, Phys. Rev. D57 (1998) 3873, table IV: n = 6, b = 3.0.
    assert abs(lower - 0.15) < 4.0 * below + apart[0]
    assert abs(upper - 8.47) < 4.0 * above + apart[1]
    half = len(found["methods"]) // 2
    excess, errors = np.array(found["methods"][:half]), np.array(found["methods"][half:])
    assert np.all(excess > -4.0 * errors)
    covered, error, bias, bias_error, shifted = found["bias"]
    assert abs(covered - 0.6827) < 4.0 * error + 0.01
    # Of second order in the errors.
    assert abs(bias) < 4.0 * bias_error + 0.03
    assert shifted > 0.3
    p_value, p_error, best, obs = found["elsewhere"]
    assert best == int(np.argmax(obs))
    single = stats.poisson.sf(max(obs) - 1.0, 25.0)
    assert abs(p_value - (1.0 - (1.0 - single) ** 20)) < 4.0 * p_error


def _check_bayesian(found: dict[str, Any]) -> None:
    r_hat, effective = found["chains"]
    assert r_hat < 1.01
    assert effective > 1000.0
    shift, ratio = np.array(found["means"]), np.array(found["widths"])
    assert np.all(np.abs(ratio - 1.0) < 0.1)
    # A mean is off the mode by what third derivatives say (of shapes they jump), and by what a mean of so
    # many draws may be off.
    smooth = np.abs(shift - found["third order"])[:6]
    assert np.all(smooth < 5.0 / effective**0.5 + 0.02)
    mean, width, effective, below, by_root = found["few"]
    points, density = _few_events()
    expected = np.sum(points * density)
    assert abs(mean - expected) < 5.0 * width / effective**0.5
    assert abs(below - density[points < 0.5].sum()) < 5.0 * 0.5 / effective**0.5
    weighted = density / np.sqrt(points)
    assert abs(by_root - np.sum(points * weighted) / weighted.sum()) < 0.1


def _few_events() -> tuple[Any, Any]:
    """The posterior density of mu in three bins, the other parameters summed over on a grid."""
    mu, rate = np.arange(0.01, 8.0, 0.02), np.linspace(-5.0, 5.0, 41)
    total = np.ones((len(mu), len(rate)))
    for signal, background, variance, counts in zip(
        (0.6, 1.5, 0.9), (4.2, 2.6, 1.4), (1.4, 0.7, 0.5), (4, 1, 1), strict=True
    ):
        # The factor of the bin: gamma, of what the simulation counted.
        tau = background**2 / variance
        factor = stats.gamma(tau + 1.0, scale=1.0 / tau).ppf((np.arange(100) + 0.5) / 100)
        expected = mu[:, None, None] * signal + factor * background * 1.2 ** rate[:, None]
        total *= stats.poisson.pmf(counts, expected).mean(-1)
    density = (total * stats.norm.pdf(rate)).sum(-1)
    return mu, density / density.sum()


def _check_neos(found: dict[str, Any]) -> None:
    cls = {(name, bins): (profiled, known) for name, bins, profiled, known in found["cls"]}
    for bins in ("width", "signal"):
        assert cls["CLs", bins][0] < 0.75 * cls["cross-entropy", bins][0]
    for (signal, nominal, *_), (profiled, known) in zip(found["templates"], cls.values(), strict=True):
        s, b = np.array(signal), np.array(nominal)
        # The Asimov data's statistic without nuisances: G. Cowan et al., Eur. Phys. J. C71 (2011) 1554.
        q = 2.0 * np.sum(s - b * np.log1p(s / b))
        assert known == pytest.approx(2.0 * stats.norm.sf(q**0.5), rel=1e-6)
        assert profiled > known
    # Soft histograms in the end: the same as counted ones, up to what 2000 events fluctuate.
    training = np.array(found["training"])
    assert np.all(np.isfinite(training))
    assert np.mean(training[-50:]) == pytest.approx(cls["CLs", "width"][0], rel=0.15)


CHECKS = {
    "neos": _check_neos,
    "bayesian": _check_bayesian,
    "quickstart": _check_quickstart,
    "coverage": _check_coverage,
    "eft": _check_eft,
    "differentiable": _check_differentiable,
    "abcd": _check_abcd,
    "from_combine": _check_from_combine,
    "from_pyhf": _check_from_pyhf,
    "unfolding": _check_unfolding,
    "systematics": _check_systematics,
    "goodness_of_fit": _check_goodness_of_fit,
    "limits": _check_limits,
}
