"""Hooks of mkdocs (``hooks:`` of mkdocs.yml): pages and pictures that are made, formulas, links."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

# As the tests do: pictures need no accelerator and no screen.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# mkdocs loads this file by itself, outside its package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from building import notebooks
from building.formulas import to_mathml
from building.links import PAGES, ROOT, to_site
from building.pictures import PICTURES, drawn
from building.reference import expand

_NEEDED = ("latex2mathml", "matplotlib", "nbconvert")
_MARK = re.compile(r"^<!-- picture: (\w+) -->$", re.MULTILINE)
_FENCE = re.compile(r"^```python$(.*?^```)$", re.DOTALL | re.MULTILINE)
_CELL = re.compile(r"<td[^>]*>.*?</td>", re.DOTALL)
_OPTION = re.compile(r"(?<=[\s>])(--?[A-Za-z][\w-]*)(?=[\s<])")


def on_config(config: Any) -> None:
    """Say what is missing before anything is built."""
    from mkdocs.exceptions import ConfigurationError

    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the documentation needs {', '.join(missing)}: pip install 'smoothfit[docs]', or `make docs`."
        )


def on_files(files: Any, config: Any) -> Any:
    """Add what is made: pictures, notebooks, the changelog and the measurements."""
    from mkdocs.structure.files import File

    def add(src_uri: str, content: str | bytes) -> None:
        files.append(File.generated(config, src_uri, content=content))

    for name in PICTURES:
        add(f"pictures/{name}.svg", drawn(name))
    pages = {}
    for path in notebooks.notebooks():
        pages[path.stem], pictures = notebooks.notebook_page(path)
        add(f"tutorials/{path.stem}.md", pages[path.stem])
        for src_uri, content in pictures.items():
            add(src_uri, content)
    add("tutorials/index.md", notebooks.tutorials_index(pages, _order(config["nav"])))
    for origin, src_uri in PAGES.items():
        add(src_uri, to_site((ROOT / origin).read_text(encoding="utf-8"), src_uri, origin=origin))
    for picture in sorted((ROOT / "benchmarks").glob("plots/*.png")):
        add(f"benchmarks/plots/{picture.name}", picture.read_bytes())
    return files


def _order(nav: Any) -> list[str]:
    """Names of the notebooks as the navigation has them."""
    return re.findall(r"tutorials/(\w+)\.md", str(nav))


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put pictures where a page names them, and mend links to files of the repository."""

    def figure(found: re.Match[str]) -> str:
        from mkdocs.exceptions import PluginError

        name = found[1]
        if name not in PICTURES:
            raise PluginError(f"{page.file.src_uri}: there is no picture '{name}' in docs/building/pictures.")
        at = files.get_file_from_path(f"pictures/{name}.svg").url_relative_to(page.file)
        what = PICTURES[name]
        return (
            f'<figure class="picture"><img src="{at}" alt="{what.alt}" loading="lazy">'
            f"<figcaption>{what.caption}</figcaption></figure>"
        )

    if page.file.generated_by is None:
        markdown = to_site(markdown, page.file.src_uri)
    return expand(_MARK.sub(figure, _FENCE.sub(_session, markdown)))


def _session(block: re.Match[str]) -> str:
    """An example as a session of Python, of which what is typed is copied; without doctest's own marks."""
    if ">>> " not in block[0]:
        return block[0]
    return "```pycon" + re.sub(r"^<BLANKLINE>$", "", block[1], flags=re.MULTILINE)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Formulas in MathML; options of commands that no line ends within; bars in code of tables."""

    def mended(cell: re.Match[str]) -> str:
        # A backslash is what other readers of Markdown want before a bar in a table, in code, too.
        return _OPTION.sub(r'<span class="option">\1</span>', cell[0].replace("\\|", "|"))

    return _CELL.sub(mended, to_mathml(html))
