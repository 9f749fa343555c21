"""The pieces of a combination besides its parameters: each model's, put side by side or checked to agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .._pytree import Index
from .._types import FloatArray
from ..build import Process, Variable
from ..build.copying import Source, merged
from ..errors import DuplicateNameError, InvalidValueError, ShapeMismatchError
from ..preparation import ChannelDescription, Correlation, DataTerm, McStat, Seen, UserTerm
from ..preparation.correlations import check_together
from ..programs import Program
from .parts import Part
from .variables import Shared

__all__ = [
    "check_channels",
    "correlations",
    "data_term",
    "descriptions",
    "masked",
    "mc_stat",
    "processes",
    "terms",
]


def check_channels(parts: Sequence[Part]) -> None:
    """Channels belong to one model each.

    Raises
    ------
    DuplicateNameError
        For one that two have.
    """
    owner: dict[str, str] = {}
    for part in parts:
        for name in part.channels.values():
            if name in owner:
                raise DuplicateNameError(
                    f"combine: channel '{name}' is in {owner[name]} and in {part.what}; a channel has its "
                    'data once: rename one, rename=[..., {"channels": {'
                    + f"'{name}': ...}}}}], or leave it out."
                )
            owner[name] = part.what


def processes(parts: Sequence[Part], shared: Shared) -> list[Process]:
    """Processes of one name as one, with the contributions of all.

    Raises
    ------
    InvalidValueError
        For processes of one name that differ in more than their channels.
    """
    found: dict[str, list[tuple[Part, Source]]] = {}
    for part, variables in zip(parts, shared.of_part, strict=True):
        for process in part.specification.processes:
            name = part.names.process(process.name)
            found.setdefault(name, []).append((part, Source(process, variables, part.channels)))
    for name, members in found.items():
        for other in members[1:]:
            _check_agree(name, members[0], other)
    return [merged(name, [source for _, source in members]) for name, members in found.items()]


def _check_agree(name: str, first: tuple[Part, Source], second: tuple[Part, Source]) -> None:
    (part, source), (other_part, other_source) = first, second
    one, other = source.process, other_source.process
    for what, a, b in (
        ("signal", one.signal, other.signal),
        ("sub_procs", _sub_procs(part, one), _sub_procs(other_part, other)),
        ("label", one.label, other.label),
    ):
        if a != b and not (what == "label" and None in (a, b)):
            raise InvalidValueError(
                f"combine: process '{name}' is not the same in both: {what} is {a!r} in {part.what}, {b!r} "
                f"in {other_part.what}. Make them agree, or rename one: "
                'rename=[..., {"processes": {...}}].'
            )


def _sub_procs(part: Part, process: Process) -> tuple[str, ...] | None:
    """Names of the sub-processes as they will be; None of a plain process."""
    return tuple(part.sub_procs[name] for name in process.sub_procs) if process.is_array else None


def correlations(parts: Sequence[Part], shared: Shared) -> list[Correlation]:
    """What the models say of correlations.

    Raises
    ------
    InvalidValueError
        Where two say different things of one pair, or all of it together is impossible.
    """
    found: list[Correlation] = []
    said: dict[tuple[str, str], tuple[float, str]] = {}
    for part, variables in zip(parts, shared.of_part, strict=True):
        here: dict[tuple[str, str], float] = {}
        for one in part.specification.correlations:
            own = tuple(variables[id(v)] for v in one.variables)
            if len({id(v) for v in own}) < len(own):
                raise InvalidValueError(
                    f"combine: {part.what} correlates {', '.join(repr(v.name) for v in one.variables)}, some "
                    "of which are one variable now; keep their names apart."
                )
            names = [name for v in own for name in v.sub_names]
            for i, j in zip(*np.nonzero(one.stated), strict=True):
                here[names[i], names[j]] = float(one.matrix[i, j])
            found.append(replace(one, variables=own))
        for pair, rho in here.items():
            before, who = said.setdefault(pair, (rho, part.what))
            if before != rho:
                raise InvalidValueError(
                    f"combine: the correlation of '{pair[0]}' and '{pair[1]}' is {before:g} in {who}, "
                    f"{rho:g} in {part.what}; rename one of the nuisances, or state it alike."
                )
    check_together("combine", found)
    return found


def mc_stat(parts: Sequence[Part]) -> list[McStat]:
    """Each model's settings, for its own channels."""
    found = []
    for part in parts:
        with_errors = {
            name
            for process in part.specification.processes
            for name, contrib in process.contribs.items()
            if contrib.sumw2 is not None
        }
        for setting in part.specification.mc_stat:
            names = list(part.channels if setting.channels is None else setting.channels)
            # A mode for all channels may be given though some have no variances; one for these may not.
            if setting.channels is None and setting.mode not in ("lite", "none"):
                names = [name for name in names if name in with_errors]
            if names:
                found.append(replace(setting, channels=tuple(part.channels[name] for name in names)))
    return found


def data_term(parts: Sequence[Part]) -> DataTerm:
    """The probability of the data, which is one for all channels.

    Raises
    ------
    InvalidValueError
        Where the models differ in it.
    """
    terms = [part.specification.data_term for part in parts]
    kinds = [_data_kind(term) for term in terms]
    for part, kind in zip(parts, kinds, strict=True):
        if kind != kinds[0]:
            raise InvalidValueError(
                f"combine: the data term is {kinds[0]} in {parts[0].what}, {kind} in {part.what}; "
                "set_data_term() the same in all."
            )
    if terms[0].variances is None:
        return terms[0]
    variances: dict[str, FloatArray] = {}
    for part, term in zip(parts, terms, strict=True):
        given = term.variances
        of_channel = given if isinstance(given, dict) else part.layout.split(given)
        variances |= {part.channels[name]: numbers for name, numbers in of_channel.items()}
    return DataTerm(True, variances)


def _data_kind(term: DataTerm) -> str:
    if not term.gaussian:
        return "Poisson"
    return "Gaussian" + (
        " with the observed counts as variances" if term.variances is None else " with variances"
    )


def masked(parts: Sequence[Part]) -> tuple[str, ...]:
    """Channels outside the likelihood."""
    return tuple(part.channels[name] for part in parts for name in part.specification.masked)


def descriptions(parts: Sequence[Part]) -> dict[str, ChannelDescription]:
    """How channels are shown."""
    return {
        part.channels[name]: description
        for part in parts
        for name, description in part.specification.descriptions.items()
    }


def terms(parts: Sequence[Part], shared: Shared) -> list[UserTerm]:
    """The models' terms; one of (values, data, globs) is given those of its own model, in its order.

    Raises
    ------
    DuplicateNameError
        For a likelihood of another program that two models have.
    """
    found = []
    owner: dict[str, str] = {}
    for part, variables in zip(parts, shared.of_part, strict=True):
        for i, term in enumerate(part.specification.terms):
            if term.variables is None:
                found.append(_of_all_values(part, variables, i, term))
            else:
                own = tuple(variables[id(variable)] for variable in term.variables)
                found.append(_named(part, replace(term, variables=own), owner))
    return found


def _named(part: Part, term: UserTerm, owner: dict[str, str]) -> UserTerm:
    """The term, a likelihood under its new name."""
    if term.likelihood is None:
        return term
    name = part.names.likelihood(term.likelihood.name)
    if name in owner:
        raise DuplicateNameError(
            f"combine: likelihood '{name}' is in {owner[name]} and in {part.what}; a measurement counts "
            "once: leave it out of one model, or rename one if they are two: "
            f"rename=[..., {{\"likelihoods\": {{'{name}': ...}}}}]."
        )
    owner[name] = part.what
    return replace(term, label=name, likelihood=replace(term.likelihood, name=name))


def _of_all_values(part: Part, own: Mapping[int, Variable], number: int, term: UserTerm) -> UserTerm:
    """As the model traced it: anew, what the function looks up by itself might be that of another model."""
    plan = part.prepared.plan.constraint
    names = {
        old: new
        for variable in part.variables
        for old, new in zip(variable.sub_names, own[id(variable)].sub_names, strict=True)
    }
    positions = _integers(plan.term_arguments[number][0])
    layout = part.layout
    return UserTerm(
        fn=_traced(plan.terms[number], _captured(part, number)),
        variables=None,
        label=term.label,
        order=tuple(names[layout.parameters[i]] for i in positions),
        seen=Seen(
            channels=tuple(part.channels.values()),
            globs=(
                *(names[layout.parameters[i]] for i in layout.constrained),
                *(part.bin_parameters[name] for name in layout.bin_parameters),
            ),
        ),
    )


def _integers(index: Any) -> list[int]:
    return [int(i) for i in np.asarray(index.values if isinstance(index, Index) else index)]


def _captured(part: Part, number: int) -> tuple[Any, ...]:
    floats = part.prepared.templates.term_captured[number]
    integers = part.prepared.plan.constraint.term_indices[number]
    pairs = zip(floats, integers, strict=True)
    return tuple(c if c is not None else n.values if isinstance(n, Index) else n for c, n in pairs)


def _traced(program: Program, captured: tuple[Any, ...]) -> Callable[..., Any]:
    def term(values: Any, data: Any, globs: Any) -> Any:
        shapes = tuple(np.shape(given) for given in (values, data, globs))
        if shapes != program.in_shapes:
            raise ShapeMismatchError(
                f"the term '{program.label}' of a combined model was written for values, data and global "
                f"observables of shapes {program.in_shapes}, it got {shapes}; UserTerm.seen says which"
            )
        return program(captured, values, data, globs)

    return term
