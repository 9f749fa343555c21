"""W1, W2, W4 and W5: many processes, many nuisances, many bins, and an unfolding with its toys."""

from __future__ import annotations

from benchmarks.figures.table import Row, against, figure, limited
from benchmarks.measuring import Bench

__all__: list[str] = []


@figure("w1", "W1: the fitting kernel, model.fit, a scan of 100 points")
def w1(bench: Bench) -> list[Row]:
    """101 parameters, 101 processes."""
    kernel = bench.pair("W1", "kernel", "bfgs")
    fit = bench.pair("W1", "fit", "minuit_hessian")
    scan = bench.pair("W1", "scan", "minuit_hessian", n=6)
    rows = [
        against("kernel / BFGS", kernel, "BFGS", within=2),
        limited("model.fit", [fit.ours], 3e-3),
        limited("scan, 100 points", [scan.ours], 60e-3),
        against("model.fit / MIGRAD", fit, "iminuit + JAX Hessian"),
        against("scan, 100 points", scan, "iminuit + JAX Hessian"),
        against("model.fit / fit", bench.pair("W1", "fit", "nextstat"), "NextStat"),
        against("scan, 100 points", bench.pair("W1", "scan", "nextstat", n=6), "NextStat"),
    ]
    if not bench.quick:
        rows.append(
            against("model.fit / fit", bench.pair("W1", "fit", "pyhf_minuit", n=3), "pyhf jax + minuit")
        )
    bench.close("W1")
    return rows


@figure("w2", "W2: 1000 nuisances; 5000 bins")
def w2(bench: Bench) -> list[Row]:
    """``model.fit`` with covariance."""
    rows = []
    for workload, words, limit in (
        ("W2_n1000_b100", "1000 nuisances: model.fit", 0.35),
        ("W2_n50_b5000", "5000 bins: model.fit", 0.15),
    ):
        pair = bench.pair(workload, "fit", "bfgs", peer_task="kernel", n=8)
        rows.append(limited(words, [pair.ours], limit))
        rows.append(against(f"{words} / BFGS", pair, "BFGS"))
        rows.append(
            against(
                f"{words} / MIGRAD",
                bench.pair(workload, "fit", "minuit_hessian", n=4),
                "iminuit + JAX Hessian",
            )
        )
        bench.close(workload)
    return rows


@figure("w4", "W4: fit with covariance, and Minos bounds of the 5 signal strengths")
def w4(bench: Bench) -> list[Row]:
    """One after the other."""
    fit, minos = bench.pair("W4", "fit", "minuit_hessian"), bench.pair("W4", "minos", "minuit_hessian")
    rows = [
        limited("fit, covariance and 5 Minos", [fit.ours, minos.ours], 15e-3),
        against("model.fit / MIGRAD", fit, "iminuit + JAX Hessian"),
        against("5 Minos", minos, "iminuit + JAX Hessian"),
        against("kernel / BFGS", bench.pair("W4", "kernel", "bfgs"), "BFGS"),
        against("model.fit / fit", bench.pair("W4", "fit", "nextstat"), "NextStat"),
    ]
    if not bench.quick:
        rows.append(
            against("model.fit / fit", bench.pair("W4", "fit", "pyhf_minuit", n=4), "pyhf jax + minuit")
        )
        rows.append(against("model.fit / fit", bench.pair("W4", "fit", "cabinetry", n=4), "cabinetry"))
    bench.close("W4")
    return rows


@figure("w5", "W5: 1000 toys of W4")
def w5(bench: Bench) -> list[Row]:
    """Against the better of a loop and of ``vmap`` over BFGS, against evermore, and how many converge."""
    loop, together = bench.pair("W5", "toys", "bfgs", n=6), bench.pair("W5", "toys", "bfgs_vmap", n=6)
    timed = [pair for pair in (loop, together) if not pair.peer.error]
    best = min(timed, key=lambda pair: pair.peer.seconds / pair.ours.seconds) if timed else loop
    name = "BFGS, loop in jit" if best is loop else "BFGS, vmap"
    evermore = bench.pair("W5", "toys", "evermore", n=6)
    ours = loop.ours
    converged = Row(
        "toys that converged", ours.error or f"{ours.of - ours.failed} of {ours.of}", bar="all 1000"
    )
    converged.margin = 0.0 if ours.error else (ours.of - ours.failed) / max(ours.of, 1)
    rows = [
        against("1000 toys", evermore, "evermore + BFGS, vmap", at_least=3),
        against("1000 toys", best, name, at_least=1.5),
        converged,
        against(
            "1000 toys",
            together if best is loop else loop,
            "BFGS, vmap" if best is loop else "BFGS, loop in jit",
        ),
    ]
    if not bench.quick:
        rows.append(against("1000 toys", bench.pair("W5", "toys", "nextstat", n=3), "NextStat, on all cores"))
        iminuit = bench.pair("W5", "toys", "minuit_hessian", part=200, whole=1000, n=3)
        rows.append(against("1000 toys", iminuit, "iminuit + JAX Hessian"))
    bench.close("W5")
    return rows
