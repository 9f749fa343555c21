"""The site as it is built: without a network, with links that are checked."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "docs"))


def test_what_is_missing_is_said_with_the_extra(monkeypatch):
    """Before anything is built."""
    exceptions = pytest.importorskip("mkdocs.exceptions")
    from building import hooks

    found = hooks.importlib.util.find_spec
    monkeypatch.setattr(
        hooks.importlib.util, "find_spec", lambda name: None if name == "nbconvert" else found(name)
    )
    with pytest.raises(exceptions.ConfigurationError, match=r"nbconvert: pip install 'smoothfit\[docs\]'"):
        hooks.on_config(SimpleNamespace())


def test_an_unknown_picture_is_an_error():
    exceptions = pytest.importorskip("mkdocs.exceptions")
    from building import hooks

    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md", generated_by=None))
    with pytest.raises(exceptions.PluginError, match=r"a\.md: there is no picture 'lnM'"):
        hooks.on_page_markdown("<!-- picture: lnM -->", page, None, None)


def test_examples_become_sessions():
    pytest.importorskip("mkdocs")
    from building import hooks

    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md", generated_by="mkdocs"))
    text = "```python\n>>> 1\n1\n<BLANKLINE>\n2\n```\n\n```python\nx = 1\n```\n"
    shown = hooks.on_page_markdown(text, page, None, None)
    assert shown == "```pycon\n>>> 1\n1\n\n2\n```\n\n```python\nx = 1\n```\n"


def test_options_of_commands_are_not_broken():
    pytest.importorskip("latex2mathml")
    from building import hooks

    cell = "<td><code>smoothfit fit card.txt --fix f=1 -t -1</code></td>"
    shown = hooks.on_page_content(f"{cell}<p>--fix </p>", None, None, None)
    assert '<span class="option">--fix</span> f=1 <span class="option">-t</span> -1<' in shown
    assert shown.endswith("<p>--fix </p>")
    shown = hooks.on_page_content(r"<td><code>{Up\|Down}</code></td>", None, None, None)
    assert shown == "<td><code>{Up|Down}</code></td>"


def test_formulas_become_mathml():
    pytest.importorskip("latex2mathml")
    from building.formulas import to_mathml

    shown = to_mathml(
        r'<p><span class="arithmatex">\(a &lt; b\)</span></p><div class="arithmatex">\[\frac{1}{2}\]</div>'
    )
    assert "arithmatex" not in shown
    assert shown.count("<math") == 2
    assert "<mfrac>" in shown
    assert "&lt;" in shown or "&#x0003C;" in shown


def test_notebooks_become_pages():
    pytest.importorskip("nbconvert")
    from building.notebooks import notebook_page, tutorials_index

    text, pictures = notebook_page(ROOT / "notebooks" / "quickstart.ipynb")
    assert text.startswith("# Quickstart")
    assert "```python" in text
    assert pictures
    for uri in pictures:
        assert uri.startswith("tutorials/quickstart/")
        assert f"]({uri.removeprefix('tutorials/')})" in text
    index = tutorials_index({"quickstart": text}, ["quickstart"])
    assert "## [Quickstart](quickstart.md)" in index
    assert next(iter(pictures)).removeprefix("tutorials/") in index


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site, all warnings being errors."""
    for package in ("mkdocs", "material", "mkdocstrings", "latex2mathml", "nbconvert", "matplotlib"):
        pytest.importorskip(package)
    import subprocess

    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
def test_the_site_asks_nothing_of_a_network(site):
    """No page loads a script, a style, a font or a picture from elsewhere; links may lead there."""
    loaded = re.compile(
        r"""<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|data)=["']?\s*(?:https?:)?//"""
        r"""|<link\b(?![^>]*rel=["']?(?:canonical|next|prev))[^>]*?\bhref=["']?\s*(?:https?:)?//""",
        re.IGNORECASE,
    )
    styles = re.compile(r"""url\(\s*["']?(?:https?:)?//|@import\s+["'](?:https?:)?//""", re.IGNORECASE)
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not loaded.search(text), f"{page}: {loaded.search(text)[0]}"
        assert not styles.search(re.sub(r"<pre.*?</pre>|<code.*?</code>", "", text, flags=re.DOTALL)), page
    for style in site.rglob("*.css"):
        assert not styles.search(style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_pages_have_what_they_show(site):
    """Pictures exist and have a text in their place; formulas are MathML; nothing is left unexpanded."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "arithmatex" not in text, page
        assert "&lt;BLANKLINE" not in text, page
        assert not re.search(r"<!-- (?:picture|names):|<p>:::", text), page
        for tag in re.findall(r"<img\b[^>]*>", text):
            source = re.search(r'\bsrc="([^"]+)"', tag)
            if source is not None and not source[1].startswith("data:"):
                assert (page.parent / source[1]).resolve().is_file(), f"{page}: {source[1]}"
                assert re.search(r'\balt="[^"]', tag), f"{page}: {tag}"
    assert "<mfrac" in (site / "effects" / "lnN.html").read_text(encoding="utf-8")
    assert 'id="smoothfit.Model.upper_limit"' in (site / "reference" / "models.html").read_text(
        encoding="utf-8"
    )
    assert (site / "search" / "search_index.js").is_file()


def test_docstrings_as_they_are_when_the_library_runs():
    """Methods that borrow documentation and signature have both; roles of Sphinx are gone."""
    griffe = pytest.importorskip("griffe")
    from building.docstrings import Docstrings

    options = {"extensions": griffe.Extensions(Docstrings()), "search_paths": [str(ROOT)]}
    package = griffe.load("smoothfit", **options)
    model = package["model.Model"]
    fit, limit = model.all_members["fit"], model.all_members["upper_limit"]
    assert fit.docstring.value.startswith("Minimise the NLL.")
    assert limit.is_function
    assert [p.name for p in limit.parameters][:3] == ["self", "poi", "obs"]
    assert "\nInvalidTypeError | InvalidValueError | " in package["campaign.memory.fit_toys"].docstring.value
    texts = [m.docstring.value for m in package["build"].members.values() if not m.is_alias and m.docstring]
    texts += [model.docstring.value, package.docstring.value]
    assert not any(":class:`" in text or ":meth:`" in text for text in texts)
