"""All pages of a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["all_pages", "pages"]


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
    return all_pages(draw(record, page=1, **options))


def all_pages(figure: Figure) -> list[Figure]:
    """All pages of the list that a figure is the first page of; the figure itself if it has one.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothfit.plot import pulls
    >>> from smoothfit.results import Pulls
    >>> figure = pulls(Pulls(tuple("abcde"), (None,) * 5, np.zeros(5), np.ones(5)), n=3)
    >>> [len(page.axes[0].get_yticklabels()) for page in all_pages(figure)]
    [3, 2]
    """
    again = getattr(figure, "again", None)
    if again is None:
        return [figure]
    return [figure, *(again(page=page) for page in range(2, figure.pages + 1))]  # type: ignore[attr-defined]
