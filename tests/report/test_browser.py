"""The page in a headless Chromium: search, sort, tooltips, themes, downloads, keyboard; no requests."""

from __future__ import annotations

import csv
import io
import itertools
import json

import numpy as np
import pytest
from report_models import OBS

from smoothfit import Model, Process, Variable
from smoothfit.render import number, with_error
from smoothfit.report.colours import DARK, LIGHT

TIP = "#tooltip"


@pytest.fixture
def page(open_page, page_file):
    return open_page(page_file)


def table(page, name):
    return page.locator(f'[data-table="{name}"]')


def cells(page, name, column):
    """The texts of a column, from the top."""
    return page.eval_on_selector_all(
        f'[data-table="{name}"] tbody tr', f"rows => rows.map(row => row.cells[{column}].textContent)"
    )


def downloaded(page, button):
    with page.expect_download() as found:
        button.click()
    with open(found.value.path(), encoding="utf-8", newline="") as stream:
        return found.value.suggested_filename, stream.read()


def in_view(page, what):
    """Scroll there, and let the scrolling end: it closes tooltips."""
    what.scroll_into_view_if_needed()
    page.wait_for_timeout(300)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def rgb(colour):
    return "rgb({}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)))


def test_it_is_quiet_and_asks_for_nothing(page, page_file):
    page.mouse.wheel(0, 20_000)
    page.get_by_role("button", name="Dark theme").click()
    assert page.said == []
    assert page.asked == [page_file.as_uri()]


def test_even_if_told_to_it_asks_for_nothing(page):
    asked = """async () => {
        const urls = ["https://example.org/x", "http://127.0.0.1:9/x"];
        const tries = urls.map(url => fetch(url).then(() => 1, () => 0));
        const image = new Image();
        image.src = "http://127.0.0.1:9/picture.png";
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        return [...await Promise.all(tries), window.ran ?? false];
    }"""
    answered = []
    page.on("requestfinished", lambda request: answered.append(request.url))
    assert page.evaluate(asked) == [0, 0, False]
    page.wait_for_timeout(200)
    assert answered == []
    assert all("Content Security Policy" in said for said in page.said)
    assert len(page.said) >= 4


def test_tables_show_what_the_records_print(page, made):
    fit = made.fit
    names = list(fit.names)
    assert cells(page, "parameters", 0) == names
    expected = [with_error(v, e) for v, e in zip(fit.x, fit.errors, strict=True)]
    assert cells(page, "parameters", 1) == expected
    pulls = made.model.pulls(fit).largest()
    assert cells(page, "pulls", 0) == list(pulls.names)
    column = table(page, "pulls").locator("thead th").all_inner_texts().index("Pull")
    shown = [with_error(v, e) for v, e in zip(pulls.pull, pulls.error, strict=True)]
    assert cells(page, "pulls", column) == shown


def test_numbers_are_rounded_as_everywhere(page):
    for error in (0.0996, 0.4582, 3.2, 234.5, 4.7e6, 3e-9):
        values = [0.0, -0.01 * error, 1.2345 * error, -77.7 * error, 12345.67 * error]
        found = page.evaluate(f"{json.dumps(values)}.map(x => withError(x, {error!r}))")
        assert found == [with_error(x, error) for x in values]
    values = [0.1 + 0.2, -1e-9, 123456.7, 1234567.0, 1e-5, 0.0001, -3.0]
    assert page.evaluate(f"{json.dumps(values)}.map(x => plainNumber(x))") == [number(x) for x in values]


def test_search(page):
    box = table(page, "pulls").get_by_label("Search")
    count = table(page, "pulls").get_by_role("status")
    assert count.inner_text() == "24 rows"
    box.fill("Nuisance_1")
    names = cells(page, "pulls", 0)
    assert sorted(names) == sorted(["nuisance_1", *(f"nuisance_{k}" for k in range(10, 20))])
    assert count.inner_text() == "11 of 24 rows"
    box.fill("nuisance_1 jets -nuisance_12")
    assert sorted(cells(page, "pulls", 0)) == ["nuisance_15", "nuisance_18"]
    box.fill("nothing of the kind")
    assert cells(page, "pulls", 0) == []
    box.fill("")
    assert len(cells(page, "pulls", 0)) == 24


def test_sort_by_every_column(page, made):
    heads = table(page, "pulls").locator("thead th")
    pulls = made.model.pulls(made.fit)
    by_size = [pulls.names[i] for i in np.argsort(-np.abs(pulls.pull), kind="stable")]
    assert cells(page, "pulls", 0) == by_size
    titles = heads.all_inner_texts()
    keys = {"Pull": pulls.pull, "Post-fit / pre-fit error": pulls.error}
    for title, values in keys.items():
        head = heads.nth(titles.index(title))
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        assert cells(page, "pulls", 0) == [pulls.names[i] for i in np.argsort(-values, kind="stable")]
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert cells(page, "pulls", 0) == [pulls.names[i] for i in np.argsort(values, kind="stable")]
    assert table(page, "pulls").locator("th[aria-sort]").count() == 1
    heads.nth(0).get_by_role("button").click()
    # Numbers in names count as numbers.
    assert cells(page, "pulls", 0) == [f"nuisance_{k}" for k in range(24)]


def test_impacts_of_the_chosen_parameter(page, made):
    impacts = made.model.impacts(["mu_1", "mu_2"], made.fit)
    for poi in impacts.pois:
        table(page, "impacts").get_by_label("Parameter of interest").select_option(poi)
        assert cells(page, "impacts", 0) == impacts.ranking(poi)
        bars = table(page, "impacts").locator("rect.up")
        assert bars.count() == len(impacts)


def test_tooltips_by_pointer(page):
    row = table(page, "pulls").locator("tbody tr").nth(2)
    in_view(page, row)
    row.hover()
    tip = page.locator(TIP)
    assert tip.is_visible()
    name = row.locator("th").inner_text()
    assert name in tip.inner_text()
    assert "Pull" in tip.inner_text()
    assert row.get_attribute("aria-describedby") == "tooltip"
    # The pointer may go into it.
    box = tip.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.wait_for_timeout(250)
    assert tip.is_visible()
    page.mouse.move(5, 5)
    tip.wait_for(state="hidden")


def test_tooltips_name_labels_and_groups(page):
    table(page, "pulls").get_by_label("Search").fill("nuisance_0")
    table(page, "pulls").locator("tbody tr").first.hover()
    assert r"\mathrm{JES}" in page.locator(TIP).inner_text()


def test_tooltips_by_keyboard(page):
    first = table(page, "impacts").locator("tbody tr").first
    first.focus()
    tip = page.locator(TIP)
    assert first.locator("th").inner_text() in tip.inner_text()
    page.keyboard.press("ArrowDown")
    second = table(page, "impacts").locator("tbody tr").nth(1)
    assert second.evaluate("row => row === document.activeElement")
    assert second.locator("th").inner_text() in tip.inner_text()
    page.keyboard.press("End")
    assert cells(page, "impacts", 0)[-1] in tip.inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    tip.wait_for(state="hidden")
    assert table(page, "impacts").locator('tbody tr[tabindex="0"]').count() == 1


def test_tooltips_by_touch(open_page, page_file):
    page = open_page(page_file, viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True)
    row = table(page, "impacts").locator("tbody tr").nth(1)
    in_view(page, row)
    row.tap()
    assert row.locator("th").inner_text() in page.locator(TIP).inner_text()


def test_the_map_of_correlations(page, made):
    fit = made.fit
    chart = page.locator("#map svg")
    in_view(page, chart)
    chart.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    # Two down and one to the right of the first cell.
    told = page.locator(TIP).inner_text()
    shown = page.evaluate(
        "(() => { const m = correlation(covariance()); const at = strongest(m); "
        "return [at[2], at[1], m[at[2]][at[1]]]; })()"
    )
    i, j = shown[:2]
    assert told.startswith(fit.names[i])
    assert fit.names[j] in told.splitlines()[0]
    assert shown[2] == fit.correlation[i, j]
    assert f"{fit.correlation[i, j]:.4g}" in told
    assert fit.names[i] in page.locator("#spoken").inner_text()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3)
    assert page.locator(TIP).inner_text().endswith("1")


def test_pairs_are_the_strongest_ones(page, made):
    matrix = np.abs(np.tril(made.fit.correlation, -1))
    first = [float(x) for x in cells(page, "pairs", 2)[:20]]
    assert np.abs(first) == pytest.approx(np.sort(matrix.ravel())[::-1][:20], rel=1e-3)


def test_themes(open_page, page_file):
    for scheme, colours, other in (("light", LIGHT, DARK), ("dark", DARK, LIGHT)):
        page = open_page(page_file, color_scheme=scheme)
        button = page.get_by_role("button", name="Dark theme")
        back = "getComputedStyle(document.body).backgroundColor"
        assert button.get_attribute("aria-pressed") == str(scheme == "dark").lower()
        turned = "getComputedStyle(document.querySelector('figure img')).filter"
        assert page.evaluate(back) == rgb(colours["page"])
        assert (page.evaluate(turned) == "none") == (scheme == "light")
        button.click()
        assert (page.evaluate(turned) == "none") == (scheme == "dark")
        assert page.evaluate(back) == rgb(other["page"])
        assert button.get_attribute("aria-pressed") == str(scheme != "dark").lower()
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).color") == rgb(LIGHT["text"])
        assert page.evaluate(turned) == "none"


def test_the_fit_is_saved_as_the_record_is(page, made):
    name, text = downloaded(page, page.get_by_role("button", name="Save the fit as JSON"))
    assert name == "fit-fit.json"
    assert json.loads(text) == json.loads(made.fit.to_json())


def test_tables_are_saved_with_all_digits(page, made):
    _, text = downloaded(page, page.get_by_role("button", name="Save Pulls as CSV"))
    pulls, rows = made.model.pulls(made.fit), rows_of(text)
    assert [row["name"] for row in rows] == list(pulls.names)
    assert [float(row["pull"]) for row in rows] == pulls.pull.tolist()
    assert [float(row["error"]) for row in rows] == pulls.error.tolist()
    _, text = downloaded(page, page.get_by_role("button", name="Save Impacts as CSV"))
    impacts = made.model.impacts(["mu_1", "mu_2"], made.fit)
    for q, poi in enumerate(impacts.pois):
        assert [float(row[f"{poi} up"]) for row in rows_of(text)] == impacts.up[:, q].tolist()
    _, text = downloaded(page, page.get_by_role("button", name="Save Parameters as CSV"))
    assert [float(row["value"]) for row in rows_of(text)] == made.fit.x.tolist()


def test_yields_scans_and_matrices_are_saved(page, made):
    _, text = downloaded(page, page.get_by_role("button", name="Save all bins as CSV"))
    rows, post = rows_of(text), made.model.yields(made.fit)
    assert [float(row["data"]) for row in rows] == OBS.tolist()
    assert [float(row["post-fit total"]) for row in rows] == post.total.tolist()
    assert [float(row["post-fit process bkg error"]) for row in rows] == post.process_error["bkg"].tolist()
    assert [row["low"] for row in rows] == ["0", "50", "100", "200", "", "", ""]
    page.locator("#scans summary").first.click()
    _, text = downloaded(page, page.get_by_role("button", name="Save Scan of mu_1 as CSV"))
    scan = made.model.scan("mu_1", 41, made.fit)
    assert [float(row["delta_nll"]) for row in rows_of(text)] == scan.delta_nll.tolist()
    _, text = downloaded(page, page.get_by_role("button", name="Save the covariance as CSV"))
    rows = rows_of(text)
    found = [[float(row[name]) for name in made.fit.layout.parameters] for row in rows]
    assert np.array_equal(found, made.fit.covariance)


def test_everything_in_one_file(page, made):
    name, text = downloaded(page, page.get_by_role("button", name="Save all numbers as JSON"))
    assert name == "fit.json"
    content = json.loads(text)
    assert content["fit"] == json.loads(made.fit.to_json())
    assert content["tables"]["pulls"]["pull"] == made.model.pulls(made.fit).pull.tolist()
    assert content["about"]["title"] == "Search for smooth things"


def test_by_keyboard_alone(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#summary")
    head = table(page, "parameters").locator("thead th").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if head.get_by_role("button").evaluate("node => node === document.activeElement"):
            break
    else:
        pytest.fail("the head of the table is not reached")
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    style = "getComputedStyle(document.activeElement).outlineWidth"
    assert page.evaluate(style) == "3px"
    # Through the other heads into the rows: one stop for all of them.
    stops = 0
    while not page.evaluate("document.activeElement.closest('tbody') !== null"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 10
    assert page.locator(TIP).is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-table=parameters] tbody') === null")


def test_everything_has_a_name(page):
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a, img, [role=region], svg[role=img]")]
        .filter(node => !(node.getAttribute("aria-label") || node.alt || node.textContent.trim()
            || node.labels?.length)).map(node => node.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    assert page.locator("h1").count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    for landmark in ("header", "nav", "main"):
        assert page.locator(landmark).count() == 1


def test_it_fits_the_window(page):
    for width in (1400, 420, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


HOSTILE = [
    "</script><script>window.hit=1</script>",
    '"><img src=x onerror="window.hit=2">',
    'it\'s <b>bold</b> & "so"',
    "<!--<script>",
    "\u2028line",
]


def test_hostile_names_are_only_names(open_page, tmp_path):
    bkg = Process(HOSTILE[0], [50.0, 40.0], channel=HOSTILE[1], label=HOSTILE[1])
    for name in HOSTILE:
        bkg.add_lnN(Variable(name, 0.0, nuisance=True, label=name, group=name), 1.05)
    sig = Process("sig", [5.0, 9.0], channel=HOSTILE[1]).scale_by(Variable("__proto__", 1.0))
    for name in ("10", "2"):
        sig.add_lnN(Variable(name, 0.0, nuisance=True), 1.02)
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    sections = ["yields", "pulls", "correlations", "model"]
    fit = model.fit([57.0, 48.0])
    path = fit.report(tmp_path / "x.html", title=HOSTILE[0], include=sections)
    page = open_page(path)
    assert page.said == []
    assert page.asked == [path.as_uri()]
    assert page.evaluate("window.hit ?? null") is None
    assert page.locator("img[src=x], b").count() == 0
    assert page.title() == HOSTILE[0]
    shown = cells(page, "parameters", 0)
    assert shown == list(fit.names)
    assert shown[0] == "__proto__"
    assert set(HOSTILE) <= set(shown)
    column = table(page, "parameters").locator("thead th").all_inner_texts().index("Fit")
    expected = [with_error(v, e) for v, e in zip(fit.x, fit.errors, strict=True)]
    assert cells(page, "parameters", column) == expected
    _, text = downloaded(page, page.get_by_role("button", name="Save the covariance as CSV"))
    table_of = list(csv.reader(io.StringIO(text, newline="")))
    assert table_of[0] == ["name", *fit.layout.parameters]
    assert np.array_equal([[float(x) for x in row[1:]] for row in table_of[1:]], fit.covariance)


def test_a_page_of_a_fit_that_failed(open_page, tmp_path):
    """Two normalisations of one process: only their product matters."""
    bkg = Process("bkg", [50.0, 40.0]).scale_by(Variable("a", 1.0)).scale_by(Variable("b", 1.0))
    fit = Model().add_proc(bkg).prepare().fit([57.0, 48.0], strict=False)
    assert not fit.success
    page = open_page(fit.report(tmp_path / "failed.html"))
    assert page.said == []
    assert "INVALID FIT: NOT_POSITIVE_DEFINITE" in page.locator(".status.bad").first.inner_text()
    sections = page.eval_on_selector_all("main > section", "nodes => nodes.map(node => node.id)")
    assert sections == ["summary", "parameters", "yields", "model", "findings", "about"]
    assert "Where the fit ended" in table(page, "parameters").locator("thead").inner_text()
    assert "±" not in table(page, "parameters").inner_text()


def test_a_model_of_one_parameter(open_page, tmp_path):
    model = Model().add_proc(Process("sig", [5.0]).scale_by(Variable("mu", 1.0))).prepare()
    sections = ["pulls", "impacts", "correlations", "model"]
    page = open_page(model.fit([7.0]).report(tmp_path / "one.html", include=sections))
    assert page.said == []
    assert page.locator("#pulls, #impacts, #correlations").count() == 0
    assert cells(page, "parameters", 1) == ["1.40 ± 0.53"]
