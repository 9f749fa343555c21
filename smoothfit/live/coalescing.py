"""Doing something soon, once, however often it is asked for.

A slider that is dragged sends an event a pixel. Each changes a value, which is cheap; what follows from the
values is drawn once, after the events that had come by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Coalescing"]

_DELAY = 0.01
"""Seconds to wait for more: less than one notices, more than an event takes to arrive."""


class Coalescing:
    """Calls a function soon after it was asked to; at once where no event loop runs.

    Examples
    --------
    >>> done = []
    >>> async def drag():
    ...     soon = Coalescing(lambda: done.append("drawn"))
    ...     for _ in range(100):
    ...         soon()
    ...     await asyncio.sleep(0.1)
    >>> asyncio.run(drag())
    >>> done
    ['drawn']
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function, self._waiting = function, False

    def __call__(self) -> None:
        if self._waiting:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._function()
            return
        self._waiting = True
        loop.call_later(_DELAY, self._run)

    def _run(self) -> None:
        # First: what is asked for meanwhile is not done yet.
        self._waiting = False
        self._function()
