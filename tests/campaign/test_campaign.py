"""Campaigns: what is stored is what single fits find; resumed, extended and read; wrong input and folders."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as parquet
import pytest

from smoothfit import errors
from smoothfit.campaign import Campaign, fit_toys
from smoothfit.inference.ensembles import ToyGenerators
from smoothfit.model import Model, Process, Variable

BLOCK = 64


def counting(signal=30.0):
    """Two bins, a signal strength with a limit, a log-normal and a bin parameter a bin."""
    mu, rate = Variable("mu", 1.0, lower_bound=0.0), Variable("rate", 0.0, nuisance=True)
    built = Model().add_proc(Process("sig", [signal, 5.0], sumw2=[20.0, 4.0]).scale_by(mu))
    built.add_proc(Process("bkg", [100.0, 400.0], sumw2=[90.0, 60.0]).add_lnN(rate, 1.05))
    return built.prepare()


MODEL = counting()
OPTIONS = {"values": {"mu": 1.0}, "seed": 5, "block": BLOCK}


def campaign(path, toys=200, model=MODEL, **options):
    return Campaign(path, model, toys=toys, **{**OPTIONS, **options})


def files(path):
    return {p.name: p.read_bytes() for p in sorted(path.iterdir()) if p.suffix == ".parquet"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "toys"
    one = campaign(path)
    return path, one, one.run()


def test_what_is_stored_is_what_single_fits_of_the_same_data_find(made):
    _, one, status = made
    assert status.complete
    assert (status.blocks, status.toys, status.failed) == (4, 200, {})
    mu, error = one.column("mu"), one.column("mu error")
    assert mu.shape == (200,)
    # The counts by numpy's Poisson, from the stream of toy 130.
    for i in (0, 130, 199):
        toy = one.toy(i)
        drawn = ToyGenerators(5, 0, i, 1).poisson(MODEL.pred({"mu": 1.0}), (1, 2))[0]
        assert np.array_equal(toy.obs, drawn)
        single = MODEL.fit(toy.obs, globs=toy.globs)
        assert mu[i] == pytest.approx(single["mu"].value, abs=1e-6)
        assert error[i] == pytest.approx(single["mu"].error, rel=1e-5)
        assert one.column("fun")[i] == pytest.approx(single.fun, abs=1e-9)


def test_any_toy_made_alone_is_the_stored_one_bit_for_bit(made):
    _, one, _ = made
    columns = {name: one.column(name) for name in ("mu", "rate", "fun", "edm", "steps", "mu error")}
    for i in (0, 63, 64, 150, 199):
        fit = one.toy(i).fit
        assert fit["mu"][0] == columns["mu"][i]
        assert fit["rate"][0] == columns["rate"][i]
        assert (fit.fun[0], fit.edm[0], fit.steps[0]) == tuple(columns[n][i] for n in ("fun", "edm", "steps"))
        assert fit.errors[0, 0] == columns["mu error"][i]
    with pytest.raises(errors.InvalidValueError, match="from 0 to 199"):
        one.toy(200)


def test_the_summary_is_that_of_all_rows(made):
    _, one, _ = made
    found, frame = one.results(), one.to_pandas()
    assert len(frame) == 200
    assert frame["toy"].tolist() == list(range(200))
    summary = found.to_dict()["parameters"]["mu"]
    assert summary["mean"] == pytest.approx(frame["mu"].mean(), rel=1e-12)
    assert summary["standard_deviation"] == pytest.approx(frame["mu"].std(), rel=1e-12)
    pulls = (frame["mu"] - 1.0) / frame["mu error"]
    assert summary["pull_mean"] == pytest.approx(pulls.mean(), rel=1e-9)
    assert summary["pull_width"] == pytest.approx(pulls.std(), rel=1e-9)
    assert found.message == "200 of 200 fits converged."
    assert sum(len(block) for block in one.blocks()) == 200


def test_in_memory_the_same_toys_come_out(made):
    _, one, _ = made
    found = fit_toys(MODEL, values={"mu": 1.0}, toys=200, seed=5)
    assert np.array_equal(found.column("mu"), one.column("mu"))
    assert "mu" in repr(found)


def test_a_campaign_is_gone_on_with_bit_for_bit(made, tmp_path):
    path, _, _ = made
    one = campaign(tmp_path / "again")
    one.run()
    whole = files(path)
    assert files(tmp_path / "again") == whole
    for name in ("block-000001.parquet", "block-000003.parquet"):
        (tmp_path / "again" / name).unlink()
    assert Campaign.open(tmp_path / "again").status().blocks == 2
    assert Campaign.open(tmp_path / "again").run().complete
    assert files(tmp_path / "again") == whole


def test_more_toys_later_are_those_of_a_campaign_of_so_many(made, tmp_path):
    path, _, _ = made
    first = campaign(tmp_path / "grown", toys=70)
    assert first.run().toys == 70
    alone = first.column("mu")
    grown = campaign(tmp_path / "grown", toys=200)
    assert grown.status().blocks == 1
    assert grown.run().complete
    assert files(tmp_path / "grown") == files(path)
    assert np.array_equal(grown.column("mu")[:70], alone)
    with pytest.raises(errors.CampaignMismatchError, match=r"toys: 200 in the folder, 70 asked for, which"):
        campaign(tmp_path / "grown", toys=70)


def test_a_fresh_seed_is_kept_in_the_folder(tmp_path):
    first = campaign(tmp_path / "fresh", seed=None)
    first.run()
    again = campaign(tmp_path / "fresh", seed=None)
    assert again.manifest.seed == first.manifest.seed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 6}, "seed: 5 in the folder, 6 is asked for"),
        ({"values": {"mu": 2.0}}, "values: entry 0 is 1.0 in the folder, 2.0 is asked for"),
        ({"model": counting(31.0)}, "model: .* in the folder"),
        ({"fixed": {"rate": 0.0}}, "fixed: {} in the folder"),
        ({"kind": "bayesian"}, "kind: frequentist in the folder"),
        ({"block": 128}, "block: 64 in the folder"),
        ({"errors": False}, "errors: True in the folder"),
        ({"parameters": ["mu"]}, "parameters: "),
    ],
)
def test_another_campaign_in_the_folder_is_refused_with_what_differs(made, options, words):
    path, _, _ = made
    before = files(path)
    with pytest.raises(errors.CampaignMismatchError, match=words):
        campaign(path, **options)
    assert files(path) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"toys": 0}, "Campaign: the number of toys"),
        ({"block": 100}, "multiple of 64"),
        ({"kind": "other"}, "kind"),
        ({"kind": "bootstrap"}, "needs obs"),
        ({"obs": [1.0, 2.0]}, "has no use for obs"),
        ({"globs": [0.0, 0.0, 0.0]}, "draws the global observables"),
        ({"seed": -1}, "seed"),
        ({"fixed": {"mu": [0.0, 1.0]}}, "one value a parameter"),
        ({"parameters": []}, "parameters is empty"),
        ({"values": {"nu": 1.0}}, "nu"),
        ({"model": "model"}, "a Model is expected"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(tmp_path, options, words):
    with pytest.raises(errors.SmoothfitError, match=words):
        campaign(tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()


def test_folders_of_something_else_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(errors.CampaignMismatchError, match="no campaign of this kind in it"):
        campaign(tmp_path).run()
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(errors.InputFileError, match="no campaign is there"):
        Campaign.open(tmp_path)
    with pytest.raises(errors.OutputFileError, match="cannot be made"):
        campaign(tmp_path / "missing" / "folder").run()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "smoothfit campaign", "version": 99}',
        '{"format": "smoothfit campaign", "version": 1}',
    ],
)
def test_a_damaged_manifest_is_said_with_its_name(made, tmp_path, text):
    (tmp_path / "campaign.json").write_text(text)
    with pytest.raises(errors.FileFormatError, match=r"campaign\.json"):
        Campaign.open(tmp_path)


@pytest.mark.parametrize(
    "name", ["toys", "seed", "kind", "values", "fixed", "errors", "parameters", "positions"]
)
def test_every_field_of_a_manifest_is_checked(made, tmp_path, name):
    path, _, _ = made
    document = json.loads((path / "campaign.json").read_text())
    for wrong in ({"a": []}, None, [{}]):
        (tmp_path / "campaign.json").write_text(json.dumps({**document, name: wrong}))
        with pytest.raises(errors.FileFormatError, match=rf"campaign.json: .*{name}"):
            Campaign.open(tmp_path)


def _cut(content):
    return content[: len(content) // 2]


def _flipped(content):
    at = len(content) // 3
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [_cut, _flipped, lambda content: b""])
def test_a_damaged_block_is_an_error_to_read_and_made_anew_by_run(made, tmp_path, damage):
    path, _, _ = made
    one = campaign(tmp_path / "damaged")
    one.run()
    target = tmp_path / "damaged" / "block-000002.parquet"
    target.write_bytes(damage(target.read_bytes()))
    with pytest.raises(
        errors.FileFormatError, match=r"block-000002\.parquet.*running the campaign makes it anew"
    ):
        one.column("mu")
    status = Campaign.open(tmp_path / "damaged").run()
    assert status.complete
    assert [*status.course.recomputed] == [2]
    assert "made anew" in repr(status)
    assert files(tmp_path / "damaged") == files(path)


def test_blocks_of_other_campaigns_are_refused_and_kept(made, tmp_path):
    path, _, _ = made
    other = campaign(tmp_path / "other", seed=6, toys=128)
    other.run()
    strange = (path / "block-000001.parquet").read_bytes()
    (tmp_path / "other" / "block-000001.parquet").write_bytes(strange)
    with pytest.raises(
        errors.CampaignMismatchError, match=r"block-000001.parquet: a block of another campaign"
    ):
        other.run()
    own = (tmp_path / "other" / "block-000000.parquet").read_bytes()
    (tmp_path / "other" / "block-000001.parquet").write_bytes(own)
    with pytest.raises(
        errors.CampaignMismatchError, match="has the toys from 0 on, its name says from 64 on"
    ):
        other.run()
    (tmp_path / "other" / "block-000001.parquet").rename(tmp_path / "other" / "block-000007.parquet")
    with pytest.raises(errors.CampaignMismatchError, match="this campaign has 2 blocks"):
        other.run()


def test_another_model_file_is_refused(tmp_path):
    one = campaign(tmp_path / "swapped")
    one.run()
    (tmp_path / "swapped" / "block-000000.parquet").unlink()
    from smoothfit import save

    save(counting(31.0), tmp_path / "swapped" / "model.smoothfit")
    with pytest.raises(errors.FileFormatError, match="not the model that the campaign was begun with"):
        Campaign.open(tmp_path / "swapped").run()


def test_what_is_in_a_file(made):
    path, one, _ = made
    file = parquet.ParquetFile(path / "block-000003.parquet")
    assert file.metadata.num_rows == 8
    said = json.loads(file.schema_arrow.metadata[b"smoothfit"])
    assert (said["first"], said["toys"], said["seed"]) == (192, 8, 5)
    assert said["model_hash"] == one.manifest.model_hash
    assert {"smoothfit", "jax", "jaxlib", "numpy"} == said["versions"].keys()
    # Fits are made of full groups of 64, whether all are kept or not.
    assert (said["fits"], said["retried"], said["failed"]) == (64, 0, {})
    names = file.schema_arrow.names
    assert names == [
        *("toy", "status", "fun", "edm", "steps", "smallest_nu"),
        *("mu", "rate", "mu error", "rate error", "mu at limit"),
    ]
    assert sorted(p.name for p in path.iterdir() if p.suffix != ".parquet") == [
        "campaign.json",
        "lock",
        "model.smoothfit",
    ]


def test_bin_parameters_are_stored_where_they_are_named(tmp_path):
    name = MODEL.bin_parameters[1]
    one = campaign(tmp_path / "bins", toys=64, parameters=["mu", name])
    one.run()
    toy = one.toy(3)
    assert one.column(name)[3] == toy.fit[name][0]
    assert one.results().parameters == ("mu", name)


def test_limits_are_marked(tmp_path):
    one = campaign(tmp_path / "limits", toys=64, values={"mu": 0.0})
    one.run()
    mu, at_limit = one.column("mu"), one.column("mu at limit")
    assert 10 < at_limit.sum() < 54
    assert np.array_equal(at_limit, mu == 0.0)


def test_failed_fits_are_counted_and_kept_with_their_status(tmp_path, monkeypatch):
    from smoothfit.campaign import making
    from smoothfit.inference.ensembles import Toys

    class Broken(making.Ensemble):
        def draw(self, first, n):
            toys = super().draw(first, n)
            # An infinite observable has no likelihood.
            lost = np.arange(first, first + n)[:, None] == 5
            return Toys(toys.counts, np.where(lost, np.inf, toys.globs), first)

    monkeypatch.setattr(making, "Ensemble", Broken)
    one = campaign(tmp_path / "failed", toys=64)
    status = one.run()
    assert status.n_failed == 1
    assert status.retried == 1
    assert "failed" in repr(status)
    frame = one.to_pandas()
    assert frame["status"].tolist().count(0) == 63
    assert frame["status"][5] != 0
    assert np.isnan(frame["mu"][5])
    assert np.isnan(frame["fun"][5])
    assert one.results().converged == 63
    assert "63 of 64 fits converged; the others: 1 " in one.results().message


def test_blinded_parameters_are_not_shown(tmp_path):
    hidden = counting().blind(pois="mu")
    one = campaign(tmp_path / "blind", toys=64, model=hidden)
    one.run()
    for found in (one, Campaign.open(tmp_path / "blind")):
        results = found.results()
        mean = f"{found.column('mu').mean():.4f}"
        assert results.to_dict()["parameters"]["mu"] == "blinded"
        assert "blinded" in repr(results)
        assert mean not in repr(results) + results.to_json() + repr(found) + found.status().to_json()
        assert set(found.to_pandas()["mu"]) == {"blinded"}
        assert set(found.to_pandas()["mu error"]) == {"blinded"}
    # Who has the model unblinded may look.
    again = campaign(tmp_path / "blind", toys=64, model=counting())
    assert again.results().to_dict()["parameters"]["mu"]["mean"] == pytest.approx(found.column("mu").mean())


def test_kinds_of_toys(tmp_path):
    bayesian = campaign(tmp_path / "bayesian", kind="bayesian", toys=64)
    bayesian.run()
    assert np.array_equal(bayesian.toy(40).globs, MODEL.layout.globs)
    # Of the log-normal's parameter there is no one truth.
    found = bayesian.results().to_dict()["parameters"]
    assert found["mu"]["truth"] == 1.0
    assert np.isnan(found["rate"]["truth"])
    obs = np.array([0.0, 250.0])
    bootstrap = campaign(tmp_path / "bootstrap", kind="bootstrap", obs=obs, toys=64)
    bootstrap.run()
    assert all(bootstrap.toy(i).obs[0] == 0.0 for i in range(4))


def test_names_that_are_columns_already(tmp_path):
    fun = Variable("fun", 1.0)
    model = Model().add_proc(Process("sig", [50.0, 20.0]).scale_by(fun)).prepare()
    one = campaign(tmp_path / "names", toys=64, model=model, values={})
    one.run()
    assert one.column("fun")[3] == one.toy(3).fit["fun"][0]
    assert "fun value" in one.to_pandas()
    with pytest.raises(errors.UnknownNameError, match="none is named 'nu'; they are: toy, status"):
        one.column("nu")


# -- one writer ----------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from smoothfit.campaign.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_writers_are_refused_and_a_killed_one_leaves_the_folder_free(made):
    path, one, _ = made
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(errors.CampaignLockedError, match=rf"process {holder.pid} on .* is writing"):
            one.run()
        # Reading needs no lock.
        assert one.status().complete
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert one.run().complete


# -- full disks ----------------------------------------------------------------------------------------


def test_a_full_disk_is_a_clear_error_and_loses_nothing(made, tmp_path, monkeypatch):
    path, _, _ = made
    one, writes = campaign(tmp_path / "full"), []
    fsync = os.fsync

    def full(handle):
        writes.append(handle)
        # Model, manifest and two blocks, each with its folder.
        if len(writes) > 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        errors.OutputFileError, match=r"block-000002.parquet' cannot be written: No space left"
    ):
        one.run()
    monkeypatch.undo()
    assert sorted(files(tmp_path / "full")) == ["block-000000.parquet", "block-000001.parquet"]
    assert not [p for p in (tmp_path / "full").iterdir() if p.suffix == ".tmp"]
    assert Campaign.open(tmp_path / "full").run().complete
    assert files(tmp_path / "full") == files(path)


def test_a_file_system_that_is_really_full(made, tmp_path):
    path, _, _ = made
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    try:
        one = campaign(small / "toys", toys=6400)
        with pytest.raises(errors.OutputFileError, match="cannot be written: No space left on device"):
            one.run()
        done = files(small / "toys")
        assert len(done) >= 2
        assert not [p for p in (small / "toys").iterdir() if p.suffix == ".tmp"]
        whole = {name: content for name, content in files(path).items() if name in done}
        assert done["block-000000.parquet"] == whole["block-000000.parquet"]
        assert one.status().blocks == len(done)
        assert np.isfinite(one.column("mu")).all()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_leftovers_of_killed_runs_are_removed(made):
    path, one, _ = made
    left = path / ".0123456789abcdef.tmp"
    left.write_bytes(b"half a block")
    mine = path / ".mine.tmp"
    mine.write_bytes(b"")
    one.run()
    assert not left.exists()
    assert mine.exists()
    mine.unlink()


# -- other versions and machines ----------------------------------------------------------------------


def test_other_versions_go_on_only_when_asked_and_are_said(tmp_path, monkeypatch):
    from smoothfit.campaign import making, running

    one = campaign(tmp_path / "versions")
    one.run()
    (tmp_path / "versions" / "block-000001.parquet").unlink()
    newer = {**one.manifest.versions, "jax": "99.0"}
    monkeypatch.setattr(running, "versions", lambda: newer)
    monkeypatch.setattr(making, "versions", lambda: newer)
    with pytest.raises(errors.CampaignMismatchError, match=r"jax 99.0 instead of .*other_versions=True"):
        Campaign.open(tmp_path / "versions").run()
    status = Campaign.open(tmp_path / "versions", other_versions=True).run()
    assert status.complete
    assert len(status.versions) == 2
    assert "jax 99.0" in repr(status)


def test_a_machine_that_rounds_otherwise_is_noticed(tmp_path, monkeypatch):
    from smoothfit.campaign import making

    one = campaign(tmp_path / "machine")
    one.run()
    (tmp_path / "machine" / "block-000001.parquet").unlink()
    monkeypatch.setattr(making.BlockMaker, "probe", lambda self: "other")
    with pytest.raises(errors.CampaignMismatchError, match="rounds otherwise"):
        Campaign.open(tmp_path / "machine").run()
    status = Campaign.open(tmp_path / "machine", other_versions=True).run()
    assert (status.complete, status.machines) == (True, 2)
    assert "2 kinds" in repr(status)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(errors.MissingPackageError, match=r"smoothfit\[campaign\]"):
        campaign(tmp_path / "none")
