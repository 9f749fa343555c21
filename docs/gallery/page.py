"""The page with all pictures, as HTML that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Shown", "write_page"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1500px; padding: 1rem; }
nav a { margin-right: 0.8rem; }
.pictures { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
figure { margin: 0; border: 1px solid #8886; border-radius: 6px; overflow: hidden; }
figure img { width: 100%; height: 22rem; object-fit: contain; background: white; display: block; }
figcaption { padding: 0.4rem 0.7rem; font-size: 0.9rem; overflow-wrap: anywhere; }
.missing { color: light-dark(#a00, #ff8a80); }
"""


class Shown(NamedTuple):
    """A picture of a subject, or why there is none."""

    subject: str
    name: str
    caption: str
    file: str
    error: str = ""


def write_page(
    folder: Path, titles: dict[str, str], shown: Sequence[Shown], left_out: dict[str, str]
) -> Path:
    """Write ``index.html`` beside the pictures.

    Parameters
    ----------
    titles
        Subject -> what it is.
    left_out
        Subject -> why it is not there.
    """
    links = "".join(f'<a href="#{subject}">{html.escape(title)}</a>' for subject, title in titles.items())
    parts = [f"<h1>smoothfit.plot</h1><nav>{links}</nav>"]
    for subject, title in titles.items():
        parts.append(f'<h2 id="{subject}">{html.escape(title)}</h2><div class="pictures">')
        parts += [_figure(one) for one in shown if one.subject == subject]
        parts.append("</div>")
    parts += [
        f'<p class="missing">{html.escape(subject)} is left out: {html.escape(why)}.</p>'
        for subject, why in left_out.items()
    ]
    body = "\n".join(parts)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>smoothfit: gallery</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _figure(one: Shown) -> str:
    caption = f"<b>{html.escape(one.name)}</b> {_code(one.caption)}"
    if one.error:
        return (
            f'<figure><figcaption class="missing">{caption}<br>{html.escape(one.error)}</figcaption></figure>'
        )
    image = f'<a href="{one.file}"><img loading="lazy" src="{one.file}" alt="{html.escape(one.name)}"></a>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _code(caption: str) -> str:
    """What stands in backticks as code."""
    pieces = html.escape(caption).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))
