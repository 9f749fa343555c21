"""The page without a browser: what is in it, what is refused, how large it is."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import itertools
import json
import pickle
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from report_models import differential

import smoothfit
from smoothfit import Model, Process, Variable
from smoothfit.errors import InvalidTypeError, InvalidValueError, OutputFileError, UnknownNameError
from smoothfit.report import SECTIONS, report_page, write_report
from smoothfit.report.colours import DARK, LIGHT, contrast


@pytest.fixture(scope="module")
def small():
    """Two bins, without errors of the simulation: quick."""
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig, bkg = Process("sig", [12.0, 11.0]).scale_by(mu), Process("bkg", [50.0, 52.0]).add_lnN(theta, 1.1)
    return Model().add_proc(sig).add_proc(bkg).prepare()


@pytest.fixture(scope="module")
def fit(small):
    return small.fit([70.0, 58.0])


class Sources(HTMLParser):
    """Everything that would be asked for."""

    def __init__(self, page):
        super().__init__()
        self.found, self.handlers, self.open, self.unclosed = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag not in ("meta", "link", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.unclosed.append(tag)


def sections_of(page):
    return re.findall(r'<section id="(\w+)"', page)


def test_it_is_one_file(fit, tmp_path):
    path = fit.report(tmp_path / "fit.html")
    page = path.read_text(encoding="utf-8")
    sources = Sources(page)
    assert all(source.startswith(("#", "data:")) for source in sources.found)
    assert sources.handlers == []
    assert sources.unclosed == sources.open == []
    assert list(tmp_path.iterdir()) == [path]
    assert "default-src 'none'" in page
    assert sections_of(page) == [
        *("summary", "parameters", "pulls", "impacts", "yields", "scans", "correlations"),
        *("model", "findings", "about"),
    ]


def test_the_policy_names_what_is_in_it(fit):
    page = report_page(fit, include=[])
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in page


def test_sections_are_chosen(fit):
    page = report_page(fit, include=["pulls"])
    assert sections_of(page) == ["summary", "parameters", "pulls", "about"]
    assert len(report_page(fit, include="model")) < 100_000


def test_what_is_shown_is_said_in_words(fit, small):
    page = report_page(fit, title="A title")
    assert "<title>A title</title>" in page
    assert "The fit converged." in page
    total = small.yields(fit).total.sum()
    assert (
        f"Stacked yields of channel main after the fit, 2 bins: {total:.5g} events expected, 128 observed"
        in page
    )
    low, high = small.scan("mu", 41, fit).read_off()
    assert "Scan of mu from" in page
    assert re.search(r"68.27% interval \S+ \+\S+ -\S+\.", page)
    assert low < fit["mu"].value < high


def test_hashes_and_versions(fit, small, monkeypatch):
    page = report_page(fit, include=[])
    assert smoothfit.io.model_hash(small) in page
    assert hashlib.sha256(np.array([70.0, 58.0]).tobytes()).hexdigest() in page
    assert np.__version__ in page
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    again = report_page(fit, include=[])
    assert "1970-01-01 00:00 UTC" in again
    assert report_page(fit, include=[]) == again


def test_other_records_are_added(fit, small):
    limit = small.upper_limit("mu", fit.obs)
    page = report_page(fit, include=[], records=[limit, small.breakdown("mu", fit)])
    assert "Further results" in page
    assert sections_of(page) == ["summary", "parameters", "further", "about"]
    data = json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))
    assert data["records"]["Limit 1"]["observed"] == limit.observed
    assert page.count("<figure>") == 2


def test_all_pages_of_a_picture_are_there(made):
    names = made.fit.layout.parameters[:7]
    pairs = made.model.contours(names, made.fit, points=8)
    page = report_page(made.fit, include=[], records=[pairs])
    assert page.count("<figure>") == 2
    assert re.findall(r"page \d of \d", page) == ["page 1 of 2", "page 2 of 2"]


def test_given_records_take_the_place_of_made_ones(fit, small, monkeypatch):
    given = small.impacts("mu", fit, kind="global")
    scan = small.scan("mu", 5, fit)
    monkeypatch.setattr(Model, "impacts", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr(Model, "scan", lambda *_: pytest.fail("made again"))
    page = report_page(fit, records=[given, scan])
    assert "global observable moved" in page
    assert "The 5 points" in page


def test_a_result_without_its_model(fit, small, tmp_path):
    path = tmp_path / "fit.json"
    smoothfit.save_result(fit, path, small)
    alone = smoothfit.load_result(path)
    page = report_page(alone)
    assert sections_of(page) == ["summary", "parameters", "pulls", "correlations", "about"]
    assert "does not know its model" in page
    assert smoothfit.io.model_hash(small) in page
    with pytest.raises(InvalidValueError, match=r"'impacts' needs the model.*model="):
        report_page(alone, include=["pulls", "impacts"])
    again = smoothfit.load_result(path, small)
    assert "scans" in sections_of(report_page(again, include=["scans"]))


def test_a_copy_forgets_the_model(fit):
    again = pickle.loads(pickle.dumps(copy.copy(fit)))
    assert again.model is None
    assert again["mu"] == fit["mu"]
    assert fit.model is not None


def test_a_failed_fit_is_reported(tmp_path):
    bkg = Process("bkg", [50.0]).scale_by(Variable("a", 1.0)).scale_by(Variable("b", 1.0))
    model = Model().add_proc(bkg).prepare()
    with pytest.raises(smoothfit.errors.FitError) as found:
        model.fit([57.0])
    page = report_page(found.value.result, include=["pulls", "scans", "correlations"])
    assert "INVALID FIT: NOT_POSITIVE_DEFINITE." in page
    assert sections_of(page) == ["summary", "parameters", "about"]
    assert "What was tried" in page


def test_what_cannot_be_had_is_named(fit, small, monkeypatch):
    def broken(*_, **__):
        raise InvalidValueError("scan: no such luck.")

    monkeypatch.setattr(Model, "scan", broken)
    page = report_page(fit, include=None)
    assert "No scan of mu: scan: no such luck." in page
    with pytest.raises(InvalidValueError, match="no such luck"):
        report_page(fit, include=["scans"])


def test_a_lower_minimum_is_told(fit, small):
    scan = small.scan("mu", 5, fit)
    lower = dataclasses.replace(scan, delta_nll=scan.delta_nll - 1.0)
    page = report_page(fit, include=[], records=[lower])
    assert "A lower minimum was found." in page


def test_without_matplotlib(fit, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    page = report_page(fit, include=["yields", "scans"])
    assert "<img" not in page
    assert "smoothfit[plot]" in page
    assert sections_of(page) == ["summary", "parameters", "yields", "scans", "about"]


def test_bad_input_is_refused(fit, small, tmp_path):
    with pytest.raises(InvalidTypeError, match=r"expected the FitResult of model.fit"):
        write_report(small, tmp_path / "x.html")
    with pytest.raises(InvalidTypeError, match="model must be a Model"):
        fit.report(tmp_path / "x.html", model="model")
    with pytest.raises(InvalidValueError, match="no section 'impact'"):
        fit.report(tmp_path / "x.html", include=["impact"])
    with pytest.raises(InvalidTypeError, match="expected records"):
        fit.report(tmp_path / "x.html", records=[1.0])
    with pytest.raises(UnknownNameError, match="nothing"):
        fit.report(tmp_path / "x.html", pois=["nothing"])
    with pytest.raises(InvalidTypeError, match="title must be a string"):
        fit.report(tmp_path / "x.html", title=3)
    with pytest.raises(OutputFileError, match="there is no folder"):
        fit.report(tmp_path / "none" / "x.html")
    held = small.fit([70.0, 58.0], fixed={"mu": 1.0})
    with pytest.raises(UnknownNameError, match="'mu' was held"):
        held.report(tmp_path / "x.html", pois="mu")
    assert list(tmp_path.iterdir()) == []


def test_another_model_is_refused(fit):
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig, bkg = Process("sig", [12.0, 11.0]).scale_by(mu), Process("bkg", [50.0, 53.0]).add_lnN(theta, 1.1)
    other = Model().add_proc(sig).add_proc(bkg).prepare()
    with pytest.raises(InvalidValueError, match="another model"):
        report_page(fit, model=other)
    with pytest.raises(InvalidValueError, match="another model"):
        report_page(fit, model=differential(nuisances=1))


def test_a_model_that_changed_is_refused():
    bkg = Process("bkg", [50.0]).scale_by(Variable("a", 1.0))
    model = Model().add_proc(bkg).prepare()
    fit = model.fit([57.0])
    bkg.add_lnN(Variable("b", 0.0, nuisance=True), 1.1)
    with pytest.raises(smoothfit.errors.StaleModelError):
        report_page(fit)
    model.prepare()
    with pytest.raises(InvalidValueError, match="the model was changed since"):
        report_page(fit)


def test_nothing_is_half_written(fit, tmp_path, monkeypatch):
    path = tmp_path / "fit.html"
    path.write_text("before")
    monkeypatch.setattr(Model, "summary", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit.report(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_contrasts(colours):
    """WCAG 2.2, AA: 4.5 for text, 3 for what one must see to use or read something (1.4.3, 1.4.11)."""
    text = [
        *itertools.product(["text", "muted", "accent"], ["surface", "page", "raised"]),
        *((kind, f"{kind}-back") for kind in ("good", "warn", "bad")),
        *[("on-accent", "accent"), ("page", "text"), ("text", "band1"), ("muted", "band1")],
    ]
    parts = [*itertools.product(["control", "accent", "up", "down", "point"], ["surface"])]
    parts += [
        ("point", "band1"),
        ("point", "band2"),
        ("control", "page"),
        ("good", "surface"),
        ("bad", "surface"),
    ]
    low = {pair: contrast(*(colours[name] for name in pair)) for pair in text}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
    low = {pair: contrast(*(colours[name] for name in pair)) for pair in parts}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 3.0} == {}


def test_sections_are_as_documented():
    assert all(f'"{name}"' in write_report.__doc__ for name in SECTIONS)


def test_records_without_a_picture_are_tables(fit, small):
    page = report_page(fit, include=[], records=[small.minos_bounds("mu", fit)])
    assert "<h3>Minos bounds</h3>" in page
    assert "<figure>" not in page


def test_a_fit_without_a_covariance(monkeypatch):
    """As of many thousand parameters: what it does not know is not there, and said."""
    from smoothfit.preparation import groups

    monkeypatch.setattr(groups, "MATRIX_FREE", 0)
    monkeypatch.setattr(groups, "_FEWER", 2.0)
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig, bkg = Process("sig", [12.0, 11.0]).scale_by(mu), Process("bkg", [50.0, 52.0]).add_lnN(theta, 1.1)
    fit = Model().add_proc(sig).add_proc(bkg).prepare().fit([70.0, 58.0], errors_of=["mu"])
    assert fit.chosen is not None
    page = report_page(fit, include=None)
    assert "Correlations are shown of up to" in page
    assert "No impacts: impacts: it needs the covariance of all parameters" in page
    assert "correlations" not in sections_of(page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))
    assert data["fit"]["parameters"]["mu"]["error"] == fit["mu"].error
    assert data["fit"]["parameters"]["theta"]["error"] is None


def test_an_ill_conditioned_fit_is_told():
    """Two processes that differ in one bin by less than a thousandth."""
    one, other = np.array([50.0, 60.0, 70.0]), np.array([50.0, 60.0, 70.05])
    model = Model().add_proc(Process("one", one).scale_by(Variable("a", 1.0)))
    fit = model.add_proc(Process("other", other).scale_by(Variable("b", 1.0))).prepare().fit(one + other)
    assert fit.success
    assert fit.condition_number > 1e7
    page = report_page(fit, include=[])
    assert "Ill-conditioned: condition number" in page
    assert '<div class="status warn"><p><strong>The fit converged.' in page


def test_it_has_a_usual_name(fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(fit.report(include=[])) == "report.html"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
