"""Pass 4: parameters that touch one bin only, which the engine eliminates bin by bin.

A variable is local where all it does is to scale the bins of one channel, one component a bin, at most
once a row: HistFactory's staterror, shapesys and shapefactor, data-driven bin-wise scales. The variables
(and bin parameters of Monte Carlo statistics) of one bin must act on different rows, and a free one must be
alone; what is left over is treated like any other parameter, with the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..build import Variable
from ..build.declarations import Scale, variables_of
from ..constraints import is_local
from .collection import Channel, Structure
from .specification import Specification
from .treatments import Treatments

__all__ = ["LocalVariable", "find_local"]


@dataclass(frozen=True, eq=False)
class LocalVariable:
    """A local variable, its channel, and the rows that it multiplies."""

    variable: Variable
    channel: int
    rows: tuple[int, ...]


def _excluded(specification: Specification, structure: Structure) -> set[int]:
    """Variables that do anything else than scale bins."""
    excluded: set[int] = set()
    for contribution in structure.contributions:
        for effect in contribution.effects:
            if not (isinstance(effect, Scale) and _is_bin_wise(effect, contribution.contrib.n_bins)):
                excluded.update(id(v) for v in variables_of(effect))
    seen = {name for term in specification.terms if term.seen is not None for name in term.order or ()}
    for contribution in structure.contributions if seen else ():
        for effect in contribution.effects:
            excluded.update(id(v) for v in variables_of(effect) if seen & set(v.sub_names))
    for term in specification.terms:
        excluded.update(id(v) for v in term.variables or ())
    for pair in specification.correlations:
        excluded.update(id(v) for v in pair.variables)
    return excluded


def _is_bin_wise(effect: Scale, n_bins: int) -> bool:
    # In a channel of one bin a constrained array of one is bin-wise, though no axis says so.
    single = n_bins == 1 and effect.axis == "all" and effect.variable.nuisance
    if effect.region.bins is not None:
        return False
    return effect.axis == "bin" or (single and not effect.variable.is_scalar)


def _uses(channel: Channel) -> dict[int, tuple[Variable, list[int]]]:
    uses: dict[int, tuple[Variable, list[int]]] = {}
    for contribution in channel.contributions:
        for effect in contribution.effects:
            if isinstance(effect, Scale) and _is_bin_wise(effect, channel.n_bins):
                rows = [contribution.rows[sub] for sub in effect.region.rows(contribution.contrib.n_sub)]
                uses.setdefault(id(effect.variable), (effect.variable, []))[1].extend(rows)
    return uses


def find_local(
    specification: Specification, structure: Structure, treatments: Treatments
) -> list[LocalVariable]:
    """The local variables of each channel that has any."""
    if any(term.variables is None and term.seen is None for term in specification.terms):
        # A function of all values may use any of them.
        return []
    excluded = _excluded(specification, structure)
    by_channel = [_uses(channel) for channel in structure.channels]
    shared: dict[int, int] = {}
    for uses in by_channel:
        for key in uses:
            shared[key] = shared.get(key, 0) + 1
    found = []
    for index, (channel, uses) in enumerate(zip(structure.channels, by_channel, strict=True)):
        if treatments.has_lite(index) or channel.masked:
            # The errors of such a bin depend on the variable, too: no closed form together.
            continue
        taken = treatments.rows(channel, index)
        alone = not taken
        usable = [
            (variable, rows)
            for key, (variable, rows) in uses.items()
            if key not in excluded
            and shared[key] == 1
            and len(set(rows)) == len(rows)
            and is_local(variable.constraint)
        ]
        # Constrained ones first, then those of most rows.
        for variable, rows in sorted(usable, key=lambda use: (not use[0].nuisance, -len(use[1]))):
            if taken & set(rows) or not (alone or variable.nuisance):
                continue
            found.append(LocalVariable(variable, index, tuple(rows)))
            taken |= set(rows)
            alone = False
    return found
