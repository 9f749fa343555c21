"""From a clone to a fit of one's own file: ``python -m benchmarks.first_time``.

Does in a temporary folder what README says, without caches, and prints what each step took: seconds
on the clock, and those of the processor, which depend less on what else the machine does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALL = 'pip install ".[io,plot]"'
FIT = "smoothfit fit shapes.root --naming '{process}_{systematic}{Up|Down}' --signals sig --plot fit.png"
STEPS = {
    "1. get it": f"git clone --quiet {ROOT} clone",
    "2. an environment": "cd clone && python3 -m venv .venv",
    "3. install": f"cd clone && . .venv/bin/activate && {INSTALL} --quiet",
    "4. fit, the first time": f"cd clone && . .venv/bin/activate && {FIT}",
    "(the fit again)": f"cd clone && . .venv/bin/activate && {FIT}",
    "(without the picture)": f"cd clone && . .venv/bin/activate && {FIT.partition(' --plot')[0]}",
    "(import smoothfit)": "cd clone && . .venv/bin/activate && python -c 'import smoothfit'",
}
OWN_FILE = """
import numpy as np, uproot
edges = np.linspace(100.0, 180.0, 17)
x = 0.5 * (edges[1:] + edges[:-1])
sig, bkg = 40.0 * np.exp(-0.5 * ((x - 125.0) / 5.0) ** 2), 120.0 * np.exp(-(x - 100.0) / 40.0)
tilt = 0.02 * (x - 140.0) / 40.0
with uproot.recreate("clone/shapes.root") as file:
    file["sig"], file["bkg"] = (sig, edges), (bkg, edges)
    file["bkg_jesUp"], file["bkg_jesDown"] = (bkg * (1.0 + tilt), edges), (bkg * (1.0 - tilt), edges)
    file["data_obs"] = np.random.default_rng(1).poisson(sig + bkg).astype(float), edges
"""


def main() -> int:
    """Do the steps and print a table; returns the exit status."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in (INSTALL, FIT, "python3 -m venv .venv && . .venv/bin/activate"):
        assert line in readme, f"README does not say: {line}"
    print("| step | seconds | of the processor |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "JAX_PLATFORMS")}
        environment["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
        for name, command in STEPS.items():
            if name.startswith("4"):
                made = [sys.executable, "-c", OWN_FILE]
                subprocess.run(made, check=True, cwd=folder, env=os.environ)
            clock, processor = time.monotonic(), _processor()
            done = subprocess.run(
                command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                print(f"{name}: {command}\n{done.stderr}", file=sys.stderr)
                return 1
            print(f"| {name} | {time.monotonic() - clock:.1f} | {_processor() - processor:.1f} |", flush=True)
    return 0


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
