"""The same bits with other numbers of threads and of devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib, json, sys
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

for bins, nuisances, toys in json.loads(sys.argv[1]):
    found = fit_toys(shapes(bins, nuisances), values={}, toys=toys, seed=1)
    digest = hashlib.sha256()
    for block in found.blocks():
        for array in (block.x, block.errors, block.fun, block.edm):
            digest.update(np.ascontiguousarray(array).tobytes())
    assert found.converged == toys
    print(digest.hexdigest(), len(jax.devices()))
"""


SMALL, LARGE = [10, 1, 200], [150, 100, 6]
"""Bins, nuisances and toys of a model whose fits go together, and of one whose fits go one by one."""


def digests(*cases, **environment):
    command = [sys.executable, "-c", SCRIPT, json.dumps(cases)]
    env = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_several_devices_make_the_same_bits():
    flags = os.environ.get("XLA_FLAGS", "")
    several = digests(SMALL, XLA_FLAGS=f"{flags} --xla_force_host_platform_device_count=2")
    assert several[0][1] == "2"
    assert several[0][0] == digests(SMALL)[0][0]


@pytest.mark.slow
def test_numbers_of_threads_make_the_same_bits():
    usual = digests(SMALL, LARGE)
    # Those of XLA and of OpenBLAS.
    for environment in ({"NPROC": "1", "OPENBLAS_NUM_THREADS": "1"}, {"NPROC": "5"}):
        assert digests(SMALL, LARGE, **environment) == usual
