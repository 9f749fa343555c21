"""All figures side by side with the peers: ``python -m benchmarks.run``.

    python -m benchmarks.run                    everything, under 20 minutes on 2 cores; writes RESULTS.md
    python -m benchmarks.run --list             the names of the figures
    python -m benchmarks.run --only w3-fit w1   some of them
    python -m benchmarks.run --quick            one repetition, no slow peers, nothing written

``--peers-python PATH`` is another interpreter, for tools that are not installed in this one. Tools that are
in neither are reported as not installed. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence

from benchmarks import report
from benchmarks.figures import FIGURES, Row
from benchmarks.measuring import Bench
from benchmarks.processes import Failure

__all__ = ["ELSEWHERE", "main"]

ELSEWHERE = {
    "robustness": "how many fits of random models are right, and the peers' rates",
    "gpu": "batches of fits of W1, W3 and W5 on a GPU",
    "memory": "bytes that prepared models keep",
    "fitters": "every fitter of the library on W1 and W3",
}
"""Commands of their own."""


def show(name: str, what: str, rows: Sequence[Row]) -> None:
    """Ours, the peer's, the ratio, the bar, and whether it is met."""
    print(f"\n{name}: {what}")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g} x"
        peer = f"{row.peer}: {row.theirs}" if row.peer else ""
        bar = f"asked {row.bar}: {row.verdict}" if row.bar else ""
        print("  " + " | ".join(part for part in (row.what, row.ours, peer, ratio, bar) if part), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="print the names of the figures and stop")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(FIGURES), help="these figures only")
    parser.add_argument("--quick", action="store_true", help="one repetition, no slow peers, nothing written")
    parser.add_argument("--peers-python", metavar="PATH", help="an interpreter with more tools")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md and results.json alone")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    asked = _parser().parse_args(arguments)
    if asked.list:
        for figure in FIGURES.values():
            print(f"{figure.name:14}{figure.what}")
        for command, what in ELSEWHERE.items():
            print(f"by itself: python -m benchmarks.{command}: {what}")
        return
    interpreters = [sys.executable, *([asked.peers_python] if asked.peers_python else [])]
    # Ended from outside, the run ends its workers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(interpreters, quick=asked.quick)
    started = time.perf_counter()
    try:
        for name in asked.only or FIGURES:
            at, cores = time.perf_counter(), report.Cores()
            try:
                rows = FIGURES[name].measure(bench)
            except Failure as error:
                # Ours broke: a peer's failure is in its row.
                rows = [Row(FIGURES[name].what, f"failed: {error}", bar="to run", margin=0.0)]
            show(name, FIGURES[name].what, rows)
            print(f"  [{time.perf_counter() - at:.0f} s, {cores}]", flush=True)
            if not (asked.quick or asked.no_write):
                # Each at once: a run that is interrupted loses nothing that is done.
                found = {name: [row.to_dict() for row in rows]}
                report.write(found, bench.versions, machine=str(cores))
    finally:
        bench.close()
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
