"""Mutated workspaces and patch sets: a model, or an error of ours; nothing else, and soon."""

from __future__ import annotations

import copy
import time
import warnings

import pyhf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_bad_files import GOOD, places

from smoothfit import read_pyhf, write_pyhf
from smoothfit.errors import NotExpressibleError, SmoothfitError

LUMI = {"name": "lumi", "type": "lumi", "data": None}
VALUES = [None, True, -3, 0, 0.5, 1e308, 10**400, "x", "mu", "stat", "jes", "", [], {}, [[]], {"name": "x"}]
MISSING = object()


def whole():
    """A workspace with every kind of modifier and configuration."""
    result = copy.deepcopy(GOOD)
    result["channels"][0]["samples"][0]["modifiers"].append(LUMI)
    result["channels"][1]["samples"][0]["modifiers"].append(
        {"name": "free", "type": "shapefactor", "data": None}
    )
    result["measurements"][0]["config"]["parameters"] = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "inits": [1.0], "bounds": [[0.5, 1.5]]},
        {"name": "jes", "fixed": False, "auxdata": [0.1]},
        {"name": "unc", "factors": [600.0], "auxdata": [610.0]},
    ]
    return result


def patch_set():
    metadata = {"name": "up", "values": [1]}
    patch = [{"op": "replace", "path": "/channels/0/samples/1/data/0", "value": 51.0}]
    digests = {"md5": pyhf.utils.digest(whole(), algorithm="md5")}
    return {"metadata": {"digests": digests}, "patches": [{"metadata": metadata, "patch": patch}]}


def mutations(make):
    """Strategy: what ``make`` gives, with one to three places replaced or removed."""
    paths = [path for path in places(make()) if path]

    @st.composite
    def mutated(draw):
        document = make()
        for _ in range(draw(st.integers(1, 3))):
            path = draw(st.sampled_from(paths))
            value = draw(st.one_of(st.sampled_from([*VALUES, MISSING]), st.floats(), st.text(max_size=8)))
            put(document, path, value)
        return document

    return mutated()


def put(document, path, value):
    target = document
    for key in path[:-1]:
        try:
            target = target[key]
        except (KeyError, IndexError, TypeError):
            return
    last = path[-1]
    if isinstance(target, dict):
        target.pop(last, None) if value is MISSING else target.__setitem__(last, copy.deepcopy(value))
    elif isinstance(target, list) and isinstance(last, int) and last < len(target):
        target[last : last + 1] = [] if value is MISSING else [copy.deepcopy(value)]


def write_or_refused(model, obs):
    """None where pyhf has no words: a luminosity is always called so."""
    try:
        return write_pyhf(model, obs)
    except NotExpressibleError as error:
        message = str(error)
    assert "'lumi'" in message
    return None


def read_or_refused(document, patch=None):
    """What is read can be written, or is refused by name."""
    began, written, message = time.process_time(), None, "workspace"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*parameter of interest.*")
        try:
            model, obs = read_pyhf(document, patch=patch)
        except SmoothfitError as error:
            message = str(error)
        else:
            written = write_or_refused(model, obs)
    assert time.process_time() - began < 20.0
    assert "workspace" in message or "patch" in message
    if written is not None:
        pyhf.schema.validate(written, "workspace.json")


@settings(max_examples=60, deadline=None)
@given(mutations(whole))
def test_mutated_workspaces_become_models_or_errors(document):
    read_or_refused(document)


@settings(max_examples=60, deadline=None)
@given(mutations(patch_set))
def test_mutated_patch_sets(content):
    read_or_refused(whole(), content)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations(whole))
def test_many_mutated_workspaces(document):
    read_or_refused(document)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations(patch_set))
def test_many_mutated_patch_sets(content):
    read_or_refused(whole(), content)
