"""Models for reports, and a headless Chromium to look at their pages."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from report_models import OBS, differential

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def made():
    """A model with its fit."""
    model = differential()
    return SimpleNamespace(model=model, fit=model.fit(OBS), obs=OBS)


@pytest.fixture(scope="session")
def page_file(made, tmp_path_factory):
    """The report of it, with everything."""
    path = tmp_path_factory.mktemp("report") / "fit.html"
    return made.fit.report(path, title="Search for smooth things")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    driver = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: the extra 'test'"
    )
    program = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    with driver.sync_playwright() as running:
        try:
            started = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except driver.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture(scope="module")
def desk(browser):
    """A window that tests share: a new one takes longer than a new page."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context
    context.close()


@pytest.fixture
def open_page(browser, desk):
    """Open a file; what the page says and asks for is kept in ``said`` and ``asked``."""
    opened = []

    def open_it(path, **options):
        context = browser.new_context(**options) if options else desk
        page = context.new_page()
        opened.append(context if options else page)
        page.set_default_timeout(10_000)
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_it
    for one in opened:
        one.close()
