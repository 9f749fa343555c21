"""The widgets of a live model: a thin layer, which tells the state what was done, and shows what it has.

Plain ipywidgets, no code for the browser: the same in JupyterLab, VS Code and Colab. A failure is shown as a
message; it would be lost in the log of the kernel otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from .coalescing import Coalescing
from .live import Live
from .looks import CSS, standing_table, status_line
from .pages import Page, Section
from .rows import Rows
from .state import POSTFIT, PREFIT

__all__ = ["View"]

_AXES = {"automatic": None, "linear": False, "logarithmic": True}
_STORED = "stored presets"


class View:
    """Sliders on one side, the picture and the numbers on the other."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._quiet = False
        self.redraws = 0
        """How often the picture was sent."""
        self.rows = Rows(live, self.run)
        self.sections = [Section(self.rows, group) for group in live.parameters.groups]
        self._make_controls()
        self.search = widgets.Text(
            placeholder="search parameters", continuous_update=True, layout=widgets.Layout(width="auto")
        )
        self.found = Page(self.rows)
        self.found.box.layout.display = "none"
        self._folders = widgets.VBox([s.box for s in self.sections], layout=widgets.Layout(width="100%"))
        self.picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%"))
        self.standing = widgets.HTML()
        self.status = widgets.HTML()
        self.box = self._arranged()
        self._observe()
        self.refresh()
        live.on_change(Coalescing(lambda: self.run(self.refresh)))

    # -- making ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        def button(text: str, tip: str, style: str = "") -> Any:
            layout = widgets.Layout(width="auto")
            return widgets.Button(description=text, tooltip=tip, button_style=style, layout=layout)

        self.fit = button("Fit", "fit from here, with what is held", "primary")
        self.prefit = button("Pre-fit", "all parameters to where the model starts")
        self.postfit = button("Post-fit", "all parameters to the last good fit")
        self.asimov = button("Asimov from here", "compare with the Asimov data of these values")
        narrow = widgets.Layout(width="auto", min_width="110px", flex="0 1 130px")
        self.presets = widgets.Dropdown(layout=narrow, tooltip="presets of yours")
        self.name = widgets.Text(placeholder="name", continuous_update=False, layout=narrow)
        self.store = button("Store", "keep these values as a preset of that name")
        self.data = widgets.Dropdown(options=self._live.data_names, layout=narrow, tooltip="compare with")
        self.axis = widgets.Dropdown(options=list(_AXES), layout=narrow, tooltip="axis of events")
        self.ghost = widgets.Checkbox(
            value=self._live.ghost,
            description="pre-fit line",
            indent=False,
            layout=widgets.Layout(width="auto"),
        )
        names = list(self._live.model_channels)
        self.channels = widgets.SelectMultiple(
            options=names,
            value=self._live.channels,
            rows=min(len(names), 4),
            layout=widgets.Layout(
                width="auto", max_width="100%", display="flex" if len(names) > 1 else "none"
            ),
            tooltip="channels in the picture",
        )

    def _arranged(self) -> Any:
        def line(*children: Any) -> Any:
            return widgets.HBox(children, layout=widgets.Layout(flex_flow="row wrap", align_items="center"))

        controls = (
            line(self.fit, self.prefit, self.postfit, widgets.Label("against"), self.data, self.asimov),
            self.status,
            line(self.presets, self.name, self.store),
            self.search,
            self.found.box,
            self._folders,
        )
        beside = (
            self.picture,
            self.standing,
            line(widgets.Label("axis"), self.axis, self.ghost, self.channels),
        )
        left = widgets.VBox(
            controls, layout=widgets.Layout(flex="1 1 540px", min_width="0", padding="0 14px 0 0")
        )
        right = widgets.VBox(beside, layout=widgets.Layout(flex="6 1 540px", min_width="0"))
        layout = widgets.Layout(flex_flow="row wrap-reverse", align_items="flex-end", width="100%")
        columns = widgets.HBox((left, right), layout=layout)
        box = widgets.VBox((widgets.HTML(f"<style>{CSS}</style>"), columns))
        box.add_class("sf-live")
        return box

    def _observe(self) -> None:
        live = self._live
        clicks: list[tuple[Any, Callable[[], Any]]] = [
            (self.fit, self._fit),
            (self.prefit, lambda: live.apply(PREFIT)),
            (self.postfit, lambda: live.apply(POSTFIT)),
            (self.asimov, live.use_asimov),
            (self.store, self._store),
        ]
        for widget, action in clicks:
            widget.on_click(lambda _, action=action: self.run(action))
        changes: list[tuple[Any, Callable[[Any], Any]]] = [
            (self.data, live.use),
            (self.presets, lambda name: live.apply(name) if name != _STORED else None),
            (self.axis, lambda name: live.show(log=_AXES[name])),
            (self.ghost, lambda shown: live.show(ghost=shown)),
            (self.channels, lambda names: live.show(channels=names)),
            (self.search, self._search),
        ]
        for widget, change in changes:
            widget.observe(lambda event, change=change: self._heard(change, event["new"]), "value")

    # -- hearing ---------------------------------------------------------------------------------

    def run(self, action: Callable[[], Any]) -> None:
        """Do something that was asked for by hand; what goes wrong is a message."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be seen.
            self._live.note(f"{type(error).__name__}: {error}")
            self.status.value = status_line(self._live.messages)
            self._refresh_controls()

    def _heard(self, change: Callable[[Any], Any], value: Any) -> None:
        if not self._quiet:
            self.run(lambda: change(value))

    def _fit(self) -> None:
        self.status.value = '<div class="sf-status">Fitting …</div>'
        self.fit.disabled = True
        try:
            self._live.fit()
        finally:
            self.fit.disabled = False

    def _store(self) -> None:
        self._live.store(self.name.value)
        self.name.value = ""

    def _search(self, text: str) -> None:
        searching = bool(text.strip())
        self.found.look_at(self._live.parameters.matching(text) if searching else ())
        self.found.box.layout.display = "flex" if searching else "none"
        self._folders.layout.display = "none" if searching else "flex"
        self._refresh_rows()

    # -- showing ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the state has now."""
        self._refresh_rows()
        self._refresh_controls()
        self.status.value = status_line(self._live.messages)
        self.standing.value = standing_table(self._live.standing(), self._live.channels)
        self.picture.value = self._live.png()
        self.redraws += 1

    def _refresh_rows(self) -> None:
        seen: Sequence[Page | Section] = [self.found] if self.search.value.strip() else self.sections
        for rows in seen:
            for row in rows.shown:
                row.refresh()

    def _refresh_controls(self) -> None:
        live = self._live
        self._quiet = True
        try:
            own = [_STORED, *(name for name in live.presets if name not in (PREFIT, POSTFIT))]
            if list(self.presets.options) != own:
                self.presets.options = own
            self.presets.value = _STORED
            self.presets.disabled = len(own) == 1
            if tuple(self.data.options) != live.data_names:
                self.data.options = live.data_names
            self.data.value = live.data
            self.postfit.disabled = POSTFIT not in live.presets
            self.fit.disabled = not live.data_set.is_there
            self.channels.value = live.channels
            self.ghost.value = live.ghost
            self.axis.value = next(name for name, log in _AXES.items() if log is live.log)
        finally:
            self._quiet = False
