"""Batches in several threads at the same time: they end, and give the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import threading
import numpy as np
from smoothfit.model import Model, Process, Variable

rng = np.random.default_rng(3)
model = Model()
for i in range(4):
    yields = rng.uniform(50.0, 200.0, 20)
    process = Process(f"p{i}", yields).scale_by(Variable(f"n{i}", 1.0))
    for j in range(10):
        process.add_shape(
            Variable(f"s{i}_{j}", 0.0, nuisance=True),
            yields * (1.0 + 0.1 * rng.normal(size=20)),
            yields * (1.0 + 0.1 * rng.normal(size=20)),
        )
    model.add_proc(process)
model.prepare()
toys = model.toy_pred({}, 300, seed=1)
alone = model.batch_fit(toys)
assert alone.success.mean() > 0.99
found = [None] * 4
def fit(i):
    for _ in range(3):
        found[i] = model.batch_fit(toys)
threads = [threading.Thread(target=fit, args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for one in found:
    np.testing.assert_array_equal(one.x, alone.x)
print("ended")
"""


@pytest.mark.slow
def test_batches_in_threads_do_not_wait_for_each_other_for_ever():
    """Two batched factorisations of JAX at the same time did; 64 of 44 x 44 are enough for its threads."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ended"
