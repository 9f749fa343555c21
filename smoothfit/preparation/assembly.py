"""Pass 6: everything found, put together as Prepared and Layout."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._pytree import Index
from .._types import FloatArray, IntArray
from ..build.declarations import ScaleFn
from ..constraints import Prefit
from ..errors import ShapeMismatchError, UnknownNameError
from ..layout import ChannelInfo, Layout, LikelihoodInfo, McStatInfo, ProcessInfo, RowInfo, VariableInfo
from ..likelihood.derived import auxiliary_counts
from ..prepared import ConstraintPlan, Geometry, Plan, Prepared, ProgramPlan, Templates
from ..tiling import Tiling, choose_width
from . import stacking
from .binwise import BinWise, stack_binwise
from .collection import Structure, collect
from .densities import Density, trace_densities
from .functions import Observables, Traced, TracedFunctions, trace_factor, trace_term
from .groups import Acting, find_groups
from .likelihood_traces import trace_likelihood
from .locality import LocalVariable, find_local
from .parameters import Parameters, gather
from .sparsity import find_few
from .specification import DataTerm, Specification, UserTerm
from .stacking import plan_index
from .treatments import Treatments, treat

__all__ = ["prepare"]


def prepare(specification: Specification) -> tuple[Prepared, Layout]:
    """Turn builders into arrays (:class:`Prepared`) and names (:class:`Layout`)."""
    structure = collect(specification)
    parameters = gather(specification, structure)
    tiling = _tiling(structure)
    rows = stacking.Rows.of(structure, tiling)
    functions = _trace_factors(structure, parameters)
    densities = trace_densities(parameters)
    treatments = treat(structure)
    local = _leave_some(find_local(specification, structure, treatments), parameters)
    effects, kappas = stacking.stack_effects(structure, parameters)
    effect_plan, effect_numbers = effects.stack()
    factors = stacking.stack_factors(structure, parameters, functions, rows, local, effects.plain_rows)
    binwise = stack_binwise(structure, parameters, rows, treatments, local)
    observables = _observables(structure, parameters, binwise)
    terms = [(term, _trace_term(term, parameters, observables)) for term in specification.terms]
    shapes = stacking.Shapes.of(structure, parameters, rows)
    shape_plan = shape_up = shape_down = sorted_position = None
    if shapes.row_tile:
        shape_plan, shape_up, shape_down, sorted_position = shapes.stack(rows, parameters.n)
    dense, column = _dense(parameters, local)
    traced = [found for found, _ in functions.found.values()]
    users = [density.traced for density in densities]
    automatic = np.array(
        sorted(i for i in factors.by_autodiff | shapes.by_autodiff if column[i] < len(dense))
    )
    acting = Acting(effect_plan, factors.plan, shape_plan, column, column[automatic.astype(int)])
    groups = find_groups(structure, rows, acting, len(dense))
    if groups is not None and shape_plan is not None:
        # Large models are worked through tile by tile, block by block.
        shape_plan = dataclasses.replace(shape_plan, aligned=None)
    plan = Plan(
        geometry=_geometry(tiling, structure),
        rows=rows.plan(structure.n_rows),
        programs=_program_plan(traced),
        factors=factors.plan,
        additive=factors.additive,
        effects=effect_plan,
        shape=shape_plan,
        variance=binwise.variance,
        bins=binwise.bins,
        lite=binwise.lite,
        local=binwise.local,
        constraint=ConstraintPlan(
            gaussian=parameters.gaussian.astype(float),
            poisson=parameters.poisson.astype(float),
            constrained=plan_index(np.flatnonzero(np.isfinite(parameters.globs))),
            correlated=plan_index(parameters.correlated),
            kinds={kind: plan_index(members) for kind, (members, _) in parameters.further.items()},
            densities=_program_plan(users),
            term_arguments=tuple(tuple(plan_index(a) for a in t.arguments) for _, t in terms),
            term_indices=tuple(_integers(t) for _, t in terms),
            terms=tuple(t.program for _, t in terms),
            term_scalars=tuple(t.scalars for _, t in terms),
            term_of_all=tuple(term.variables is None for term, _ in terms),
            any_poisson=bool(parameters.poisson.any()),
        ),
        groups=groups,
        few=find_few(acting, rows, structure.n_rows, len(dense)) if groups is None else None,
        dense=plan_index(dense),
        column=plan_index(column),
        by_autodiff=plan_index(column[automatic.astype(int)]),
        start=parameters.start,
        lower=parameters.lower,
        upper=parameters.upper,
        constant=parameters.constant.astype(float),
        n_params=parameters.n,
        n_dense=len(dense),
        gaussian_data=specification.data_term.gaussian,
    )
    templates = Templates(
        nominal=stacking.stack_nominal(structure, rows),
        sumw2=binwise.sumw2,
        data_variance=_data_variance(specification.data_term, structure),
        effects=effect_numbers,  # type: ignore[arg-type]
        shape_up=shape_up,
        shape_down=shape_down,
        captured=tuple(t.floats for t in traced),
        term_captured=tuple(t.floats for _, t in terms),
        density_captured=tuple(t.floats for t in users),
        width=parameters.width,
        tau=parameters.tau,
        constraint_numbers={kind: numbers for kind, (_, numbers) in parameters.further.items()},
        correlation=parameters.correlation,
        globs=parameters.globs[np.isfinite(parameters.globs)],
    )
    locators = _locators(structure, rows, kappas, shapes, sorted_position, binwise.sumw2_at)
    prefit = _prefit(parameters, densities)
    # Put the leaves on the device once: as numpy arrays they would be copied at every call.
    # As numbers, also where JAX is tracing something: a model outlives that.
    with jax.ensure_compile_time_eval():
        made = Prepared(templates=templates, plan=plan)
        prepared = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), made)
        bin_globs = np.asarray(auxiliary_counts(prepared)) if binwise.counting.any() else None
    return prepared, _layout(
        specification, structure, parameters, prefit, rows, binwise, bin_globs, treatments, locators, terms
    )


def _trace_term(term: UserTerm, parameters: Parameters, observables: Observables) -> Traced:
    if term.likelihood is not None:
        return trace_likelihood(term, parameters)
    return trace_term(term, parameters, observables)


def _integers(traced: Traced) -> tuple[Index | None, ...]:
    return tuple(None if found is None else Index(found.astype(float)) for found in traced.integers)


def _program_plan(traced: list[Traced]) -> ProgramPlan:
    return ProgramPlan(
        arguments=tuple(tuple(plan_index(a) for a in t.arguments) for t in traced),
        captured_indices=tuple(_integers(t) for t in traced),
        programs=tuple(t.program for t in traced),
        scalar_arguments=tuple(t.scalars for t in traced),
    )


def _tiling(structure: Structure) -> Tiling:
    sizes = tuple(channel.n_bins for channel in structure.channels)
    blocks = [
        sum(c.contrib.n_sub * (1 + 2 * len(c.effects)) for c in channel.contributions)
        for channel in structure.channels
    ]
    return Tiling(choose_width(sizes, blocks), sizes)


def _data_variance(term: DataTerm, structure: Structure) -> FloatArray | None:
    """(bin,): the variances given, checked against the channels."""
    if term.variances is None:
        return None
    sizes = {channel.name: channel.n_bins for channel in structure.channels}
    given = term.variances
    if not isinstance(given, dict):
        if len(given) != sum(sizes.values()):
            raise ShapeMismatchError(
                f"set_data_term: {len(given)} variances, the model has {sum(sizes.values())} bins; "
                "give one each."
            )
        return np.array(given)
    for name in [*given, *sizes]:
        if name not in sizes or name not in given:
            raise UnknownNameError(
                f"set_data_term: '{name}' is {'no channel' if name not in sizes else 'missing'}; "
                f"give variances of all of: {', '.join(sizes)}."
            )
        if len(given[name]) != sizes[name]:
            raise ShapeMismatchError(
                f"set_data_term: {len(given[name])} variances of channel '{name}', "
                f"which has {sizes[name]} bins; give one each."
            )
    return np.concatenate([given[name] for name in sizes])


def _geometry(tiling: Tiling, structure: Structure) -> Geometry:
    valid, counted = (np.zeros(tiling.n_tiles * tiling.width) for _ in range(2))
    valid[tiling.to_flat()] = 1.0
    counted[tiling.to_flat()] = np.repeat([not c.masked for c in structure.channels], tiling.sizes)
    return Geometry(
        to_flat=plan_index(tiling.to_flat()),
        from_flat=plan_index(stacking.inverse(tiling.to_flat(), tiling)),
        valid=valid.reshape(tiling.n_tiles, tiling.width),
        counted=counted.reshape(tiling.n_tiles, tiling.width),
        width=tiling.width,
        n_tiles=tiling.n_tiles,
        n_bins=tiling.n_bins,
    )


def _observables(structure: Structure, parameters: Parameters, binwise: BinWise) -> Observables:
    names = [name for variable in parameters.variables for name in variable.sub_names]
    with_glob = [names[i] for i in np.flatnonzero(np.isfinite(parameters.globs))]
    ends = np.cumsum([channel.n_bins for channel in structure.channels])
    return Observables(
        bins={
            c.name: np.arange(end - c.n_bins, end) for c, end in zip(structure.channels, ends, strict=True)
        },
        globs={name: i for i, name in enumerate([*with_glob, *binwise.names])},
    )


def _trace_factors(structure: Structure, parameters: Parameters) -> TracedFunctions:
    functions = TracedFunctions()
    users: dict[int, tuple[ScaleFn, list[Any]]] = {}
    for contribution in structure.contributions:
        for effect in contribution.effects:
            if isinstance(effect, ScaleFn):
                users.setdefault(id(effect), (effect, []))[1].append(contribution)
    for effect, contributions in users.values():
        functions.add(effect, trace_factor(effect, contributions, parameters))
    return functions


def _leave_some(local: list[LocalVariable], parameters: Parameters) -> list[LocalVariable]:
    """A minimiser needs something to minimise: if all parameters are local, the fewest are not."""
    if local and sum(found.variable.size for found in local) == parameters.n:
        fewest = min(local, key=lambda found: found.variable.size)
        return [found for found in local if found is not fewest]
    return local


def _dense(parameters: Parameters, local: list[LocalVariable]) -> tuple[IntArray, IntArray]:
    is_local = np.zeros(parameters.n, dtype=bool)
    for found in local:
        is_local[parameters.of(found.variable)] = True
    dense = np.flatnonzero(~is_local)
    column = np.full(parameters.n, len(dense))
    column[dense] = np.arange(len(dense))
    return dense, column


def _locators(
    structure: Structure,
    rows: stacking.Rows,
    kappas: stacking.Kappas,
    shapes: stacking.Shapes,
    sorted_position: IntArray | None,
    sumw2_at: dict[tuple[str, str], IntArray],
) -> dict[tuple[str, str], dict[str, Any]]:
    """Where the templates of each contribution stand, for ``replaced``."""
    locators = {}
    for c in structure.contributions:
        key = (c.process.name, c.contrib.channel)
        shape_blocks = {}
        for (process, channel, variable), blocks in shapes.where.items():
            if (process, channel) == key and sorted_position is not None:
                shape_blocks[variable] = sorted_position[np.array(blocks)].reshape(c.contrib.n_sub, -1)
        locators[key] = {
            "n_sub": c.contrib.n_sub,
            "n_bins": c.contrib.n_bins,
            "width": rows.tiling.width,
            "nominal": rows.locations(c),
            "sumw2": sumw2_at.get(key),
            "shapes": shape_blocks,
            "kappas": {v: at for (p, ch, v), at in kappas.items() if (p, ch) == key},
        }
    return locators


def _layout(
    specification: Specification,
    structure: Structure,
    parameters: Parameters,
    prefit: Prefit,
    rows: stacking.Rows,
    binwise: BinWise,
    bin_globs: FloatArray | None,
    treatments: Treatments,
    locators: dict[tuple[str, str], dict[str, Any]],
    terms: list[tuple[UserTerm, Traced]],
) -> Layout:
    channels = _channel_infos(specification, structure)
    if bin_globs is None:
        bin_globs = np.zeros(len(binwise.names))
    bin_widths = np.where(binwise.counting, 1.0 / np.sqrt(np.where(bin_globs > 0, bin_globs, 1.0)), 1.0)
    return Layout(
        variables=tuple(
            VariableInfo(
                v.name,
                tuple(parameters.of(v).tolist()),
                tuple(v.sub_names),
                v.is_scalar,
                v.nuisance,
                v.label,
                v.unit,
                v.group,
                None if v.constraint is None else type(v.constraint).__name__,
            )
            for v in parameters.variables
        ),
        channels=channels,
        processes=tuple(
            ProcessInfo(p.name, tuple(p.sub_procs), p.is_array, p.signal, p.label)
            for p in specification.processes
        ),
        rows=tuple(
            RowInfo(c.process.name, sub, c.contrib.channel, tuple(rows.at[row].tolist()))
            for c in structure.contributions
            for sub, row in enumerate(c.rows)
        ),
        bin_parameters=binwise.names,
        bin_parameter_bins=tuple(binwise.at_bin.tolist()),
        bin_centre=binwise.centre,
        bin_widths=bin_widths,
        bin_counting=binwise.counting,
        start=parameters.start,
        lower=parameters.lower,
        upper=parameters.upper,
        constrained=np.flatnonzero(np.isfinite(parameters.globs)),
        globs=np.concatenate([parameters.globs[np.isfinite(parameters.globs)], bin_globs]),
        prefit=prefit,
        smallest_globs=parameters.smallest_globs[np.isfinite(parameters.globs)],
        mc_stat=tuple(
            McStatInfo(channel.name, "masked" if channel.masked else channel.mc_stat.mode, found.counts())
            for channel, found in zip(structure.channels, treatments.of_channel, strict=True)
        ),
        locators=locators,
        likelihoods=_likelihoods(terms),
        poi=specification.poi,
        gaussian_data=specification.data_term.gaussian,
        owners=_owners(specification, parameters),
    )


def _likelihoods(terms: list[tuple[UserTerm, Traced]]) -> dict[str, LikelihoodInfo]:
    found = {}
    for i, (term, traced) in enumerate(terms):
        if term.likelihood is not None:
            leaves, structure = term.likelihood.leaves, term.likelihood.structure
            variables = tuple(dict.fromkeys(v.name for v in term.variables or ()))
            first = len(traced.captured) - len(leaves)
            arrays = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
            name = term.likelihood.name
            found[name] = LikelihoodInfo(name, variables, i, first, arrays, structure)
    return found


def _owners(specification: Specification, parameters: Parameters) -> dict[int, str]:
    of_others = {
        id(known): own.name for known, own in specification.known_as if id(own) in parameters.indices
    }
    return of_others | {id(v): v.name for v in parameters.variables}


def _prefit(parameters: Parameters, densities: list[Density]) -> Prefit:
    found = Prefit(*(np.array(column) for column in parameters.prefit))
    for density in densities:
        for column, of_density in zip(found, density.prefit, strict=True):
            column[parameters.of(density.variable)] = of_density
    return found


def _channel_infos(specification: Specification, structure: Structure) -> tuple[ChannelInfo, ...]:
    infos, start = [], 0
    for channel in structure.channels:
        described = specification.descriptions.get(channel.name)
        contribs = [c.contrib for c in channel.contributions]
        axes = next((c.axes for c in contribs if c.axes), ())
        edges = axes[0].edges if len(axes) == 1 else None
        label = next((c.axis_label for c in contribs if c.axis_label is not None), None)
        unit = None
        if described is not None:
            edges = edges if described.edges is None else described.edges
            label, unit = described.label or label, described.unit
        infos.append(ChannelInfo(channel.name, start, start + channel.n_bins, edges, label, unit, axes))
        start += channel.n_bins
    return tuple(infos)
