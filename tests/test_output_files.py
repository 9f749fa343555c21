"""Files are written whole, all of them or none."""

from __future__ import annotations

import os
import stat

import pytest

from smoothfit import _files
from smoothfit._files import check_writable, write_files
from smoothfit.errors import OutputFileError


def test_new_and_old_files(tmp_path):
    old = tmp_path / "old"
    old.write_bytes(b"before")
    old.chmod(0o640)
    write_files({old: b"after", tmp_path / "new": b"new"})
    assert old.read_bytes() == b"after"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~umask
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target").write_bytes(b"before")
    (tmp_path / "link").symlink_to("target")
    write_files({tmp_path / "link": b"after"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"after"


def test_a_device_is_written_to_and_not_replaced():
    write_files({os.devnull: b"nothing"})
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_two_names_of_one_file(tmp_path):
    with pytest.raises(OutputFileError, match="one file"):
        write_files({tmp_path / "a": b"1", tmp_path / "x" / ".." / "a": b"2"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "missing/out", "", "n" * 300, "a\0b"])
def test_where_nothing_can_be_written(tmp_path, name):
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / name) if name else ""
    with pytest.raises(OutputFileError):
        check_writable(path)
    with pytest.raises(OutputFileError):
        write_files({tmp_path / "good": b"1", path: b"2"})
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFileError, match=r"[Pp]ermission"):
        check_writable(tmp_path / "out")
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("failing_call", [1, 2])
def test_a_failure_on_the_way_leaves_everything_as_it_was(tmp_path, monkeypatch, failing_call):
    (tmp_path / "a").write_bytes(b"before")
    calls = []
    replace = os.replace

    def failing(source, target):
        calls.append(target)
        if len(calls) == failing_call:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(_files.os, "replace", failing)
    with pytest.raises(OutputFileError, match="No space left"):
        write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"
