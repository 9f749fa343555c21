"""How long files take to read: ``python -m benchmarks.reading``.

Writes two cards with their templates into a temporary folder and reads each in a fresh process, the model
prepared: one of 21 channels, 100 nuisances and 2016 templates of shapes, one of 3 channels and 30 shapes.
Printed are the seconds of ``import smoothfit`` and of ``read_datacard``, the median and the range of five.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["write_card"]

CASES = {
    "21 channels, 100 nuisances, 2016 templates": (21, 8, 48, 52),
    "3 channels, 30 shapes, 180 templates": (3, 6, 30, 10),
}
_TIMED = """
import json, sys, time
start = time.perf_counter()
import smoothfit
imported = time.perf_counter()
smoothfit.read_datacard(sys.argv[1])
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""


def write_card(folder: Path, n_channels: int, n_processes: int, n_shapes: int, n_norms: int) -> Path:
    """A card of 20 bins a channel; each shape acts on one process a channel, each lnN on a third of all."""
    import uproot

    rng = np.random.default_rng(1)
    edges = np.linspace(0.0, 1.0, 21)
    processes = ["sig", *(f"bkg{i}" for i in range(1, n_processes))]
    channels = [f"c{c}" for c in range(n_channels)]
    columns = [(channel, process) for channel in channels for process in processes]
    acting: list[set[tuple[str, str]]] = [set() for _ in range(n_shapes)]
    with uproot.recreate(folder / "templates.root") as file:
        for c, channel in enumerate(channels):
            nominal = {process: rng.uniform(5.0, 50.0, 20) for process in processes}
            for process, yields in nominal.items():
                file[f"{channel}/{process}"] = (yields, edges)
            file[f"{channel}/data_obs"] = (rng.poisson(sum(nominal.values())).astype(float), edges)
            for s in range(n_shapes):
                process = processes[(s + c) % n_processes]
                acting[s].add((channel, process))
                for side in ("Up", "Down"):
                    varied = nominal[process] * rng.uniform(0.9, 1.1, 20)
                    file[f"{channel}/{process}_shape{s}{side}"] = (varied, edges)
    numbers = [str(processes.index(process)) for _, process in columns]
    lines = [
        "imax *",
        "jmax *",
        "kmax *",
        "shapes * * templates.root $CHANNEL/$PROCESS $CHANNEL/$PROCESS_$SYSTEMATIC",
        " ".join(["bin", *channels]),
        " ".join(["observation", *(["-1"] * n_channels)]),
        " ".join(["bin", *(channel for channel, _ in columns)]),
        " ".join(["process", *(process for _, process in columns)]),
        " ".join(["process", *numbers]),
        " ".join(["rate", *(["-1"] * len(columns))]),
    ]
    for s, found in enumerate(acting):
        lines.append(" ".join([f"shape{s} shape", *("1" if at in found else "-" for at in columns)]))
    for k in range(n_norms):
        lines.append(
            " ".join([f"norm{k} lnN", *("1.05" if u < 1 / 3 else "-" for u in rng.random(len(columns)))])
        )
    path = folder / "card.txt"
    path.write_text("\n".join([*lines, "* autoMCStats 10", ""]), encoding="utf-8")
    return path


def main() -> None:
    """Write, read and print."""
    for name, sizes in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            card = write_card(Path(folder), *sizes)
            runs = []
            for _ in range(5):
                command = [sys.executable, "-c", _TIMED, str(card)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout))
        for what, seconds in zip(("import", "read_datacard"), zip(*runs, strict=True), strict=True):
            low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
            print(f"{name}: {what} {middle:.2f} s ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
