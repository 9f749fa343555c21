"""Colours of the page in both themes; a test computes their contrasts (WCAG 2.2, AA)."""

from __future__ import annotations

__all__ = ["DARK", "LIGHT", "contrast", "stylesheet"]

LIGHT = {
    "page": "#f4f6f8",
    "surface": "#ffffff",
    "raised": "#eef1f4",
    "text": "#1a1f26",
    "muted": "#525d69",
    "line": "#d3d9e0",
    "control": "#75818d",
    "accent": "#0b5cad",
    "on-accent": "#ffffff",
    "good": "#17602f",
    "good-back": "#e2f3e6",
    "warn": "#734600",
    "warn-back": "#fdf0d5",
    "bad": "#a01a10",
    "bad-back": "#fde6e3",
    "band1": "#cdd5dd",
    "band2": "#e6eaee",
    "point": "#1a1f26",
    "up": "#bd1f01",
    "down": "#2273b8",
}
DARK = {
    "page": "#0f1317",
    "surface": "#181d23",
    "raised": "#222931",
    "text": "#e8ecf0",
    "muted": "#a7b1bc",
    "line": "#343d47",
    "control": "#7d8995",
    "accent": "#7fbaf5",
    "on-accent": "#0f1317",
    "good": "#86d99c",
    "good-back": "#14311d",
    "warn": "#f0c36d",
    "warn-back": "#38290c",
    "bad": "#ffa094",
    "bad-back": "#431813",
    "band1": "#3a444e",
    "band2": "#272f37",
    "point": "#e8ecf0",
    "up": "#ff7d60",
    "down": "#5aaaee",
}


def contrast(one: str, other: str) -> float:
    """The ratio of the luminances of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").

    Examples
    --------
    >>> contrast("#000000", "#ffffff")
    21.0
    """
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _block(selector: str, scheme: str, colours: dict[str, str]) -> str:
    lines = "".join(f"--{name}:{value};" for name, value in colours.items())
    return f"{selector}{{color-scheme:{scheme};{lines}}}"


def stylesheet() -> str:
    """Both themes: the system's, unless one is chosen; paper is light."""
    # Pictures are drawn for paper. In the dark they are turned over, which keeps their hues.
    light, dark = {**LIGHT, "pictures": "none"}, {**DARK, "pictures": "invert(.9) hue-rotate(180deg)"}
    unless_light = _block(':root:not([data-theme="light"])', "dark", dark)
    return "\n".join(
        [
            _block(":root", "light", light),
            f"@media screen and (prefers-color-scheme: dark){{{unless_light}}}",
            f"@media screen{{{_block(':root[data-theme=dark]', 'dark', dark)}}}",
        ]
    )
