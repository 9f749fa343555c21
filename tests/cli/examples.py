"""The examples of help and of docs/cli.md, and the files that they name."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
from files_of_tests import workspace

EDGES = np.linspace(0.0, 60.0, 7)
BACKGROUND = np.array([90.0, 80.0, 70.0, 60.0, 50.0, 40.0])
SIGNALS = {
    "mu": [2.0, 9.0, 20.0, 9.0, 2.0, 0.5],
    "mu_1": [20.0, 5.0, 1.0, 0.5, 0.5, 0.5],
    "mu_2": [0.5, 0.5, 0.5, 1.0, 6.0, 24.0],
}
CARD = """imax 1
jmax 1
kmax 2
bin SR
observation 14
bin SR SR
process sig bkg
process 0 1
rate 3.0 10.0
lumi lnN 1.02 1.02
bkg_norm lnN - 1.1
"""
MOST_TOYS = 20


def write_files(folder: Path) -> None:
    """All that examples read."""
    content = workspace()
    samples = [
        {"name": name, "data": data, "modifiers": [{"name": name, "type": "normfactor", "data": None}]}
        for name, data in SIGNALS.items()
    ]
    lumi = {"name": "lumi", "type": "normsys", "data": {"hi": 1.02, "lo": 0.98}}
    samples += [{"name": "bkg", "data": BACKGROUND.tolist(), "modifiers": [lumi]}]
    total = BACKGROUND + sum(np.array(data) for data in SIGNALS.values())
    content["channels"][0]["samples"] = samples
    content["observations"][0]["data"] = np.round(total + np.array([3, -4, 5, -2, 6, -1])).tolist()
    content["measurements"] = [{"name": "measurement", "config": {"poi": "mu", "parameters": []}}]
    text = json.dumps(content)
    for name in ("workspace.json", "old.json"):
        (folder / name).write_text(text)
    (folder / "new.json").write_text(text.replace("0.98", "0.97"))
    (folder / "card.txt").write_text(CARD)
    _write_root(folder / "shapes.root")


def _write_root(path: Path) -> None:
    import uproot

    signal = np.array(SIGNALS["mu"])
    slope = 1.0 + 0.02 * np.linspace(-1.0, 1.0, 6)
    with uproot.recreate(path) as file:
        file["sig"] = (signal, EDGES)
        file["bkg"] = (BACKGROUND, EDGES)
        file["bkg_jesUp"] = (BACKGROUND * slope, EDGES)
        file["bkg_jesDown"] = (BACKGROUND / slope, EDGES)
        file["data_obs"] = (np.round(signal + BACKGROUND), EDGES)


def commands_in(text: str) -> list[list[str]]:
    """The words of every line that is a command of smoothfit, without what the shell does with the output."""
    lines = [line.strip().removeprefix("$ ") for line in text.splitlines()]
    found = []
    for line in lines:
        if line.startswith("smoothfit "):
            words = shlex.split(line, comments=True)
            stop = next((i for i, word in enumerate(words) if word in (">", "|", "2>")), len(words))
            found.append(words[1:stop])
    return found


def quicker(words: list[str]) -> list[str]:
    """The same command with few toys and points, and an error that few toys reach."""
    made = list(words)
    for i, word in enumerate(made[:-1]):
        if word in ("--toys", "-n"):
            made[i + 1] = str(min(float(made[i + 1]), MOST_TOYS))
        elif word == "--points":
            made[i + 1] = str(min(int(made[i + 1]), 3))
        elif word == "--mc-error":
            made[i + 1] = "0.5"
    return made
