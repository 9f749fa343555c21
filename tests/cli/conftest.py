"""A workspace of two bins, and a way to see that a command fails cleanly."""

from __future__ import annotations

import json

import pytest

from smoothfit.cli import main


def workspace():
    def sample(name, data, *modifiers):
        return {"name": name, "data": data, "modifiers": list(modifiers)}

    signal = sample("sig", [12.0, 11.0], {"name": "mu", "type": "normfactor", "data": None})
    background = sample(
        "bkg",
        [50.0, 52.0],
        {"name": "bkg_norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "mc_stat", "type": "staterror", "data": [3.0, 4.0]},
    )
    return {
        "channels": [{"name": "SR", "samples": [signal, background]}],
        "observations": [{"name": "SR", "data": [70.0, 58.0]}],
        "measurements": [
            {"name": "main", "config": {"poi": "mu", "parameters": []}},
            {"name": "held", "config": {"poi": "mu", "parameters": [{"name": "bkg_norm", "fixed": True}]}},
        ],
        "version": "1.0.0",
    }


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(workspace()))
    return str(path)


@pytest.fixture
def fails(capsys, tmp_path):
    """Run a command that must fail: one line on stderr, status 2, no file made or changed."""

    def contents():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def check(*argv):
        before = contents()
        assert main([str(word) for word in argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("smoothfit: error: ")
        assert err.count("\n") == 1
        assert contents() == before
        return err

    return check


@pytest.fixture
def flat(tmp_path):
    """A file with two normalisations of one sample: only their product matters."""
    content = workspace()
    content["channels"][0]["samples"][0]["modifiers"].append(
        {"name": "twin", "type": "normfactor", "data": None}
    )
    path = tmp_path / "flat.json"
    path.write_text(json.dumps(content))
    return str(path)
