"""What is inside a prepared model: its sizes, its memory, its program."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from .._compilation import first_calls, structure_of
from .._pytree import Index
from .._types import PyTree
from ..fitters import batch, large
from ..likelihood.derived import derived_of
from ..prepared import Plan, Prepared
from ..results import Compiled, ModelStats, TracedProgram
from . import compiled, evaluation, inputs
from .context import Context

__all__ = ["jaxpr", "stats"]

_MANY = 1_000_000


def jaxpr(context: Context, obs: Any = None) -> TracedProgram:
    """The likelihood as JAX traced it: ``nll`` as a function of (param + bin param,).

    Parameters
    ----------
    obs
        Data, which are constants of the program, as templates are; the expectation at the start by
        default. The program is the same for all data.

    Returns
    -------
    TracedProgram
        ``str()`` is its text, ``.n_equations`` and ``.primitives`` what it consists of.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> model = Model().add_proc(Process("sig", [5.0]).scale_by(Variable("mu", 1.0))).prepare()
    >>> model.jaxpr().n_equations == sum(model.jaxpr().primitives.values())
    True
    """
    layout, prepared = context.layout, context.prepared
    values = np.concatenate([layout.start, layout.bin_centre])
    counts = compiled.expected(prepared, values) if obs is None else inputs.counts(layout, obs)
    model, data = derived_of(prepared), evaluation.data_of(prepared, counts)
    return TracedProgram(jax.make_jaxpr(lambda v: evaluation.nll_of(model, data, v))(values))


def stats(context: Context) -> ModelStats:
    """Sizes of a prepared model, bytes of its arrays, how it is fitted, and what was compiled for it.

    Compilations are those of this process for models of this structure: another model that differs in its
    numbers only shares them. Functions that are part of a program of the user's own do not count.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> sig = Process("sig", [5.0, 9.0]).scale_by(Variable("mu", 1.0))
    >>> model = Model().add_proc(sig.add_lnN(Variable("lumi", 0.0, nuisance=True), 1.02)).prepare()
    >>> found = model.stats()
    >>> found.sizes["bins"], found.systematics, found.template_bytes["nominal"], found.fits
    (2, {'lnN_combine': 1}, 16, 'dense')
    """
    layout, prepared = context.layout, context.prepared
    plan = prepared.plan
    constant = np.asarray(plan.constant) > 0
    constrained = np.zeros(layout.n_params, dtype=bool)
    constrained[[i for v in layout.variables if v.constraint is not None for i in v.indices]] = True
    sizes = {
        "free parameters": int(np.sum(~constrained & ~constant)),
        "constrained parameters": int(np.sum(constrained & ~constant)),
        "held parameters": int(np.sum(constant)),
        "bin parameters": layout.n_bin_params,
        "parameters that a minimiser sees": plan.n_dense,
        "bins": layout.n_bins,
        "channels": len(layout.channels),
        "processes": len(layout.processes),
        "rows": len(layout.rows),
    }
    templates = {f.name: getattr(prepared.templates, f.name) for f in dataclasses.fields(prepared.templates)}
    by_group = {name: _bytes(tree) for name, tree in templates.items()}
    return ModelStats(
        sizes=sizes,
        systematics=_systematics(plan),
        template_bytes={name: size for name, size in by_group.items() if size},
        plan_bytes=_bytes(plan),
        derived_bytes=_derived_bytes(prepared),
        fits=_fits(plan),
        batches="in lockstep" if batch.in_lockstep(prepared, _MANY) else "one by one",
        compiled=_compiled(plan),
    )


def _fits(plan: Plan) -> str:
    if plan.groups is None:
        return "dense"
    return "matrix-free" if large.is_matrix_free(plan) else "by channel"


def _bytes(tree: PyTree) -> int:
    return int(sum(leaf.nbytes for leaf in jax.tree.leaves(tree)))


def _systematics(plan: Plan) -> dict[str, int]:
    """Entries of each kind, in the plan."""
    found = {kind: len(jax.tree.leaves(entries.row)[0]) for kind, entries in plan.effects.items()}
    if plan.shape is not None:
        found["shape"] = len(jax.tree.leaves(plan.shape.group_row)[0])
    if plan.programs.programs:
        found["functions"] = len(plan.programs.programs)
    return found


def _derived_bytes(prepared: Prepared) -> int:
    """Of what is kept with a model beside its own arrays: indices as integers, and what templates lead to."""
    indices = jax.tree.leaves(prepared.plan, is_leaf=lambda leaf: isinstance(leaf, Index))
    integers = [i.known for i in indices if isinstance(i, Index) and i.known is not None]
    kept = {id(leaf): leaf for leaf in (*integers, *jax.tree.leaves(getattr(prepared, "_derived", None)))}
    for leaf in jax.tree.leaves(prepared):
        kept.pop(id(leaf), None)
    return _bytes(list(kept.values()))


def _compiled(plan: Plan) -> tuple[Compiled, ...]:
    found: dict[str, Compiled] = {}
    for call in first_calls(structure_of(plan)):
        known = found.get(call.function, Compiled(call.function, 0, 0.0, 0.0))
        found[call.function] = Compiled(
            call.function, known.calls + 1, known.seconds + call.seconds, known.compiling + call.compiling
        )
    return tuple(found.values())
