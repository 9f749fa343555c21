"""The container: a zip file of few members, written alike for alike content and read with suspicion.

``model.json`` lists every other member with size and SHA-256. Sizes, names and compression are checked on the
directory before anything is unpacked; what is unpacked is no longer than was announced, and hashes are
verified. Names are of one fixed form, so that none leads anywhere.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from ...errors import FileFormatError, InputFileError, InvalidValueError

__all__ = ["DOCUMENT", "digest", "pack", "unpack"]

DOCUMENT = "model.json"

_NAME = re.compile(r"model\.json|arrays/(float64|int64|bool)\.npy|functions/\d{1,5}_(along|back)\d\.mlir")
_MAX_MEMBERS = 20_000
_MAX_FILE = 1 << 31
_MAX_TOTAL = 1 << 32
_MAX_DOCUMENT = 1 << 28
_MAX_RATIO = 200
"""A member that unpacks to more, and is no small one, is stored as it is."""
_SMALL = 1 << 20
_SMALL_TOTAL = 1 << 26
"""What is smaller, and all of that together, may be of any ratio."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip file of these members, in their order: the same bytes for the same members.

    Raises
    ------
    InvalidValueError
        For more than :func:`unpack` reads.

    Examples
    --------
    >>> pack({"model.json": b"{}"}) == pack({"model.json": b"{}"})
    True
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = _compression(content)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, compresslevel=6)
    packed = stream.getvalue()
    if len(members) > _MAX_MEMBERS or len(packed) > _MAX_FILE or len(members[DOCUMENT]) > _MAX_DOCUMENT:
        raise InvalidValueError(
            f"save: {len(members)} members in {len(packed) >> 20} MiB are more than one file may have "
            f"({_MAX_MEMBERS}, {_MAX_FILE >> 20} MiB); save with functions='import', or split the model."
        )
    return packed


def _compression(content: bytes) -> int:
    """Deflate, but for what would look like a bomb."""
    large = len(content) > _SMALL
    if large and len(content) > _MAX_RATIO // 2 * len(zlib.compress(content, 6)):
        return zipfile.ZIP_STORED
    return zipfile.ZIP_DEFLATED


def unpack(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """The members of a file, by name; what they contain is not looked at.

    Raises
    ------
    InputFileError
        If the file cannot be opened, or is larger than 2 GiB.
    FileFormatError
        If it is no zip file, has other members than a saved model, or ones too large.
    """
    try:
        size = os.stat(path).st_size
        if size > _MAX_FILE:
            raise InputFileError(f"{size >> 20} MiB is more than the {_MAX_FILE >> 20} MiB that are read.")
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputFileError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFileError(f"cannot be read: {reason}; check the path.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_directory(entries, size)
            return {entry.filename: _content(archive, entry) for entry in entries}
    except FileFormatError:
        raise
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise FileFormatError(
            f"not a whole saved model, or a damaged one ({reason}); save the model again."
        ) from error


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What Python's zipfile raises for files that are none, or damaged."""


def _check_directory(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Names, numbers, compression and sizes of the members of a file of this size."""
    if len(entries) > _MAX_MEMBERS:
        raise _refused(f"it has {len(entries)} members, at most {_MAX_MEMBERS} are read")
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise _refused(f"member '{next(n for n in names if names.count(n) > 1)}' is there twice")
    total = 0
    for entry in entries:
        shown = repr(entry.filename[:80])
        if not _NAME.fullmatch(entry.filename):
            raise _refused(f"{shown} is no member of a saved model")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
            raise _refused(f"{shown} is encrypted, or compressed in another way than by deflate")
        if entry.file_size > max(_SMALL, _MAX_RATIO * entry.compress_size):
            raise _refused(f"{shown} unpacks to {entry.file_size} bytes, of {entry.compress_size}")
        if entry.filename == DOCUMENT and entry.file_size > _MAX_DOCUMENT:
            raise _refused(f"{shown} has more than {_MAX_DOCUMENT >> 20} MiB")
        total += entry.file_size
    most = min(_MAX_TOTAL, _SMALL_TOTAL + _MAX_RATIO * size)
    if total > most:
        raise _refused(f"it unpacks to {total >> 20} MiB, at most {most >> 20} MiB are read of such a file")
    if DOCUMENT not in names:
        raise _refused(f"it has no {DOCUMENT}")


def _refused(why: str) -> FileFormatError:
    return FileFormatError(f"not a saved model: {why}; give a file that smoothfit.save wrote.")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        # No more than was announced, whatever the compressed data hold; reading to the end checks the CRC.
        content = stream.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise _refused(f"'{entry.filename}' has another size than announced")
    return content
