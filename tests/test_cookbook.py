"""The cookbook: enough recipes, each a question with code and a way on, and links that lead somewhere.

That the code is right is the business of the doctests, which run every page.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path for path in (DOCS / "cookbook").glob("*.md") if path.name != "index.md")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchor(heading: str) -> str:
    """As Python-Markdown's table of contents makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def anchors(page: Path) -> set[str]:
    return {anchor(h) for h in re.findall(r"^#+ (.*)$", without_code(page.read_text()), re.MULTILINE)}


def recipes() -> list[tuple[Path, str, str]]:
    """(page, heading, text) of every recipe."""
    found = []
    for page in PAGES:
        parts = re.split(r"^## (.*)$", page.read_text(), flags=re.MULTILINE)
        found += [(page, heading, text) for heading, text in zip(parts[1::2], parts[2::2], strict=True)]
    return found


RECIPES = recipes()


def test_there_are_at_least_25_recipes_and_none_twice():
    assert len(RECIPES) >= 25
    assert len({heading for _, heading, _ in RECIPES}) == len(RECIPES)


@pytest.mark.parametrize(("page", "heading", "text"), RECIPES, ids=[heading for _, heading, _ in RECIPES])
def test_a_recipe_is_a_question_with_code_and_a_way_on(page, heading, text):
    assert re.match(r"\s*\*[^*]+\*\n", text), "begins with the question"
    examples = doctest.DocTestParser().get_examples(text)
    assert any(example.want for example in examples), "has code with a result that the tests compare"
    prose = without_code(text)
    assert "**Watch for:**" in prose
    assert re.search(r"\*\*More:\*\*.*\]\(", prose), "links to the page of the method"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_code_is_run(page):
    blocks = re.findall(r"^```(.*?)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for language, code in blocks:
        assert (language, code[:4]) == ("python", ">>> "), code
        assert "SKIP" not in code


def test_the_index_has_every_recipe():
    index = (DOCS / "cookbook" / "index.md").read_text()
    listed = re.findall(r"^- \[(.*?)\]\((.*?)\): .*\.$", index, re.MULTILINE)
    expected = [(heading, f"{page.name}#{anchor(heading)}") for page, heading, _ in RECIPES]
    assert sorted(listed) == sorted(expected)


@pytest.mark.parametrize("page", [*PAGES, DOCS / "cookbook" / "index.md"], ids=lambda page: page.name)
def test_links_lead_to_headings_that_exist(page):
    for link in re.findall(r"\]\(([^)]+)\)", without_code(page.read_text())):
        file, _, part = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), link
        assert not part or part in anchors(target), link
