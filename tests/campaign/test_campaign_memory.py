"""The memory of a campaign does not grow with its toys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import json, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], str(Path(sys.argv[2]) / "workloads")]
import models
from benchmarks.campaign import peak_memory
from benchmarks.workloads import build
from smoothfit.campaign import Campaign

model, folder, peaks = build(models.w4()).prepare(), sys.argv[3], []
for toys in (8192, 131072):
    campaign = Campaign(folder, model, values={}, toys=toys, seed=1)
    status = campaign.run()
    results = campaign.results()
    assert status.complete and results.converged == toys
    peaks.append(peak_memory())
print(json.dumps(peaks))
"""


@pytest.mark.slow
def test_sixteen_times_the_toys_take_the_same_memory(shared, tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(ROOT), str(shared), str(tmp_path / "toys")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    few, many = json.loads(done.stdout)
    # The rows of the toys that came later are 25 MB: they are not kept.
    assert many - few < 12 * 2**20
    assert many < 1.5 * 2**30
