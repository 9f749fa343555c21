"""Change tracking: builders count their changes, so that a prepared model knows when it is stale.

A model asks :func:`total_changes` first: if no builder anywhere changed since it last looked, it
is not stale. Otherwise it compares the :attr:`Tracked.revision` of each of its own builders, and
:attr:`Tracked.last_change` says what to name in the error.
"""

from __future__ import annotations

__all__ = ["Tracked", "total_changes"]


class _Counter:
    """How often any builder of this process changed; only ever grows."""

    total: int = 0


def total_changes() -> int:
    """Number of changes made to all builders so far.

    Examples
    --------
    >>> from smoothfit.build import ChannelContrib, Variable
    >>> contrib = ChannelContrib("SR", [50.0, 1.0])
    >>> before = total_changes()
    >>> _ = contrib.scale_by(Variable("mu", 1.0))
    >>> total_changes() - before
    1
    """
    return _Counter.total


class Tracked:
    """Base class of the builders that may change after they were made.

    Examples
    --------
    >>> class Builder(Tracked):
    ...     def add(self):
    ...         self._changed("add() on Builder")
    >>> builder = Builder()
    >>> builder.add()
    >>> builder.revision, builder.last_change
    (1, 'add() on Builder')
    """

    _revision: int = 0
    _last_change: str = ""

    @property
    def revision(self) -> int:
        """Number of changes made to this object."""
        return self._revision

    @property
    def last_change(self) -> str:
        """The change made last, in words; empty if there was none."""
        return self._last_change

    def _changed(self, what: str) -> None:
        self._revision += 1
        self._last_change = what
        _Counter.total += 1
