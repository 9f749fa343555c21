"""Folders of ROOT files that would lead a reader astray are found before they are read."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from smoothfit.errors import FileFormatError, InputFileError
from smoothfit.io.root_folders import check_folders
from smoothfit.io.root_histograms import RootFile

uproot = pytest.importorskip("uproot")
MOST = 1 << 26


@pytest.fixture
def path(tmp_path):
    with uproot.recreate(tmp_path / "h.root") as file:
        for name in ("top", "a/one", "a/b/two"):
            file[name] = np.array([1.0, 2.0]), np.array([0.0, 1.0, 2.0])
    return tmp_path / "h.root"


def places(path):
    """Where the folder a, and its list of entries with their number, stand in the file."""
    with uproot.open(path) as file:
        folder = file["a"]
        key = file.key("a")
        position = key.fSeekKey + key.fKeylen
        return position, folder._fSeekKeys


def count_at(content, keys):
    """Where the number of entries stands: after the header of the list, as long as it says itself."""
    (keylen,) = struct.unpack_from(">h", content, keys + 14)
    return keys + keylen


def patched(path, at, form, *numbers):
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, *numbers)
    path.write_bytes(content)


def test_a_whole_file_passes(path):
    check_folders(path, most_bytes=MOST)
    names = RootFile(path).classnames()
    assert {name for name, kind in names.items() if kind == "TH1D"} == {"top", "a/one", "a/b/two"}


@pytest.mark.reference
def test_files_that_others_wrote_pass(shared):
    found = sorted((shared / "data").rglob("*.root"))
    assert len(found) > 20
    for path in found:
        check_folders(path, most_bytes=MOST)


def test_the_number_of_entries(path):
    _, keys = places(path)
    at = count_at(path.read_bytes(), keys)
    assert struct.unpack_from(">i", path.read_bytes(), at) == (2,)
    for count, words in ((2_000_000_000, "2000000000 entries"), (-5, "-5 entries"), (300, "ends")):
        patched(path, at, ">i", count)
        with pytest.raises(FileFormatError, match=rf"h\.root: no ROOT file.*{words}"):
            RootFile(path)


def folder_form(path, position):
    (version,) = struct.unpack_from(">h", path.read_bytes(), position)
    return (">q", position + 34) if version > 1000 else (">i", position + 26)


def test_where_the_entries_are(path):
    position, _ = places(path)
    form, at = folder_form(path, position)
    for start in (-400_000_000, 10**9):
        patched(path, at, form, start)
        with pytest.raises(FileFormatError, match=f"position {start} is beyond"):
            RootFile(path)


def test_how_long_they_are(path):
    position, _ = places(path)
    patched(path, position + 10, ">i", -400_000_000)
    with pytest.raises(FileFormatError, match=r"beyond|ends"):
        RootFile(path)


def test_a_folder_in_itself(path):
    position, _ = places(path)
    with uproot.open(path) as file:
        inner = file["a"].key("b")
        keylen, seek = inner.fKeylen, inner.fSeekKey
    at = path.read_bytes().index(struct.pack(">i", seek), places(path)[1])
    # Where b begins is where a does.
    patched(path, at, ">i", position - keylen)
    with pytest.raises(FileFormatError, match="inside itself"):
        RootFile(path)


def test_names_that_lead_backwards(path):
    _, keys = places(path)
    content = path.read_bytes()
    at = content.index(b"\x04TH1D\x03one", count_at(content, keys))
    patched(path, at, ">Bi", 255, -60)
    with pytest.raises(FileFormatError, match="a name has -60 characters"):
        RootFile(path)


def test_classes_that_unpack_to_much(path):
    with pytest.raises(FileFormatError, match="its classes unpack to more than 0 MiB"):
        check_folders(path, most_bytes=10)


@pytest.mark.parametrize("content", [b"", b"root", b"PK\x03\x04" + bytes(80), b"root" + bytes(100)])
def test_no_root_files(tmp_path, content):
    path = tmp_path / "other.root"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"other\.root: no ROOT file"):
        RootFile(path)


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read"):
        check_folders(tmp_path / "none.root", most_bytes=MOST)
