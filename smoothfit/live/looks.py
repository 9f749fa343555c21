"""What the widgets of a live model look like, and its numbers as HTML. Everything of a user's is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .standing import Standing

__all__ = ["CSS", "standing_table", "status_line"]

# Colours of the notebook's theme, where it names them.
CSS = """
.sf-live { color: var(--jp-ui-font-color1, inherit); }
.sf-live .sf-heading { text-align: left; background: transparent; font-weight: 600; padding-left: 4px;
  color: var(--jp-ui-font-color1, inherit); border-bottom: 1px solid var(--jp-border-color1, #aaa); }
.sf-live .sf-name { display: block; overflow-wrap: anywhere;
  font: 12px/1.15 var(--jp-code-font-family, monospace); }
.sf-live .sf-note, .sf-live .sf-status { font-size: 12px; line-height: 1.35; }
.sf-live .sf-note { white-space: nowrap; }
.sf-live .sf-status { white-space: pre-wrap; overflow-wrap: anywhere; }
.sf-live .sf-standing { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; line-height: 1.4; }
.sf-live .sf-standing b { font-variant-numeric: tabular-nums; }
.sf-live img { background: white; border-radius: 4px; height: auto; }
.sf-live input[type=checkbox] { margin-top: 4px; }
"""


def standing_table(standing: Standing, channels: Sequence[str]) -> str:
    """NLL, its parts, and these channels.

    Examples
    --------
    >>> standing_table(Standing(1.5, 0.0, 0.0), [])
    '<div class="sf-standing"><span>NLL <b>1.5</b></span><span>2 ΔNLL to the fit <b>0</b></span>...</div>'
    """
    cells = (
        f"<span>{escape(what)} <b>{escape(value)}</b></span>" for what, value in standing.lines(channels)
    )
    return f'<div class="sf-standing">{"".join(cells)}</div>'


def status_line(messages: Sequence[str]) -> str:
    """The last message; those before are folded below it, none is lost."""
    if not messages:
        return ""
    *earlier, last = messages
    shown = f'<div class="sf-status">{escape(last)}</div>'
    if not earlier:
        return shown
    listed = "\n".join(escape(message) for message in reversed(earlier))
    return f'{shown}<details class="sf-status"><summary>{len(earlier)} before</summary>{listed}</details>'
