"""Exceptions: what went wrong, with which object, what was given and expected, and the cure.

Every exception derives from :class:`SmoothfitError` and from the builtin that a caller would
catch without knowing this library (``ValueError``, ``KeyError``, ...).
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AsymptoticWarning",
    "CampaignError",
    "CampaignInterruptedError",
    "CampaignLockedError",
    "CampaignMismatchError",
    "DuplicateNameError",
    "FileFormatError",
    "FitError",
    "InputFileError",
    "InvalidTypeError",
    "InvalidValueError",
    "LowerMinimumWarning",
    "MissingPackageError",
    "MorphingWarning",
    "NotExpressibleError",
    "NotPreparedError",
    "OutputFileError",
    "RepairedCorrelationWarning",
    "ShapeMismatchError",
    "SingularBasisError",
    "SmoothfitError",
    "StaleModelError",
    "UnknownNameError",
    "UserFunctionError",
]


class SmoothfitError(Exception):
    """Base class of everything this library raises on purpose."""


class InvalidValueError(SmoothfitError, ValueError):
    """A value outside what is meaningful: NaN, a negative variance, kappa <= 0 ..."""


class ShapeMismatchError(InvalidValueError):
    """An array whose length or shape fits nothing it is used with."""


class SingularBasisError(InvalidValueError):
    """Points that do not determine a quadratic; ``.proposed`` holds points that do.

    ``.condition_number`` says how far off they are.
    """

    def __init__(self, message: str, condition_number: float, proposed: Any) -> None:
        super().__init__(message)
        self.condition_number = condition_number
        self.proposed = proposed


class DuplicateNameError(InvalidValueError):
    """Two objects of one name where names must differ."""


class InvalidTypeError(SmoothfitError, TypeError):
    """An object of a kind that the call cannot use."""


class UnknownNameError(SmoothfitError, KeyError):
    """A name, or a Variable, that the model does not have."""

    def __str__(self) -> str:
        # KeyError would show the repr of the message, quotes and all.
        return str(self.args[0]) if self.args else ""


class UserFunctionError(SmoothfitError, ValueError):
    """A user's function that cannot be traced, or gives a result of an unusable shape or value."""


class StaleModelError(SmoothfitError, RuntimeError):
    """The model's builders changed after ``prepare()``."""


class NotPreparedError(StaleModelError):
    """The model was asked for something before its first ``prepare()``."""


class FitError(SmoothfitError, RuntimeError):
    """A fit that did not converge; ``.result`` holds it, with its status."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class FileFormatError(SmoothfitError, ValueError):
    """A file whose content cannot be read as what it claims to be."""


class InputFileError(SmoothfitError, OSError):
    """A file that cannot be opened or read."""


class NotExpressibleError(InvalidValueError):
    """Something in a model that the format of a file has no words for."""


class OutputFileError(SmoothfitError, OSError):
    """A file that cannot be written; nothing was written."""


class CampaignError(SmoothfitError, RuntimeError):
    """A campaign that cannot be run, or not go on; what is finished is kept."""


class CampaignMismatchError(CampaignError, ValueError):
    """A folder that holds another campaign, or one of other versions, than the one that is asked for."""


class CampaignLockedError(CampaignError):
    """A folder that another process is writing."""


class CampaignInterruptedError(CampaignError):
    """A cluster that was lost for good while a campaign ran; running it again goes on."""


class MissingPackageError(SmoothfitError, ImportError):
    """A feature needs an optional package that is not installed."""


class RepairedCorrelationWarning(UserWarning):
    """Correlations that were not consistent, and were replaced by the nearest that are."""


class MorphingWarning(UserWarning):
    """Templates of a morphing that can be used, but hardly as meant."""


class LowerMinimumWarning(UserWarning):
    """A best fit that is not the best: somewhere else the likelihood is higher."""


class AsymptoticWarning(UserWarning):
    """Asymptotic formulae where they need not hold; toys would tell."""
