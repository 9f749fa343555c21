"""Damaged ROOT files: a histogram, nothing, or an error that names the file; soon, and in little memory."""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smoothfit.errors import SmoothfitError
from smoothfit.io.root_histograms import RootFile

uproot = pytest.importorskip("uproot")
hist = pytest.importorskip("hist")

NAMES = ("plain", "folder/weighted", "folder/deeper/many", "two")
MOST_SECONDS, MOST_MEGABYTES = 5.0, 600


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A good file."""
    path = tmp_path_factory.mktemp("root") / "whole.root"
    weighted = hist.Hist.new.Variable([0, 1, 3, 7]).Weight().fill([0.5, 2, 2, 5], weight=[1, 2, 3, 0.5])
    with uproot.recreate(path) as file:
        file["plain"] = (np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 3.0]))
        file["folder/weighted"] = weighted
        file["folder/deeper/many"] = (np.ones(400), np.linspace(0, 1, 401))
        file["two"] = hist.Hist.new.Reg(2, 0, 1).Reg(2, 0, 1).Double().fill([0.1], [0.2])
    return path


@st.composite
def damages(draw):
    """What is done to the bytes: (where, as a part of the length, what)."""
    kinds = st.sampled_from(["byte", "bytes", "cut", "zero", "high", "copy"])
    return draw(
        st.lists(
            st.tuples(kinds, st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)),
            min_size=1,
            max_size=6,
        )
    )


def damaged(content, damages):
    found = bytearray(content)
    for kind, part, new in damages:
        at = int(part * len(found))
        if kind == "byte" and found:
            found[at] = new[0]
        elif kind == "bytes":
            found[at : at + len(new)] = new
        elif kind == "cut":
            del found[max(at, 1) :]
        elif kind == "zero":
            found[at : at + 4] = b"\0\0\0\0"
        elif kind == "high":
            found[at : at + 4] = b"\x7f\xff\xff\xff"
        else:
            found[at : at + 64] = found[:64]
    return bytes(found)


def said(call, *arguments):
    """What a call gives, or the text of an error of ours."""
    try:
        return call(*arguments)
    except SmoothfitError as error:
        return str(error)


def read_all(path):
    began = time.process_time()
    file = said(RootFile, path)
    if isinstance(file, str):
        assert str(path) in file
        return
    for name in NAMES:
        found = said(file.histogram, name)
        if isinstance(found, str):
            assert str(path) in found
        else:
            assert found is None or len(found.edges) == len(found.values) + 1 == len(found.variances) + 1
    assert time.process_time() - began < MOST_SECONDS


def test_the_whole_file(whole):
    file = RootFile(whole)
    np.testing.assert_array_equal(file.histogram("plain").values, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(file.histogram("folder/weighted").variances, [1.0, 13.0, 0.25])
    with pytest.raises(SmoothfitError, match="TH2"):
        file.histogram("two")


class Peak:
    """Memory of this process, which other tests have used, too."""

    def __init__(self):
        self.before = self.now

    @property
    def now(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture
def peak():
    return Peak()


def fuzzed(whole, tmp_path, peak, damages):
    path = tmp_path / "damaged.root"
    path.write_bytes(damaged(whole.read_bytes(), damages))
    read_all(path)
    assert peak.now < peak.before + MOST_MEGABYTES


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages=damages())
def test_damaged_files(whole, tmp_path, peak, damages):
    fuzzed(whole, tmp_path, peak, damages)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages=damages())
def test_many_damaged_files(whole, tmp_path, peak, damages):
    fuzzed(whole, tmp_path, peak, damages)
