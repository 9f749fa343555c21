"""Parameters of a pyhf workspace: what its modifiers need, what the measurement changes, as Variables.

A name is one parameter, or one set of them, wherever it is used (pyhf's parameter sets):

* normsys, histosys: one nuisance, N(auxdata | alpha, 1), the same for both; start 0, in [-5, 5].
* lumi: N(auxdata | lumi, sigmas), which the measurement must give.
* normfactor: free, start 1, in [0, 10]; shapefactor: one such a bin, shared by channels.
* shapesys: gamma_b with Pois(tau_b | gamma_b tau_b), tau = (n/sigma)^2; one sample only.
* staterror: gamma_b with N(1 | gamma_b, delta_b), delta = sqrt(sum sigma^2) / sum n over the samples that
  carry the name in the channel.

Bins without uncertainty (or, for a shapesys, without yield) are fixed at 1 and keep the constant
of their constraint, Pois(1 | 1) or N(1 | 1, 1), as in pyhf 0.7.6.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..._types import BoolArray, FloatArray
from ...build import Variable
from ...constraints import Constraint, Gaussian, Poisson
from ...errors import FileFormatError, InvalidValueError
from .schema import Channel, Modifier, ParameterConfig, Sample

__all__ = ["ParameterSet", "Use", "collect_uses", "make_variables", "required_set", "staterror_channels"]

_FAMILY = {"normsys": "nuisance", "histosys": "nuisance"}
_GAMMA_BOUNDS = (1e-10, 10.0)
_NOT_CONFIGURED = {
    "nuisance": ("sigmas", "factors"),
    "lumi": ("factors",),
    "normfactor": ("auxdata", "sigmas", "factors"),
    "shapefactor": ("auxdata", "sigmas", "factors"),
    "shapesys": ("sigmas",),
    "staterror": ("factors",),
}


@dataclass(frozen=True)
class Use:
    """One place where a parameter is used."""

    channel: Channel
    sample: Sample
    modifier: Modifier

    @property
    def what(self) -> str:
        """For messages."""
        kind = f"{self.modifier.kind} '{self.modifier.name}'"
        return f"channel '{self.channel.name}', sample '{self.sample.name}', {kind}"


@dataclass(frozen=True)
class ParameterSet:
    """A parameter, or one a bin; arrays have shape (component,)."""

    inits: FloatArray
    bounds: FloatArray
    auxdata: FloatArray | None = None
    sigmas: FloatArray | None = None
    factors: FloatArray | None = None
    fixed: BoolArray | None = None
    is_scalar: bool = True


def collect_uses(channels: Sequence[Channel]) -> dict[str, list[Use]]:
    """Uses by name of the parameter, in the order of the file.

    Raises
    ------
    FileFormatError
        For a name whose modifiers cannot share a parameter.
    """
    uses: dict[str, list[Use]] = {}
    for channel in channels:
        for sample in channel.samples:
            for modifier in sample.modifiers:
                uses.setdefault(modifier.name, []).append(Use(channel, sample, modifier))
    for of_name in uses.values():
        first = of_name[0]
        for use in of_name[1:]:
            if _family(use) != _family(first):
                raise FileFormatError(
                    f"{use.what}: the name is that of another type in {first.what}, which cannot share a "
                    "parameter with it; rename one."
                )
    return uses


def make_variables(
    uses: Mapping[str, Sequence[Use]], configs: Mapping[str, ParameterConfig]
) -> dict[str, Variable]:
    """One Variable a name, configured by the measurement.

    Configurations of parameters that no modifier has are let through, as in pyhf: background-only
    files carry those of the signal.
    """
    return {name: _variable(name, _configured(of_name, configs.get(name))) for name, of_name in uses.items()}


def _family(use: Use) -> str:
    return _FAMILY.get(use.modifier.kind, use.modifier.kind)


def _variable(name: str, wanted: ParameterSet) -> Variable:
    try:
        constraint = _constraint(wanted)
    except InvalidValueError as error:
        raise FileFormatError(f"parameter '{name}': {error}") from error
    return Variable(
        name,
        float(wanted.inits[0]) if wanted.is_scalar else wanted.inits,
        lower_bound=wanted.bounds[:, 0],
        upper_bound=wanted.bounds[:, 1],
        constraint=constraint,
        fixed=False if wanted.fixed is None else wanted.fixed,
    )


def _constraint(wanted: ParameterSet) -> Constraint | None:
    if wanted.factors is not None:
        return Poisson(tau=wanted.factors, count=wanted.auxdata)
    if wanted.auxdata is not None:
        return Gaussian(mean=wanted.auxdata, width=1.0 if wanted.sigmas is None else wanted.sigmas)
    return None


# -- what modifiers need -------------------------------------------------------------------------


def required_set(uses: Sequence[Use], config: ParameterConfig) -> ParameterSet:
    """The parameters that a name stands for, before the measurement changes them (lumi: it must)."""
    family = _family(uses[0])
    if family == "lumi":
        return _lumi(config)
    if family == "nuisance":
        zero = np.zeros(1)
        return ParameterSet(inits=zero, bounds=np.array([[-5.0, 5.0]]), auxdata=zero)
    if family == "normfactor":
        return ParameterSet(inits=np.ones(1), bounds=np.array([[0.0, 10.0]]))
    if family == "shapefactor":
        return _shapefactor(uses)
    return _shapesys(uses) if family == "shapesys" else _staterror(uses)


def _shapefactor(uses: Sequence[Use]) -> ParameterSet:
    sizes = [len(use.sample.data) for use in uses]
    for use, size in zip(uses, sizes, strict=True):
        if size != sizes[0]:
            raise FileFormatError(
                f"{use.what}: the channel has {size} bins, channel '{uses[0].channel.name}' of the same "
                f"shapefactor has {sizes[0]}; give it to channels of as many bins, or use two names."
            )
    return ParameterSet(inits=np.ones(sizes[0]), bounds=np.tile([0.0, 10.0], (sizes[0], 1)), is_scalar=False)


def _shapesys(uses: Sequence[Use]) -> ParameterSet:
    if len(uses) > 1:
        raise FileFormatError(
            f"{uses[1].what}: the name is used in channel '{uses[0].channel.name}', sample "
            f"'{uses[0].sample.name}' already; a shapesys belongs to one sample, rename one."
        )
    nominal, sigma = uses[0].sample.data, _uncertainty(uses[0])
    valid = (nominal > 0.0) & (sigma > 0.0)
    # Not (n / sigma)**2: the last digit as in pyhf.
    tau = np.ones_like(nominal)
    with np.errstate(over="ignore", invalid="ignore"):
        tau[valid] = nominal[valid] ** 2 / sigma[valid] ** 2
    return dataclasses.replace(_gammas(len(tau)), auxdata=tau, factors=tau, fixed=~valid)


def _staterror(uses: Sequence[Use]) -> ParameterSet:
    widths = []
    for channel in staterror_channels(uses):
        here = [use for use in uses if use.channel.name == channel.name]
        nominal = np.sum([use.sample.data for use in here], axis=0)
        filled = nominal > 0.0
        delta = np.zeros_like(nominal)
        with np.errstate(over="ignore"):
            relative = [_uncertainty(use)[filled] / nominal[filled] for use in here]
            delta[filled] = np.sqrt(np.sum(np.square(relative), axis=0))
        widths.append(delta)
    sigmas = np.concatenate(widths)
    fixed = sigmas == 0.0
    sigmas[fixed] = 1.0
    return dataclasses.replace(_gammas(len(sigmas)), auxdata=np.ones(len(sigmas)), sigmas=sigmas, fixed=fixed)


def staterror_channels(uses: Sequence[Use]) -> list[Channel]:
    """The channels of a staterror in the order of its components: by name, as in pyhf."""
    return sorted({use.channel.name: use.channel for use in uses}.values(), key=lambda channel: channel.name)


def _gammas(size: int) -> ParameterSet:
    return ParameterSet(inits=np.ones(size), bounds=np.tile(_GAMMA_BOUNDS, (size, 1)), is_scalar=False)


def _uncertainty(use: Use) -> FloatArray:
    assert use.modifier.uncertainty is not None
    return use.modifier.uncertainty


# -- what the measurement changes ----------------------------------------------------------------


def _configured(uses: Sequence[Use], config: ParameterConfig | None) -> ParameterSet:
    family = _family(uses[0])
    name = uses[0].modifier.name
    if config is None:
        config = ParameterConfig(name=name)
    for key in _NOT_CONFIGURED[family]:
        if getattr(config, key) is not None:
            raise FileFormatError(
                f"parameter '{name}': a {uses[0].modifier.kind} does not use {key}; "
                "remove it from the measurement."
            )
    wanted = required_set(uses, config)
    changes = {
        key: given
        for key in ("inits", "bounds", "auxdata", "sigmas", "factors")
        if (given := getattr(config, key)) is not None
    }
    size = len(wanted.inits)
    for key, given in changes.items():
        if len(given) != size:
            raise FileFormatError(
                f"parameter '{name}': {key} has {len(given)} entries in the measurement, expected {size}; "
                "give one a component."
            )
    if config.fixed is not None:
        changes["fixed"] = np.full(size, config.fixed)
    return dataclasses.replace(wanted, **changes)


def _lumi(config: ParameterConfig) -> ParameterSet:
    if config.auxdata is None or config.sigmas is None:
        missing = "auxdata" if config.auxdata is None else "sigmas"
        raise FileFormatError(
            f"parameter '{config.name}': {missing} of a lumi modifier must be given by the measurement "
            "(the luminosity and its uncertainty); add them."
        )
    return ParameterSet(
        inits=config.auxdata[:1],
        bounds=np.array([[0.0, 10.0 * config.auxdata[0]]]),
        auxdata=config.auxdata[:1],
        sigmas=config.sigmas[:1],
    )
