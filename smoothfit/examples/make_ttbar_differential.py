"""Write ``ttbar_differential.json``: an invented differential top-pair measurement.

Six signal strengths, one a bin of the top quark's transverse momentum at generator level, are
measured in four channels. A channel's 48 bins are 6 reconstructed momentum bins times 8 bins of a
signal-against-background discriminant; a response matrix spreads every generator bin over the
reconstructed ones. Eight backgrounds, 30 normalisation and 30 shape nuisances, the luminosity,
and the statistics of the simulation in every bin complete the model.

Nothing here is anybody's data: templates are smooth functions with the scatter of a finite
simulation, and the observation is one Poisson toy of those functions at :data:`TRUE_MU` with the
nuisances pulled. Everything follows from :data:`SEED`.

    python -m smoothfit.examples.make_ttbar_differential [OUT]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SEED", "TRUE_MU", "main", "workspace"]

SEED = 20240607
TRUE_MU = (1.06, 0.97, 1.03, 0.92, 1.10, 0.85)
LUMI_SIGMA = 0.016
PULL_WIDTH = 0.5

N_PT, N_DISC = 6, 8
MODIFIER_DEPTH = 6  # of a modifier in the workspace: channels, channel, samples, sample, modifiers
CHANNELS = {"ee": 0.16, "mumu": 0.30, "emu_1b": 0.54, "emu_2b": 0.46}
"""Channels and their size: events a channel are this times SIGNAL_EVENTS or a background's events."""

SIGNALS = tuple(f"ttbar_bin{i}" for i in range(1, N_PT + 1))
SIGNAL_EVENTS = (9000.0, 12500.0, 9500.0, 4200.0, 1300.0, 520.0)
MIGRATION = 0.6
"""Width of the response in generator bins; it falls with momentum."""
SIGNAL_WEIGHT = 0.05


class Background(NamedTuple):
    """Events, slopes in momentum and discriminant, a factor a channel, weight of a simulated event."""

    events: float
    pt_slope: float
    disc_slope: float
    factors: tuple[float, float, float, float]
    weight: float


BACKGROUNDS = {
    "ttbar_other": Background(5200.0, 0.35, 0.10, (1.0, 1.0, 1.0, 1.0), 0.15),
    "single_top": Background(2400.0, 0.45, 1.10, (1.0, 1.0, 1.3, 0.4), 0.25),
    "zjets": Background(3600.0, 0.40, 2.20, (3.2, 3.4, 0.25, 0.05), 1.1),
    "wjets": Background(160.0, 0.55, 2.60, (1.0, 0.4, 1.1, 0.1), 0.8),
    "diboson": Background(260.0, 0.35, 1.90, (1.6, 1.6, 1.0, 0.1), 0.3),
    "ttV": Background(190.0, 0.10, -0.20, (1.0, 1.0, 0.8, 1.2), 0.05),
    "ttH": Background(95.0, 0.10, -0.10, (1.0, 1.0, 0.7, 1.4), 0.03),
    "nonprompt": Background(620.0, 0.60, 1.40, (1.5, 0.7, 1.1, 0.7), 0.6),
}
SAMPLES = (*SIGNALS, *BACKGROUNDS)
TTBAR = (*SIGNALS, "ttbar_other")
LARGE = (*TTBAR, "single_top", "zjets")
SIMULATED = tuple(s for s in SAMPLES if s != "nonprompt")


class Norm(NamedTuple):
    """A normalisation uncertainty: factors at -1 and +1 sigma, the samples and channels it touches."""

    down: float
    up: float
    samples: tuple[str, ...] = SIMULATED
    channels: tuple[str, ...] = tuple(CHANNELS)


class Shape(NamedTuple):
    """A shape uncertainty: relative size, bend along the discriminant, samples it touches."""

    size: float
    bend: float
    samples: tuple[str, ...] = LARGE


EMU = ("emu_1b", "emu_2b")
WITH_E, WITH_MU = ("ee", *EMU), ("mumu", *EMU)

NORMS = {
    "ttbar_other_xsec": Norm(0.945, 1.048, ("ttbar_other",)),
    "ttbb_fraction": Norm(0.97, 1.03, ("ttbar_other",), EMU),
    "single_top_xsec": Norm(0.95, 1.053, ("single_top",)),
    "single_top_interference": Norm(0.97, 1.0, ("single_top",)),
    "zjets_xsec": Norm(0.95, 1.05, ("zjets",)),
    "zjets_heavy_flavour_ee": Norm(0.85, 1.15, ("zjets",), ("ee",)),
    "zjets_heavy_flavour_mumu": Norm(0.87, 1.13, ("zjets",), ("mumu",)),
    "zjets_heavy_flavour_emu": Norm(0.75, 1.30, ("zjets",), EMU),
    "wjets_xsec": Norm(0.70, 1.30, ("wjets",)),
    "diboson_xsec": Norm(0.90, 1.10, ("diboson",)),
    "ttV_xsec": Norm(0.88, 1.13, ("ttV",)),
    "ttH_xsec": Norm(0.908, 1.068, ("ttH",)),
    "nonprompt_ee": Norm(0.70, 1.40, ("nonprompt",), ("ee",)),
    "nonprompt_mumu": Norm(0.75, 1.35, ("nonprompt",), ("mumu",)),
    "nonprompt_emu": Norm(0.80, 1.25, ("nonprompt",), EMU),
    "trigger_ee": Norm(0.992, 1.008, channels=("ee",)),
    "trigger_mumu": Norm(0.994, 1.006, channels=("mumu",)),
    "trigger_emu": Norm(0.995, 1.005, channels=EMU),
    "trigger_prefiring": Norm(0.996, 1.004),
    "electron_reco": Norm(0.994, 1.006, channels=WITH_E),
    "electron_isolation": Norm(0.993, 1.008, channels=WITH_E),
    "muon_reco": Norm(0.997, 1.003, channels=WITH_MU),
    "muon_id": Norm(0.996, 1.004, channels=WITH_MU),
    "muon_isolation": Norm(0.995, 1.005, channels=WITH_MU),
    "btag_extrapolation_1b": Norm(1.006, 0.993, LARGE, ("ee", "mumu", "emu_1b")),
    "btag_extrapolation_2b": Norm(0.988, 1.012, LARGE, ("emu_2b",)),
    "pileup_jet_id": Norm(0.997, 1.004),
    "vertex_selection": Norm(0.998, 1.002),
    "branching_ratio_dilepton": Norm(0.985, 1.015, TTBAR),
    "charge_misid": Norm(0.90, 1.10, ("nonprompt", "diboson"), ("ee",)),
}

SHAPES = {
    "jes_absolute": Shape(0.012, 0.3),
    "jes_flavour": Shape(0.018, 0.4),
    "jes_pileup": Shape(0.010, -0.5),
    "jes_relative_balance": Shape(0.008, 0.2),
    "jes_relative_sample": Shape(0.006, -0.3),
    "jes_statistics": Shape(0.004, 0.6),
    "jer": Shape(0.010, 0.8),
    "unclustered_met": Shape(0.006, -0.8),
    "btag_hf": Shape(0.020, 0.2),
    "btag_lf": Shape(0.008, 0.7),
    "btag_hf_stat1": Shape(0.006, -0.4),
    "btag_hf_stat2": Shape(0.005, 0.5),
    "btag_charm": Shape(0.004, 0.9),
    "pileup": Shape(0.007, -0.2),
    "electron_id": Shape(0.010, 0.1),
    "electron_scale": Shape(0.004, 0.2),
    "muon_scale": Shape(0.003, 0.2),
    "ttbar_scale": Shape(0.030, 0.5, TTBAR),
    "ttbar_isr": Shape(0.015, 0.6, TTBAR),
    "ttbar_fsr": Shape(0.025, -0.6, TTBAR),
    "ttbar_hdamp": Shape(0.012, 0.7, TTBAR),
    "ttbar_underlying_event": Shape(0.006, 0.4, TTBAR),
    "ttbar_colour_reconnection": Shape(0.008, -0.7, TTBAR),
    "ttbar_mass": Shape(0.010, 0.9, TTBAR),
    "ttbar_pdf": Shape(0.008, 0.1, TTBAR),
    "ttbar_alphas": Shape(0.004, -0.1, TTBAR),
    "bottom_fragmentation": Shape(0.009, 0.5, TTBAR),
    "single_top_scale": Shape(0.025, 0.5, ("single_top",)),
    "zjets_scale": Shape(0.050, 0.6, ("zjets",)),
    "nonprompt_shape": Shape(0.120, 1.0, ("nonprompt",)),
}

Bins = NDArray[np.float64]
# Bin centres on [0, 1]; a channel's bins run over the discriminant first.
PT, DISC = (
    grid.ravel() for grid in np.meshgrid(np.linspace(0, 1, N_PT), np.linspace(0, 1, N_DISC), indexing="ij")
)


def _signal(index: int, channel: str) -> Bins:
    """Expected events of one generator bin: (bin,)."""
    width = MIGRATION * (1.15 - 0.35 * index / (N_PT - 1))
    response = np.exp(-0.5 * ((np.arange(N_PT) - index) / width) ** 2)
    response = response / response.sum() + 0.004
    rise = 1.2 + 0.5 * index / (N_PT - 1)
    spectrum = np.exp(rise * np.linspace(0, 1, N_DISC))
    events = np.outer(response / response.sum(), spectrum / spectrum.sum()).ravel()
    return SIGNAL_EVENTS[index] * CHANNELS[channel] * events


def _background(background: Background, channel: str) -> Bins:
    """Expected events of one background: (bin,)."""
    spectrum = (
        np.exp(-background.disc_slope * DISC)
        * (0.25 + PT)
        * np.exp(-(6.0 - 4.0 * background.pt_slope) * PT**2)
    )
    share = CHANNELS[channel] * background.factors[list(CHANNELS).index(channel)]
    return background.events * share * spectrum / spectrum.sum()


def _expected(sample: str, channel: str) -> Bins:
    if sample in BACKGROUNDS:
        return _background(BACKGROUNDS[sample], channel)
    return _signal(SIGNALS.index(sample), channel)


def _simulate(expected: Bins, weight: float, random: np.random.Generator) -> tuple[Bins, Bins]:
    """A template as a finite simulation would give it, and its statistical error: (bin,) each."""
    counts = random.poisson(expected / weight).astype(np.float64)
    return weight * counts, weight * np.sqrt(counts)


def _variation(shape: Shape, tilt: float, phase: float) -> tuple[Bins, Bins]:
    """Relative changes at -1 and +1 sigma: (bin,) each."""
    form = tilt * (2.0 * PT - 0.8) + shape.bend * (2.0 * DISC - 1.0) + 0.3 * np.cos(3.0 * PT + phase)
    change = shape.size * form
    curved = 0.15 * shape.size * (form**2 - 0.5)
    return -change + curved, change + curved


def _rounded(values: Bins) -> list[float]:
    """Six significant digits."""
    return [float(f"{value:.6g}") for value in values]


def _modifier(name: str, kind: str, data: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "data": data}


def _normalisations(sample: str, channel: str) -> list[dict[str, Any]]:
    return [
        _modifier(name, "normsys", {"hi": norm.up, "lo": norm.down})
        for name, norm in NORMS.items()
        if sample in norm.samples and channel in norm.channels
    ]


def _truth_factor(sample: str, channel: str, pulls: dict[str, float], changes: dict[str, Bins]) -> Bins:
    """Factor on the expected events at the truth: nuisances pulled, signal at :data:`TRUE_MU`."""
    factor = np.full(PT.shape, TRUE_MU[SIGNALS.index(sample)] if sample in SIGNALS else 1.0)
    for name, norm in NORMS.items():
        if sample in norm.samples and channel in norm.channels:
            factor *= (norm.up if pulls[name] >= 0 else norm.down) ** abs(pulls[name])
    for change in changes.values():
        factor *= 1.0 + change
    if sample in SIMULATED:
        factor *= 1.0 + LUMI_SIGMA * pulls["lumi"]
    return factor


def _channel(
    name: str, pulls: dict[str, float], tilts: dict[str, tuple[float, float]], random: np.random.Generator
) -> tuple[dict[str, Any], Bins]:
    """One channel of the workspace, and its expected events at the truth: (bin,)."""
    samples, truth = [], np.zeros(PT.shape)
    for sample in SAMPLES:
        expected = _expected(sample, name)
        weight = BACKGROUNDS[sample].weight if sample in BACKGROUNDS else SIGNAL_WEIGHT
        nominal, error = _simulate(expected, weight, random)
        modifiers = _normalisations(sample, name)
        changes = {}
        for syst, shape in SHAPES.items():
            if sample not in shape.samples:
                continue
            tilt, phase = tilts[syst]
            down, up = _variation(shape, tilt, phase + 0.2 * SAMPLES.index(sample))
            data = {"hi_data": _rounded(nominal * (1.0 + up)), "lo_data": _rounded(nominal * (1.0 + down))}
            modifiers.append(_modifier(syst, "histosys", data))
            changes[syst] = abs(pulls[syst]) * (up if pulls[syst] >= 0 else down)
        if sample in SIMULATED:
            modifiers.append(_modifier("lumi", "lumi", None))
        if sample in SIGNALS:
            modifiers.append(_modifier(f"mu_{sample.removeprefix('ttbar_')}", "normfactor", None))
        modifiers.append(_modifier(f"staterror_{name}", "staterror", _rounded(error)))
        samples.append({"name": sample, "data": _rounded(nominal), "modifiers": modifiers})
        truth += expected * _truth_factor(sample, name, pulls, changes)
    return {"name": name, "samples": samples}, truth


def workspace() -> dict[str, Any]:
    """The workspace, as pyhf's JSON schema 1.0.0 has it."""
    random = np.random.default_rng(SEED)
    pulls = {name: PULL_WIDTH * random.standard_normal() for name in (*NORMS, *SHAPES, "lumi")}
    tilts = {name: (random.uniform(-1.0, 1.0), random.uniform(0.0, 6.0)) for name in SHAPES}
    channels, observations = [], []
    for name in CHANNELS:
        channel, truth = _channel(name, pulls, tilts, random)
        channels.append(channel)
        observations.append({"name": name, "data": random.poisson(truth).tolist()})
    parameters: list[dict[str, Any]] = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [LUMI_SIGMA], "inits": [1.0], "bounds": [[0.9, 1.1]]}
    ]
    parameters += [{"name": f"mu_bin{i}", "inits": [1.0], "bounds": [[0.0, 5.0]]} for i in range(1, N_PT + 1)]
    measurement = {"name": "ttbar_differential", "config": {"poi": "mu_bin1", "parameters": parameters}}
    return {
        "channels": channels,
        "measurements": [measurement],
        "observations": observations,
        "version": "1.0.0",
    }


def to_text(content: Any, depth: int = 0) -> str:
    """JSON with one line a modifier and a list of numbers."""
    if depth == MODIFIER_DEPTH or not isinstance(content, dict | list) or _is_numbers(content):
        return json.dumps(content, separators=(",", ":"))
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(content, dict):
        lines = [f"{json.dumps(key)}: {to_text(value, depth + 1)}" for key, value in content.items()]
        return "{" + inner + ("," + inner).join(lines) + outer + "}"
    lines = [to_text(value, depth + 1) for value in content]
    return "[" + inner + ("," + inner).join(lines) + outer + "]"


def _is_numbers(content: Any) -> bool:
    return isinstance(content, list) and all(isinstance(value, int | float) for value in content)


def main(arguments: list[str] | None = None) -> None:
    """Write the workspace to the file named on the command line, or over the one that is shipped."""
    given = sys.argv[1:] if arguments is None else arguments
    out = Path(given[0]) if given else Path(__file__).with_name("ttbar_differential.json")
    out.write_text(to_text(workspace()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
