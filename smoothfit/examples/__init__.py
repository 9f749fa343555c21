"""Example workspaces that come with the package.

* ``ttbar_differential``: a measurement of 6 signal strengths in 4 channels of 48 bins, with 61
  nuisances and Monte Carlo statistics, in pyhf's format. Invented from end to end by the seeded
  script :mod:`smoothfit.examples.make_ttbar_differential`.

Examples
--------
>>> from smoothfit.examples import path
>>> path("ttbar_differential").name
'ttbar_differential.json'
"""

from __future__ import annotations

from pathlib import Path

from ..errors import UnknownNameError

__all__ = ["names", "path"]

_FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Names of the examples.

    Examples
    --------
    >>> names()
    ['ttbar_differential']
    """
    return sorted(file.stem for file in _FOLDER.glob("*.json"))


def path(name: str) -> Path:
    """File of the example called ``name``, with or without ``.json``.

    Raises
    ------
    UnknownNameError
        If there is no example of that name; the message lists those that there are.
    """
    stem = name.removesuffix(".json")
    if stem not in names():
        raise UnknownNameError(f"There is no example '{name}': choose from {names()}.")
    return _FOLDER / f"{stem}.json"
