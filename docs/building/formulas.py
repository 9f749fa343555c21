"""Formulas as MathML, which browsers draw themselves: no script, no fonts, nothing to download."""

from __future__ import annotations

import html
import re

__all__ = ["to_mathml"]

# What pymdownx.arithmatex leaves of $...$ and $$...$$, with `generic: true`.
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def to_mathml(page: str) -> str:
    """The HTML of a page with its LaTeX formulas in MathML."""
    from latex2mathml.converter import convert

    def block(found: re.Match[str]) -> str:
        tex = html.unescape(found[1]).strip()
        return f'<div class="formula">{convert(tex, display="block")}</div>'

    def inline(found: re.Match[str]) -> str:
        return convert(html.unescape(found[1]).strip())

    return _INLINE.sub(inline, _BLOCK.sub(block, page))
