"""The number of BLAS threads while a compiled program runs, and afterwards, in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json
import threading

import threadpoolctl

from smoothfit import Model, Process, Variable, _blas

signal = Process("sig", [5.0, 1.0]).scale_by(Variable("mu", 1.0))
model = Model().add_proc(signal).add_proc(Process("bkg", [50.0, 50.0])).prepare()


def blas():
    found = threadpoolctl.threadpool_info()
    return {i["filepath"]: i["num_threads"] for i in found if i["user_api"] == "blas"}


threadpoolctl.threadpool_limits(limits=2, user_api="blas")
with _blas.one_thread():
    model.fit([55.0, 51.0])
    # The call within has ended, this one has not.
    inside = blas()
after = blas()


def enter():
    with _blas.one_thread():
        barrier.wait()
        in_threads.append(blas())
        barrier.wait()


barrier, in_threads = threading.Barrier(4), []
threads = [threading.Thread(target=enter) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps([inside, after, blas(), len(_blas._libraries()), in_threads]))
"""


@pytest.fixture(scope="module")
def seen():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_every_blas_is_known_at_the_first_call(seen):
    inside, _, _, known, _ = seen
    assert known == len(inside) > 0


def test_one_thread_inside_and_the_numbers_from_before_afterwards(seen):
    inside, after, after_threads, _, in_threads = seen
    assert set(inside.values()) == {1}
    # Whichever thread set it: threadpoolctl listens to one only, unless it is told.
    assert [set(numbers.values()) for numbers in in_threads] == [{1}] * 4
    # The number is set again for what was there; a machine of one core has one.
    assert after == after_threads
    assert set(after.values()) <= {1, 2}
