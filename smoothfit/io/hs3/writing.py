"""From a model to an HS3 file: :func:`write_hs3`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from ..._files import write_files
from ..._types import FloatArray
from ...build import Variable
from ...build.declarations import variables_of
from ...errors import InvalidTypeError, NotExpressibleError
from ...model import Model
from ...results import strict_json
from ..rows import ModelChannel, channels_of, check_counts
from .constrained import Sections
from .samples import Samples, standard_parameters

__all__ = ["write_hs3"]

_VERSION = "0.2"
_POINT, _DOMAIN = "default_values", "default_domain"


def write_hs3(
    model: Model, obs: Any, path: str | os.PathLike[str] | None = None, *, name: str = "analysis"
) -> dict[str, Any]:
    """Write a model and its data as an HS3 file (HEP Statistics Serialization Standard), if that says it.

    Each channel is a histfactory_dist. Interpolations, constraints and observed values are spelt out, so
    that nothing depends on a tool's defaults; starts, what is held and bounds are the parameter point
    "default_values" and the domain "default_domain" of one analysis.

    Parameters
    ----------
    model
        A prepared model.
    obs
        Counts of shape (bin,), in the model's order.
    path
        The file, written whole or not at all; None for none.
    name
        The name of the analysis and its likelihood.

    Returns
    -------
    content
        The content of the file.

    Raises
    ------
    NotExpressibleError
        Naming process, channel and effect, or the setting, that HS3 has no words for, and the cure.
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For something that is no model, and data that do not fit it.
    OutputFileError
        For a file that cannot be written.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> from smoothfit.io.hs3 import read_hs3
    >>> jes = Variable("jes", 0.0, nuisance=True)
    >>> model = Model().add_proc(Process("sig", [5.0], channel="SR").scale_by(Variable("mu", 1.0)))
    >>> model = model.add_proc(Process("bkg", [50.0], channel="SR").add_lnN(jes, (0.9, 1.2))).prepare()
    >>> content = write_hs3(model, [53.0])
    >>> [sample["name"] for sample in content["distributions"][0]["samples"]]
    ['sig', 'bkg']
    >>> again, obs = read_hs3(content)
    >>> values = {"mu": 1.5, "jes": 0.5}
    >>> round(float(again.nll(values, obs) - model.nll(values, [53.0])), 9)
    0.0
    """
    if not isinstance(model, Model):
        raise InvalidTypeError(f"write_hs3: a Model is expected, got {type(model).__name__}.")
    counts = check_counts(model, obs)
    channels = channels_of(model, "an HS3 file", correlations=True)
    components = _components(channels)
    sections = Sections([*components, *(channel.name for channel in channels)])
    correlated = sections.correlations(model)
    samples = Samples(sections, standard_parameters(channels, correlated), correlated)
    distributions = [_distribution(channel, samples) for channel in channels]
    auxiliary = samples.auxiliary()
    content = {
        "metadata": _metadata(),
        "distributions": [*distributions, *sections.distributions.values()],
        "functions": list(sections.functions.values()),
        "data": [_data(channel, counts[channel.name]) for channel in channels],
        "likelihoods": [_likelihood(name, channels, auxiliary)],
        "domains": [_domain(components)],
        "parameter_points": [_point(components, sections.constants)],
        "analyses": [_analysis(name, model, components)],
    }
    if path is not None:
        write_files({path: f"{strict_json(content)}\n".encode()})
    return content


_Components = dict[str, tuple[Variable, int]]


def _components(channels: Sequence[ModelChannel]) -> _Components:
    """The parameters that channels have, by name."""
    found: _Components = {}
    for channel in channels:
        for row in channel.rows:
            for effect in row.effects:
                for variable in variables_of(effect):
                    for k, name in enumerate(variable.sub_names):
                        if found.setdefault(name, (variable, k)) != (variable, k):
                            raise NotExpressibleError(
                                f"{row.what}: '{name}' is the name of two parameters; rename one."
                            )
    return found


def _metadata() -> dict[str, Any]:
    try:
        version = metadata.version("smoothfit")
    except metadata.PackageNotFoundError:
        version = "0"
    return {"hs3_version": _VERSION, "packages": [{"name": "smoothfit", "version": version}]}


def _axis(channel: ModelChannel) -> dict[str, Any]:
    name, n = f"obs_{channel.name}", channel.n_bins
    edges = np.arange(n + 1.0) if channel.edges is None else channel.edges
    low, high = float(edges[0]), float(edges[-1])
    if np.array_equal(edges, np.linspace(low, high, n + 1)):
        return {"name": name, "min": low, "max": high, "nbins": n}
    return {"name": name, "min": low, "max": high, "edges": edges.tolist()}


def _distribution(channel: ModelChannel, samples: Samples) -> dict[str, Any]:
    return {
        "name": channel.name,
        "type": "histfactory_dist",
        "axes": [_axis(channel)],
        "samples": samples.of_channel(channel),
    }


def _data(channel: ModelChannel, counts: FloatArray) -> dict[str, Any]:
    return {
        "name": f"observed_{channel.name}",
        "type": "binned",
        "axes": [_axis(channel)],
        "contents": counts.tolist(),
    }


def _likelihood(name: str, channels: Sequence[ModelChannel], auxiliary: Sequence[str]) -> dict[str, Any]:
    likelihood: dict[str, Any] = {
        "name": name,
        "distributions": [channel.name for channel in channels],
        "data": [f"observed_{channel.name}" for channel in channels],
    }
    return likelihood | ({"aux_distributions": list(auxiliary)} if auxiliary else {})


def _domain(components: _Components) -> dict[str, Any]:
    axes = []
    for name, (variable, k) in components.items():
        ends = {"min": float(variable.lower[k]), "max": float(variable.upper[k])}
        finite = {key: end for key, end in ends.items() if np.isfinite(end)}
        if finite:
            axes.append({"name": name, **finite})
    return {"name": _DOMAIN, "type": "product_domain", "axes": axes}


def _point(components: _Components, constants: Mapping[str, float]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    for name, (variable, k) in components.items():
        held = {"const": True} if variable.fixed[k] else {}
        parameters.append({"name": name, "value": float(variable.value[k]), **held})
    parameters += [{"name": name, "value": value, "const": True} for name, value in constants.items()]
    return {"name": _POINT, "parameters": parameters}


def _analysis(name: str, model: Model, components: _Components) -> dict[str, Any]:
    analysis: dict[str, Any] = {"name": name, "likelihood": name, "domains": [_DOMAIN], "init": _POINT}
    poi = model.poi
    if poi is None:
        return {**analysis, "parameters_of_interest": []}
    own = model.layout.positions(poi)
    if len(own) == 1:
        # The name of an array variable of one component is not that of the component.
        poi = model.layout.names[own[0]]
    if poi not in components:
        raise NotExpressibleError(
            f"the parameter of interest '{poi}' is no parameter of one component; set model.poi to another "
            "one, or to None."
        )
    return {**analysis, "parameters_of_interest": [poi]}
