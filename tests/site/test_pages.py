"""The pages of the documentation: links, public names, statuses and figures, none missing; the examples on
them are doctests."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
sys.path.insert(0, str(DOCS))

from building.links import PAGES as MADE  # noqa: E402
from building.links import to_site  # noqa: E402
from building.pictures import PICTURES  # noqa: E402
from building.reference import PUBLIC, documented, expand, public_names  # noqa: E402


def text_of(*parts: str) -> str:
    return DOCS.joinpath(*parts).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    """A page without blocks and spans of code."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as Python's Markdown makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.M), re.M):
        slug = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
        slug = re.sub(r"[-\s]+", "-", slug)
        while slug in found:
            slug += "_1"
        found.add(slug)
    return found


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Within the repository to a file, and to a heading of it; outside at least a well-formed address."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        address = urlparse(target)
        if address.scheme:
            assert address.scheme in ("http", "https"), target
            assert "." in address.netloc, target
            continue
        file = (page.parent / address.path).resolve() if address.path else page
        assert file.is_file(), f"{page.name}: {target}"
        assert file.is_relative_to(ROOT), target
        if address.fragment:
            assert address.fragment in anchors(file.read_text(encoding="utf-8")), f"{page.name}: {target}"


def test_what_is_outside_of_docs_is_a_page_of_the_site():
    """Notebooks, the changelog and the measurements are; a page that links to another file says so here."""
    for page in PAGES:
        uri = page.relative_to(DOCS).as_posix()
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(to_site(page.read_text("utf-8"), uri))):
            inside = (page.parent / target.split("#")[0]).resolve().is_relative_to(DOCS)
            made = target.endswith(".png") and "benchmarks/plots" in target
            assert urlparse(target).scheme or inside or made, f"{uri}: {target}"


def test_links_for_the_site():
    text = "[a](../notebooks/eft.ipynb), [b](../benchmarks/RESULTS.md#memory), [c](model.md), [d](https://x.org/y)"
    expected = "[a](tutorials/eft.md), [b](measurements.md#memory), [c](model.md), [d](https://x.org/y)"
    assert to_site(text, "index.md") == expected
    text, origin = "[model](../docs/model.md#1-likelihood)", "notebooks/a.ipynb"
    assert to_site(text, "tutorials/a.md", origin=origin) == "[model](../model.md#1-likelihood)"
    assert to_site("[p](plots/w3.png)", "measurements.md", origin="benchmarks/RESULTS.md") == (
        "[p](benchmarks/plots/w3.png)"
    )
    assert all((ROOT / file).is_file() for file in MADE)


def test_every_page_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = set(re.findall(r"([\w/.-]+\.md)", nav))
    written = {page.relative_to(DOCS).as_posix() for page in PAGES}
    tutorials = {f"tutorials/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert listed == written | tutorials | set(MADE.values()) | {"tutorials/index.md"}


# -- the reference -------------------------------------------------------------------------------------


def _object(module: str, name: str):
    return getattr(sys.modules[module], name)


def test_every_public_name_is_in_the_reference():
    found = [
        pair for page in (DOCS / "reference").glob("*.md") for pair in documented(page.read_text("utf-8"))
    ]
    assert len(set(found)) == len(found)
    missing = []
    for module in PUBLIC:
        names = public_names(module)
        shown = {id(_object(m, n)) for m, n in found if hasattr(sys.modules[m], n)}
        missing += [
            f"{module}.{n}" for n in names if (module, n) not in found and id(_object(module, n)) not in shown
        ]
    assert missing == []


def test_public_modules_of_the_package_are_in_the_reference():
    import smoothfit

    inside = {f"smoothfit.{n}" for n in smoothfit.__all__ if n not in public_names("smoothfit")}
    assert inside <= set(PUBLIC)


def test_the_reference_has_a_line_and_a_block_for_each_name():
    shown = expand("before\n<!-- names: smoothfit: save, load -->\nafter")
    assert "| [`save`][smoothfit.save] | Write a prepared model, and its data, to one file. |" in shown
    assert "\n::: smoothfit.load\n" in shown
    assert expand("<!-- names: smoothfit.examples -->").count(":::") == 2
    # A function that has the name of its module.
    assert "::: smoothfit.diff.comparing.diff" in expand("<!-- names: smoothfit: diff -->")


# -- pictures ------------------------------------------------------------------------------------------


def _marks() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for name in re.findall(r"^<!-- picture: (\w+) -->$", page.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(name, []).append(page.relative_to(DOCS).as_posix())
    return found


def test_pictures_are_there_and_are_shown():
    assert set(_marks()) == set(PICTURES)
    for name, picture in PICTURES.items():
        assert len(picture.alt) > 40, name
        assert picture.caption.endswith("."), name


def test_every_effect_has_formula_picture_and_use():
    from smoothfit.effects import EFFECTS, KINDS

    assert set(EFFECTS) | set(KINDS)
    for page in (DOCS / "effects").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        if page.stem == "index":
            continue
        assert "<!-- picture: " in text, page.name
        assert "*When to use it:*" in text, page.name
        assert "$$" in text or page.stem == "functions", page.name


METHODS = [
    "limits",
    "goodness_of_fit",
    "scans",
    "impacts",
    "feldman_cousins",
    "coverage",
    "campaigns",
    "unfolding",
    "eft",
    "data_driven",
    "functional",
    "differentiable",
]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_picture_and_says_when_to_use_it(name):
    text = text_of(f"{name}.md")
    assert "<!-- picture: " in text
    assert "\n*When to use it:* " in text


@pytest.mark.parametrize("name", ["lnN", "gmM"])
def test_a_picture_is_the_same_every_time(name):
    pytest.importorskip("matplotlib")
    from building.pictures import draw

    first = draw(name)
    assert first.lstrip().startswith(b"<?xml")
    assert first == draw(name)


# -- troubleshooting -----------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Without what differs from fit to fit, and without marks of Markdown."""
    return " ".join(re.sub(r"[\u2039\u203a`\\]", "", text).split())


def test_every_status_has_an_entry():
    from smoothfit.inference.bounds import _MESSAGES
    from smoothfit.inference.hypotests.roots import Ending
    from smoothfit.status import Status

    text = text_of("troubleshooting.md")
    for status in Status:
        assert f"| `{status.name}` |" in text
        assert re.search(rf"^## {status.name}\b", text, re.MULTILINE), status.name
    for words in [*_MESSAGES.values(), *(ending.value for ending in Ending), "at limit", "no effect"]:
        assert f"| `{words}` |" in text


def test_every_sentence_of_a_message_has_an_entry():
    """All constant text of messages.py, of three words or more, stands on the page."""
    source = (ROOT / "smoothfit" / "results" / "messages.py").read_text(encoding="utf-8")
    text = _plain(text_of("troubleshooting.md"))
    checked = 0
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        body = function.body[1:] if ast.get_docstring(function) else function.body
        raised = {id(c) for b in body for r in ast.walk(b) if isinstance(r, ast.Raise) for c in ast.walk(r)}
        for part in (node for statement in body for node in ast.walk(statement) if id(node) not in raised):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                words = _plain(part.value).strip(" .,:;(")
                if len(words.split()) >= 3:
                    assert words in text, words
                    checked += 1
    assert checked > 15


def test_every_exception_has_an_entry():
    from smoothfit import errors

    text = text_of("troubleshooting.md")
    assert [name for name in errors.__all__ if f"| `{name}` |" not in text] == []


# -- validation ----------------------------------------------------------------------------------------


def test_figures_of_validation_stand_in_the_tests():
    rows = 0
    for line in text_of("validation.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        files = re.findall(r"`(tests/[^`]+)`", cells[-1])
        if len(cells) != 4 or not files:
            continue
        rows += 1
        text = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
        for figure in re.findall(r"\d+e-\d+|\d\.\d+", re.sub(r"\]\([^)]*\)", "", cells[2])):
            assert figure in text, f"{cells[0]}: {figure}"
    assert rows > 45
