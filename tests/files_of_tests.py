"""Where the reference data are, and a small workspace that tests of commands write."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shared_path", "workspace"]

ROOT = Path(__file__).resolve().parent.parent


def shared_path(*parts: str) -> Path:
    """Where the reference data are, whether or not they exist: ``<root>/../shared/<parts>``."""
    return ROOT.parent.joinpath("shared", *parts)


def workspace():
    """A workspace of two bins."""

    def sample(name, data, *modifiers):
        return {"name": name, "data": data, "modifiers": list(modifiers)}

    signal = sample("sig", [12.0, 11.0], {"name": "mu", "type": "normfactor", "data": None})
    background = sample(
        "bkg",
        [50.0, 52.0],
        {"name": "bkg_norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "mc_stat", "type": "staterror", "data": [3.0, 4.0]},
    )
    return {
        "channels": [{"name": "SR", "samples": [signal, background]}],
        "observations": [{"name": "SR", "data": [70.0, 58.0]}],
        "measurements": [
            {"name": "main", "config": {"poi": "mu", "parameters": []}},
            {"name": "held", "config": {"poi": "mu", "parameters": [{"name": "bkg_norm", "fixed": True}]}},
        ],
        "version": "1.0.0",
    }
