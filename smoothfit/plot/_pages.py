"""All pages of a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["pages"]


def pages(draw: Callable[..., Figure], record: Any, **options: Any) -> list[Figure]:
    """All pages of a picture whose list is longer than a slide; :func:`save_figure` makes one PDF of them.

    Parameters
    ----------
    draw
        A function that has ``page``, as :func:`pulls` or :func:`impacts`.
    record
        What to draw.
    **options
        For the function, but ``page``.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothfit.plot import pulls
    >>> from smoothfit.results import Pulls
    >>> record = Pulls(tuple("abcde"), (None,) * 5, np.zeros(5), np.ones(5))
    >>> len(pages(pulls, record, n=2))
    3
    """
    first = draw(record, page=1, **options)
    return [first, *(draw(record, page=page, **options) for page in range(2, first.pages + 1))]  # type: ignore[attr-defined]
