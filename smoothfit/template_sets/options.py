"""What histograms and their names do not say: signals, log-normals, kinds of shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._checks import check_name, check_names, describe
from ..build import Variable
from ..errors import InvalidTypeError, UnknownNameError

__all__ = ["Options", "check_kinds", "read_lnn", "read_mirrored", "read_signals"]

_POI_RANGE = (0.0, 20.0)


@dataclass(frozen=True)
class Options:
    """What is not said by histograms and their names; see :meth:`smoothfit.model.Model.from_histograms`."""

    channel: str = "main"
    signals: Any = ()
    poi: Any = "mu"
    lnN: Any = None
    kind: Any = "shape"
    symmetrise: Any = False


def _known(what: str, names: Iterable[Any], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownNameError(
                f"from_histograms: {what}: there is no {describe(name)}; "
                f"there are: {', '.join(known) or 'none'}."
            )


def read_signals(signals: Any, poi: Any, processes: Sequence[str]) -> dict[str, Variable]:
    """What scales each signal; empty if nothing does."""
    if isinstance(signals, Mapping):
        _known("signals", signals, processes)
        for name, variable in signals.items():
            if not isinstance(variable, Variable):
                raise InvalidTypeError(
                    f"from_histograms: signals: '{name}': a Variable is expected, got {describe(variable)}."
                )
        return dict(signals)
    names = check_names("from_histograms: signals", signals, None, "signal") if len(signals) else ()
    _known("signals", names, processes)
    if poi is None or not names:
        return {}
    if isinstance(poi, str):
        low, high = _POI_RANGE
        poi = Variable(poi, 1.0, lower_bound=low, upper_bound=high)
    if not isinstance(poi, Variable):
        raise InvalidTypeError(
            f"from_histograms: poi: a name or a Variable is expected, got {describe(poi)}."
        )
    return dict.fromkeys(names, poi)


def read_lnn(given: Any, processes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{nuisance: {process: kappa}}; a kappa without a process is for all."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidTypeError(
            "from_histograms: lnN: {nuisance: {process: kappa}} is expected, or {nuisance: kappa} for all, "
            f"got {describe(given)}."
        )
    found = {}
    for nuisance, kappas in given.items():
        by_process = dict(kappas) if isinstance(kappas, Mapping) else dict.fromkeys(processes, kappas)
        _known(f"lnN of '{nuisance}'", by_process, processes)
        found[check_name("from_histograms: lnN", nuisance)] = by_process
    return found


def check_kinds(kind: Any, systematics: Sequence[str]) -> None:
    """A kind for all, or by systematic; ``add_shape`` knows which there are."""
    if isinstance(kind, Mapping):
        _known("kind", kind, systematics)
    elif not isinstance(kind, str):
        raise InvalidTypeError(
            f"from_histograms: kind: one of add_shape's, or {{systematic: kind}}, got {describe(kind)}."
        )


def read_mirrored(given: Any, systematics: Sequence[str]) -> frozenset[str] | None:
    """Systematics of one side that may be mirrored; None for all."""
    if isinstance(given, bool):
        return None if given else frozenset()
    names = check_names("from_histograms: symmetrise", given, None, "systematic")
    _known("symmetrise", names, systematics)
    return frozenset(names)
