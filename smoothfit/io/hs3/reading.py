"""From an HS3 file to a model: :func:`read_hs3`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._checks import check_flag
from ..._types import FloatArray
from ...errors import FileFormatError, InvalidTypeError, InvalidValueError, UnknownNameError
from ...model import Model
from ...results import Receipt
from ..json_fields import describe
from ..json_files import check_depth, load_json
from ..naming import named
from .building import build_model, names_used
from .channels import Binned
from .claims import claim_all
from .constraints import Constraints
from .entries import Document, Entry, unsupported
from .functions import Functions
from .likelihood import Collected, collect, leaves
from .parameters import Parameters

__all__ = ["read_hs3"]

_POINTS = ("default_values", "NominalParamValues")
_DOMAIN = "default_domain"
_ASIMOV = "asimov"


def read_hs3(
    path_or_dict: str | os.PathLike[str] | Mapping[str, Any],
    analysis: str | int | None = None,
    *,
    shapesys: str | None = None,
    priors: bool = False,
) -> tuple[Model, FloatArray]:
    """The model of an HS3 file (HEP Statistics Serialization Standard), prepared, and the observed counts.

    Parameters
    ----------
    path_or_dict
        A JSON file, or its content.
    analysis
        Name or position of the analysis, or the name of a likelihood; by default the first analysis (of a
        file without any, the first likelihood) whose data are not called Asimov data.
    shapesys
        What ``vals`` of shapesys modifiers without constraints of their own are, as tools differ: "absolute"
        uncertainties (pyhs3, pyhf), or "relative" ones (ROOT). By default "relative" if ROOT is
        among ``metadata/packages``. The receipt says which.
    priors
        Whether the prior of the analysis constrains parameters, too. It is for Bayesian use, and left out.

    Returns
    -------
    model, obs
        The model with the file's parameter names, and counts of shape (bin,) in its order. ``model.poi`` is
        the first parameter of interest; ``model.receipt`` says what was read, and what not, and why.

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        With the JSON path of the entry, for what is no HS3 file, and "unsupported: ..." for what is no binned
        likelihood.
    UnknownNameError
        For an analysis that is not there.
    InvalidTypeError, InvalidValueError
        For arguments of the wrong kind or value.

    Examples
    --------
    >>> signal = {
    ...     "name": "signal",
    ...     "data": {"contents": [5.0, 3.0]},
    ...     "modifiers": [{"name": "mu", "type": "normfactor", "parameter": "mu"}],
    ... }
    >>> background = {"name": "background", "data": {"contents": [50.0, 40.0]}, "modifiers": []}
    >>> channel = {"name": "SR", "type": "histfactory_dist", "samples": [signal, background]}
    >>> file = {
    ...     "metadata": {"hs3_version": "0.2"},
    ...     "distributions": [channel],
    ...     "data": [{"name": "observed", "type": "binned", "contents": [53.0, 42.0]}],
    ...     "likelihoods": [{"name": "main", "distributions": ["SR"], "data": ["observed"]}],
    ... }
    >>> model, obs = read_hs3(file)
    >>> model.parameters, obs
    (('mu',), array([53., 42.]))
    """
    check_flag("read_hs3: priors", priors)
    if shapesys not in (None, "absolute", "relative"):
        raise InvalidValueError(
            f"read_hs3: shapesys must be 'absolute', 'relative' or None, got {describe(shapesys)}."
        )
    source, content = _open(path_or_dict)
    with named(source):
        document = Document(content)
        _check_metadata(document)
    try:
        chosen, likelihood = _choose(document, analysis)
    except UnknownNameError as error:
        raise UnknownNameError(f"{source}: {error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{source}: {error}") from error
    with named(source):
        model, obs = _read(document, chosen, likelihood, shapesys=shapesys, priors=priors)
    model.receipt = _receipt(source, document)
    return model, obs


def _open(given: Any) -> tuple[str, Any]:
    if isinstance(given, str | os.PathLike):
        return os.fspath(given), load_json(given)
    if not isinstance(given, Mapping):
        raise InvalidTypeError(f"read_hs3: a path or a dict is expected, got {type(given).__name__}.")
    check_depth("HS3", given)
    return "HS3", given


def _check_metadata(document: Document) -> None:
    metadata = document.top.get("metadata")
    if "channels" in document.top and not document.sections["distributions"]:
        raise FileFormatError("this is a pyhf workspace, not an HS3 file; use read_pyhf.")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("hs3_version"), str):
        raise FileFormatError(
            "/metadata: 'hs3_version', a string, is missing; every HS3 file has {'hs3_version': '0.2'} or "
            "another."
        )
    if metadata["hs3_version"].split(".")[0] != "0":
        raise unsupported(
            "/metadata/hs3_version", f"version {metadata['hs3_version']!r}; versions 0.x are read."
        )


def _made_by_root(document: Document) -> bool:
    packages = document.top.get("metadata", {}).get("packages")
    names = [p.get("name") for p in packages if isinstance(p, Mapping)] if isinstance(packages, list) else []
    return "ROOT" in names


# -- which likelihood ----------------------------------------------------------------------------


def _choose(document: Document, wanted: str | int | None) -> tuple[Entry | None, Entry]:
    """The analysis, if there is one, and its likelihood."""
    analyses, likelihoods = document.sections["analyses"], document.sections["likelihoods"]
    if not likelihoods:
        raise unsupported(
            "/likelihoods", "nothing says which distribution goes with which data; add a likelihood."
        )
    if isinstance(wanted, bool) or not isinstance(wanted, str | int | None):
        raise InvalidTypeError(f"read_hs3: analysis must be a name or a position, got {describe(wanted)}.")
    section = "analyses" if analyses else "likelihoods"
    names = list(document.sections[section])
    if wanted is None:
        real = [name for name in names if not _is_asimov(document, document.sections[section][name])]
        wanted = (real or names)[0]
    elif isinstance(wanted, int):
        if not 0 <= wanted < len(names):
            raise UnknownNameError(f"there is no analysis {wanted}; the file has {document.names(section)}.")
        wanted = names[wanted]
    if wanted in analyses:
        chosen = document.use("analyses", wanted, "read_hs3")
        return chosen, document.use("likelihoods", chosen.text("likelihood"), chosen.at("likelihood"))
    if wanted in likelihoods:
        return None, document.use("likelihoods", wanted, "read_hs3")
    raise UnknownNameError(f"there is no analysis or likelihood '{wanted}'; the file has {', '.join(names)}.")


def _is_asimov(document: Document, entry: Entry) -> bool:
    """Whether an analysis or likelihood is of data that are called so."""
    name = entry.peek("likelihood")
    if isinstance(name, str) and document.has("likelihoods", name):
        entry = document.sections["likelihoods"][name]
    data = entry.peek("data")
    return isinstance(data, list) and any(isinstance(n, str) and _ASIMOV in n.lower() for n in data)


# -- reading it ----------------------------------------------------------------------------------


def _read(
    document: Document,
    chosen: Entry | None,
    likelihood: Entry,
    *,
    shapesys: str | None,
    priors: bool,
) -> tuple[Model, FloatArray]:
    parameters = _parameters(document, chosen)
    functions = Functions(document, parameters.constants)
    found = collect(document, likelihood, functions)
    channels = _check_channels(found)
    used = names_used(functions, channels)
    constraints = Constraints(document, functions, parameters, used)
    for entry, values in found.constraints:
        constraints.add(entry, values)
    _prior(document, chosen, constraints, wanted=priors)
    relative = _made_by_root(document) if shapesys is None else shapesys == "relative"
    claim_all(document, parameters, constraints, channels, relative=relative)
    poi = _poi(document, chosen)
    model, obs, known = build_model(parameters, functions, found.channels, constraints.correlated, poi)
    if chosen is not None and poi is not None and poi not in known:
        document.note(chosen.at("parameters_of_interest"), f"'{poi}'", "the model has no such parameter")
    for name in parameters.values:
        if name not in known and name not in functions.looked_up:
            document.note("/parameter_points", f"the value of '{name}'", "the model has no such parameter")
    return model, np.asarray(obs)


def _parameters(document: Document, chosen: Entry | None) -> Parameters:
    """Values and ranges: what the analysis names, else those of ROOT's names, else the only ones."""
    parameters = Parameters(document)
    point = None if chosen is None or chosen.get("init") is None else chosen.text("init")
    if point is None:
        points = list(document.sections["parameter_points"])
        point = next((name for name in _POINTS if name in points), points[0] if points else None)
    if point is not None:
        parameters.read_point(point, "/parameter_points" if chosen is None else chosen.at("init"))
    domains: list[str] = []
    if chosen is not None and chosen.get("domains") is not None:
        domains += chosen.texts("domains")
    if chosen is not None and chosen.get("domain") is not None:
        domains.append(chosen.text("domain"))
    if _DOMAIN in document.sections["domains"]:
        domains.append(_DOMAIN)
    elif not domains:
        domains = list(document.sections["domains"])[:1]
    for name in dict.fromkeys(domains):
        parameters.read_domain(name, "/domains" if chosen is None else chosen.path)
    return parameters


def _check_channels(found: Collected) -> list[Binned]:
    channels = [channel for channel, _ in found.channels]
    names = [channel.name for channel in channels]
    for channel in channels:
        if names.count(channel.name) > 1:
            raise unsupported(channel.path, f"the channel '{channel.name}' twice in one likelihood.")
    if not any(sample.modifiers or sample.factors for channel in channels for sample in channel.samples):
        raise FileFormatError("/distributions: no sample has a modifier, there is nothing to fit; add one.")
    return channels


def _prior(document: Document, chosen: Entry | None, constraints: Constraints, *, wanted: bool) -> None:
    if chosen is None or chosen.get("prior") is None:
        return
    if not wanted:
        document.note(
            chosen.at("prior"), describe(chosen.get("prior")), "it is no part of the likelihood; priors=True"
        )
        return
    for leaf in leaves(document, chosen.text("prior"), chosen.at("prior")):
        constraints.add(leaf, {})


def _poi(document: Document, chosen: Entry | None) -> str | None:
    if chosen is None or chosen.get("parameters_of_interest") is None:
        return None
    names = chosen.texts("parameters_of_interest")
    for name in names[1:]:
        document.note(chosen.at("parameters_of_interest"), f"'{name}'", f"a model has one, '{names[0]}'")
    return names[0] if names else None


def _receipt(source: str, document: Document) -> Receipt:
    read = {section.replace("_", " "): number for section, number in document.counts().items() if number}
    return Receipt(source, "HS3 file", read, document.ignored())
