"""Toys of tests in a folder: a call that is made again ends as one that ran through."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from smoothfit import Model, Process, Variable, errors, save
from smoothfit.campaign import Campaign, kept, kept_toys
from smoothfit.cli import main


def _model(signal_events=6.0):
    mu, rate = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0), Variable("rate", 0.0, nuisance=True)
    model = Model().add_proc(Process("sig", [signal_events, 4.0]).scale_by(mu))
    return model.add_proc(Process("bkg", [30.0, 20.0]).add_lnN(rate, 1.1)).prepare()


MODEL, OBS = _model(), [39.0, 25.0]

CALLS = {
    "hypotest": lambda model, **more: model.hypotest("mu", 1.5, OBS, method="toys", toys=700, **more),
    "upper_limit": lambda model, **more: model.upper_limit("mu", OBS, method="toys", toys=320, **more),
    "significance": lambda model, **more: model.significance(
        "mu", OBS, method="toys", toys=300, mc_error=0.012, **more
    ),
    "lep": lambda model, **more: model.hypotest(
        "mu", 1.5, OBS, statistic="lep", method="toys", toys=700, **more
    ),
    "goodness_of_fit": lambda model, **more: model.goodness_of_fit(OBS, statistic="ks", toys=700, **more),
    "channel_compatibility": lambda model, **more: _two_channels().channel_compatibility(
        OBS, poi="mu", toys=700, **more
    ),
    "feldman_cousins": lambda model, **more: model.feldman_cousins("mu", 5, OBS, toys=200, **more),
}


_TWO: list[Model] = []


def _two_channels():
    if not _TWO:
        mu, model = Variable("mu", 1.0), Model()
        for channel, events in (("a", 30.0), ("b", 20.0)):
            model.add_proc(Process(f"sig_{channel}", [6.0], channel=channel).scale_by(mu))
            model.add_proc(Process(f"bkg_{channel}", [events], channel=channel))
        _TWO.append(model.prepare())
    return _TWO[0]


def _model_of(call):
    return _two_channels() if call == "channel_compatibility" else MODEL


def _files(path):
    return {p.name: p.read_bytes() for p in path.glob("*.parquet")}


class _Stop(BaseException):
    pass


def _stopped_after(n, monkeypatch):
    """Ends the process' work as it would write block n."""
    written, write = [], kept.write_durably

    def stopping(path, content):
        if path.suffix == ".parquet":
            if len(written) == n:
                raise _Stop
            written.append(path)
        write(path, content)

    monkeypatch.setattr(kept, "write_durably", stopping)


@pytest.mark.parametrize("call", CALLS)
def test_interrupted_and_called_again(call, tmp_path, monkeypatch):
    model, asked = _model_of(call), CALLS[call]
    with kept_toys(tmp_path / "whole", model, seed=7) as whole:
        wanted = asked(model)
    blocks = len(_files(tmp_path / "whole"))
    assert (whole.found, blocks >= 2) == (0, True)
    for n in sorted({0, 1, blocks // 2, blocks - 1}):
        with monkeypatch.context() as patch:
            _stopped_after(n, patch)
            with pytest.raises(_Stop), kept_toys(tmp_path / f"cut-{n}", model, seed=7):
                asked(model)
        assert len(_files(tmp_path / f"cut-{n}")) == n
        with kept_toys(tmp_path / f"cut-{n}", model) as again:
            found = asked(model)
        assert found.to_json() == wanted.to_json()
        assert _files(tmp_path / f"cut-{n}") == _files(tmp_path / "whole")
        assert again.found + again.made == whole.made
        assert (again.found > 0) == (n > 0)
    # All of it is there now: nothing is drawn or fitted.
    with kept_toys(tmp_path / "whole", model) as last:
        assert asked(model).to_json() == wanted.to_json()
    assert (last.found, last.made) == (whole.made, 0)


def test_the_numbers_are_those_of_a_call_that_keeps_nothing(tmp_path):
    with kept_toys(tmp_path / "toys", MODEL, seed=7):
        found = MODEL.hypotest("mu", 1.5, OBS, method="toys", toys=640)
    assert found.to_json() == MODEL.hypotest("mu", 1.5, OBS, method="toys", toys=640, seed=7).to_json()


def test_more_toys_take_the_whole_blocks_that_are_there(tmp_path):
    with kept_toys(tmp_path / "toys", MODEL, seed=7):
        MODEL.significance("mu", OBS, method="toys", toys=1024)
    with kept_toys(tmp_path / "toys", MODEL) as more:
        found = MODEL.significance("mu", OBS, method="toys", toys=1536)
    assert (more.found, more.made) == (2048, 1024)
    once = MODEL.significance("mu", OBS, method="toys", toys=1536, seed=7)
    assert found.to_json() == once.to_json()


def test_whatever_decides_a_number_makes_other_blocks(tmp_path):
    """Each of these differs from the first in one respect, and takes nothing from the folder."""
    first = {"poi": "mu", "value": 1.5, "obs": OBS, "method": "toys", "toys": 64}
    others = [
        {"value": 1.6},
        {"obs": [39.0, 26.0]},
        {"globs": [0.2]},
        {"statistic": "q"},
        {"statistic": "tevatron"},
        {"seed": 8},
        {"toy_kind": "bayesian"},
        {"nuisances": "prefit"},
        {"fixed": {"rate": 0.1}},
    ]
    with kept_toys(tmp_path / "toys", MODEL, seed=7) as folder:
        found = [MODEL.hypotest(**{**first, **change}) for change in ({}, *others)]
    assert (folder.found, folder.made) == (0, 128 * (1 + len(others)))
    for one, change in zip(found, ({}, *others), strict=True):
        alone = MODEL.hypotest(**{"seed": 7, **first, **change})
        assert one.to_json() == alone.to_json(), change


# -- killed --------------------------------------------------------------------------------------------


def _run(folder, out, *command):
    arguments = [sys.executable, "-m", "smoothfit", *command, "--campaign", str(folder), "--json", str(out)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _killed_and_resumed(tmp_path, command, kills, rng):
    folder, done = tmp_path / "killed", 0
    for _ in range(kills):
        process, before = (
            _run(folder, tmp_path / "killed.json", *command),
            len(list(folder.glob("*.parquet"))),
        )
        while process.poll() is None and len(list(folder.glob("*.parquet"))) <= before:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), err
        done += process.returncode == -signal.SIGKILL
    for name in ("killed", "whole"):
        assert (
            main([*command, "--campaign", str(tmp_path / name), "--json", str(tmp_path / f"{name}.json")])
            == 0
        )
    assert (tmp_path / "killed.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    assert _files(folder) == _files(tmp_path / "whole")
    return done


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.smoothfit"
    save(MODEL, path, OBS)
    return str(path)


def test_commands_that_are_killed_go_on(saved, tmp_path):
    command = ["limit", saved, "--poi", "mu", "--method", "toys", "--toys", "1500", "--seed", "3"]
    assert _killed_and_resumed(tmp_path, command, 1, random.Random(1)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["significance", "--poi", "mu", "--method", "toys", "--toys", "1e5"],
        ["gof", "--toys", "5e4"],
        ["fc", "mu", "--range", "0", "4", "--toys", "3000"],
        ["limit", "--poi", "mu", "--method", "toys", "--toys", "2e4", "--kind", "bayesian"],
    ],
    ids=["significance", "gof", "fc", "limit"],
)
def test_commands_that_are_killed_many_times_go_on(command, saved, tmp_path):
    command = [command[0], saved, *command[1:], "--seed", "3"]
    assert _killed_and_resumed(tmp_path, command, 5, random.Random(2)) > 2


@pytest.mark.parametrize(
    "command",
    [
        ["limit", "--poi", "mu", "--method", "toys", "--toys", "64"],
        ["significance", "--poi", "mu", "--method", "toys", "--toys", "64"],
        ["gof", "--toys", "64"],
        ["fc", "mu", "--points", "3", "--range", "0", "3", "--toys", "64"],
    ],
    ids=lambda command: command[0],
)
def test_commands_take_what_is_there(command, saved, tmp_path, capsys, monkeypatch):
    command = [command[0], saved, *command[1:], "--campaign", str(tmp_path / "toys"), "--json"]
    status, first = main(command), capsys.readouterr().out
    # No block is written any more.
    _stopped_after(0, monkeypatch)
    assert (main(command), capsys.readouterr().out) == (status, first)
    assert _files(tmp_path / "toys")


def test_control_c_says_how_to_go_on(saved, tmp_path, capsys, monkeypatch):
    def stopping(path, content):
        raise KeyboardInterrupt

    command = ["gof", saved, "--toys", "64", "--seed", "3", "--campaign", str(tmp_path / "toys")]
    with kept_toys(tmp_path / "toys", MODEL, seed=3):
        pass
    monkeypatch.setattr(kept, "write_durably", stopping)
    assert main(command) == 130
    assert "toys are in" in (said := capsys.readouterr().err)
    assert "the same command goes on" in said


# -- what is refused -----------------------------------------------------------------------------------


def test_a_campaign_without_toys(saved, tmp_path, capsys):
    folder = ["--campaign", str(tmp_path / "toys")]
    for command in (["limit", saved, "--poi", "mu"], ["gof", saved, "--toys", "0"]):
        assert main([*command, *folder]) == 2
        assert "--campaign keeps toys, and none were asked for" in capsys.readouterr().err
    assert not (tmp_path / "toys").exists()


def test_another_model_or_seed(tmp_path):
    path = tmp_path / "toys"
    with kept_toys(path, MODEL, seed=7):
        pass
    with pytest.raises(errors.CampaignMismatchError, match="the seed, 7 there and 8 asked for"):
        kept_toys(path, MODEL, seed=8).__enter__()
    with pytest.raises(errors.CampaignMismatchError, match="the model differs; name another folder"):
        kept_toys(path, _model(7.0)).__enter__()
    with (
        kept_toys(path, MODEL) as one,
        pytest.raises(errors.CampaignMismatchError, match="opened for another model"),
    ):
        _model().significance("mu", OBS, method="toys", toys=64)
    assert (one.seed, one.made) == (7, 0)


def test_two_writers(tmp_path):
    path = tmp_path / "toys"
    with kept_toys(path, MODEL), pytest.raises(errors.CampaignLockedError, match=f"process {os.getpid()}"):
        kept_toys(path, MODEL).__enter__()
    with kept_toys(path, MODEL):
        pass


def test_folders_of_something_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        errors.CampaignMismatchError, match=r"no campaign of this kind in it, but 'notes.txt'"
    ):
        kept_toys(tmp_path, MODEL).__enter__()
    Campaign(tmp_path / "fits", MODEL, values={"mu": 1.0}, toys=64, seed=1).run()
    with pytest.raises(errors.CampaignMismatchError, match="no campaign of this kind"):
        kept_toys(tmp_path / "fits", MODEL).__enter__()
    with kept_toys(tmp_path / "tests", MODEL, seed=1):
        MODEL.significance("mu", OBS, method="toys", toys=64)
    with pytest.raises(errors.CampaignMismatchError, match="no campaign of this kind"):
        Campaign(tmp_path / "tests", MODEL, values={"mu": 1.0}, toys=64, seed=1).run()
    with pytest.raises(errors.OutputFileError, match="cannot be made"):
        kept_toys(tmp_path / "no" / "where", MODEL).__enter__()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("seed"), "'seed' is missing"),
        (lambda d: d.update(seed="7"), "seed must be a whole number"),
        (lambda d: d.update(versions=3), "versions an object"),
        (lambda d: d.update(version=2), "newer than this smoothfit"),
        (lambda d: d.update(format="x"), "'smoothfit kept toys' is expected"),
        (lambda d: d.update(more=1), "'more' is not a key"),
    ],
)
def test_a_damaged_description(change, message, tmp_path):
    path = tmp_path / "toys"
    with kept_toys(path, MODEL, seed=7):
        pass
    document = json.loads((path / "toys.json").read_text())
    change(document)
    (path / "toys.json").write_text(json.dumps(document))
    with pytest.raises(errors.FileFormatError, match=message):
        kept_toys(path, MODEL).__enter__()


def test_other_packages(tmp_path):
    path = tmp_path / "toys"
    with kept_toys(path, MODEL, seed=7):
        pass
    document = json.loads((path / "toys.json").read_text())
    document["versions"]["jax"] = "0.0.1"
    (path / "toys.json").write_text(json.dumps(document))
    with pytest.raises(errors.CampaignMismatchError, match=r"instead of 0.0.1"):
        kept_toys(path, MODEL).__enter__()
    with kept_toys(path, MODEL, other_versions=True) as one:
        assert one.seed == 7


def test_damaged_blocks_are_made_anew(tmp_path):
    path = tmp_path / "toys"
    with kept_toys(path, MODEL, seed=7):
        wanted = MODEL.hypotest("mu", 1.5, OBS, method="toys", toys=1024)
    before = _files(path)
    assert len(before) == 4
    names = sorted(before)
    (path / names[0]).write_bytes(before[names[0]][:-100])
    flipped = bytearray(before[names[1]])
    # Among the numbers: the description is at the end.
    flipped[200] ^= 1
    (path / names[1]).write_bytes(flipped)
    (path / names[2]).write_bytes(before[names[3]])
    with kept_toys(path, MODEL) as again:
        assert MODEL.hypotest("mu", 1.5, OBS, method="toys", toys=1024).to_json() == wanted.to_json()
    assert (again.found, again.made) == (512, 1536)
    assert _files(path) == before


def test_a_full_disk(tmp_path, monkeypatch):
    path, fsync, writes = tmp_path / "toys", os.fsync, []

    def full(handle):
        writes.append(handle)
        # The description and a block, each with its folder.
        if len(writes) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(errors.OutputFileError, match=r"hypothesis-test-.*cannot be written: No space left"),
        kept_toys(path, MODEL, seed=7),
    ):
        MODEL.hypotest("mu", 1.5, OBS, method="toys", toys=1024)
    monkeypatch.undo()
    assert len(_files(path)) == 1
    assert not [p for p in path.iterdir() if p.suffix == ".tmp"]
    with kept_toys(path, MODEL) as again:
        MODEL.hypotest("mu", 1.5, OBS, method="toys", toys=1024)
    assert (again.found, again.made) == (512, 1536)


def test_failed_fits_are_counted_again(tmp_path, monkeypatch):
    """What is told of fits is that of the call that made them."""
    from smoothfit.inference.ensembles import FitCounts

    counts = FitCounts(10, 3, 1)
    counts.failed["MAX_ITERATIONS"] = 2
    context = MODEL._context()
    with kept_toys(tmp_path / "toys", MODEL, seed=1) as one:
        made = one.block(context, {"what": "test"}, 2, lambda mine: (mine.add(counts), {"t": np.ones(2)})[1])
        read = one.block(context, {"what": "test"}, 2, lambda mine: pytest.fail("made again"))
    for columns, told in (made, read):
        assert columns["t"].tolist() == [1.0, 1.0]
        assert (told.fits, told.retried, told.on_kink, dict(told.failed)) == (10, 3, 1, {"MAX_ITERATIONS": 2})
