"""How often a fit finds the minimum, and says so if not: ``python -m benchmarks.robustness``.

Random models (:mod:`benchmarks.random_models`), each with a toy, fitted once and compared with the lowest
that anyone finds: the same fit from nine more starts, scipy's trust-constr, and iminuit's MIGRAD, which gets
the NLL with bin parameters explicit. That NLL judges them all. A fit is *valid* if its status is
CONVERGED and its NLL within 1e-6 of the lowest. One that is not valid must say so by its status.

Results are kept case by case, so that a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from smoothfit import functional
from smoothfit.status import Status

from .random_models import ONE_SIDED, STRUCTURES, Case, Structure, draw
from .sections import write_section

__all__ = ["main", "run", "summarise"]

TOLERANCE = 1e-6
RESTARTS = 10
ASKED = 0.9995
_BLOCK = 10

_nll_and_gradient = jax.jit(jax.value_and_grad(functional.nll, argnums=1))


class _Explicit:
    """The NLL of a case by all parameters, bin parameters too."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._last: tuple[Any, Any, Any] | None = None

    def _at(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        if self._last is None or not np.array_equal(self._last[0], x):
            found = _nll_and_gradient(
                self._case.model.prepared, jnp.asarray(x), jnp.asarray(self._case.obs), self._case.globs
            )
            self._last = (np.array(x), float(found[0]), np.asarray(found[1]))
        return self._last[1], self._last[2]

    def value(self, x: np.ndarray) -> float:
        return self._at(x)[0]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self._at(x)[1]

    def judged(self, x: np.ndarray) -> float:
        """The NLL, infinite outside the bounds and where an expectation is negative."""
        layout = self._case.model.layout
        n = layout.n_params
        if not np.all(np.isfinite(x)) or np.any(x[:n] < layout.lower) or np.any(x[:n] > layout.upper):
            return np.inf
        if np.any(x[n:][layout.bin_counting] < 0.0):
            return np.inf
        expected = self._case.model.pred(x)
        if np.any(expected < -max(1e-8, 1e-9 * np.max(np.abs(expected)))):
            return np.inf
        value = self.value(x)
        return value if np.isfinite(value) else np.inf


def _migrad(case: Case, explicit: _Explicit) -> tuple[bool, np.ndarray]:
    """MIGRAD on the explicit NLL with its gradient: whether it calls its minimum valid, and where."""
    from iminuit import Minuit

    layout = case.model.layout
    start = np.concatenate([case.start, layout.bin_centre])
    minuit = Minuit(explicit.value, start, grad=explicit.gradient, name=layout.names)
    minuit.errordef = Minuit.LIKELIHOOD
    lower = np.concatenate([layout.lower, np.where(layout.bin_counting, 0.0, -np.inf)])
    upper = np.concatenate([layout.upper, np.full(layout.n_bin_params, np.inf)])
    minuit.limits = list(zip(lower, upper, strict=True))
    widths = np.concatenate([np.where(np.isfinite(layout.widths), layout.widths, 0.1), layout.bin_widths])
    minuit.errors = np.where(widths > 0.0, widths, 0.1)
    # MIGRAD's own goal is an EDM of 1e-4: 100 times less, so that 1e-6 can be asked of it.
    minuit.tol = 1e-3
    minuit.migrad(ncall=5000)
    return bool(minuit.valid), np.array(minuit.values)


def _one(structure: Structure, seed: int, number: int) -> dict[str, Any]:
    """Fit one case in all ways."""
    case = draw(structure, seed, number)
    model, explicit = case.model, _Explicit(case)
    options: dict[str, Any] = {"globs": case.globs, "init": case.start, "strict": False}
    began = time.perf_counter()
    ours = model.fit(case.obs, **options)
    took = time.perf_counter() - began
    plain = model.fit(case.obs, fitter="newton", **options) if ours.attempts else ours
    several = model.fit(case.obs, starts=RESTARTS, seed=number, **options)
    scipys = model.fit(case.obs, fitter="trust-constr", **options)
    minuit_valid, minuit_x = _migrad(case, explicit)
    found = {
        "smoothfit": (ours.status, explicit.judged(ours.x)),
        "one attempt": (plain.status, explicit.judged(plain.x)),
        "10 starts": (several.status, explicit.judged(several.x)),
        "trust-constr": (scipys.status, explicit.judged(scipys.x)),
        "minuit": (0 if minuit_valid else 1, explicit.judged(minuit_x)),
    }
    return {
        "structure": structure.name,
        "number": number,
        "bad_start": case.bad_start,
        "ms": 1e3 * took,
        "retries": max(len(ours.attempts) - 1, 0),
        "found": {name: [int(status), nll] for name, (status, nll) in found.items()},
    }


def _cases(models: int, structures: tuple[Structure, ...]) -> Iterable[tuple[Structure, int]]:
    """Some of every structure in turn, so that what was done of a run stands for all of it."""
    sizes = [len(range(k, models, len(structures))) for k in range(len(structures))]
    for begin in range(0, max(sizes), _BLOCK):
        for structure, size in zip(structures, sizes, strict=True):
            for number in range(begin, min(begin + _BLOCK, size)):
                yield structure, number


def run(
    models: int, seed: int, path: Path | None = None, structures: tuple[Structure, ...] = STRUCTURES
) -> list[dict[str, Any]]:
    """All cases; those that the file at ``path`` has already are not done again."""
    done: dict[tuple[str, int], dict[str, Any]] = {}
    if path is not None and path.exists():
        for line in path.read_text().splitlines():
            row = json.loads(line)
            done[row["structure"], row["number"]] = row
    rows, began = [], time.perf_counter()
    for i, (structure, number) in enumerate(_cases(models, structures)):
        row = done.get((structure.name, number))
        if row is None:
            row = _one(structure, seed, number)
            if path is not None:
                with path.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")
        rows.append(row)
        if path is not None and (i + 1) % 50 == 0:
            print(
                f"{i + 1}/{models} models, {time.perf_counter() - began:.0f} s, {structure.name}", flush=True
            )
    return rows


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by fitter: valid, flagged, wrong without saying so; and which cases ours missed."""
    fitters: dict[str, dict[str, int]] = {}
    missed = []
    for row in rows:
        best = min(nll for _, nll in row["found"].values())
        for name, (status, nll) in row["found"].items():
            outcomes = ("valid", "within 1e-3", "flagged", "silently wrong")
            counts = fitters.setdefault(name, dict.fromkeys(outcomes, 0))
            right = nll <= best + TOLERANCE
            outcome = "flagged" if status != Status.CONVERGED else "valid" if right else "silently wrong"
            counts[outcome] += 1
            counts["within 1e-3"] += status == Status.CONVERGED and nll <= best + 1e-3
            if name == "smoothfit" and outcome != "valid":
                above = nll - best
                missed.append({**row, "outcome": outcome, "above": above if np.isfinite(above) else None})
    return {
        "models": len(rows),
        "fitters": fitters,
        "retried": sum(row["retries"] > 0 for row in rows),
        "median_ms": float(np.median([row["ms"] for row in rows])),
        "missed": missed,
    }


_LABELS = {
    "smoothfit": "`model.fit`",
    "one attempt": '`model.fit(fitter="newton")`: one attempt',
    "10 starts": "`model.fit(starts=10)`",
    "trust-constr": "scipy trust-constr, exact derivatives, bin parameters eliminated",
    "minuit": "iminuit MIGRAD, exact gradient, bin parameters explicit",
}


def _table(summary: dict[str, Any]) -> list[str]:
    lines = ["| fitter | valid | within 1e-3 | flagged | silently wrong |", "|---|---|---|---|---|"]
    for name, counts in summary["fitters"].items():
        valid, close = (100.0 * counts[k] / summary["models"] for k in ("valid", "within 1e-3"))
        rest = f"{counts['flagged']} | {counts['silently wrong']}"
        lines.append(f"| {_LABELS[name]} | {valid:.2f}% | {close:.2f}% | {rest} |")
    lines += ["", f"Of `model.fit` with more than one attempt recorded: {summary['retried']}."]
    if summary["missed"]:
        lines += ["Not valid of `model.fit`:", ""]
    for row in summary["missed"]:
        above = "no legal point" if row["above"] is None else f"{row['above']:.2g} above the lowest"
        lines.append(f"- {row['structure']}, number {row['number']}: {row['outcome']}, {above}.")
    return lines


def _section(summary: dict[str, Any], one_sided: dict[str, Any], seed: int) -> str:
    models = summary["models"]
    lines = [
        "## Robustness",
        "",
        f"`python -m benchmarks.robustness --models {models} --seed {seed}`: random models of",
        f"{len(STRUCTURES)} structures, each with a toy, a third of them from bad starts.",
        "Valid: the status is good, and the NLL, with bin parameters explicit, within 1e-6 of the lowest",
        f"that any of these finds. Asked: {100.0 * ASKED:.2f}% valid, all others flagged.",
        "",
        f"{models} models:",
        "",
        *_table(summary),
        "",
        f"{one_sided['models']} models with systematics that change yields to the same side both ways. Their",
        "likelihood may have two minima, and which one a single start finds is a matter of luck, with any",
        "minimiser: such models need `starts=`.",
        "",
        *_table(one_sided),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Run, print and write what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="100 models, nothing written")
    parser.add_argument("--out", type=Path, default=Path("build"), help="where cases and summary go")
    chosen = parser.parse_args(arguments)
    models = 100 if chosen.quick else chosen.models
    path = None
    if not chosen.quick:
        chosen.out.mkdir(parents=True, exist_ok=True)
        path = chosen.out / f"robustness-{chosen.seed}.jsonl"
    summary = summarise(run(models, chosen.seed, path))
    one_sided = summarise(run(max(models // 20, 2), chosen.seed, path, ONE_SIDED))
    section = _section(summary, one_sided, chosen.seed)
    print(section)
    if not chosen.quick:
        results = {"two-sided": summary, "one-sided": one_sided}
        (chosen.out / f"robustness-{chosen.seed}.json").write_text(json.dumps(results, indent=2))
        write_section("robustness", section)


if __name__ == "__main__":
    main()
