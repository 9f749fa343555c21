"""Datacards of CMS Combine: :func:`read_datacard`.

A card goes through four rooms: its text becomes statements (:mod:`.grammar`, with :mod:`.columns`,
:mod:`.statements` and :mod:`.edits`, into a :class:`~.card.Card`), its ``shapes`` lines templates
(:mod:`.templates`), its names variables (:mod:`.parameters`, :mod:`.signals`), and all of it a model
(:mod:`.building`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..._checks import check_flag
from ..._types import FloatArray
from ...errors import InvalidTypeError
from ...model import Model
from ...results import Note, Receipt
from ..json_files import read_text
from ..naming import named
from .building import build_model
from .card import Card
from .grammar import read_card
from .signals import read_signals
from .templates import Templates

__all__ = ["read_datacard"]


def read_datacard(
    path: str | os.PathLike[str],
    *,
    mass: float | None = None,
    pois: Sequence[str] | str | None = None,
    poi_bounds: tuple[float, float] | None = None,
    keywords: Mapping[str, str] | None = None,
    files: Mapping[str, str | os.PathLike[str]] | None = None,
    files_anywhere: bool = False,
    channel_masks: Sequence[str] = (),
) -> tuple[Model, FloatArray]:
    """The model of a datacard of CMS Combine, prepared, and the observed counts.

    Parameters
    ----------
    path
        The card.
    mass
        What $MASS stands for.
    pois
        Rules of the parameters of interest, as after ``--PO map=``: ".*/ggH:r_ggH[1,0,10]", a regular
        expression of "channel/process" and a parameter with its start and range, or 0 or 1. By default ``r``
        scales all signals (processes with an index of 0 or less).
    poi_bounds
        Of parameters of interest whose rules have none; [0, 20] by default.
    keywords
        Other words with a $, as after ``--keyword-value``.
    files
        {name in the card: path} of files that are elsewhere.
    files_anywhere
        Whether the card may name files that are not beside or below it.
    channel_masks
        Channels to leave out of the likelihood.

    Returns
    -------
    model, obs
        The model, with the card's names, and counts (bin,) in its order. ``model.receipt`` says what was
        read, and what not, and why.

    Raises
    ------
    InputFileError
        For files that cannot be read, or may not.
    FileFormatError
        With file and line, for what is no datacard, and "unsupported: ..." for what is one of another kind:
        unbinned data, RooFit objects.
    InvalidValueError, InvalidTypeError, UnknownNameError
        For rules, masks and keywords that are none.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> card = pathlib.Path(folder.name, "card.txt")
    >>> _ = card.write_text('''
    ... bin SR
    ... observation 6
    ... bin SR SR
    ... process sig bkg
    ... process 0 1
    ... rate 1.0 5.5
    ... lumi lnN 1.02 -
    ... norm lnN - 0.8/1.3
    ... ''')
    >>> model, obs = read_datacard(card)
    >>> model.poi, model.nuisances, obs
    ('r', ('lumi', 'norm'), array([6.]))
    >>> folder.cleanup()
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"read_datacard: a path is expected, got {type(path).__name__}.")
    check_flag("read_datacard: files_anywhere", files_anywhere)
    source = os.fspath(path)
    card = read_card(read_text(path), source)
    templates = Templates(
        card,
        Path(path).parent,
        keywords={**_keywords(mass), **dict(keywords or {})},
        files=files or {},
        anywhere=files_anywhere,
    )
    signals = read_signals(card, pois, poi_bounds)
    with named(source):
        model, obs = build_model(card, templates, signals)
    if channel_masks:
        model.mask_channels(*channel_masks).prepare()
    model.receipt = _receipt(card, templates)
    return model, obs


def _keywords(mass: float | None) -> dict[str, str]:
    """As Combine writes a mass: 125, 125.09."""
    if mass is None:
        return {}
    return {"MASS": f"{mass:.0f}" if mass == int(mass) else str(mass)}


def _receipt(card: Card, templates: Templates) -> Receipt:
    kinds: dict[str, int] = {}
    for systematic in card.systematics:
        kinds[systematic.kind] = kinds.get(systematic.kind, 0) + 1
    read = {
        "channels": len(card.channels),
        "processes": len({column.process for column in card.columns()}),
        **{f"{kind} nuisances": n for kind, n in kinds.items()},
        "param": len(card.parameters),
        "rateParam": len(card.rate_parameters),
        "extArg": len(card.external),
        "constr": len(card.penalties),
        "channels with autoMCStats": len(card.mc_stat),
    }
    ignored = [
        Note(f"line {line}" if line else "templates", what, why)
        for line, what, why in sorted(card.ignored, key=lambda note: note[0] or 10**9)
    ]
    counted = {what: number for what, number in read.items() if number}
    return Receipt(card.source, "datacard", counted, ignored, templates.read, card.groups)
