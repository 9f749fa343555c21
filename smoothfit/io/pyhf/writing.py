"""From a model to a pyhf workspace: :func:`write_pyhf`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..._files import write_files
from ..._types import FloatArray
from ...build import Variable
from ...constraints import Gaussian, Poisson
from ...errors import FileFormatError, InvalidTypeError, InvalidValueError, NotExpressibleError
from ...model import Model
from ...results import strict_json
from ..rows import ModelChannel, channels_of, check_counts
from .modifiers import Use, uncertainties, uses_of
from .parameters import ParameterSet, collect_uses, required_set
from .schema import ParameterConfig, read_workspace

__all__ = ["write_pyhf"]

_ROUNDING = 1e-14
_BY_CHANNEL = ("shapesys", "staterror")


def write_pyhf(
    model: Model,
    obs: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    measurement: str = "measurement",
    unbounded: float = 1e5,
) -> dict[str, Any]:
    """Write a model and its data as a pyhf workspace, if that says exactly the same.

    The likelihood that pyhf makes of the workspace is the model's, up to a constant; starts, bounds, what
    is held, auxiliary data and the parameter of interest are the same.

    Parameters
    ----------
    model
        A prepared model.
    obs
        Counts of shape (bin,), in the model's order.
    path
        The file, written whole or not at all; None for none.
    measurement
        The name of the measurement.
    unbounded
        What stands for no bound, which pyhf cannot say: +- this.

    Returns
    -------
    workspace
        The workspace.

    Raises
    ------
    NotExpressibleError
        Naming process, channel and effect, or the setting, that pyhf has no words for, and the cure.
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For something that is no model, and data that do not fit it.
    OutputFileError
        For a file that cannot be written.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable, read_pyhf
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> jes = Variable("jes", 0.0, nuisance=True, lower_bound=-5.0, upper_bound=5.0)
    >>> model = Model().add_proc(Process("sig", [5.0], channel="SR").scale_by(mu))
    >>> bkg = Process("bkg", [50.0], channel="SR").add_lnN(jes, (0.9, 1.2), interpolation="code4")
    >>> workspace = write_pyhf(model.add_proc(bkg).prepare(), [53.0])
    >>> workspace["channels"][0]["samples"][1]["modifiers"]
    [{'name': 'jes', 'type': 'normsys', 'data': {'hi': 1.2, 'lo': 0.9}}]
    >>> again, obs = read_pyhf(workspace)
    >>> float(again.nll({"jes": 0.5}, obs) - model.nll({"jes": 0.5}, [53.0]))
    0.0
    """
    if not isinstance(model, Model):
        raise InvalidTypeError(f"write_pyhf: a Model is expected, got {type(model).__name__}.")
    if not np.isfinite(unbounded) or unbounded <= 0.0:
        raise InvalidValueError(f"write_pyhf: unbounded must be a positive number, got {unbounded!r}.")
    counts = check_counts(model, obs)
    channels = channels_of(model, "a pyhf workspace")
    uses = {channel.name: uses_of(channel) for channel in channels}
    names = _parameters([use for of_channel in uses.values() for use in of_channel])
    workspace = _workspace(channels, uses, counts, measurement)
    workspace["measurements"][0]["config"] = {
        "poi": _poi(model, names),
        "parameters": _configurations(workspace, names, float(unbounded)),
    }
    if path is not None:
        write_files({path: f"{strict_json(workspace)}\n".encode()})
    return workspace


def _workspace(
    channels: Sequence[ModelChannel],
    uses: Mapping[str, Sequence[Use]],
    counts: Mapping[str, FloatArray],
    measurement: str,
) -> dict[str, Any]:
    written = []
    for channel in channels:
        of_row: dict[str, list[dict[str, Any]]] = {row.name: [] for row in channel.rows}
        for use, data in _with_data(uses[channel.name]):
            of_row[use.row.name].append({"name": use.name, "type": use.kind, "data": data})
        samples = [
            {"name": row.name, "data": row.yields.tolist(), "modifiers": of_row[row.name]}
            for row in channel.rows
        ]
        written.append({"name": channel.name, "samples": samples})
    observations = [{"name": name, "data": data.tolist()} for name, data in counts.items()]
    return {
        "channels": written,
        "measurements": [{"name": measurement, "config": {"poi": "", "parameters": []}}],
        "observations": observations,
        "version": "1.0.0",
    }


def _with_data(uses: Sequence[Use]) -> list[tuple[Use, Any]]:
    """Modifiers of one channel with their data."""
    found: list[tuple[Use, Any]] = []
    for use in uses:
        if use.kind not in _BY_CHANNEL:
            found.append((use, use.data))
            continue
        together = [other for other in uses if other.name == use.name]
        if use.kind == "shapesys" and len(together) > 1:
            raise NotExpressibleError(
                f"{together[1].what}: it acts on {together[0].row.what}, too; pyhf's shapesys belongs to one "
                "sample. Give each process its own variable, or a Gaussian constraint."
            )
        found.append((use, uncertainties(together)[together.index(use)]))
    return found


def _parameters(uses: Sequence[Use]) -> dict[str, Use]:
    """A use of each name, after a check that it is one parameter everywhere."""
    found: dict[str, Use] = {}
    for use in uses:
        known = found.setdefault(use.name, use)
        if (known.variable, known.component) != (use.variable, use.component):
            raise NotExpressibleError(
                f"{use.what} and {known.what} are different parameters of one name; rename one."
            )
    return found


def _poi(model: Model, names: Mapping[str, Use]) -> str:
    poi = model.poi
    if poi is None:
        return ""
    use = names.get(poi)
    if use is None or (use.component is None and use.variable.size > 1):
        raise NotExpressibleError(
            f"the parameter of interest '{poi}' is no parameter of one component of its own in a pyhf "
            "workspace; set model.poi to another one, or to None."
        )
    return poi


# -- what the modifiers do not say ---------------------------------------------------------------


def _configurations(
    workspace: Mapping[str, Any], names: Mapping[str, Use], unbounded: float
) -> list[dict[str, Any]]:
    """What a measurement must say so that parameters are those of the model."""
    try:
        uses = collect_uses(read_workspace(workspace).channels)
        required = {name: required_set(of_name, _lumi(name, names[name])) for name, of_name in uses.items()}
    except FileFormatError as error:
        raise NotExpressibleError(f"pyhf: {error}") from error
    found = [_configuration(names[name], required[name], unbounded) for name in names]
    return [config for config in found if len(config) > 1]


def _lumi(name: str, use: Use) -> ParameterConfig:
    """A lumi needs the numbers of its measurement."""
    if use.kind != "lumi":
        return ParameterConfig(name=name)
    constraint = use.variable.constraint
    assert isinstance(constraint, Gaussian)
    return ParameterConfig(name=name, auxdata=_all(constraint.mean, 1), sigmas=_all(constraint.width, 1))


def _all(numbers: Any, size: int) -> FloatArray:
    return np.array(np.broadcast_to(np.asarray(numbers, dtype=np.float64), size))


def _configuration(use: Use, required: ParameterSet, unbounded: float) -> dict[str, Any]:
    variable = use.variable
    part = slice(None) if use.component is None else slice(use.component, use.component + 1)
    wanted = _wanted(variable, part, unbounded)
    size = len(wanted["inits"])
    if size != len(required.inits):
        raise NotExpressibleError(
            f"{use.what}: the variable has {size} components, in pyhf it has {len(required.inits)}: one a "
            "bin of each channel; give each channel its own variable."
        )
    config: dict[str, Any] = {"name": use.name}
    for key, numbers in wanted.items():
        there = getattr(required, key)
        if there is None and key == "sigmas":
            there = np.ones(size)
        if use.kind == "lumi":
            # pyhf has no default for any of its numbers.
            there = None
        if there is None or not np.allclose(numbers, there, rtol=_ROUNDING, atol=0.0):
            config[key] = numbers.tolist()
    held = np.zeros(size, dtype=bool) if required.fixed is None else required.fixed
    fixed = variable.fixed[part]
    if not np.array_equal(fixed, held):
        if len(set(fixed.tolist())) > 1:
            raise NotExpressibleError(
                f"{use.what}: some components are fixed, which a measurement says of all or none; fix all of "
                f"'{variable.name}', or none."
            )
        config["fixed"] = bool(fixed[0])
    return config


def _wanted(variable: Variable, part: slice, unbounded: float) -> dict[str, FloatArray]:
    """The numbers of a parameter by the keys of a measurement."""
    bounds = np.stack([variable.lower, variable.upper], axis=1)[part]
    finite = np.where(np.isfinite(bounds), bounds, np.sign(bounds) * unbounded)
    wanted = {"inits": variable.value[part], "bounds": finite}
    constraint = variable.constraint
    if isinstance(constraint, Gaussian):
        wanted["auxdata"] = _all(constraint.mean, variable.size)[part]
        wanted["sigmas"] = _all(constraint.width, variable.size)[part]
    elif isinstance(constraint, Poisson):
        wanted["auxdata"] = _all(constraint.count, variable.size)[part]
        wanted["factors"] = _all(constraint.tau, variable.size)[part]
    return wanted
