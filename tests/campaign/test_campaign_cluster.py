"""Campaigns on dask.distributed: equal to local ones, with workers and a scheduler that die."""

from __future__ import annotations

import time

import numpy as np
import pytest
from test_campaign import campaign, files

from smoothfit import errors
from smoothfit.campaign.folder import Folder

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "toys"
    campaign(path, toys=1500).run()
    return files(path)


def test_workers_make_the_blocks_of_the_local_campaign(local, tmp_path):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        with distributed.Client(cluster) as client:
            status = campaign(tmp_path / "there", toys=1500).run(client)
            assert status.complete
            assert client.status == "running"
        # By its address, and with no client of the user's.
        assert campaign(tmp_path / "address", toys=640).run(cluster.scheduler_address).complete
    assert files(tmp_path / "there") == local
    assert files(tmp_path / "address").items() <= local.items()


def test_an_error_of_a_task_is_an_error_here(tmp_path, monkeypatch):
    from smoothfit.campaign import cluster as room

    def broken(recipe, k):
        raise ZeroDivisionError("of a worker")

    monkeypatch.setattr(room, "make_block", broken)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(errors.CampaignError, match="could not be made by a worker: ZeroDivisionError"),
    ):
        campaign(tmp_path / "there").run(client)


def test_no_cluster_is_said_once_patience_ends(tmp_path):
    with pytest.raises(errors.InvalidTypeError, match=r"client must be a distributed\.Client"):
        campaign(tmp_path / "there").run(17)
    with pytest.raises(errors.CampaignInterruptedError, match="no cluster answers within 0 s"):
        campaign(tmp_path / "there").run("tcp://127.0.0.1:1", patience=0.0)
    with pytest.raises(errors.InvalidValueError, match="patience"):
        campaign(tmp_path / "there").run("tcp://127.0.0.1:1", patience=-1.0)


@pytest.mark.slow
def test_dying_workers_and_a_dying_scheduler_change_nothing(tmp_path, monkeypatch):
    from benchmarks.campaign import Herd, attacked

    toys, write = 64 * 300, Folder.write_block

    def slowly(*arguments):
        # So that there is time to die.
        time.sleep(0.2)
        write(*arguments)

    campaign(tmp_path / "local", toys=toys).run()
    monkeypatch.setattr(Folder, "write_block", slowly)
    one, herd = campaign(tmp_path / "there", toys=toys), Herd(workers=2)
    with attacked(herd, 8.0, lambda: len(files(tmp_path / "there")) > 30):
        status = one.run(herd.address, patience=60.0)
    assert status.complete
    assert (herd.schedulers_killed, status.course.lost_schedulers) == (1, 1)
    assert herd.killed > 0
    assert np.array_equal(one.column("toy"), np.arange(toys))
    assert files(tmp_path / "there") == files(tmp_path / "local")
