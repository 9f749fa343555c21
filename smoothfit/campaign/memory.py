"""The same fits without a folder: kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import Model
from ..progress import track
from ..results import ToyBlock, ToyFits
from .making import BlockMaker
from .settings import manifest_of
from .summing import toy_fits

__all__ = ["fit_toys"]


def fit_toys(
    model: Model,
    *,
    values: Any,
    toys: float,
    seed: int | None = None,
    kind: str = "frequentist",
    obs: Any = None,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    init: Any = None,
    errors: bool = True,
    parameters: Sequence[Any] | None = None,
) -> ToyFits:
    """Draw and fit toys; the arguments are those of :class:`~.Campaign`.

    Returns
    -------
    ToyFits
        A summary, with the rows.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        For what does not fit the model.

    Examples
    --------
    >>> from smoothfit import Process, Variable
    >>> model = Model().add_proc(Process("sig", [50.0, 20.0]).scale_by(Variable("mu", 1.0))).prepare()
    >>> found = fit_toys(model, values={"mu": 1.0}, toys=300, seed=1)
    >>> found.message, found.column("mu error").shape
    ('300 of 300 fits converged.', (300,))
    """
    asked: dict[str, Any] = {"values": values, "toys": toys, "seed": seed, "kind": kind, "obs": obs}
    asked |= {"globs": globs, "fixed": fixed, "init": init, "errors": errors, "parameters": parameters}
    manifest = manifest_of(model, **asked, block=None)
    maker = BlockMaker(manifest, model)
    blocks: list[ToyBlock] = []
    with track(manifest.toys, "toys") as advance:
        for k in range(manifest.n_blocks):
            blocks.append(maker.rows(k))
            advance(len(blocks[-1]))
    return toy_fits(lambda: iter(blocks), manifest, frozenset(manifest.hidden))
