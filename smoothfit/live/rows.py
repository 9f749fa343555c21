"""A parameter as widgets: whether it floats, its slider, its exact value, and buttons."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from ..errors import SmoothfitError
from .live import Live
from .parameters import Parameter

__all__ = ["STEPS", "Row", "Rows"]

STEPS = 400
"""Of a slider, from end to end."""


class _Looks:
    """Layouts and styles that all rows share: each would be a message to the browser otherwise."""

    def __init__(self) -> None:
        self.check = widgets.Layout(width="22px", flex="0 0 auto")
        self.name = widgets.Layout(width="110px", flex="3 1 90px")
        self.slider = widgets.Layout(width="160px", flex="4 1 130px", min_width="90px")
        self.number = widgets.Layout(width="80px", flex="0 0 auto")
        self.button = widgets.Layout(width="31px", flex="0 0 auto", padding="0")
        self.note = widgets.Layout(width="132px", flex="0 0 auto", overflow="hidden")
        self.row = widgets.Layout(align_items="center", width="100%", overflow="hidden")
        self.slider_style = widgets.SliderStyle()
        self.button_style = widgets.ButtonStyle()


class Row:
    """The widgets of one parameter; they follow the state, and tell it what was done to them."""

    def __init__(
        self, live: Live, parameter: Parameter, looks: _Looks, run: Callable[[Callable[[], Any]], None]
    ) -> None:
        self._live, self._parameter, self._run = live, parameter, run
        self._quiet = False
        self._slid_to: float | None = None
        self._range = live.range(parameter.position)
        unit = f" [{parameter.unit}]" if parameter.unit else ""
        title = f"{parameter.name}{unit}"
        self.floats = widgets.Checkbox(
            value=not live.is_held(parameter.position),
            indent=False,
            disabled=parameter.constant,
            layout=looks.check,
            tooltip=f"{title}: moved by fits",
        )
        # A slider of whole steps, the same for all: a browser rounds what it is given to its steps, and sends
        # that back as if it was meant, and it does so while ends are changed.
        self.slider = widgets.IntSlider(
            max=STEPS, readout=False, layout=looks.slider, style=looks.slider_style, tooltip=title
        )
        self.number = widgets.FloatText(continuous_update=False, layout=looks.number, tooltip=title)
        self.note = widgets.HTML(layout=looks.note)
        shown = f'<span class="sf-name" title="{escape(title)}">{escape(title)}</span>'
        self.down, self.up, self.back = (
            widgets.Button(description=text, tooltip=tip, layout=looks.button, style=looks.button_style)
            for text, tip in (
                ("\N{MINUS SIGN}\N{GREEK SMALL LETTER SIGMA}", f"{title}: one standard deviation down"),
                ("+\N{GREEK SMALL LETTER SIGMA}", f"{title}: one standard deviation up"),
                ("↺", f"{title}: back to the start"),
            )
        )
        name = widgets.HTML(shown, layout=looks.name)
        children = (self.floats, name, self.slider, self.number, self.down, self.up, self.back, self.note)
        self.box = widgets.HBox(children, layout=looks.row)
        self.refresh()
        self.slider.observe(self._slid, "value")
        self.number.observe(self._typed, "value")
        self.floats.observe(self._toggled, "value")
        name = parameter.name
        self.down.on_click(lambda _: run(lambda: live.shift(name, -1.0)))
        self.up.on_click(lambda _: run(lambda: live.shift(name, 1.0)))
        self.back.on_click(lambda _: run(lambda: live.reset(name)))

    def _slid(self, change: Any) -> None:
        if not self._quiet:
            low, high = self._range
            self._slid_to = low + change["new"] * (high - low) / STEPS
            self._set(self._slid_to)

    def _typed(self, change: Any) -> None:
        if not self._quiet:
            self._set(change["new"])

    def _set(self, value: float) -> None:
        def act() -> None:
            try:
                self._live.set({self._parameter.name: value})
            except SmoothfitError:
                self.refresh()
                raise

        self._run(act)

    def _toggled(self, change: Any) -> None:
        if not self._quiet:
            move = self._live.release if change["new"] else self._live.hold
            self._run(lambda: move(self._parameter.name))

    def refresh(self) -> None:
        """Show what the state has."""
        live, at = self._live, self._parameter.position
        value = live.value(at)
        self._quiet = True
        try:
            self._move_slider(value, *live.range(at))
            self._show_number(value)
            self.floats.value = not live.is_held(at)
            self.down.disabled = self.up.disabled = not live.has_error(at)
            note = _note(live.pull(at), live.fitted_text(at))
            if self.note.value != note:
                self.note.value = note
        finally:
            self._quiet = False

    def _show_number(self, value: float) -> None:
        low, high = self._range
        # A thousandth of a step is enough to see; what was typed stays as it was typed.
        decimals = 3 + math.ceil(math.log10(STEPS / (high - low)))
        if abs(self.number.value - value) > 0.5 * 10.0**-decimals:
            self.number.value = round(value, decimals) + 0.0

    def _move_slider(self, value: float, low: float, high: float) -> None:
        if value == self._slid_to:
            # An end that comes nearer would run away with what the hand holds.
            low, high = min(low, self._range[0]), max(high, self._range[1])
        self._range = low, high
        place = round((value - low) / (high - low) * STEPS)
        if self.slider.value != place:
            self.slider.value = place


def _note(pull: float, fitted: str) -> str:
    """How far from its constraint, and what a fit found."""
    sigmas = "" if math.isnan(pull) else f"<b>{round(pull, 2) + 0.0:+.2f}\N{GREEK SMALL LETTER SIGMA}</b> "
    return f'<span class="sf-note">{sigmas}{escape(fitted)}</span>'


class Rows:
    """Rows of parameters, made when they are first looked at, and kept."""

    def __init__(self, live: Live, run: Callable[[Callable[[], Any]], None]) -> None:
        self._live, self._run, self._looks = live, run, _Looks()
        self._made: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._made)

    def row(self, parameter: Parameter) -> Row:
        """The row of a parameter."""
        at = parameter.position
        if at not in self._made:
            self._made[at] = Row(self._live, parameter, self._looks, self._run)
        return self._made[at]
