"""Writing files whole or not at all: into a temporary file beside the target, then renamed over it.

:func:`write_files` writes several so that either all of them are there or none is new.
:func:`write_durably` writes one that is whole even if the machine stops; :func:`remove_leftovers` removes
what killed processes left. :func:`check_writable` says beforehand whether a path can be written.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from .errors import OutputFileError

__all__ = ["check_writable", "remove_leftovers", "write_durably", "write_files"]


_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")


def _failed(path: Path, error: OSError) -> OutputFileError:
    return OutputFileError(f"'{path}' cannot be written: {error.strerror or error}.")


def _is_special(path: Path) -> bool:
    """A device or a pipe (/dev/null): written to, never replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _new_file_beside(path: Path) -> tuple[int, Path]:
    # Not tempfile: its files are for the owner only, whatever the umask says.
    beside = path.parent / f".{secrets.token_hex(8)}.tmp"
    return os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), beside


def check_writable(path: str | os.PathLike[str]) -> Path:
    """The file that a path names (links followed), after a check that it can be written.

    Raises
    ------
    OutputFileError
        If it is a folder, its folder is missing, or either may not be written.
    """
    if not os.fspath(path):
        raise OutputFileError("An output file needs a name, got an empty one.")
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise OutputFileError(f"'{path}' cannot be written: it is a folder, not a file.")
        if not target.parent.is_dir():
            raise OutputFileError(f"'{path}' cannot be written: there is no folder '{target.parent}'.")
        if target.exists() and not os.access(target, os.W_OK):
            raise OutputFileError(f"'{path}' cannot be written: permission denied.")
        if not _is_special(target):
            handle, beside = _new_file_beside(target)
            os.close(handle)
            beside.unlink()
    except OSError as error:
        if isinstance(error, OutputFileError):
            raise
        raise _failed(Path(path), error) from error
    except ValueError as error:
        raise OutputFileError(f"{os.fspath(path)!r} cannot be written: {error}.") from error
    return target


def _stage(target: Path, content: bytes, *, durable: bool = False) -> Path:
    handle, beside = _new_file_beside(target)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        if target.exists():
            os.chmod(beside, target.stat().st_mode & 0o777)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _undo(done: Mapping[Path, bytes | None]) -> None:
    for target, before in done.items():
        with contextlib.suppress(OSError):
            if before is None:
                target.unlink()
            else:
                target.write_bytes(before)


def write_files(contents: Mapping[str | os.PathLike[str], bytes]) -> None:
    """Write {path: content}; if one cannot be written, none is changed.

    Raises
    ------
    OutputFileError
        If one of them cannot be written, or two paths name one file.
    """
    targets = {check_writable(path): content for path, content in contents.items()}
    if len(targets) < len(contents):
        names = ", ".join(f"'{os.fspath(path)}'" for path in contents)
        raise OutputFileError(f"Two outputs are one file: {names}; give them different names.")
    staged: dict[Path, Path] = {}
    done: dict[Path, bytes | None] = {}
    path = Path()
    try:
        for path, content in targets.items():
            if not _is_special(path):
                staged[path] = _stage(path, content)
        for path, beside in staged.items():
            done_before = path.read_bytes() if path.exists() else None
            os.replace(beside, path)
            done[path] = done_before
        for path, content in targets.items():
            if path not in staged:
                path.write_bytes(content)
    except OSError as error:
        _undo(done)
        raise _failed(path, error) from error
    finally:
        for beside in staged.values():
            beside.unlink(missing_ok=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file of a folder that is there: what has its name is whole and on the disk.

    Raises
    ------
    OutputFileError
        If it cannot be written; the temporary file is removed, and an existing one unchanged.
    """
    try:
        beside = _stage(path, content, durable=True)
        try:
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            # The new name, too.
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _failed(path, error) from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed; none may be writing there."""
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)
