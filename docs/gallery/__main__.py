"""``python -m docs.gallery``: every picture of every subject, and a page with them."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from smoothfit import plot

from .page import Shown, write_page
from .pictures import PICTURES, drawable, drawn_by, small_png
from .subjects import SUBJECTS, Missing, Subject, make

_ROOT = Path(__file__).resolve().parents[2]
_DEFAULT, BASELINE = _ROOT / "site" / "gallery", _ROOT / "tests" / "plot" / "baseline"


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m docs.gallery", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="subjects or pictures; all by default")
    parser.add_argument("--out", type=Path, default=_DEFAULT, help="folder (site/gallery)")
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png")
    parser.add_argument(
        "--baseline", action="store_true", help="renew the small pictures that the tests compare with"
    )
    arguments = parser.parse_args(given)
    unknown = [name for name in arguments.names if name not in SUBJECTS and name not in PICTURES]
    if unknown:
        parser.error(
            f"nothing is called '{unknown[0]}'; subjects: {', '.join(SUBJECTS)}; "
            f"pictures: {', '.join(PICTURES)}"
        )
    return arguments


def _draw(subject: Subject, name: str, path: Path, *, baseline: bool) -> str:
    """Draw one picture; what went wrong, or nothing."""
    try:
        figure = PICTURES[name].draw(subject)
        path.write_bytes(small_png(figure)) if baseline else plot.save_figure(figure, path)
    # A picture that fails must not keep the others from being drawn: it is reported, and the status says so.
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return ""


def main(given: list[str] | None = None) -> int:
    """Draw; 0 if all pictures are there, 1 if one failed."""
    arguments = _arguments(given)
    chosen_subjects = [name for name in arguments.names if name in SUBJECTS] or list(SUBJECTS)
    chosen = {name for name in arguments.names if name in PICTURES} or set(PICTURES)
    if arguments.baseline:
        arguments.out, arguments.format = BASELINE, "png"
    arguments.out.mkdir(parents=True, exist_ok=True)
    shown: list[Shown] = []
    titles: dict[str, str] = {}
    left_out: dict[str, str] = {}
    begun = time.perf_counter()
    for name in chosen_subjects:
        try:
            subject = make(name)
        except Missing as missing:
            left_out[name] = str(missing)
            print(f"{name}: left out, {missing}", flush=True)
            continue
        titles[name] = subject.title
        for picture in [one for one in drawable(subject) if one in chosen]:
            file = f"{name}_{picture}.{arguments.format}"
            started = time.perf_counter()
            error = _draw(subject, picture, arguments.out / file, baseline=arguments.baseline)
            shown.append(Shown(name, picture, PICTURES[picture].caption, file, error))
            print(f"{file}: {error or f'{time.perf_counter() - started:.1f} s'}", flush=True)
    if arguments.baseline:
        page = arguments.out / "made_with.txt"
        page.write_text(f"{drawn_by()}\n", encoding="utf-8")
    else:
        page = write_page(arguments.out, titles, shown, left_out)
    failed = [one for one in shown if one.error]
    print(
        f"{len(shown) - len(failed)} pictures, {len(failed)} failed, "
        f"{time.perf_counter() - begun:.0f} s: {page}"
    )
    return 1 if failed or not shown else 0


if __name__ == "__main__":
    sys.exit(main())
