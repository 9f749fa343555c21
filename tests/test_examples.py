"""The shipped examples: what they are, and that their scripts still write them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smoothfit import examples
from smoothfit.errors import UnknownNameError
from smoothfit.examples import make_ttbar_differential as ttbar


@pytest.fixture(scope="module")
def text() -> str:
    return examples.path("ttbar_differential").read_text(encoding="utf-8")


def test_the_script_writes_the_shipped_file(text, tmp_path):
    ttbar.main([str(tmp_path / "again.json")])
    # Not assert a == b: a difference would be shown in full.
    same = (tmp_path / "again.json").read_text(encoding="utf-8") == text
    assert same, "run python -m smoothfit.examples.make_ttbar_differential"


def test_it_has_the_size_it_is_said_to_have(text):
    content = json.loads(text)
    modifiers = [m for c in content["channels"] for s in c["samples"] for m in s["modifiers"]]
    names = {
        kind: {m["name"] for m in modifiers if m["type"] == kind} for kind in {m["type"] for m in modifiers}
    }
    assert {kind: len(found) for kind, found in names.items()} == {
        "normfactor": 6,
        "normsys": 30,
        "histosys": 30,
        "lumi": 1,
        "staterror": 4,
    }
    assert [len(observation["data"]) for observation in content["observations"]] == [48] * 4
    assert len(text) < 900_000


def test_pyhf_accepts_it(text):
    pyhf = pytest.importorskip("pyhf")
    workspace = pyhf.Workspace(json.loads(text))
    model = workspace.model()
    assert model.config.poi_name == "mu_bin1"
    assert model.config.npars == 6 + 60 + 1 + 192
    yields = np.asarray(model.expected_actualdata(model.config.suggested_init()))
    assert np.all(np.isfinite(yields))
    assert np.all(yields > 0.0)
    assert np.all(np.asarray(workspace.data(model, include_auxdata=False)) > 0)


def test_an_unknown_example_is_refused_with_the_choice():
    with pytest.raises(UnknownNameError, match=r"no example 'nothing'.*ttbar_differential"):
        examples.path("nothing")
