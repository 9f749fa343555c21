"""Coverage-guided fuzzing of parsers: ``python tests/io/fuzz_with_atheris.py card|formula [options]``.

Needs atheris (``pip install atheris``), and is not part of the test suite; such as ``-max_total_time=300``
tells it when to end. Anything but a value or an error of ours ends it with the input that did it, and so
does an input that takes longer than ``-timeout`` seconds or more memory than ``-rss_limit_mb``.
"""

from __future__ import annotations

import contextlib
import sys


def main() -> None:
    """Fuzz the parser that the first argument names."""
    import atheris

    with atheris.instrument_imports(include=["smoothfit.io.datacard", "smoothfit.io.formula"]):
        from smoothfit.errors import SmoothfitError
        from smoothfit.io.datacard.grammar import read_card
        from smoothfit.io.formula import Formula

    def card(data: bytes) -> None:
        try:
            read_card(data.decode("utf-8", "replace"), "card.txt")
        except SmoothfitError as error:
            if "card.txt" not in str(error):
                raise AssertionError(f"no file in: {error}") from error

    def formula(data: bytes) -> None:
        with contextlib.suppress(SmoothfitError):
            Formula(data.decode("utf-8", "replace"), ["a", "b", "mu_1"])(1.5, 0.5, 2.0)

    atheris.Setup(sys.argv, {"card": card, "formula": formula}[sys.argv.pop(1)])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
