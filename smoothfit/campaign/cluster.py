"""Blocks made by the workers of a ``dask.distributed`` cluster, which may die, as may its scheduler.

Blocks are pure tasks: one that is lost is given out again. A few are given out at a time, and what comes
back is written at once, so that memory stays bounded on both sides.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from .._checks import describe
from .._optional import require
from ..errors import CampaignError, CampaignInterruptedError, InvalidTypeError, SmoothfitError
from .status import Course
from .tasks import Recipe, make_block

__all__ = ["Connection", "Jobs", "connected"]

_LEAST = 16
"""Blocks given out, at least: clusters that grow with their work must see some."""
_EACH = 2
"""Blocks given out a thread of the workers."""
_LOOK = 1.0
"""Seconds between looks at the connection, while nothing comes."""
_FETCHING = 30.0
"""Seconds for a finished block to come from its worker."""
_DEADLY = 4
"""A block that dask gave up so often, as its workers died, is not given out again."""
_CONNECTING = 10.0


def _distributed() -> Any:
    return require("distributed", feature="Campaign.run(client=...)", extra="dask")


@cache
def _lost() -> tuple[type[BaseException], ...]:
    """What calls to a cluster raise when it is lost."""
    client = require("distributed.client", feature="Campaign.run(client=...)", extra="dask")
    closed = getattr(client, "ClosedClientError", OSError)
    return (OSError, TimeoutError, concurrent.futures.CancelledError, asyncio.CancelledError, closed)


class Connection:
    """A client that is made again when its cluster was lost."""

    def __init__(self, given: Any, patience: float) -> None:
        distributed = _distributed()
        self._patience = patience
        self._own: Any = None
        if isinstance(given, distributed.Client):
            if given.asynchronous:
                raise InvalidTypeError("Campaign.run: the client is asynchronous; give one that is not.")
            address, security = given.scheduler.address, given.security
            self._make = lambda: self._connect(address, security)
            self.client = given
        elif isinstance(given, str):
            self._make = lambda: self._connect(given, None)
            self.client = self._wait("no cluster answers")
        elif callable(given):
            self._make = given
            self.client = self._wait("no cluster answers")
        else:
            raise InvalidTypeError(
                "Campaign.run: client must be a distributed.Client, the address of a scheduler, or a "
                f"function that makes a client, got {describe(given)}."
            )

    @staticmethod
    def _connect(address: str, security: Any) -> Any:
        client = _distributed().Client
        return client(address, security=security, timeout=_CONNECTING, set_as_default=False)

    def _wait(self, what: str) -> Any:
        """A client that was made, as soon as that can be done."""
        until = time.monotonic() + self._patience
        while True:
            try:
                self._own = self._make()
                return self._own
            except _lost() as error:
                if time.monotonic() > until:
                    raise CampaignInterruptedError(
                        f"Campaign.run: {what} within {self._patience:g} s ({type(error).__name__}: "
                        f"{error}); finished blocks are kept, run the campaign again to go on."
                    ) from error
                time.sleep(_LOOK)

    @property
    def alive(self) -> bool:
        """As far as the client has noticed."""
        return bool(self.client.status == "running")

    def again(self) -> None:
        """Connect anew."""
        self.close()
        self.client = self._wait("the cluster was lost, and did not come back")

    def close(self) -> None:
        """The client that was made here; not one that was given."""
        if self._own is not None:
            with contextlib.suppress(*_lost()):
                self._own.close(timeout=_LOOK)
            self._own = None


@contextlib.contextmanager
def connected(given: Any, patience: float) -> Iterator[Connection]:
    """A :class:`Connection` to a client, an address, or what a function makes; closed at the end."""
    connection = Connection(given, patience)
    try:
        yield connection
    finally:
        connection.close()


class Jobs:
    """Blocks that are given out, until all are accepted.

    Parameters
    ----------
    accept
        Called with a block's number, its bytes and where they come from.
    """

    def __init__(
        self,
        connection: Connection,
        recipe: Recipe,
        accept: Callable[[int, bytes, str], None],
        course: Course,
    ) -> None:
        self._connection, self._recipe, self._accept, self._course = connection, recipe, accept, course
        self._killed = _distributed().KilledWorker
        self._waiting: deque[int] = deque()
        self._running: dict[Any, int] = {}
        self._deaths: Counter[int] = Counter()
        self._sent: Any = None
        self._limit = _LEAST
        self._looked = -1.0

    def run(self, blocks: Iterable[int]) -> None:
        """Until all are accepted.

        Raises
        ------
        CampaignInterruptedError
            If the cluster is lost, and does not come back.
        CampaignError
            If a block ends its workers again and again, or raises.
        """
        self._waiting.extend(blocks)
        try:
            while self._waiting or self._running:
                try:
                    self._hand_out()
                    for future in self._finished():
                        self._take(future)
                except SmoothfitError:
                    # Some are OSErrors, too.
                    raise
                except _lost():
                    if not self._connection.alive:
                        self._recover()
        finally:
            self._give_up()

    def _hand_out(self) -> None:
        client = self._connection.client
        if not self._connection.alive:
            raise OSError("the connection to the scheduler is lost")
        if self._sent is None:
            # As a task, so that the scheduler has it made again when the workers that hold it die.
            key = f"smoothfit-recipe-{secrets.token_hex(8)}"
            self._sent = client.submit(Recipe, self._recipe.manifest, self._recipe.model, key=key)
        if time.monotonic() > self._looked + _LOOK:
            self._limit = max(_LEAST, _EACH * sum(client.nthreads().values()))
            self._looked = time.monotonic()
        while self._waiting and len(self._running) < self._limit:
            k = self._waiting[0]
            key = f"smoothfit-block-{k}-{secrets.token_hex(8)}"
            self._running[client.submit(make_block, self._sent, k, key=key)] = k
            self._waiting.popleft()

    def _finished(self) -> list[Any]:
        if not self._running:
            return []
        with contextlib.suppress(*_lost()), self._connection.client.as_current():
            _distributed().wait(list(self._running), timeout=_LOOK, return_when="FIRST_COMPLETED")
        return [future for future in self._running if future.done()]

    def _take(self, future: Any) -> None:
        """The block of a future that is done, or the block back."""
        k = self._running[future]
        if future.status == "finished":
            content = future.result(timeout=_FETCHING)
            self._accept(k, content, f"block {k} of a worker")
        elif future.status == "error":
            self._failed(k, future.exception(timeout=_FETCHING))
        else:
            # Cancelled or lost, as the scheduler was; the client may have found another.
            self._waiting.append(k)
            self._forget_recipe()
        del self._running[future]
        future.release()

    def _failed(self, k: int, error: BaseException) -> None:
        if not isinstance(error, self._killed):
            raise CampaignError(
                f"block {k} could not be made by a worker: {type(error).__name__}: {error}"
            ) from error
        if self._sent is not None and self._sent.status == "error":
            self._sent = None
        self._course.lost_workers += 1
        self._deaths[k] += 1
        if self._deaths[k] >= _DEADLY:
            raise CampaignError(
                f"block {k} ended every worker that had it ({error}); workers may lack memory: give them "
                "more, or take shorter blocks in a new folder."
            ) from error
        self._waiting.append(k)

    def _recover(self) -> None:
        self._waiting.extend(self._running.values())
        self._running.clear()
        self._forget_recipe()
        self._connection.again()

    def _forget_recipe(self) -> None:
        """It is gone with its scheduler; once for each."""
        if self._sent is not None:
            self._sent = None
            self._course.lost_schedulers += 1

    def _give_up(self) -> None:
        """Nothing is left on the cluster, if it can be reached."""
        if self._running and self._connection.alive:
            with contextlib.suppress(*_lost()):
                self._connection.client.cancel(list(self._running))
        self._running.clear()
        self._sent = None
