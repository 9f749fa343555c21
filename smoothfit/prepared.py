"""What ``prepare()`` makes of a model: arrays, and nothing but arrays.

:class:`Prepared` is (templates: the float arrays one may vary or differentiate by, plan: index
arrays and static sizes). :class:`Data` is what was observed, :class:`Fixed` what is held constant.
Toys batch over Data, impacts and scans over Fixed, alternative templates over Prepared.

Bins are kept in *tiles*: every channel is cut into tiles of one width, the last padded, and a
row (a sub-process in a channel) is stored for the tiles of its channel only. All channels, of
whatever number of bins, thus share one set of array operations, and what does not exist
(process x channel, systematic x row) takes no memory.
"""

from __future__ import annotations

from typing import Any

from ._pytree import Index, pytree_dataclass, static
from ._types import IndexArray, Leaf
from .programs import Program

__all__ = [
    "AdditivePlan",
    "ConstraintPlan",
    "Data",
    "EffectPlan",
    "FactorPlan",
    "Fixed",
    "Geometry",
    "LitePlan",
    "LocalPlan",
    "Plan",
    "Prepared",
    "ProgramPlan",
    "RowPlan",
    "ShapePlan",
    "Templates",
]


@pytree_dataclass
class Geometry:
    """Where the bins are: flat (bin,) order <-> (tile, bin in tile)."""

    to_flat: IndexArray
    """(bin,): position of each bin in the flattened tiles."""
    from_flat: IndexArray
    """(tile, width): the bin at each place, the number of bins for padding."""
    valid: Leaf
    """(tile, width): 1 for a bin, 0 for padding."""
    width: int = static()
    n_tiles: int = static()
    n_bins: int = static()


@pytree_dataclass
class RowPlan:
    """Which row each stored tile belongs to. Row tiles are ordered by tile."""

    row: IndexArray
    """(row tile,): the row."""
    tile: IndexArray
    """(row tile,): the tile of bins."""
    slots: IndexArray
    """(tile, slot): the row tiles of a tile, padded with the number of row tiles."""
    n_rows: int = static()


@pytree_dataclass
class ProgramPlan:
    """User functions that give factors, and the parameters each is called with."""

    arguments: tuple[tuple[IndexArray, ...], ...]
    """program -> argument -> indices of its parameters."""
    captured_indices: tuple[tuple[IndexArray | None, ...], ...]
    """program -> captured array -> the array if it holds integers (no template), else None."""
    programs: tuple[Program, ...] = static()
    scalar_arguments: tuple[tuple[bool, ...], ...] = static()


@pytree_dataclass
class FactorPlan:
    """Plain factors, as positions in (1, parameters, univariate effects, results of programs)."""

    row: IndexArray
    """(row, slot): factors of a whole row."""
    tiles: IndexArray
    """(factor tile, width): factors that differ from bin to bin; the first tile is all ones."""
    row_tile: IndexArray
    """(row tile, slot): the factor tiles of a row tile."""


@pytree_dataclass
class AdditivePlan:
    """Terms of the user that add to the nominal yields, as positions like those of the factors."""

    row_tile: IndexArray
    """(block,): the row tile that each adds to."""
    source: IndexArray
    """(block, width): what is added."""
    present: Leaf
    """(block, width): 1 for a bin, 0 for padding."""


@pytree_dataclass
class EffectPlan:
    """One entry a (row, parameter) of one kind of row effect."""

    row: IndexArray
    param: IndexArray


@pytree_dataclass
class ShapePlan:
    """Vertical shape changes: blocks (one tile each) and groups (one nuisance on one row)."""

    row_tile: IndexArray
    """(block,): the row tile that the block changes."""
    group: IndexArray
    """(block,): its group."""
    group_row: IndexArray
    group_param: IndexArray
    normalised: IndexArray
    """(group,): 1 where the integral is split off as a log-normal ("shape", "shapeN")."""
    form: IndexArray
    """(group,): how the change depends on theta, a number of ``effects.shape.FORMS``."""
    floored: IndexArray
    """(row tile,): 1 where the morphed yield is floored (kind "shape")."""
    logarithmic: IndexArray
    """(row tile,): 1 where logarithms of yields are morphed (kind "shapeN")."""
    scale: Leaf
    """(group,): the size of one unit of theta in units of the templates."""
    joint: Leaf
    """(group,): where the interpolation joins the straight lines, in the scaled theta."""
    any_normalised: bool = static()
    any_floored: bool = static()
    any_logarithmic: bool = static()
    all_smooth: bool = static()


@pytree_dataclass
class LitePlan:
    """Barlow-Beeston lite: which bins have a parameter, and of which convention."""

    to_flat: IndexArray
    """(bin parameter,): position of its bin in the flattened tiles."""
    from_flat: IndexArray
    """(tile, width): the bin parameter at each place, their number where there is none."""
    has_parameter: Leaf
    """(tile, width): 1 where the bin has a parameter."""
    total: Leaf
    """(tile, width): 1 where the error is relative to the bin's total."""
    source: IndexArray
    """(sumw2 row tile,): the row tile that the variances belong to."""
    any_process: bool = static()
    """Whether any bin's error follows the normalisation of the processes."""


@pytree_dataclass
class LocalPlan:
    """Parameters that touch one bin only: the engine eliminates them, at most one a bin."""

    param: IndexArray
    """(tile, width): the bin's own parameter, or the number of parameters where there is none."""
    present: Leaf
    """(tile, width): 1 where there is one."""
    row_tile: IndexArray
    """(local row tile,): the row tiles that it multiplies."""
    to_flat: IndexArray
    """(local parameter,): position of its bin in the flattened tiles."""
    params: IndexArray
    """(local parameter,): its index among the parameters."""
    number: IndexArray
    """(param,): position among the local parameters, their number for the others."""


@pytree_dataclass
class ConstraintPlan:
    """Who is constrained, and how."""

    gaussian: Leaf
    """(param,): 1 for an uncorrelated Gaussian constraint."""
    poisson: Leaf
    """(param,): 1 for a Poisson constraint."""
    constrained: IndexArray
    """(global observable,): the constrained parameters, in order."""
    correlated: IndexArray
    """(correlated param,): Gaussian constraints with correlations, as one multivariate."""
    term_arguments: tuple[tuple[IndexArray, ...], ...]
    """user term -> argument -> indices of its parameters; of all values, in the order it expects."""
    term_indices: tuple[tuple[IndexArray | None, ...], ...]
    terms: tuple[Program, ...] = static()
    term_scalars: tuple[tuple[bool, ...], ...] = static()
    term_of_all: tuple[bool, ...] = static()
    any_poisson: bool = static()


@pytree_dataclass
class Plan:
    """The structure of a model: everything but its numbers."""

    geometry: Geometry
    rows: RowPlan
    programs: ProgramPlan
    factors: FactorPlan
    additive: AdditivePlan | None
    effects: dict[str, EffectPlan]
    """kind -> its entries."""
    shape: ShapePlan | None
    lite: LitePlan | None
    local: LocalPlan | None
    constraint: ConstraintPlan
    dense: IndexArray
    """(dense,): parameters that are not local, the ones a minimiser sees."""
    column: IndexArray
    """(param,): position among the dense ones; the number of dense ones for a local parameter."""
    by_autodiff: IndexArray
    """(autodiff,): dense positions of parameters whose derivatives need automatic differentiation."""
    start: Leaf
    lower: Leaf
    upper: Leaf
    constant: Leaf
    """(param,): 1 where the parameter is held at its start value by default."""
    n_params: int = static()
    n_dense: int = static()


@pytree_dataclass
class Templates:
    """The float arrays of a model, as given: what one varies or differentiates by."""

    nominal: Leaf
    """(row tile, width): yields in events."""
    sumw2: Leaf | None
    """(sumw2 row tile, width): sums of squared weights."""
    effects: dict[str, tuple[Leaf, ...]]
    """kind of row effect -> its numbers, (entry,) each; of a log-normal yield ratios at theta = -1, +1."""
    shape_up: Leaf | None
    shape_down: Leaf | None
    """(block, width): templates at theta = -1/scale and +1/scale."""
    captured: tuple[tuple[Leaf | None, ...], ...]
    term_captured: tuple[tuple[Leaf | None, ...], ...]
    """user function -> captured array, None where it holds integers."""
    width: Leaf
    """(param,): widths of Gaussian constraints (1 elsewhere)."""
    tau: Leaf
    """(param,): auxiliary counts of Poisson constraints (1 elsewhere)."""
    correlation: Leaf | None
    """(correlated param, correlated param)."""
    globs: Leaf
    """(global observable,): the default global observables, the parameters' only."""


@pytree_dataclass
class Prepared:
    """A prepared model: a pytree of arrays, the first argument of ``smoothfit.functional``."""

    templates: Templates
    plan: Plan


@pytree_dataclass
class Data:
    """What was observed: counts (bin,) and global observables (parameters', then bins')."""

    counts: Leaf
    globs: Leaf
    bin_globs: Leaf


@pytree_dataclass
class Fixed:
    """What is held constant: masks and values over parameters and over bin parameters."""

    mask: Leaf
    values: Leaf
    bin_mask: Leaf
    bin_values: Leaf


def n_bin_params(plan: Plan | Any) -> int:
    """The number of bin parameters of a plan (resolved or not)."""
    if plan.lite is None:
        return 0
    to_flat = plan.lite.to_flat
    return int((to_flat.values if isinstance(to_flat, Index) else to_flat).shape[0])
