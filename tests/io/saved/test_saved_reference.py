"""Every file of the reference data that can be read, saved and loaded: the same model."""

from __future__ import annotations

import warnings
import zipfile

import jax
import numpy as np
import pytest
from files_of_tests import shared_path

from smoothfit.errors import SmoothfitError
from smoothfit.io.opening import read_model
from smoothfit.io.saved import model_hash, read_saved, save

pytestmark = pytest.mark.reference

DATA = shared_path("data")
FILES = sorted(path for path in DATA.rglob("*") if path.suffix in (".json", ".txt") and path.is_file())
FEW = ("datacard-4-abcd.txt", "SRee_SRmm_Srem_v2.json", "hww-shapeSimple-6bins.txt", "ws_config_ntuples.json")


def _read(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read_model(path)
    except SmoothfitError:
        # Not a model, or one that the reader does not support: its own tests are about those.
        return None


def _same_arrays(model, again):
    """Whether two prepared models have the same leaves, and the same structure."""
    (ours, theirs) = (jax.tree.flatten(m.prepared) for m in (model, again))
    return ours[1] == theirs[1] and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(ours[0], theirs[0], strict=True)
    )


def _largest_difference(model, again, obs):
    """Of the NLL at three random points, relative to its size."""
    layout, rng = model.layout, np.random.default_rng(1)
    lower, upper = layout.bounds
    start = np.concatenate([layout.start, layout.bin_centre])
    found = 0.0
    for _ in range(3):
        x = np.clip(start + 0.1 * rng.normal(size=len(start)), lower, upper)
        ours, theirs = (float(m.nll(x, obs)) for m in (model, again))
        found = max(found, abs(ours - theirs) / max(1.0, abs(ours)))
    return found


def check(path, folder):
    """Whether it was a model that can be read; asserts that it comes back."""
    given = _read(path)
    if given is None:
        return False
    model, obs = given
    target, second = folder / "m.smoothfit", folder / "again.smoothfit"
    save(model, target, obs)
    again, found = read_saved(target)
    np.testing.assert_array_equal(found, obs)
    assert model_hash(again) == model_hash(model)
    assert again.receipt.to_dict() == model.receipt.to_dict()
    save(again, second, found)
    assert second.read_bytes() == target.read_bytes()
    # Arrays that are equal have equal likelihoods; only functions became programs.
    if not _same_arrays(model, again):
        assert any(kind == "functions" for kind in _kinds(target))
        assert _largest_difference(model, again, obs) <= 1e-12
    return True


def _kinds(path):
    with zipfile.ZipFile(path) as archive:
        return {name.split("/")[0] for name in archive.namelist()}


@pytest.mark.parametrize("name", FEW)
def test_some_files_come_back(name, tmp_path):
    (path,) = [path for path in FILES if path.name == name]
    assert check(path, tmp_path)


@pytest.mark.slow
def test_every_file_comes_back(tmp_path):
    assert sum(check(path, tmp_path) for path in FILES) >= 80
