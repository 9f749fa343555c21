"""Cards that are written to harm: nothing is run, read elsewhere or unpacked without bound."""

from __future__ import annotations

import contextlib
import os
import pickle
import time

import numpy as np
import pytest

from smoothfit import read_datacard
from smoothfit.errors import FileFormatError, InputFileError, SmoothfitError

uproot = pytest.importorskip("uproot")

COUNTING = """imax 1
jmax 1
kmax *
bin SR
observation 5
bin SR SR
process sig bkg
process 0 1
rate 2 4
a lnN 1.1 1.1
"""
SHAPES = COUNTING.replace("observation 5", "observation -1").replace("rate 2 4", "rate -1 -1")


def card(folder, text):
    path = folder / "card.txt"
    path.write_text(text)
    return path


def templates(path):
    with uproot.recreate(path) as file:
        for name in ("sig", "bkg", "data_obs"):
            file[name] = (np.array([3.0, 4.0]), np.array([0.0, 1.0, 2.0]))


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('touch+owned')",
        "@0.__class__.__mro__",
        "@0.real",
        "(lambda:0)()",
        "[c+for+c+in+().__class__]",
        "exec(@0)",
        "open(@0)",
        "f'{@0}'",
        "gROOT->ProcessLine(@0)",
        "TMath::System(@0)",
        "(" * 5000 + "@0" + ")" * 5000,
        "@0" + "+@0" * 20_000,
    ],
)
def test_formulas_that_are_code(tmp_path, monkeypatch, formula):
    monkeypatch.chdir(tmp_path)
    path = card(tmp_path, COUNTING + "s rateParam SR bkg 1\n" + f"f rateParam SR sig {formula} s\n")
    with pytest.raises(FileFormatError, match=r"card\.txt.*line 12"):
        read_datacard(path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("formula", ["9^9^9^9", "@0^1000000000", "1e308*1e308", "exp(exp(exp(@0+9)))", "1/0"])
def test_numbers_beyond_all_numbers(tmp_path, formula):
    """An error or an infinite rate that a fit flags, and at once: powers are of floats."""
    began = time.process_time()
    path = card(tmp_path, COUNTING + "s rateParam SR bkg 1\n" + f"f rateParam SR sig {formula} s\n")
    with contextlib.suppress(FileFormatError):
        model, obs = read_datacard(path)
        at_start = model.nll(model.values_from_dict({}), obs)
        assert np.isfinite(at_start) or not model.fit(obs, strict=False).success
    assert time.process_time() - began < 60.0


def test_files_elsewhere(tmp_path):
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    templates(outer / "t.root")
    os.symlink(outer / "t.root", inner / "link.root")
    os.symlink(outer, inner / "folder")
    for name in (
        "../outer/t.root",
        str(outer / "t.root"),
        "link.root",
        "folder/t.root",
        "a/../../outer/t.root",
    ):
        path = card(inner, f"shapes * * {name} $PROCESS\n" + SHAPES)
        with pytest.raises(InputFileError, match="not beside or below"):
            read_datacard(path)
        if "a/.." not in name:
            assert read_datacard(path, files_anywhere=True)[0].n_bins == 2
    below = inner / "below"
    below.mkdir()
    templates(below / "t.root")
    assert read_datacard(card(inner, "shapes * * below/t.root $PROCESS\n" + SHAPES))[0].n_bins == 2


def test_a_small_file_that_unpacks_to_much(tmp_path):
    bins = (1 << 26) // 8 + 8
    with uproot.recreate(tmp_path / "bomb.root", compression=uproot.ZLIB(9)) as file:
        for name in ("sig", "bkg", "data_obs"):
            file[name] = (np.zeros(bins), np.arange(bins + 1.0))
    assert (tmp_path / "bomb.root").stat().st_size < 64 << 20
    with pytest.raises(FileFormatError, match="unpacks to more than 64 MiB"):
        read_datacard(card(tmp_path, "shapes * * bomb.root $PROCESS\n" + SHAPES))


class _Harmful:
    def __reduce__(self):
        return os.mkdir, ("owned",)


def test_pickles_are_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "card.txt"
    path.write_bytes(pickle.dumps(_Harmful()))
    with pytest.raises(SmoothfitError, match=r"card\.txt"):
        read_datacard(path)
    (tmp_path / "t.root").write_bytes(pickle.dumps(_Harmful()))
    with pytest.raises(FileFormatError, match="no ROOT file"):
        read_datacard(card(tmp_path, "shapes * * t.root $PROCESS\n" + SHAPES))
    assert not (tmp_path / "owned").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    """A pipe that a card names, folders, and devices without end."""
    os.mkfifo(tmp_path / "pipe.root")
    with pytest.raises(InputFileError, match=r"pipe\.root: there is no such file"):
        read_datacard(card(tmp_path, "shapes * * pipe.root $PROCESS\n" + SHAPES))
    for path in (tmp_path, "/dev/zero"):
        with pytest.raises(InputFileError, match=str(path)):
            read_datacard(path)


def test_a_card_without_end(tmp_path):
    path = tmp_path / "card.txt"
    with path.open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(InputFileError, match=r"card\.txt"):
        read_datacard(path)
