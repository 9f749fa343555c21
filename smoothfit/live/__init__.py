"""A live model in a notebook: sliders for parameters, yields that follow, fits, and the NLL.

* :mod:`~smoothfit.live.state`: values, presets, what is held, data and fits; nothing that is seen.
* :mod:`~smoothfit.live.live`: with the picture, and how a notebook shows it.
* :mod:`~smoothfit.live.picture`: the picture, drawn anew only where it changes.
* :mod:`~smoothfit.live.view`: the widgets, made when they are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._optional import require
from ..model import Model
from .live import Live

__all__ = ["Live", "interactive"]


def interactive(
    model: Model,
    obs: Any = None,
    *,
    globs: Any = None,
    values: Any = None,
    best_fit: Any = None,
    channels: Sequence[str] | None = None,
    log: bool | None = None,
    dpi: float = 100.0,
) -> Live:
    """A live model in a notebook: a slider for every parameter, and the yields, the NLL and fits that follow.

    Make it the last line of a cell. What was set is in ``.values``, the last fit in ``.result``. Without
    ipywidgets it is a picture that stays.

    Parameters
    ----------
    model
        A prepared model.
    obs, globs
        Counts (bin,), or {channel: counts or histogram}, and global observables, as ``model.fit`` takes them;
        without counts the expectation is compared with Asimov data of the start values.
    values
        Where parameters are at first: a vector or a dict; the start values by default.
    best_fit
        A fit of this model, whose data are taken, to have its values as the preset "post-fit".
    channels
        Which channels are drawn; at first the first four, if there are more.
    log
        Whether axes of events are logarithmic; by the range of the yields if None.
    dpi
        Pixels an inch of the picture: more are sharper and take longer.

    Raises
    ------
    NotPreparedError, StaleModelError
        If the model was not prepared, or changed since.
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        For what is no model, and wrong data, values, channels, or a fit of another model.
    MissingPackageError
        Without matplotlib.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> mu, theta = Variable("mu", 1.0, lower_bound=0.0), Variable("theta", 0.0, nuisance=True)
    >>> sig, bkg = Process("sig", [5.0, 20.0]).scale_by(mu), Process("bkg", [50.0, 40.0]).add_lnN(theta, 1.1)
    >>> model = Model().add_proc(sig).add_proc(bkg).prepare()
    >>> live = interactive(model, [60.0, 75.0])
    >>> live.set({"mu": 1.2})
    >>> live.fit().success
    True
    >>> live.apply("pre-fit")
    >>> live.values["mu"], round(live.result["mu"].value, 2), round(live.standing().delta, 2)
    (1.0, 1.75, 3.89)
    """
    require("matplotlib", feature="smoothfit.interactive", extra="notebook")
    data = {"globs": globs, "values": values, "best_fit": best_fit}
    return Live(model, obs, channels=channels, log=log, dpi=dpi, **data)
