"""A model that is moved by hand: its state, its picture, and how a notebook shows it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_flag, plural
from .._optional import require
from .._types import FloatArray
from ..errors import InvalidValueError, MissingPackageError, UnknownNameError
from ..results import Yields
from ..results.told_apart import Shown, told_apart
from .data_sets import NONE
from .state import State

if TYPE_CHECKING:
    from .view import View

__all__ = ["Live"]

_SHOWN_FIRST = 4
"""Channels of a large model that are shown until others are chosen."""


class Live(State):
    """A live model: made by :func:`smoothfit.interactive`, shown by a notebook as sliders and a picture.

    Everything that the sliders do can be done, and asked for, by name: ``set``, ``reset``, ``shift``,
    ``apply``, ``store``, ``hold``, ``release``, ``use``, ``fit`` and ``show``; ``values``, ``result``,
    ``standing()``, ``yields()`` and ``png()``. What is shown follows.
    """

    def __init__(
        self,
        model: Any,
        obs: Any = None,
        *,
        channels: Sequence[str] | None = None,
        log: bool | None = None,
        dpi: float = 100.0,
        **data: Any,
    ) -> None:
        super().__init__(model, obs, **data)
        if not 20.0 <= dpi <= 600.0:
            raise InvalidValueError(f"interactive: dpi must be between 20 and 600, got {dpi!r}.")
        self._dpi = float(dpi)
        self._channels = self.model_channels[:_SHOWN_FIRST]
        self._log: bool | None = None
        self._with_ghost = True
        self.show(channels=channels, log=log)

    def __repr__(self) -> str:
        moved = int(np.sum(self._x != self._start))
        compared = "" if self.data == NONE else f" against {self.data_set.label.lower()}"
        return f"Live({plural(len(self._x), 'parameter')}{compared}; {plural(moved, 'value')} moved)"

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels in the picture."""
        return self._channels

    @property
    def model_channels(self) -> tuple[str, ...]:
        """Names of all channels."""
        return tuple(c.name for c in self._layout.channels)

    @property
    def log(self) -> bool | None:
        """Whether the axis of events is logarithmic; None decides by the range of the yields."""
        return self._log

    @property
    def ghost(self) -> bool:
        """Whether the pre-fit total is there as a dashed line."""
        return self._with_ghost

    def show(
        self, *, channels: Sequence[str] | None = None, log: Any = "same", ghost: bool | None = None
    ) -> None:
        """Choose what is in the picture; what is not given stays.

        Raises
        ------
        UnknownNameError, InvalidValueError
            For a channel that the model does not have, and for none at all.
        """
        if channels is not None:
            named = (channels,) if isinstance(channels, str) else tuple(dict.fromkeys(channels))
            known = self.model_channels
            for name in named:
                if name not in known:
                    raise UnknownNameError(
                        f"interactive: no channel is named '{name}'; they are: {', '.join(known)}."
                    )
            if not named:
                raise InvalidValueError("interactive: choose one channel at least.")
            self._channels = named
        if log is None or isinstance(log, bool):
            self._log = log
        elif log != "same":
            raise InvalidValueError(f"interactive: log must be True, False or None, got {log!r}.")
        if ghost is not None:
            check_flag("interactive: ghost", ghost)
            self._with_ghost = ghost
        self._changed()

    def yields(self, **options: Any) -> Yields:
        """The yields at the values as a record, with uncertainties: as ``model.yields``."""
        data = self.data_set
        obs = data.counts if data.is_there else None
        record = self._model.yields(self.x, obs, **({"title": "Live"} | options))
        return replace(record, blinded=self.blinded if data.is_observed else frozenset())

    def png(self) -> bytes:
        """The picture of the values, as a PNG file."""
        from .picture import Scene

        scene = Scene(
            self._record(self.at_values().processes, "live"),
            self._ghost if self._with_ghost else None,
            self._channels,
            self._log,
            self.data_set.label,
        )
        return self._picture.png(scene)

    @cached_property
    def _picture(self) -> Any:
        from .picture import Picture

        return Picture(self._dpi)

    @cached_property
    def _nominal(self) -> FloatArray:
        """(process + 1, bin): what is expected at the start values."""
        return self._observer()(self._start).processes

    @cached_property
    def _shown(self) -> Shown:
        return told_apart(self._layout.processes, self._nominal[:-1])

    @cached_property
    def _ghost(self) -> Yields:
        return self._record(self._nominal, "pre-fit")

    def _record(self, expected: FloatArray, title: str) -> Yields:
        layout, data = self._layout, self.data_set
        processes, sums = self._shown
        return Yields(
            title=title,
            channels=layout.channels,
            processes=processes,
            per_process=dict(zip((p.name for p in processes), sums @ expected[:-1], strict=True)),
            total=expected[-1],
            total_error=np.zeros(layout.n_bins),
            obs=data.counts if data.is_there else None,
            blinded=self.blinded if data.is_observed else frozenset(),
        )

    # -- a notebook ------------------------------------------------------------------------------

    @cached_property
    def view(self) -> View:
        """The sliders and the picture, as widgets.

        Raises
        ------
        MissingPackageError
            If ipywidgets is not installed.
        """
        require("ipywidgets", feature="smoothfit.interactive with sliders", extra="notebook")
        from .view import View

        return View(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        try:
            view = self.view
        except MissingPackageError as error:
            return self._still(str(error))
        shown: dict[str, Any] = dict(view.box._repr_mimebundle_())
        # For where there are no widgets: files that are looked at, and exported.
        shown["image/png"] = base64.b64encode(self.png()).decode()
        shown["text/plain"] = repr(self)
        return shown

    def _still(self, why: str) -> dict[str, Any]:
        from .. import plot

        record = self.yields(title="Yields")
        figure = plot.yields(record, channels=self._channels, log=self._log)
        picture = base64.b64encode(plot.figure_bytes(figure, "live.png")).decode()
        source = f"data:image/png;base64,{picture}"
        image = f'<img alt="{escape(repr(self))}" style="max-width:100%" src="{source}">'
        html = f"<p>{escape(why)}</p>\n{image}"
        return {"text/html": html, "image/png": picture, "text/plain": f"{self!r}\n{why}"}
