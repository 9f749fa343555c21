"""Patch sets: which patch, and whether it is for this workspace, as pyhf says."""

from __future__ import annotations

import copy
import json

import numpy as np
import pyhf
import pytest
from files_of_tests import shared_path
from test_pyhf import CASES

from smoothfit import read_pyhf
from smoothfit.errors import FileFormatError, InvalidTypeError, UnknownNameError

WORKSPACE = CASES["normsys"]
UP = [{"op": "replace", "path": "/channels/0/samples/1/modifiers/0/data/hi", "value": 1.3}]


def patch_set(**digests):
    metadata = {"references": {"hepdata": "ins1234567"}, "labels": ["x", "y"], "description": "test"}
    return {
        "metadata": {**metadata, "digests": digests},
        "patches": [
            {"metadata": {"name": "up", "values": [300, 1.5]}, "patch": UP},
            {"metadata": {"name": "same", "values": [300, 2.5]}, "patch": []},
        ],
        "version": "1.0.0",
    }


def digest_of(algorithm, document=WORKSPACE):
    """pyhf's."""
    return pyhf.utils.digest(document, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_digests_are_those_of_pyhf(algorithm):
    content = patch_set(**{algorithm: digest_of(algorithm)})
    pyhf.PatchSet(content).verify(WORKSPACE)
    model, _ = read_pyhf(WORKSPACE, patch=(content, "up"))
    assert model.receipt.ignored == []
    assert model.receipt.read["operations of a patch"] == 1


def test_the_order_of_keys_and_umlauts():
    named = json.loads(json.dumps(WORKSPACE).replace('"jes"', '"jés"'))
    turned = dict(reversed(named.items()))
    content = patch_set(sha256=digest_of("sha256", named), md5=digest_of("md5", turned))
    pyhf.PatchSet(content).verify(turned)
    assert "jés" in read_pyhf(turned, patch=(content, "up"))[0].parameters


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_another_workspace_is_refused(algorithm):
    content = patch_set(**{algorithm: digest_of(algorithm)})
    other = copy.deepcopy(WORKSPACE)
    other["observations"][0]["data"][0] += 1.0
    with pytest.raises(pyhf.exceptions.PatchSetVerificationError):
        pyhf.PatchSet(content).verify(other)
    with pytest.raises(FileFormatError) as caught:
        read_pyhf(other, patch=(content, "up"))
    for word in (algorithm, digest_of(algorithm, other), "verify=False"):
        assert word in str(caught.value)
    model, _ = read_pyhf(other, patch=(content, "up"), verify=False)
    assert [note.why for note in model.receipt.ignored] == [
        "not compared with the workspace: verify is False"
    ]


def test_a_broken_digest_among_good_ones():
    content = patch_set(sha256=digest_of("sha256"), md5="0" * 32)
    with pytest.raises(FileFormatError, match="whose md5 is '0000"):
        read_pyhf(WORKSPACE, patch=(content, "up"))


@pytest.mark.parametrize("algorithm", ["crc32", "shake_128", "__class__", "new", ""])
def test_an_algorithm_that_is_not_known(algorithm):
    with pytest.raises(FileFormatError, match=r"of no algorithm that is known.*'sha256'"):
        read_pyhf(WORKSPACE, patch=(patch_set(**{algorithm: "ab"}), "up"))


@pytest.mark.parametrize("digests", [[], "md5", 3, None])
def test_digests_of_the_wrong_kind(digests):
    content = patch_set()
    content["metadata"]["digests"] = digests
    with pytest.raises(FileFormatError, match="digests: an object"):
        read_pyhf(WORKSPACE, patch=(content, "up"))


@pytest.mark.parametrize("given", [3, None, ["ab"]])
def test_a_digest_of_the_wrong_kind(given):
    with pytest.raises(FileFormatError, match="whose md5 is"):
        read_pyhf(WORKSPACE, patch=(patch_set(md5=given), "up"))


def test_without_digests_the_receipt_says_so():
    content = patch_set()
    del content["metadata"]["digests"]
    model, _ = read_pyhf(WORKSPACE, patch=(content, "same"))
    assert [note.why for note in model.receipt.ignored] == ["not compared with the workspace: it has none"]


def test_patches_by_name_and_by_values():
    content = patch_set(md5=digest_of("md5"))
    by_values = read_pyhf(WORKSPACE, patch=(content, (300, 1.5)))[0]
    by_name, obs = read_pyhf(WORKSPACE, patch=(content, "up"))
    plain = read_pyhf(WORKSPACE)[0]
    values = np.array([1.0, 0.8])
    assert by_values.nll(values, obs) == by_name.nll(values, obs) != plain.nll(values, obs)
    assert pyhf.PatchSet(content)[300, 1.5].name == "up"
    with pytest.raises(UnknownNameError, match=r"\[300, 3.5\].*\[300, 1.5\]"):
        read_pyhf(WORKSPACE, patch=(content, [300, 3.5]))
    with pytest.raises(FileFormatError, match="is given twice"):
        read_pyhf(WORKSPACE, patch=({"patches": content["patches"] * 2}, (300, 1.5)))


def test_verify_is_a_flag():
    with pytest.raises(InvalidTypeError, match="verify"):
        read_pyhf(WORKSPACE, verify="no")


@pytest.mark.reference
def test_published_patch_sets_are_for_their_workspaces():
    folder = shared_path("data", "pyhf-repo", "tests", "test_patchset")
    content = json.loads((folder / "example_patchset.json").read_text())
    workspace = json.loads((folder / "example_bkgonly.json").read_text())
    pyhf.PatchSet(content).verify(workspace)
    assert read_pyhf(workspace, patch=content)[0].receipt.read["operations of a patch"] > 0


@pytest.mark.reference
def test_a_published_patch_set_of_another_workspace():
    """The set is for the full likelihood; pyhf refuses it for the simplified one, too."""
    folder = shared_path("data", "pyhf_inference_tools", "analyses", "1Lbb", "likelihoods")
    path, of = folder / "simplified_BkgOnly.json", folder / "simplified_patchset.json"
    content = json.loads(of.read_text())
    with pytest.raises(pyhf.exceptions.PatchSetVerificationError):
        pyhf.PatchSet(content).verify(json.loads(path.read_text()))
    name = content["patches"][3]["metadata"]["name"]
    with pytest.raises(
        FileFormatError, match=r"patchset\.json: patch set: it is for a workspace whose sha256"
    ):
        read_pyhf(path, patch=(of, name))
    assert read_pyhf(path, patch=(of, name), verify=False)[0].poi == "mu_Sig"
