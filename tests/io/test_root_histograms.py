"""Histograms of ROOT files: every storage type, with and without squared weights, and what is none."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.errors import FileFormatError
from smoothfit.io.root_histograms import RootFile

uproot = pytest.importorskip("uproot")
identify = pytest.importorskip("uproot.writing.identify")

EDGES = np.array([0.0, 1.0, 3.0, 7.0])
CONTENT = np.array([2.0, 5.0, 0.0, 7.0, 11.0])
"""With under- and overflow."""


def th1(kind, sumw2=None):
    """A TH1 of this storage type, as ROOT writes it."""
    axis = identify.to_TAxis("xaxis", "", 3, 0.0, 7.0, fXbins=EDGES)
    return identify.to_TH1x(
        "h",
        "",
        CONTENT.astype(kind),
        25.0,
        25.0,
        25.0,
        0.0,
        0.0,
        np.zeros(0) if sumw2 is None else np.asarray(sumw2),
        axis,
    )


@pytest.mark.parametrize(
    ("kind", "name"), [("i1", "TH1C"), ("i2", "TH1S"), ("i4", "TH1I"), ("f4", "TH1F"), ("f8", "TH1D")]
)
def test_storage_types(tmp_path, kind, name):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["h"] = th1(f">{kind}")
        assert file["h"].classname == name
    found = RootFile(tmp_path / "t.root").histogram("h")
    np.testing.assert_array_equal(found.values, [5.0, 0.0, 7.0])
    np.testing.assert_array_equal(found.variances, found.values)
    np.testing.assert_array_equal(found.edges, EDGES)
    assert found.outside == 13.0
    assert found.values.dtype == np.float64


def test_squared_weights(tmp_path):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["folder/h"] = th1(">f8", [1.0, 0.5, 0.25, 3.0, 2.0])
    found = RootFile(tmp_path / "t.root").histogram("folder/h")
    np.testing.assert_array_equal(found.variances, [0.5, 0.25, 3.0])


def test_what_is_no_histogram_of_one_dimension(tmp_path):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["two"] = np.histogram2d([0.1], [0.2], bins=2)
        file["tree"] = {"x": np.arange(3)}
        file["text"] = "words"
    file = RootFile(tmp_path / "t.root")
    for name, kind in (("two", "TH2"), ("tree", "TTree|RNTuple"), ("text", "TObjString")):
        with pytest.raises(FileFormatError, match=f"unsupported: '{name}'.*({kind})"):
            file.histogram(name)
    assert file.histogram("absent") is None
    assert file.histogram("no/such/folder") is None
