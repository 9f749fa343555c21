"""pyhf workspaces: :func:`read_pyhf`.

Interpolations are those of pyhf's command line and of HistFactory: normsys "code4", histosys
"code4p" (the defaults of ``pyhf.Model`` without settings, too); -2 log L agrees with pyhf's,
constants included.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..._checks import check_flag
from ..._types import FloatArray
from ...build import ChannelContrib, Process, Variable
from ...errors import FileFormatError, InvalidTypeError, UnknownNameError
from ...model import Model
from ...results import Note, Receipt
from ..json_files import check_depth, load_json
from ..json_patch import apply_patch
from ..naming import named
from ..rows import Components
from .parameters import Use, collect_uses, make_variables, staterror_channels
from .patch_sets import Key, select_patch, verify_digests
from .schema import Measurement, Modifier, Workspace, read_workspace

__all__ = ["read_pyhf"]


def read_pyhf(
    path_or_dict: str | os.PathLike[str] | Mapping[str, Any],
    measurement: str | int | None = None,
    patch: Any = None,
    *,
    verify: bool = True,
) -> tuple[Model, FloatArray]:
    """The model of a pyhf workspace, prepared, and the observed counts.

    Parameters
    ----------
    path_or_dict
        A JSON file, or its content.
    measurement
        Name or position of the measurement that configures the parameters; the first by default.
    patch
        A JSON patch (RFC 6902) to apply first: a list of operations, an entry of a patch set, a
        patch set of one, or a file of either; or a pair (patch set, name or values).
    verify
        Whether the digests of a patch set must be those of the workspace.

    Returns
    -------
    model, obs
        The model, with the file's parameter names and ``poi``; counts of shape (bin,) in the
        model's order. Auxiliary data are the default global observables. ``poi`` is None, with a
        warning, where the measurement's is no parameter of the model (a background-only file
        without its patch).

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        For content that is no pyhf workspace with observations, a patch that does not fit it, and a patch
        set that is for another workspace.
    UnknownNameError
        For a measurement or a patch that is not there.

    Examples
    --------
    >>> mu = {"name": "mu", "type": "normfactor", "data": None}
    >>> samples = [
    ...     {"name": "signal", "data": [5.0], "modifiers": [mu]},
    ...     {"name": "background", "data": [50.0], "modifiers": []},
    ... ]
    >>> workspace = {
    ...     "channels": [{"name": "SR", "samples": samples}],
    ...     "observations": [{"name": "SR", "data": [53.0]}],
    ...     "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    ...     "version": "1.0.0",
    ... }
    >>> model, obs = read_pyhf(workspace)
    >>> model.poi, obs
    ('mu', array([53.]))
    """
    source, document = _open(path_or_dict, "workspace")
    check_flag("read_pyhf: verify", verify)
    operations, notes = _read_patch(patch, document, verify=verify)
    with named(source):
        if operations:
            document = apply_patch(document, operations)
        workspace = read_workspace(document)
    chosen = _choose(source, workspace, measurement)
    with named(source):
        model, obs = _build(source, workspace, chosen)
    model.receipt = _receipt(source, workspace, chosen, len(operations), notes)
    return model, obs


def _receipt(
    source: str, workspace: Workspace, chosen: Measurement, n_operations: int, notes: Sequence[Note]
) -> Receipt:
    modifiers = [m for c in workspace.channels for s in c.samples for m in s.modifiers]
    known = {modifier.name for modifier in modifiers}
    kinds = [modifier.kind for modifier in modifiers]
    read = {
        "channels": len(workspace.channels),
        "samples": sum(len(channel.samples) for channel in workspace.channels),
        **{f"{kind} modifiers": kinds.count(kind) for kind in sorted(set(kinds))},
        "operations of a patch": n_operations,
    }
    ignored = [*notes]
    ignored += [
        Note("measurements", f"'{other.name}'", f"'{chosen.name}' is the one that was chosen")
        for other in workspace.measurements
        if other.name != chosen.name
    ]
    ignored += [
        Note("observations", f"'{name}'", "the model has no such channel") for name in workspace.observed_only
    ]
    ignored += [
        Note(f"measurement '{chosen.name}'", f"parameter '{name}'", "no modifier has this name")
        for name in chosen.parameters
        if name not in known
    ]
    return Receipt(source, "pyhf workspace", {what: n for what, n in read.items() if n}, ignored)


def _open(given: Any, what: str) -> tuple[str, Any]:
    """How messages name what was given, and its content."""
    if isinstance(given, str | os.PathLike):
        return os.fspath(given), load_json(given)
    if not isinstance(given, Mapping) and not (what == "patch" and isinstance(given, list | tuple)):
        raise InvalidTypeError(
            f"read_pyhf: {what}: a path or a dict is expected, got {type(given).__name__}."
        )
    check_depth(what, given)
    return what, given


def _read_patch(patch: Any, document: Any, *, verify: bool) -> tuple[list[Any], list[Note]]:
    """The operations, and what was not verified."""
    if patch is None:
        return [], []
    key: Key = None
    if isinstance(patch, tuple) and len(patch) == 2 and isinstance(patch[1], str | list | tuple):
        patch, key = patch
    source, content = _open(patch, "patch")
    with named(source):
        operations = select_patch(content, key)
        if not isinstance(content, Mapping) or "patches" not in content:
            return operations, []
        if verify and verify_digests(content, document):
            return operations, []
    why = "it has none" if verify else "verify is False"
    return operations, [Note(source, "the digests of a patch set", f"not compared with the workspace: {why}")]


def _choose(source: str, workspace: Workspace, wanted: str | int | None) -> Measurement:
    """The measurement asked for; one that says nothing for a workspace without any."""
    found = workspace.measurements
    names = ", ".join(f"'{entry.name}'" for entry in found) or "none"
    if wanted is None:
        return found[0] if found else Measurement(name="", poi=None, parameters={})
    if isinstance(wanted, str):
        for entry in found:
            if entry.name == wanted:
                return entry
    elif isinstance(wanted, int) and not isinstance(wanted, bool):
        if 0 <= wanted < len(found):
            return found[wanted]
    else:
        raise InvalidTypeError(
            f"read_pyhf: measurement must be a name or a position, got {type(wanted).__name__}."
        )
    raise UnknownNameError(f"{source}: there is no measurement {wanted!r}; the file has {names}.")


def _build(source: str, workspace: Workspace, measurement: Measurement) -> tuple[Model, FloatArray]:
    uses = collect_uses(workspace.channels)
    if not uses:
        raise FileFormatError("workspace: no sample has a modifier, there is nothing to fit; add one.")
    variables = make_variables(uses, measurement.parameters)
    poi = _poi(source, variables, measurement)
    model = Model()
    for process in _processes(workspace, variables, uses, poi):
        model.add_proc(process)
    model.poi = poi
    model.prepare()
    obs = model.data_from_dict({channel.name: channel.observed for channel in workspace.channels})
    return model, np.asarray(obs)


def _poi(source: str, variables: Mapping[str, Variable], measurement: Measurement) -> str | None:
    name = measurement.poi
    if name is None:
        return None
    if name not in variables:
        warnings.warn(
            f"{source}: the parameter of interest '{name}' of measurement '{measurement.name}' is no "
            "parameter of the model, which is read without one; is it background-only? "
            "patch=... adds a signal.",
            stacklevel=4,
        )
        return None
    if variables[name].size > 1:
        raise FileFormatError(
            f"measurement '{measurement.name}': the parameter of interest '{name}' has "
            f"{variables[name].size} components; choose one of a single component, or '' for none."
        )
    return name


def _processes(
    workspace: Workspace,
    variables: Mapping[str, Variable],
    uses: Mapping[str, Sequence[Use]],
    poi: str | None,
) -> list[Process]:
    """Samples of one name are one process; those that the POI scales are signal."""
    signals = {use.sample.name for use in uses.get(poi or "", ()) if use.modifier.kind == "normfactor"}
    processes: dict[str, Process] = {}
    for channel in workspace.channels:
        for sample in channel.samples:
            if sample.name not in processes:
                processes[sample.name] = Process(sample.name, signal=sample.name in signals)
            contrib = ChannelContrib(channel.name, sample.data)
            processes[sample.name].add_contrib(contrib)
            for modifier in sample.modifiers:
                _modify(contrib, modifier, variables[modifier.name], uses[modifier.name])
    return list(processes.values())


def _modify(contrib: ChannelContrib, modifier: Modifier, variable: Variable, uses: Sequence[Use]) -> None:
    if modifier.kind == "normsys":
        contrib.add_lnN(variable, (modifier.low, modifier.high), interpolation="code4")
    elif modifier.kind == "histosys":
        contrib.add_shape(variable, modifier.high, modifier.low, kind="raw")
    elif modifier.kind == "staterror" and variable.size > contrib.n_bins:
        _scale_by_part(contrib, variable, uses)
    else:
        contrib.scale_by(variable, axis="bin")


def _scale_by_part(contrib: ChannelContrib, variable: Variable, uses: Sequence[Use]) -> None:
    """A staterror over several channels: the components that are this channel's bins."""
    channels = staterror_channels(uses)
    names = [channel.name for channel in channels]
    before = channels[: names.index(contrib.channel)]
    first = sum(len(channel.observed) for channel in before)
    contrib.scale_by_fn(Components(first, first + contrib.n_bins), variable, axis="bin")
