"""Campaigns on a Dask cluster of separate processes: workers and the scheduler die, the bits stay."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from test_campaign import MODEL, files

from smoothfit import errors
from smoothfit.campaign import Campaign

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Cluster:
    """A scheduler and workers, each a process of its own that can be killed."""

    def __init__(self, folder):
        self.port, self.folder, self.processes = free_port(), folder, []
        self.address = f"tcp://127.0.0.1:{self.port}"

    def _start(self, *words):
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        log = (self.folder / "log").open("a")
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=os.environ)
        log.close()
        self.processes.append(process)
        return process

    def scheduler(self):
        address = ("--host", "127.0.0.1", "--port", str(self.port))
        return self._start("scheduler", *address, "--no-dashboard", "--no-show")

    def worker(self):
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        return self._start("worker", self.address, *options)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.close()


def campaign(path, toys, **options):
    return Campaign(path, MODEL, values={"mu": 1.0}, toys=toys, seed=5, block=64, **options)


def once(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_workers_and_the_scheduler_die_and_the_bits_stay(cluster, tmp_path):
    toys = 64 * 200 - 10
    one = campaign(tmp_path / "toys", toys)
    scheduler, workers = cluster.scheduler(), [cluster.worker()]
    found = {}
    run = threading.Thread(target=lambda: found.update(status=one.run(cluster.address, patience=60.0)))
    run.start()
    once(lambda: not run.is_alive() or len(list((tmp_path / "toys").glob("block-*"))) > 5)
    cluster.worker()
    workers[0].kill()
    scheduler.kill()
    scheduler.wait()
    before = len(list((tmp_path / "toys").glob("block-*")))
    # Workers end with their scheduler.
    cluster.scheduler()
    cluster.worker()
    run.join(300.0)
    assert not run.is_alive()
    status = found["status"]
    assert before < 200
    assert status.complete
    assert status.course.lost_schedulers >= 1
    local = campaign(tmp_path / "local", toys)
    local.run()
    assert files(tmp_path / "toys") == files(tmp_path / "local")


@pytest.mark.slow
def test_a_cluster_that_is_lost_for_good_is_said_and_finished_blocks_are_kept(cluster, tmp_path):
    one = campaign(tmp_path / "toys", 64 * 2000)
    scheduler = cluster.scheduler()
    cluster.worker()
    client = distributed.Client(cluster.address, set_as_default=False)
    raised = []

    def run():
        try:
            one.run(client, patience=1.0)
        except errors.CampaignInterruptedError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    once(lambda: not thread.is_alive() or len(list((tmp_path / "toys").glob("block-*"))) > 5)
    scheduler.kill()
    thread.join(120.0)
    assert not thread.is_alive()
    assert "the cluster was lost, and did not come back within 1 s" in raised[0]
    assert 0 < one.status().blocks < 2000
    client.close(timeout=1.0)


def test_a_client_of_a_cluster_makes_the_same_bits(tmp_path):
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": ":0"}
    one, local = campaign(tmp_path / "toys", 64 * 6 - 10), campaign(tmp_path / "local", 64 * 6 - 10)
    with (
        distributed.LocalCluster(**options) as there,
        distributed.Client(there, set_as_default=False) as client,
    ):
        status = one.run(client)
        # It is the caller's, and still open.
        assert client.status == "running"
    assert status.complete
    assert (status.course.lost_workers, status.course.lost_schedulers) == (0, 0)
    local.run()
    assert files(tmp_path / "toys") == files(tmp_path / "local")


# -- without processes ---------------------------------------------------------------------------------


class Future:
    def __init__(self, status, content):
        self.status, self.content = status, content

    def done(self):
        return True

    def result(self, timeout=None):
        return self.content

    def exception(self, timeout=None):
        return self.content

    def release(self):
        pass


class Client(distributed.Client):
    """Runs tasks as they are submitted; what ``spoil`` gives for a block comes in place of it."""

    def __init__(self, spoil):
        self.spoil, self.most, self.now = spoil, 0, 0

    asynchronous, status, security = False, "running", None
    scheduler = type("Scheduler", (), {"address": "tcp://127.0.0.1:1"})

    def nthreads(self):
        return {"one": 1}

    def submit(self, fn, *arguments, key):
        if "recipe" in key:
            return Future("finished", fn(*arguments))
        bad = self.spoil(arguments[1])
        return bad if bad is not None else Future("finished", fn(arguments[0].content, *arguments[1:]))

    def cancel(self, futures):
        self.cancelled = len(futures)

    def __del__(self):
        pass


@pytest.fixture
def at_once(monkeypatch):
    from smoothfit.campaign import cluster

    monkeypatch.setattr(distributed, "wait", lambda futures, **_: None)
    return cluster


def killed():
    state = type("WorkerState", (), {"address": "tcp://there"})()
    return Future("error", distributed.KilledWorker("block", state, 3))


def test_a_block_whose_workers_die_is_given_out_again_and_counted(at_once, tmp_path):
    deaths = iter([killed(), killed()])
    client = Client(lambda k: next(deaths, None) if k == 2 else None)
    one = campaign(tmp_path / "toys", 64 * 5)
    status = one.run(client)
    assert status.complete
    assert status.course.lost_workers == 2
    assert "2 blocks lost with a worker, given out again" in repr(status)
    local = campaign(tmp_path / "local", 64 * 5)
    local.run()
    assert files(tmp_path / "toys") == files(tmp_path / "local")


def test_a_block_that_kills_worker_after_worker_is_named(at_once, tmp_path):
    client = Client(lambda k: killed() if k == 3 else None)
    one = campaign(tmp_path / "toys", 64 * 5)
    with pytest.raises(errors.CampaignError, match=r"block 3 ended every worker that had it .*tcp://there"):
        one.run(client)
    assert one.status().blocks == 4


def test_lost_futures_are_given_out_again(at_once, tmp_path):
    lost = iter([Future("cancelled", None), Future("lost", None)])
    client = Client(lambda k: next(lost, None))
    assert campaign(tmp_path / "toys", 64 * 3).run(client).complete


def test_an_error_in_a_task_names_the_block(at_once, tmp_path):
    client = Client(lambda k: Future("error", MemoryError("of the worker")) if k == 1 else None)
    with pytest.raises(
        errors.CampaignError, match="block 1 could not be made by a worker: MemoryError: of the"
    ):
        campaign(tmp_path / "toys", 64 * 3).run(client)


def test_what_comes_back_broken_is_not_written(at_once, tmp_path):
    client = Client(lambda k: Future("finished", b"PAR1 nonsense") if k == 1 else None)
    one = campaign(tmp_path / "toys", 64 * 3)
    with pytest.raises(errors.FileFormatError, match="block 1 of a worker"):
        one.run(client)
    assert not (tmp_path / "toys" / "block-000001.parquet").exists()


def test_a_full_disk_ends_a_run_on_a_cluster_too(at_once, tmp_path, monkeypatch):
    from smoothfit.campaign.folder import Folder

    def full(self, k, content):
        raise errors.OutputFileError("No space left on device")

    one = campaign(tmp_path / "toys", 64 * 3)
    monkeypatch.setattr(Folder, "write_block", full)
    with pytest.raises(errors.OutputFileError, match="No space left"):
        one.run(Client(lambda k: None))


def test_what_a_client_may_be(tmp_path):
    one = campaign(tmp_path / "toys", 64)
    with pytest.raises(errors.InvalidTypeError, match=r"client must be a distributed\.Client, the address"):
        one.run(3)
    with pytest.raises(errors.InvalidValueError, match="patience must be seconds"):
        one.run("tcp://127.0.0.1:1", patience=-1.0)
    with pytest.raises(errors.CampaignInterruptedError, match="no cluster answers within 0 s"):
        one.run(lambda: (_ for _ in ()).throw(OSError("nobody")), patience=0.0)
