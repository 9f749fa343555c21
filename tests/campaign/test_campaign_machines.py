"""The same bits with other numbers of threads and of devices."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib, sys
import numpy as np
import jax
from smoothfit.campaign import fit_toys
from smoothfit.model import Model, Process, Variable

def shapes(bins, nuisances):
    x = np.linspace(0.0, 1.0, bins)
    mu, names = Variable("mu", 1.0), [Variable(f"n{i}", 0.0, nuisance=True) for i in range(nuisances)]
    signal = 300.0 * np.exp(-0.5 * ((x - 0.5) / 0.1) ** 2) + 0.1
    model = Model().add_proc(Process("sig", signal).scale_by(mu))
    yields = 500.0 * np.exp(-x)
    process = Process("bkg", yields, sumw2=yields)
    for i, name in enumerate(names):
        way = 0.03 * np.sin(5.0 * x * (i + 1))
        process.add_shape(name, yields * (1.0 + way), yields * (1.0 - way))
    return model.add_proc(process).prepare()

for bins, nuisances, toys in ((30, 4, 300), (150, 100, 6)):
    found = fit_toys(shapes(bins, nuisances), values={}, toys=toys, seed=1)
    digest = hashlib.sha256()
    for block in found.blocks():
        for array in (block.x, block.errors, block.fun, block.edm):
            digest.update(np.ascontiguousarray(array).tobytes())
    assert found.converged == toys
    print(digest.hexdigest(), len(jax.devices()))
"""


def digests(**environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def usual():
    return [digest for digest, _ in digests()]


def test_several_devices_make_the_same_bits(usual):
    flags = os.environ.get("XLA_FLAGS", "")
    found = digests(XLA_FLAGS=f"{flags} --xla_force_host_platform_device_count=4")
    assert [devices for _, devices in found] == ["4", "4"]
    assert [digest for digest, _ in found] == usual


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"NPROC": "1", "OPENBLAS_NUM_THREADS": "1"}, {"NPROC": "5"}])
def test_numbers_of_threads_make_the_same_bits(usual, environment):
    # Those of XLA and of OpenBLAS.
    assert [digest for digest, _ in digests(**environment)] == usual
