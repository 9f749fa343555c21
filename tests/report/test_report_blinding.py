"""What is blinded is not in the file: neither as text, however rounded, nor in what is packed."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from report_models import OBS, differential

from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.constraints import Gaussian
from smoothfit.report import report_page
from smoothfit.report.packing import unpacked

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def data_of(page):
    return json.loads(DATA.search(page).group(1))


def packed_in(content):
    """Every number that is packed in the data."""
    if isinstance(content, dict):
        if set(content) == {"f8"}:
            return unpacked(content).tolist()
        content = list(content.values())
    return [x for entry in content for x in packed_in(entry)] if isinstance(content, list) else []


def written_in(page):
    """(number, precision) of every number that is written with four digits or more, in text and data."""
    text = re.sub(r"(?s)<script>.*?</script>|<style>.*?</style>|data:image[^\"]*|[0-9a-f]{64}", "", page)
    found = []
    for digits, _, power in re.findall(r"(\d+(\.\d*)?)(?:[eE]([-+]?\d+))?", text):
        if len(digits.replace(".", "").lstrip("0")) >= 4:
            exponent = int(power or 0)
            decimals = len(digits.partition(".")[2])
            written = float(f"{digits}e{exponent}")
            found.append((written, 0.5 * 10.0 ** (exponent - decimals) + 1e-15 * written))
    return np.array(found).T


def found_in(page, secrets):
    """Which of these numbers are in the page: packed, or written with four digits or more, rounded anyhow."""
    packed, (written, half) = np.abs(packed_in(data_of(page))), written_in(page)
    hits = []
    for secret in map(float, secrets):
        size = abs(secret)
        exactly = np.any(np.abs(packed - size) <= 1e-9 * size)
        if size and (exactly or np.any(np.abs(written - size) <= half * 1.0001)):
            hits.append(secret)
    return hits


@pytest.fixture(scope="module")
def secret():
    """What must not be found, from the same model before it was blinded."""
    model = differential()
    fit = model.fit(OBS)
    impacts = model.impacts(["mu_1", "mu_2"], fit)
    post = model.yields(fit)
    one, other = fit["mu_1"], fit["mu_2"]
    pair = [x for q in range(2) for x in (*impacts.up[:, q], *impacts.down[:, q])]
    scans = [model.scan(name, 41, fit) for name in ("mu_1", "mu_2")]
    return {
        "fit": fit,
        "model": model,
        "values": [*one, *other],
        "impacts": pair,
        "yields": [*post.total, *post.total_error, *post.per_process["sig_mu_1"], *post.per_process["bkg"]],
        "data": OBS[:4].tolist(),
        "scans": [x for scan in scans for x in scan.delta_nll if x > 1e-3],
        "covariance": [fit.covariance[0, j] for j in range(len(fit.layout.parameters))],
        "correlation": [fit.correlation[1, j] for j in range(2, len(fit.layout.parameters))],
        "smallest": [fit.smallest_nu],
        "members": [*fit.bin_parameters, *fit.errors[len(fit.layout.parameters) :]],
    }


GROUPS = ("values", "impacts", "yields", "data", "scans", "covariance", "correlation", "smallest", "members")


def test_the_search_finds_what_is_there(secret):
    """Without blinding the same search finds all of it."""
    page = report_page(secret["fit"])
    for group in GROUPS:
        # Correlations are worked out by the script.
        if group != "correlation":
            assert found_in(page, secret[group]) == [x for x in secret[group] if x], group


@pytest.mark.parametrize("when", ["before the fit", "after the fit"])
def test_blinded_parameters(secret, when):
    model = differential()
    fit = None
    if when == "after the fit":
        fit = model.fit(OBS)
    model.blind(pois=["mu_1", "mu_2"])
    page = report_page(model.fit(OBS) if fit is None else fit)
    for group in GROUPS:
        assert found_in(page, secret[group]) == [], group
    data = data_of(page)
    assert data["fit"]["parameters"]["mu_1"]["value"] == "blinded"
    assert data["fit"]["obs"] == {"SR": "blinded", "CR": OBS[4:].tolist()}
    assert "data (SHA-256)" not in page
    assert "Neither shown nor in this file: mu_1, mu_2" in page
    # What does not tell is there.
    assert found_in(page, [secret["fit"]["nuisance_3"].value]) != []
    for section in ("impacts", "scans"):
        assert f'id="{section}"' not in page


def test_one_of_two_blinded(secret):
    model = differential()
    fit = model.fit(OBS)
    model.blind(pois="mu_1")
    page = report_page(fit)
    assert found_in(page, [*secret["fit"]["mu_1"], *secret["data"], *secret["yields"]]) == []
    assert found_in(page, [*secret["fit"]["mu_2"]]) == [*secret["fit"]["mu_2"]]
    tables = data_of(page)["tables"]
    assert tables["impacts"]["choices"] == ["mu_2"]
    assert not any("mu_1" in name for name in tables["impacts"]["data"])
    assert "mu_1" not in data_of(page)["covariance"]["names"]


def test_a_blinded_channel():
    model = differential()
    model.blind(channels="SR")
    page = report_page(model.fit(OBS))
    post = model.yields(model.fit(OBS))
    assert found_in(page, [*OBS[:4], *post.total[:4]]) == []
    assert found_in(page, OBS[4:].tolist()) == OBS[4:].tolist()


def test_parameters_of_single_bins_tell_the_data():
    """HistFactory's staterror: its pull is that of data and expectation of its bin."""
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    model = Model().add_proc(Process("sig", [9.0, 4.0], channel="SR", signal=True).scale_by(mu))
    bkg = Process("bkg").add_contrib(ChannelContrib("SR", [50.0, 40.0]))
    bkg.add_contrib(ChannelContrib("CR", [90.0, 80.0, 70.0])).add_lnN(theta, 1.1)
    gammas = {
        name: Variable(f"stat_{name}", [1.0] * n, constraint=Gaussian(mean=1.0, width=0.1), lower_bound=0.0)
        for name, n in (("SR", 2), ("CR", 3))
    }
    for name, gamma in gammas.items():
        bkg[name].scale_by(gamma, axis="bin")
    model.add_proc(bkg).prepare()
    fit = model.fit([71.234567, 35.765432, 93.357913, 72.246802, 75.975319])
    told = {name: [*fit[gamma].value, *fit[gamma].error] for name, gamma in gammas.items()}
    page = report_page(fit, include=["pulls", "impacts", "correlations"])
    assert found_in(page, told["SR"] + told["CR"]) == told["SR"] + told["CR"]
    model.blind(pois="mu")
    page = report_page(fit, include=["pulls", "impacts", "correlations"])
    assert found_in(page, told["SR"]) == []
    assert found_in(page, told["CR"]) == told["CR"]
    assert "nor parameters of their single bins" in page
    assert [name for name in data_of(page)["tables"]["pulls"]["data"]["name"] if "SR" in name] == []


def test_records_that_are_added_hide_it_too(secret):
    model = differential()
    fit = model.fit(OBS)
    breakdown = model.breakdown(["mu_1"], fit)
    scan = model.scan(["mu_1", "mu_2"], 3, fit)
    post = model.yields(fit)
    impacts = model.impacts(["mu_1"], fit, bounds="hesse")
    limit, gof = model.upper_limit("mu_1", OBS), model.goodness_of_fit(OBS)
    significance, chi2 = model.significance("mu_1", OBS), model.chi2(fit)
    secrets = [*breakdown.shares.ravel(), *scan.delta_nll, *impacts.up.ravel(), *post.total]
    secrets += [
        limit.observed,
        *limit.expected,
        gof.observed,
        *gof.channel_observed[:1],
        significance.observed,
    ]
    secrets += [chi2.value, *chi2.channel_values[:1]]
    secrets = [x for x in secrets if abs(x) > 1e-6]
    records = [breakdown, scan, post, impacts, limit, gof, significance, chi2, model.lint(OBS)]
    shown = report_page(fit, records=records, include=["correlations"])
    assert found_in(shown, secrets) == [float(x) for x in secrets]
    model.blind(pois=["mu_1", "mu_2"])
    page = report_page(fit, records=records, include=["correlations"])
    assert found_in(page, secrets) == []
    for kind in ("Yields", "Findings"):
        assert f"{kind}: it would show what is blinded." in page


def test_that_a_hidden_parameter_sits_at_its_limit_is_hidden():
    mu = Variable("mu", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", [10.0]).scale_by(mu)).add_proc(Process("bkg", [50.0])).prepare()
    fit = model.fit([30.0])
    assert "sits at a limit" in fit.message
    assert "sits at a limit" in report_page(fit, include=[])
    model.blind(pois="mu")
    assert "sits at a limit" not in report_page(fit, include=[])


def test_without_the_model_all_data_are_hidden():
    model = differential()
    model.blind(pois="mu_1")
    fit = model.fit(OBS)
    fit.of_model(None)
    page = report_page(fit)
    assert found_in(page, OBS.tolist()) == []


def test_the_record_hides_correlations_too():
    model = differential(nuisances=2)
    model.blind(pois="mu_1")
    found = model.fit(OBS).to_dict()
    assert set(found["correlation"][0]) == {"blinded"}
    assert found["correlation"][1][0] == "blinded"
    assert found["correlation"][1][1] == pytest.approx(1.0)
