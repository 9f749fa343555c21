"""Campaigns killed at random instants end as if they had not been."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_campaign import MODEL, files

from smoothfit import save
from smoothfit.campaign import Campaign

SCRIPT = """
import sys
import smoothfit
from smoothfit.campaign import Campaign
model = smoothfit.load(sys.argv[2])
campaign = Campaign(sys.argv[1], model, values={"mu": 1.0}, toys=int(sys.argv[3]), seed=5, block=64)
print(campaign.run().blocks, flush=True)
"""


def start(path, model, toys):
    command = [sys.executable, "-c", SCRIPT, str(path), str(model), str(toys)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_once_it_writes(path, process, after):
    """Killed so many seconds after the first new block, or told if it ended before."""
    before = len(files(path)) if path.exists() else 0
    while process.poll() is None and len(list(path.glob("block-*"))) <= before:
        time.sleep(0.002)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, err = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), err


def killed_and_resumed(folder, toys, kills, seed):
    model = folder / "model.smoothfit"
    save(MODEL, model)
    path, rng = folder / "killed", random.Random(seed)
    seen = []
    for _ in range(kills):
        kill_once_it_writes(path, start(path, model, toys), rng.uniform(0.0, 0.1))
        seen.append(len(files(path)))
    last = start(path, model, toys)
    out, err = last.communicate()
    assert last.returncode == 0, err
    assert int(out) == -(-toys // 64)
    whole = folder / "whole"
    Campaign(whole, MODEL, values={"mu": 1.0}, toys=toys, seed=5, block=64).run()
    assert files(path) == files(whole)
    assert sorted(p.name for p in Path(path).iterdir()) == sorted(p.name for p in whole.iterdir())
    assert (path / "campaign.json").read_bytes() == (whole / "campaign.json").read_bytes()
    return seen


def test_killed_twice_it_ends_equal_to_one_that_was_not(tmp_path):
    seen = killed_and_resumed(tmp_path, 64 * 60 - 10, 2, seed=1)
    # It was killed in the middle, not before or after.
    assert 0 < seen[0] < seen[1] < 60


@pytest.mark.slow
def test_killed_many_times(tmp_path):
    seen = killed_and_resumed(tmp_path, 64 * 400 - 10, 10, seed=2)
    assert len(set(seen)) > 6


@pytest.mark.slow
def test_killed_before_the_first_block_too(tmp_path):
    model = tmp_path / "model.smoothfit"
    save(MODEL, model)
    for milliseconds in range(0, 3000, 500):
        process = start(tmp_path / "killed", model, 200)
        time.sleep(milliseconds / 1000.0)
        process.kill()
        process.communicate()
    last = start(tmp_path / "killed", model, 200)
    out, err = last.communicate()
    assert (last.returncode, out) == (0, "4\n"), err
    whole = Campaign(tmp_path / "whole", MODEL, values={"mu": 1.0}, toys=200, seed=5, block=64)
    whole.run()
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
