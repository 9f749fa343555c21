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

import jax
import numpy as np

from ._pytree import pytree_dataclass, static
from ._types import IndexArray, Leaf
from .programs import Program

__all__ = [
    "AdditivePlan",
    "AlignedPlan",
    "BinPlan",
    "ConstraintPlan",
    "Data",
    "EffectPlan",
    "FactorPlan",
    "FewPlan",
    "Fixed",
    "Geometry",
    "GroupPlan",
    "LitePlan",
    "LocalPlan",
    "Plan",
    "Prepared",
    "ProgramPlan",
    "RowPlan",
    "ShapePlan",
    "Templates",
    "VariancePlan",
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
    counted: Leaf
    """(tile, width): 1 for a bin of the likelihood, 0 for padding and masked channels."""
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
    place: IndexArray
    """(row tile,): position in the flattened (tile, slot)."""
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
class AlignedPlan:
    """Shape blocks side by side, as small models have them: sums over them are products of matrices."""

    by_row: IndexArray
    """(tile, row slot, place): a row's blocks, the number of blocks where none is."""
    place: IndexArray
    """(block,): where each stands in the flattened ``by_row``."""
    by_nuisance: IndexArray | None
    """(tile, nuisance slot, place): a nuisance's blocks; None where ``by_row`` has a nuisance's in one place,
    with the same coefficients on all rows of a tile, and serves for both."""
    slot: IndexArray
    """(tile, param): the nuisance slot of a parameter, their number where it has none."""
    first: IndexArray
    """(tile, nuisance slot): one of the nuisance's blocks there, the number of blocks where none is."""


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
    """(group,): 1 where the integral is split off as a log-normal ("shape", "shapeN", "density")."""
    form: IndexArray
    """(group,): how the change depends on theta, a number of ``effects.shape.FORMS``."""
    floored: IndexArray
    """(row tile,): 1 where the morphed yield is floored (kinds "shape", "floored" and "density")."""
    density: IndexArray
    """(row tile,): 1 where what was floored is normalised again (kind "density")."""
    logarithmic: IndexArray
    """(row tile,): 1 where logarithms of yields are morphed (kind "shapeN")."""
    scale: Leaf
    """(group,): the size of one unit of theta in units of the templates."""
    joint: Leaf
    """(group,): where the interpolation joins the straight lines, in the scaled theta."""
    aligned: AlignedPlan | None
    """None where that would be mostly empty: sums then go block by block."""
    any_normalised: bool = static()
    any_floored: bool = static()
    any_density: bool = static()
    any_logarithmic: bool = static()
    all_smooth: bool = static()


@pytree_dataclass
class VariancePlan:
    """Which row tiles the Monte Carlo variances belong to; two where it is a covariance."""

    first: IndexArray
    second: IndexArray
    """(variance,): row tiles, the same one twice for a variance."""
    members: IndexArray
    """(tile, place): the variances of a tile, padded with the number of variances."""
    own: IndexArray
    """(row tile,): its own variance, the number of variances where it has none."""
    covariances: bool = static()
    """Whether any two differ; a covariance is stored once, and counts twice."""


@pytree_dataclass
class BinPlan:
    """The bin parameters of Monte Carlo statistics, of any mode."""

    centre: Leaf
    """(bin parameter,): 0 for those that shift a bin, 1 for those that multiply yields."""
    counting: Leaf
    """(bin parameter,): 1 for a Poisson constraint, 0 for a unit Gaussian."""
    slot: IndexArray
    """(bin parameter,): a number that differs between the parameters of one bin."""
    n_slots: int = static()
    n: int = static()


@pytree_dataclass
class LitePlan:
    """Barlow-Beeston lite: which bins have a parameter, and of which convention."""

    to_flat: IndexArray
    """(lite parameter,): position of its bin in the flattened tiles."""
    number: IndexArray
    """(lite parameter,): its position among the bin parameters."""
    from_flat: IndexArray
    """(tile, width): the bin parameter at each place, their number where there is none."""
    has_parameter: Leaf
    """(tile, width): 1 where the bin has a parameter."""
    total: Leaf
    """(tile, width): 1 where the error is relative to the bin's total."""
    any_process: bool = static()
    """Whether any bin's error follows the normalisation of the processes."""


@pytree_dataclass
class LocalPlan:
    """Parameters that touch one bin only: the engine eliminates them.

    A bin has a few *slots*, one parameter each, of any origin: a component of a variable or a bin
    parameter. Its *parts* are the row tiles that it acts on. Parts come in two kinds, the first
    ``n_multiplied`` multiply the row tile's yields, the others shift it by its Monte Carlo error.
    """

    position: IndexArray
    """(slot, tile, width): position in (parameters, bin parameters); their number where none is."""
    present: Leaf
    """(slot, tile, width): 1 where there is a parameter."""
    centre: Leaf
    """(slot, tile, width): the value that leaves the yields as they are, 1 or 0."""
    counting: Leaf
    """(slot, tile, width): 1 for a bin parameter with a Poisson constraint."""
    rounded: Leaf
    """(slot, tile, width): 1 where its auxiliary count is rounded to a whole number."""
    row_tile: IndexArray
    slot: IndexArray
    """(part,)"""
    covers: Leaf
    """(part, width): 1 in the bins where the parameter acts on the row tile."""
    variance: IndexArray
    """(part,): the variance of the row tile, the number of variances where it does not matter."""
    members: IndexArray
    """(slot * tile, place): the parts of a slot in a tile, padded with the number of parts."""
    to_flat: IndexArray
    """(local parameter,): position in the flattened slots and tiles."""
    at: IndexArray
    """(local parameter,): position in (parameters, bin parameters)."""
    number: IndexArray
    """(param + bin parameter,): position among the local ones, their number for the others."""
    n_slots: int = static()
    n_multiplied: int = static()


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
    kinds: dict[str, IndexArray]
    """further kind -> (member,): the parameters with a constraint of that kind."""
    densities: ProgramPlan
    """The users' log-densities: of parameters, or of parameters and their global observables."""
    term_arguments: tuple[tuple[IndexArray, ...], ...]
    """user term -> argument -> indices of its parameters; of all values, in the order it expects."""
    term_indices: tuple[tuple[IndexArray | None, ...], ...]
    terms: tuple[Program, ...] = static()
    term_scalars: tuple[tuple[bool, ...], ...] = static()
    term_of_all: tuple[bool, ...] = static()
    any_poisson: bool = static()


@pytree_dataclass
class GroupPlan:
    """Which dense parameters act where, in models too large for arrays of bins x parameters.

    A group is a channel (or the whole model): its *members* are the dense parameters that act on any of
    its bins, so that its share of a Jacobian or a Hessian has no rows for all others. Parameters whose
    derivatives are automatic ones are the last members of every group.
    """

    members: IndexArray
    """(group, member): dense positions, padded with the number of dense parameters."""
    of_row: IndexArray
    """(row,): the group of each row."""
    of_tile: IndexArray
    """(tile,)"""
    rows: IndexArray
    """(group, place): its rows, padded with the number of rows."""
    shape_blocks: IndexArray
    """(tile, place): the blocks of the shape plan in each tile, padded with the number of blocks."""
    matrix_free: bool = static()
    """Whether fits use products with the Hessian only."""
    automatic: bool = static()
    """Whether such products come from automatic differentiation: structure would not make them cheap."""


@pytree_dataclass
class FewPlan:
    """Which parameters act on which rows, where that is few: sums over rows are then gathers."""

    column: IndexArray
    """(row, place): dense positions, padded with the number of dense parameters."""
    row_tile: IndexArray
    """(dense, tile, place): row tiles, padded with their number."""


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
    variance: VariancePlan | None
    bins: BinPlan | None
    lite: LitePlan | None
    local: LocalPlan | None
    constraint: ConstraintPlan
    groups: GroupPlan | None
    """Of a large model only."""
    few: FewPlan | None
    """None where products of matrices are cheaper."""
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
    gaussian_data: bool = static()
    """Whether the data term is a Gaussian one instead of Poisson."""


@pytree_dataclass
class Templates:
    """The float arrays of a model, as given: what one varies or differentiates by."""

    nominal: Leaf
    """(row tile, width): yields in events."""
    sumw2: Leaf | None
    """(variance, width): sums of squared weights, and of products of two templates' weights."""
    data_variance: Leaf | None
    """(bin,): variances of the data of a Gaussian data term; None for the observed counts."""
    effects: dict[str, tuple[Leaf, ...]]
    """kind of row effect -> its numbers, (entry,) each; of a log-normal yield ratios at theta = -1, +1."""
    shape_up: Leaf | None
    shape_down: Leaf | None
    """(block, width): templates at theta = -1/scale and +1/scale."""
    captured: tuple[tuple[Leaf | None, ...], ...]
    term_captured: tuple[tuple[Leaf | None, ...], ...]
    density_captured: tuple[tuple[Leaf | None, ...], ...]
    """user function -> captured array, None where it holds integers."""
    width: Leaf
    """(param,): widths of Gaussian constraints (1 elsewhere)."""
    tau: Leaf
    """(param,): auxiliary counts of Poisson constraints (1 elsewhere)."""
    constraint_numbers: dict[str, tuple[Leaf, ...]]
    """further kind of constraint -> its numbers, (member,) each."""
    correlation: Leaf | None
    """(correlated param, correlated param)."""
    globs: Leaf
    """(global observable,): the default global observables, the parameters' only."""

    def __repr__(self) -> str:
        return f"Templates({_sizes(self)})"


@pytree_dataclass
class Prepared:
    """A prepared model: a pytree of arrays, the first argument of ``smoothfit.functional``."""

    templates: Templates
    plan: Plan

    def __repr__(self) -> str:
        return f"Prepared(templates: {_sizes(self.templates)}; plan: {_sizes(self.plan)})"


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


def _sizes(tree: Any) -> str:
    leaves = jax.tree.leaves(tree)
    return f"{len(leaves)} arrays, {sum(np.size(leaf) for leaf in leaves)} numbers"


def n_bin_params(plan: Plan) -> int:
    """The number of bin parameters of a plan."""
    return 0 if plan.bins is None else plan.bins.n
