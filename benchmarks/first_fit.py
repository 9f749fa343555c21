"""The time to the first answer, and to the next ones: ``python benchmarks/first_fit.py``.

Each line is a fresh process with an empty compilation cache, unless it says otherwise.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BEST_KNOWN = {"W1": 50.6727792, "W3": 86.304153, "W3 process": 84.922910, "W4": 33.800930}


def measure_workload(name: str, scaling: str) -> dict[str, float]:
    """Time one workload in this process; seconds and milliseconds as named."""
    started = time.perf_counter()
    import jax
    import numpy as np

    from benchmarks.reference import load
    from benchmarks.workloads import build, in_workload_order

    imported = time.perf_counter() - started
    from smoothfit.fitters import count_traces

    models = load()
    workload = models.get(name)
    model = build(workload, scaling=scaling)
    t = time.perf_counter()
    model.prepare()
    prepare = time.perf_counter() - t
    obs = models.data(workload, "poisson")
    t = time.perf_counter()
    fit = model.fit(obs)
    first = time.perf_counter() - t
    times = []
    for toy in model.toy_pred(fit.x, 20, seed=1):
        t = time.perf_counter()
        model.fit(toy)
        times.append(time.perf_counter() - t)
    traces = count_traces()
    jax.block_until_ready(model.prepared)
    x = in_workload_order(model, workload, fit.x)
    if workload.relerr is None or scaling == "total":
        minimum = models.ref_nll(workload, obs, x)
    else:
        from smoothfit.likelihood import objective

        problem = objective.pose(model.prepared, *_data(model, obs))
        minimum = fit.fun - float(objective.constants(problem))
    return {
        "import_s": imported,
        "prepare_s": prepare,
        "first_fit_s": first,
        "next_fit_ms": 1e3 * float(np.median(times)),
        "traces": traces,
        "nll": minimum,
    }


def _data(model, obs):  # type: ignore[no-untyped-def]
    from smoothfit import functional

    return functional.data_of(model.prepared, obs), functional.nothing_fixed(model.prepared)


def _run(command: list[str], cache: str) -> tuple[float, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    if cache == "off":
        environment["SMOOTHFIT_CACHE"] = "off"
    else:
        environment["XDG_CACHE_HOME"] = cache
    t = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return time.perf_counter() - t, done.stdout


def main() -> None:
    """Print the table."""
    python = sys.executable
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}")
    jax_only, _ = _run([python, "-c", "import jax"], "off")
    with_us, _ = _run([python, "-c", "import smoothfit"], "off")
    print(f"import jax {jax_only:.2f} s; import smoothfit {with_us:.2f} s")
    print("workload     prepare   first fit   next fit   traces   minimum       above the best known")
    for name, scaling in (("W1", "total"), ("W3", "total"), ("W3", "process"), ("W4", "total")):
        command = [python, __file__, name, scaling]
        found = json.loads(_run(command, "off")[1])
        label = name if scaling == "total" else f"{name} {scaling}"
        times = (
            f"{found['prepare_s']:5.2f} s   {found['first_fit_s']:6.2f} s   {found['next_fit_ms']:5.1f} ms"
        )
        above = found["nll"] - BEST_KNOWN[label]
        print(f"{label:12s} {times}   {found['traces']:4.0f}     {found['nll']:.7f}    {above:+.1e}")
    from benchmarks.reference import shared

    workspace = shared("data", "converter-ridolfi", "test", "big_model", "bottom-squarks.json")
    fit = [python, "-m", "smoothfit", "fit", str(workspace), "--json"]
    cold, printed = _run(fit, "off")
    status = json.loads(printed)["message"]
    with tempfile.TemporaryDirectory() as cache:
        _run(fit, cache)
        cached, _ = _run(fit, cache)
    print(
        f"smoothfit fit sbottom RegionC, whole process: {cold:.2f} s cold, {cached:.2f} s cached ({status})"
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure_workload(sys.argv[1], sys.argv[2])))
    else:
        main()
