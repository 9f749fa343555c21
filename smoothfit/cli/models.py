"""From a file to a model, its data and a fit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValueError

if TYPE_CHECKING:
    from ..model import Model
    from ..results import FitResult, Pulls

__all__ = ["fit_of", "fixed_of", "pois_of", "read", "read_file", "systematics"]

_SPELLED = {
    "measurement": "--measurement",
    "analysis": "--analysis",
    "patch": "--patch",
    "mass": "--mass",
    "pois": "--map",
    "files_anywhere": "--files-anywhere",
    "folder": "--folder",
    "allow_imports": "--allow-imports",
    "naming": "--naming",
    "data": "--data",
    "signals": "--signals",
    "lnN": "--lnN",
    "symmetrise": "--symmetrise",
    "kind": "--shapes",
    "mc_stat": "--mc-stat",
    "ignore": "--ignore",
}
"""What a reader calls an option -> what it is called here."""


def read_file(path: str, arguments: argparse.Namespace) -> tuple[Model, Any]:
    """The model of one of several files, and its data: each takes the options that are of its kind."""
    from ..io.opening import OPTIONS, file_kind, read_model

    known = OPTIONS[file_kind(path)]
    options = {name: value for name, value in _options(arguments).items() if name in known}
    return read_model(path, spelled=_SPELLED, **options)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "measurement": arguments.measurement,
        "analysis": arguments.analysis,
        "patch": arguments.patch,
        "mass": arguments.mass,
        "pois": arguments.map,
        "files_anywhere": arguments.files_anywhere,
        "folder": arguments.folder,
        "allow_imports": arguments.allow_imports,
        "naming": arguments.naming,
        "data": arguments.data,
        "signals": arguments.signals,
        "lnN": None if arguments.lnN is None else fixed_of(arguments.lnN, "--lnN"),
        "symmetrise": arguments.symmetrise,
        "kind": arguments.shapes,
        "mc_stat": arguments.mc_stat,
        "ignore": arguments.ignore,
    }


def read(arguments: argparse.Namespace, *, needs_data: bool = True) -> tuple[Model, Any]:
    """The model of FILE, and the data to fit: those of the file, or the expectation for --asimov."""
    from ..io.opening import read_model

    model, obs = read_model(arguments.file, spelled=_SPELLED, **_options(arguments))
    if getattr(arguments, "asimov", False):
        obs = model.pred(model.values_from_dict({}))
    if obs is None and needs_data:
        lacks = "the model was saved without data" if arguments.naming is None else "there are no data in it"
        cure = "save it with obs=" if arguments.naming is None else "say with --data what they are called"
        raise InvalidValueError(
            f"{arguments.file}: {lacks}; give --asimov where there is such an option, or {cure}."
        )
    return model, obs


def pois_of(model: Model, asked: Sequence[str] | None) -> list[str]:
    """Names asked for, their components in place of array variables; all free ones if none is."""
    if asked is None:
        return list(model.pois)
    layout = model.layout
    return [layout.names[i] for name in dict.fromkeys(asked) for i in layout.positions(name)]


def fit_of(model: Model, obs: Any, arguments: argparse.Namespace, **options: Any) -> FitResult:
    """The fit, converged or not, with what --fix holds and what --blind hides."""
    if arguments.blind:
        model.blind(pois=model.pois)
    return model.fit(obs, fixed=fixed_of(arguments.fix), strict=False, **options)


def fixed_of(assignments: Sequence[tuple[str, float]], option: str = "--fix") -> dict[str, float]:
    """What --fix holds, or another option names: {name: value}.

    Raises
    ------
    InvalidValueError
        If a name is given twice.
    """
    fixed: dict[str, float] = {}
    for name, value in assignments:
        if fixed.setdefault(name, value) != value:
            raise InvalidValueError(f"{option}: '{name}' is given twice, as {fixed[name]:g} and {value:g}.")
    return fixed


def systematics(pulls: Pulls, result: FitResult) -> Pulls:
    """Without the sets that have a member a bin, unless there is nothing else."""
    members = {i for v in result.layout.variables if not v.is_scalar for i in v.indices}
    own = [k for k, name in enumerate(pulls.names) if result.layout.positions(name)[0] not in members]
    return pulls.take(own) if own else pulls
