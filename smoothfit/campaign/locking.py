"""One writer a folder: a lock that the system takes back when its holder ends, however that ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import CampaignError, CampaignLockedError, OutputFileError

__all__ = ["LOCK", "locked"]

LOCK = "lock"
"""Name of the file; it stays, as removing it could remove another's lock."""

_HELD = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises
    ------
    CampaignLockedError
        Naming who holds it.
    CampaignError
        If the file system has no locks.
    OutputFileError
        If the folder cannot be written.
    """
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputFileError(f"'{path}' cannot be written: {error.strerror or error}.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise CampaignLockedError(
                    f"'{folder}': {_holder(handle)} is writing this campaign; wait for it, or end it."
                ) from error
            raise CampaignError(
                f"'{folder}': its file system cannot lock files ({error.strerror}), so two writers would "
                "not be noticed; take a folder on another one."
            ) from error
        # Who it is helps the next one; the lock holds without.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, _self())
        yield
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _self() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return f"process {found['pid']} on {found['host']}, since {found['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
