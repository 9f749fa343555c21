"""Models put together: :func:`combine`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from .._types import ArrayLike, FloatArray
from ..build import Variable
from ..model import Model
from ..preparation import Specification
from ..results import Note, Receipt
from . import pieces
from .asked import Asked, correlations_asked
from .parts import Part, read_parts
from .variables import Shared, merge_variables

__all__ = ["combine"]


@overload
def combine(
    *models: Model,
    rename: Sequence[Mapping[str, Any] | None] | None = None,
    correlate: Sequence[Any] = (),
    variables: Sequence[Variable] = (),
) -> Model: ...


@overload
def combine(
    *models: tuple[Model, ArrayLike],
    rename: Sequence[Mapping[str, Any] | None] | None = None,
    correlate: Sequence[Any] = (),
    variables: Sequence[Variable] = (),
) -> tuple[Model, FloatArray]: ...


def combine(
    *models: Any,
    rename: Sequence[Mapping[str, Any] | None] | None = None,
    correlate: Sequence[Any] = (),
    variables: Sequence[Variable] = (),
) -> Any:
    """One model of several: their channels side by side, variables of one name as one parameter.

    Parameters
    ----------
    models
        Two models or more, or as many pairs (model, obs), as readers return them. None is changed.
    rename
        One dict a model, or None: ``{"old": "new"}`` of variables and their components, and with a heading
        ``{"processes": {"old": "new"}, "channels": {"old": "new"}}``; of likelihoods of other programs
        ``{"likelihoods": {"old": "new"}}``.
    correlate
        Entries (a, b, rho) or ([a, b, ...], matrix), as ``correlate_nuisances`` takes them, by names after
        renaming or by Variables of the models. rho = 1 makes the two one parameter, under the first name.
    variables
        Variables to take in place of all of their name: where models differ in start values, bounds or
        constraint.

    Returns
    -------
    model
        Prepared; or (model, obs) where data were given. Variables of the models are keys of it, too.

    Raises
    ------
    DuplicateNameError
        For a channel, or a likelihood of another program, that two models have, and for two names that would
        be one.
    InvalidValueError
        For what has one name and is not the same in both models, with both sides: variables, processes,
        correlations, the data term.
    InvalidTypeError, UnknownNameError, ShapeMismatchError
        For input of another kind, and names that no model has.

    Examples
    --------
    >>> from smoothfit import Process
    >>> def counting(channel, yields):
    ...     mu, lumi = Variable("mu", 1.0), Variable("lumi", 0.0, nuisance=True)
    ...     sig = Process("sig", yields, channel=channel, signal=True).scale_by(mu).add_lnN(lumi, 1.02)
    ...     return Model().add_proc(sig).add_proc(Process("bkg", [50.0], channel=channel)).prepare()
    >>> both, obs = combine((counting("2016", [9.0]), [61.0]), (counting("2017", [12.0]), [58.0]))
    >>> both
    Model(processes: sig, bkg; channels: 2016, 2017; 2 parameters, 0 bin parameters)
    >>> obs
    array([61., 58.])
    >>> apart = combine(
    ...     counting("2016", [9.0]),
    ...     counting("2017", [12.0]),
    ...     rename=[None, {"lumi": "lumi_2017"}],
    ...     correlate=[("lumi", "lumi_2017", 0.5)],
    ... )
    >>> apart.parameters
    ('mu', 'lumi', 'lumi_2017')
    """
    parts = read_parts(models, rename)
    pieces.check_channels(parts)
    asked = correlations_asked(parts, correlate)
    shared = merge_variables(parts, variables, asked.same)
    poi, notes = _poi(parts, shared)
    specification = Specification(
        processes=pieces.processes(parts, shared),
        correlations=pieces.correlations(parts, shared),
        terms=pieces.terms(parts, shared),
        mc_stat=pieces.mc_stat(parts),
        data_term=pieces.data_term(parts),
        masked=pieces.masked(parts),
        descriptions=pieces.descriptions(parts),
        poi=poi,
        known_as=shared.known_as(parts),
    )
    model = Model.from_specification(specification, blinded=_blinded(parts, shared))
    _correlate(model, asked, shared)
    model.prepare()
    model.receipt = _receipt(model, parts, shared, [*shared.notes, *notes])
    if parts[0].obs is None:
        return model
    return model, model.data_from_dict({name: c for part in parts for name, c in (part.obs or {}).items()})


def _correlate(model: Model, asked: Asked, shared: Shared) -> None:
    for a, b, rho in asked.pairs:
        model.correlate_nuisances(shared.by_name[a], shared.by_name[b], rho)
    for names, matrix in asked.groups:
        model.correlate_nuisances([shared.by_name[name] for name in names], matrix)


def _new_names(part: Part, shared: Shared) -> dict[str, str]:
    """Variable or component of a model -> its name in the combination."""
    found: dict[str, str] = {}
    for variable in part.variables:
        own = shared.by_name[part.names.of_variable(variable)[0]]
        found |= dict(zip(variable.sub_names, own.sub_names, strict=True)) | {variable.name: own.name}
    return found


def _poi(parts: Sequence[Part], shared: Shared) -> tuple[str | None, list[Note]]:
    """The first that a model has, and what is said of the others."""
    stated = [part for part in parts if part.specification.poi is not None]
    if not stated:
        return None, []
    named = [_new_names(part, shared).get(part.specification.poi or "", "") for part in stated]
    others = zip(stated[1:], named[1:], strict=True)
    notes = [
        Note(part.what, f"parameter of interest '{name}'", f"that of {stated[0].what} is taken: '{named[0]}'")
        for part, name in others
        if name != named[0]
    ]
    return named[0], notes


def _blinded(parts: Sequence[Part], shared: Shared) -> frozenset[str]:
    """What is hidden in a model stays so."""
    found: set[str] = set()
    for part in parts:
        # A channel may have the name of a parameter.
        for names in (_new_names(part, shared), part.channels, part.bin_parameters):
            found |= {names[name] for name in part.model.blinded if name in names}
    return frozenset(found)


def _receipt(model: Model, parts: Sequence[Part], shared: Shared, notes: Sequence[Note]) -> Receipt:
    """What the models' receipts say, and what became one."""
    receipts = [(part, receipt) for part in parts if (receipt := part.model.receipt) is not None]
    ignored = [
        Note(f"{part.what}: {note.where}", note.what, note.why)
        for part, receipt in receipts
        for note in receipt.ignored
    ]
    files: dict[str, int] = {}
    for _, receipt in receipts:
        for file, number in receipt.files.items():
            files[file] = files.get(file, 0) + number
    n_processes = len(model.specification.processes)
    read = {
        "models": len(parts),
        "channels": len(model.channels),
        "processes": n_processes,
        "processes of several models": sum(len(part.specification.processes) for part in parts) - n_processes,
        "variables": len(model.layout.variables),
        "variables of several models": shared.n_shared,
    }
    return Receipt(
        source=" + ".join(part.what for part in parts),
        kind="combination",
        read={what: number for what, number in read.items() if number},
        ignored=[*ignored, *notes],
        files=files,
        groups=_groups(receipts, shared),
    )


def _groups(receipts: Sequence[tuple[Part, Receipt]], shared: Shared) -> dict[str, list[str]]:
    """Groups of one name together, with the names that nuisances have here."""
    groups: dict[str, list[str]] = {}
    for part, receipt in receipts:
        names = _new_names(part, shared)
        for group, members in receipt.groups.items():
            known = groups.setdefault(group, [])
            known += [name for name in (names.get(m, m) for m in members) if name not in known]
    return groups
