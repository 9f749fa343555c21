"""Gaussian constraints: symmetric, with two widths, and of the logarithm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .._types import ArrayLike, FloatArray
from .base import Constraint, Prefit, numbers_of, positive

__all__ = ["AsymmetricGaussian", "Gaussian", "LogNormal"]


@dataclass(frozen=True, eq=False)
class Gaussian(Constraint):
    """Gaussian constraint N(B | alpha, width); B is ``mean`` unless other globs are given.

    Parameters
    ----------
    mean
        The default global observable; the variable's value if None.
    width
        The standard deviation, in the variable's unit.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If a number is not finite, or a width not positive.

    Examples
    --------
    >>> Gaussian(mean=1.0, width=0.017).width
    0.017
    """

    kind: ClassVar[str] = "gaussian"
    closed_form: ClassVar[bool] = True

    mean: ArrayLike | None = None
    width: ArrayLike = 1.0

    def __post_init__(self) -> None:
        if self.mean is not None:
            numbers_of("Gaussian constraint: mean", self.mean)
        positive("Gaussian constraint: width", self.width)

    def filled(self, value: FloatArray) -> Gaussian:
        return self if self.mean is not None else replace(self, mean=value)

    @property
    def glob(self) -> Any:
        return self.mean

    @property
    def numbers(self) -> tuple[Any, ...]:
        return (self.width,)

    def prefit(self) -> Prefit:
        return Prefit(self.mean, self.width, self.width)


@dataclass(frozen=True, eq=False)
class AsymmetricGaussian(Constraint):
    """Bifurcated Gaussian: ``width_down`` where alpha < B, ``width_up`` where alpha > B.

    The density, exp(-(alpha - B)^2/(2 width^2)) / (sqrt(2 pi) (width_down + width_up)/2), is
    continuous with its slope; its curvature jumps at alpha = B.

    Parameters
    ----------
    width_down, width_up
        Both positive, in the variable's unit.
    mean
        The default global observable, the most likely value; the variable's value if None.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If a number is not finite, or a width not positive.

    Examples
    --------
    >>> AsymmetricGaussian(width_down=0.2, width_up=0.3, mean=1.0).width_up
    0.3
    """

    kind: ClassVar[str] = "asymmetric"

    width_down: ArrayLike
    width_up: ArrayLike
    mean: ArrayLike | None = None

    def __post_init__(self) -> None:
        positive("AsymmetricGaussian constraint: width_down", self.width_down)
        positive("AsymmetricGaussian constraint: width_up", self.width_up)
        if self.mean is not None:
            numbers_of("AsymmetricGaussian constraint: mean", self.mean)

    def filled(self, value: FloatArray) -> AsymmetricGaussian:
        return self if self.mean is not None else replace(self, mean=value)

    @property
    def glob(self) -> Any:
        return self.mean

    @property
    def numbers(self) -> tuple[Any, ...]:
        return self.width_down, self.width_up

    def prefit(self) -> Prefit:
        return Prefit(self.mean, self.width_down, self.width_up)


@dataclass(frozen=True, eq=False)
class LogNormal(Constraint):
    """Log-normal constraint log B ~ N(log alpha, log kappa), alpha > 0.

    It is about the variable itself, unlike ``add_lnN``, which makes a log-normal factor of a
    Gaussian nuisance. The density, 1/(B log(kappa) sqrt(2 pi)) exp(-(log(B/alpha)/log(kappa))^2/2),
    is largest at alpha = B.

    Parameters
    ----------
    kappa
        Above 1: 1.1 for 10%.
    mean
        The default global observable, positive; the variable's value if None.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If kappa is not above 1, or the mean not positive.

    Examples
    --------
    >>> LogNormal(kappa=1.1).kappa
    1.1
    """

    kind: ClassVar[str] = "lognormal"
    smallest_glob: ClassVar[float] = float(np.finfo(float).tiny)
    smallest_value: ClassVar[float] = float(np.finfo(float).tiny)

    kappa: ArrayLike
    mean: ArrayLike | None = None

    def __post_init__(self) -> None:
        hint = "; give 1 + the relative uncertainty (1/0.9, not 0.9)"
        positive("LogNormal constraint: kappa", self.kappa, above=1.0, hint=hint)
        if self.mean is not None:
            positive("LogNormal constraint: mean", self.mean)

    def filled(self, value: FloatArray) -> LogNormal:
        return self if self.mean is not None else replace(self, mean=value)

    @property
    def glob(self) -> Any:
        return self.mean

    @property
    def numbers(self) -> tuple[Any, ...]:
        return (self.kappa,)

    def prefit(self) -> Prefit:
        mean, kappa = np.asarray(self.mean), np.asarray(self.kappa)
        return Prefit(mean, mean * (1.0 - 1.0 / kappa), mean * (kappa - 1.0))
