"""Notebooks as pages, with the outputs that they were committed with; the tests run them."""

from __future__ import annotations

import re
from pathlib import Path

from .links import ROOT, to_site

__all__ = ["first_picture", "notebook_page", "notebooks", "tutorials_index"]


def notebooks() -> list[Path]:
    """All of them, by name."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def notebook_page(path: Path) -> tuple[str, dict[str, bytes]]:
    """The Markdown of a notebook, and its pictures by their places in the site."""
    from nbconvert import MarkdownExporter

    exporter = MarkdownExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    body, resources = exporter.from_filename(str(path))
    pictures = {
        f"tutorials/{path.stem}/{name}": content for name, content in (resources.get("outputs") or {}).items()
    }
    for name in resources.get("outputs") or {}:
        body = body.replace(f"]({name})", f"]({path.stem}/{name})")
    body = _fenced(body)
    body = to_site(body, f"tutorials/{path.stem}.md", origin=f"notebooks/{path.name}")
    source = f"*Made from `notebooks/{path.name}`, which the tests run.*"
    return f"{body}\n\n---\n\n{source}\n", pictures


def _fenced(body: str) -> str:
    """Outputs, which nbconvert indents, as fenced blocks: without colours, and not to be copied."""
    lines: list[str] = []
    within, fenced = False, False
    for line in body.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        indented = not fenced and line.startswith("    ")
        if indented and not within and (not lines or lines[-1] == ""):
            lines.append("``` {.text .no-copy .output}")
            within = True
        elif within and not indented and line != "":
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
            within = False
        lines.append(line[4:] if within and indented else line)
    if within:
        lines.append("```")
    return "\n".join(lines)


def first_picture(body: str) -> str | None:
    """Where the first picture of a page is, as its text says it."""
    found = re.search(r"!\[[^]]*\]\(([^)]+)\)", body)
    return None if found is None else found[1]


def _title_and_story(body: str) -> tuple[str, str]:
    blocks = [block.strip() for block in body.split("\n\n") if block.strip()]
    title = blocks[0].splitlines()[0].lstrip("# ")
    story = next((b for b in blocks[1:] if not b.startswith(("#", "```", "!"))), "")
    return title, " ".join(story.split())


def tutorials_index(pages: dict[str, str], order: list[str]) -> str:
    """The page that tells each notebook's story, with its first picture, in the order of the navigation."""
    text = ["# Tutorials", "", "Worked analyses, step by step, each a notebook of `notebooks/`.", ""]
    text += ['<div class="stories" markdown>', ""]
    for name in [n for n in order if n in pages] + [n for n in pages if n not in order]:
        title, story = _title_and_story(pages[name])
        picture = first_picture(pages[name])
        text += ['<div class="story" markdown>', "", f"## [{title}]({name}.md)", "", story, ""]
        if picture is not None:
            text += [f"[![First picture of {title}]({picture}){{ loading=lazy }}]({name}.md)", ""]
        text += ["</div>", ""]
    return "\n".join([*text, "</div>", ""])
