"""W3: 261 parameters, 192 bins, the size of a differential measurement."""

from __future__ import annotations

from benchmarks.figures.table import Row, against, figure, limited
from benchmarks.measuring import Bench, Pair, Timing

__all__: list[str] = []

_SLOW_S = 300.0
_VERY_SLOW_S = 100.0
"""For cabinetry, which takes some 200 s on two cores: the whole run must end in 20 minutes."""
N_PULLS = 63
N_NUISANCES = 255
_PULLS_OF_THE_HESSIAN, _IMPACTS_OF_THE_HESSIAN = 7, 8
_PULLS_OF_THE_GRADIENT, _IMPACTS_OF_THE_GRADIENT = 2, 3


def _sum(title: str, first: Timing, second: Timing) -> Timing:
    """Two tasks of one tool as one."""
    later = [first.seconds + second.seconds] if first.later and second.later else []
    return Timing(title, first.first + second.first, later, error=first.error or second.error)


@figure("w3-fit", "W3: the fitting kernel, and model.fit with status and covariance")
def fits(bench: Bench) -> list[Row]:
    """Ours alternates with each peer."""
    kernel = bench.pair("W3", "kernel", "bfgs")
    whole = bench.pair("W3", "fit", "bfgs", peer_task="kernel")
    hessian_kernel = bench.pair("W3", "kernel", "minuit_hessian")
    migrad = bench.pair("W3", "fit", "minuit_hessian")
    hesse = bench.pair("W3", "fit", "minuit_hessian", peer_task="covariance")
    both = Pair(hesse.ours, _sum(migrad.peer.title, migrad.peer, hesse.peer))
    rows = [
        against("kernel / BFGS", kernel, "BFGS", at_least=4),
        against("model.fit / BFGS, which has no covariance", whole, "BFGS", at_least=4),
        against("kernel / MIGRAD", hessian_kernel, "iminuit + JAX Hessian", at_least=20),
        against("model.fit / MIGRAD and HESSE", both, "iminuit + JAX Hessian", at_least=20),
    ]
    slow = bench.pair("W3", "fit", "pyhf_minuit", limit_s=_SLOW_S) if not bench.quick else None
    if slow is not None:
        rows.append(against("model.fit / fit with HESSE", slow, "pyhf jax + minuit", at_least=1000))
    rows.append(
        against(
            "model.fit / MIGRAD", bench.pair("W3", "fit", "minuit_gradient", n=4), "iminuit + JAX gradient"
        )
    )
    rows.append(against("kernel / BFGS", bench.pair("W3", "kernel", "evermore"), "evermore + BFGS"))
    rows.append(against("model.fit / fit", bench.pair("W3", "fit", "nextstat", n=4), "NextStat"))
    if not bench.quick:
        rows.append(
            against(
                "kernel / SLSQP",
                bench.pair("W3", "kernel", "pyhf_scipy", limit_s=_SLOW_S),
                "pyhf jax + scipy",
            )
        )
        rows.append(
            against(
                "model.fit / fit", bench.pair("W3", "fit", "cabinetry", limit_s=_VERY_SLOW_S), "cabinetry"
            )
        )
    return rows


@figure("w3-process", "W3 with errors that scale with the processes")
def by_process(bench: Bench) -> list[Row]:
    """Against ours with errors that scale with the total."""
    total, process = bench.alone("W3", "fit"), bench.alone("W3_process", "fit")
    rows = [
        against("model.fit", Pair(process, total), 'smoothfit, scaling="total"', within=4),
        against("kernel / BFGS", bench.pair("W3_process", "kernel", "bfgs"), "BFGS"),
    ]
    bench.close("W3_process")
    return rows


@figure("w3-minos", "W3: Minos bounds of the 6 signal strengths, and of the 63 nuisances (pulls)")
def minos(bench: Bench) -> list[Row]:
    """Against iminuit's MINOS."""
    rows = [
        against(
            "6 Minos", bench.pair("W3", "minos", "minuit_hessian", n=6), "iminuit + JAX Hessian", at_least=8
        ),
        against(
            "63 pulls by Minos",
            bench.pair("W3", "pulls", "minuit_hessian", part=_PULLS_OF_THE_HESSIAN, whole=N_PULLS, n=4),
            "iminuit + JAX Hessian",
            at_least=8,
        ),
    ]
    if not bench.quick:
        rows += [
            against("6 Minos", bench.pair("W3", "minos", "minuit_gradient", n=2), "iminuit + JAX gradient"),
            against(
                "63 pulls by Minos",
                bench.pair("W3", "pulls", "minuit_gradient", part=_PULLS_OF_THE_GRADIENT, whole=N_PULLS, n=2),
                "iminuit + JAX gradient",
            ),
        ]
    return rows


@figure("w3-impacts", "W3: impacts of all 255 nuisances on the 6 signal strengths")
def impacts(bench: Bench) -> list[Row]:
    """Against refits by iminuit, extrapolated from some nuisances of every kind."""
    hessian = bench.pair(
        "W3", "impacts", "minuit_hessian", part=_IMPACTS_OF_THE_HESSIAN, whole=N_NUISANCES, n=4
    )
    rows = [
        limited("255 x 6 impacts", [hessian.ours], 2.0),
        against("255 x 6 impacts", hessian, "iminuit + JAX Hessian", at_least=10),
    ]
    if not bench.quick:
        gradient = bench.pair(
            "W3", "impacts", "minuit_gradient", part=_IMPACTS_OF_THE_GRADIENT, whole=N_NUISANCES, n=2
        )
        one = bench.pair("W3", "impacts", "nextstat", peer_task="impacts_on_one", limit_s=_SLOW_S, n=1)
        rows += [
            against("255 x 6 impacts", gradient, "iminuit + JAX gradient"),
            against("255 x 6 impacts / on one signal strength", one, "NextStat"),
        ]
    return rows
