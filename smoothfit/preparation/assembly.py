"""Pass 6: everything found, put together as Prepared and Layout."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._pytree import Index
from .._types import FloatArray, IntArray
from ..build.declarations import ScaleFn
from ..layout import ChannelInfo, Layout, ProcessInfo, RowInfo, VariableInfo
from ..prepared import ConstraintPlan, Geometry, Plan, Prepared, ProgramPlan, Templates
from ..tiling import Tiling, choose_width
from . import stacking
from .collection import Structure, collect
from .functions import Traced, TracedFunctions, trace_factor, trace_term
from .locality import LocalVariable, find_local
from .parameters import Parameters, gather
from .specification import Specification

__all__ = ["prepare"]


def prepare(specification: Specification) -> tuple[Prepared, Layout]:
    """Turn builders into arrays (:class:`Prepared`) and names (:class:`Layout`)."""
    structure = collect(specification)
    parameters = gather(specification, structure)
    tiling = _tiling(structure)
    rows = stacking.Rows.of(structure, tiling)
    functions = _trace_factors(structure, parameters)
    local = _leave_some(find_local(specification, structure), parameters)
    effects, kappas = stacking.stack_effects(structure, parameters)
    effect_plan, effect_numbers = effects.stack()
    factors = stacking.stack_factors(structure, parameters, functions, rows, local, effects.plain_rows)
    lite, sumw2, sumw2_at, mc_bins = stacking.stack_lite(structure, rows)
    n_globs = int(np.isfinite(parameters.globs).sum()) + len(mc_bins)
    terms = [(term, trace_term(term, parameters, tiling.n_bins, n_globs)) for term in specification.terms]
    shapes = stacking.Shapes.of(structure, parameters, rows)
    shape_plan = shape_up = shape_down = sorted_position = None
    if shapes.row_tile:
        shape_plan, shape_up, shape_down, sorted_position = shapes.stack(rows)
    dense, column = _dense(parameters, local)
    traced = [found for found, _ in functions.found.values()]
    plan = Plan(
        geometry=_geometry(tiling),
        rows=rows.plan(structure.n_rows),
        programs=ProgramPlan(
            arguments=tuple(tuple(_index(a) for a in t.arguments) for t in traced),
            captured_indices=tuple(_integers(t) for t in traced),
            programs=tuple(t.program for t in traced),
            scalar_arguments=tuple(t.scalars for t in traced),
        ),
        factors=factors.plan,
        additive=factors.additive,
        effects=effect_plan,
        shape=shape_plan,
        lite=lite,
        local=stacking.stack_local(local, parameters, rows),
        constraint=ConstraintPlan(
            gaussian=parameters.gaussian.astype(float),
            poisson=parameters.poisson.astype(float),
            constrained=_index(np.flatnonzero(np.isfinite(parameters.globs))),
            correlated=_index(parameters.correlated),
            term_arguments=tuple(tuple(_index(a) for a in t.arguments) for _, t in terms),
            term_indices=tuple(_integers(t) for _, t in terms),
            terms=tuple(t.program for _, t in terms),
            term_scalars=tuple(t.scalars for _, t in terms),
            term_of_all=tuple(term.variables is None for term, _ in terms),
            any_poisson=bool(parameters.poisson.any()),
        ),
        dense=_index(dense),
        column=_index(column),
        by_autodiff=_index(
            np.array(
                sorted(column[i] for i in factors.by_autodiff | shapes.by_autodiff if column[i] < len(dense))
            )
        ),
        start=parameters.start,
        lower=parameters.lower,
        upper=parameters.upper,
        constant=parameters.constant.astype(float),
        n_params=parameters.n,
        n_dense=len(dense),
    )
    templates = Templates(
        nominal=stacking.stack_nominal(structure, rows),
        sumw2=sumw2,
        effects=effect_numbers,  # type: ignore[arg-type]
        shape_up=shape_up,
        shape_down=shape_down,
        captured=tuple(t.floats for t in traced),
        term_captured=tuple(t.floats for _, t in terms),
        width=parameters.width,
        tau=parameters.tau,
        correlation=parameters.correlation,
        globs=parameters.globs[np.isfinite(parameters.globs)],
    )
    locators = _locators(structure, rows, kappas, shapes, sorted_position, sumw2_at)
    layout = _layout(specification, structure, parameters, rows, mc_bins, locators)
    # Put the leaves on the device once: as numpy arrays they would be copied at every call.
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf, float), Prepared(templates=templates, plan=plan)
    ), layout


def _index(values: IntArray) -> Index:
    return Index(np.asarray(values, dtype=np.float64))


def _integers(traced: Traced) -> tuple[Index | None, ...]:
    return tuple(None if found is None else Index(found.astype(float)) for found in traced.integers)


def _tiling(structure: Structure) -> Tiling:
    sizes = tuple(channel.n_bins for channel in structure.channels)
    blocks = [
        sum(c.contrib.n_sub * (1 + 2 * len(c.effects)) for c in channel.contributions)
        for channel in structure.channels
    ]
    return Tiling(choose_width(sizes, blocks), sizes)


def _geometry(tiling: Tiling) -> Geometry:
    valid = np.zeros(tiling.n_tiles * tiling.width)
    valid[tiling.to_flat()] = 1.0
    return Geometry(
        to_flat=_index(tiling.to_flat()),
        from_flat=_index(stacking.inverse(tiling.to_flat(), tiling)),
        valid=valid.reshape(tiling.n_tiles, tiling.width),
        width=tiling.width,
        n_tiles=tiling.n_tiles,
        n_bins=tiling.n_bins,
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
    rows: stacking.Rows,
    mc_bins: IntArray,
    locators: dict[tuple[str, str], dict[str, Any]],
) -> Layout:
    channels = _channel_infos(specification, structure)
    names = []
    for b in mc_bins.tolist():
        channel = next(c for c in channels if c.start <= b < c.stop)
        names.append(f"mcstat_{channel.name}_bin{b - channel.start}")
    widths = _prefit_widths(parameters)
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
        bin_parameters=tuple(names),
        bin_parameter_bins=tuple(mc_bins.tolist()),
        start=parameters.start,
        lower=parameters.lower,
        upper=parameters.upper,
        constrained=np.flatnonzero(np.isfinite(parameters.globs)),
        globs=np.concatenate([parameters.globs[np.isfinite(parameters.globs)], np.zeros(len(mc_bins))]),
        widths=widths,
        counting=parameters.poisson,
        locators=locators,
        poi=specification.poi,
        owners={id(v): v.name for v in parameters.variables},
    )


def _prefit_widths(parameters: Parameters) -> FloatArray:
    widths = np.full(parameters.n, np.nan)
    gaussian = parameters.gaussian.copy()
    gaussian[parameters.correlated] = True
    widths[gaussian] = parameters.width[gaussian]
    # Pois(tau | gamma tau): gamma is measured to 1/sqrt(tau).
    widths[parameters.poisson] = 1.0 / np.sqrt(parameters.tau[parameters.poisson])
    return widths


def _channel_infos(specification: Specification, structure: Structure) -> tuple[ChannelInfo, ...]:
    infos, start = [], 0
    for channel in structure.channels:
        described = specification.descriptions.get(channel.name)
        contribs = [c.contrib for c in channel.contributions]
        edges = next((c.edges for c in contribs if c.edges is not None), None)
        label = next((c.axis_label for c in contribs if c.axis_label is not None), None)
        unit = None
        if described is not None:
            edges = edges if described.edges is None else described.edges
            label, unit = described.label or label, described.unit
        infos.append(ChannelInfo(channel.name, start, start + channel.n_bins, edges, label, unit))
        start += channel.n_bins
    return tuple(infos)
