"""Bad files: which exception, and the words that it must contain."""

from __future__ import annotations

import contextlib
import copy
import json
import warnings

import numpy as np
import pytest

from smoothfit.errors import (
    FileFormatError,
    InputFileError,
    InvalidTypeError,
    SmoothfitError,
    UnknownNameError,
)
from smoothfit.io import read_pyhf
from smoothfit.io.json_files import MAX_BYTES

GOOD = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "sig",
                    "data": [5.0, 9.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "bkg",
                    "data": [50.0, 60.0],
                    "modifiers": [
                        {"name": "jes", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}},
                        {
                            "name": "jer",
                            "type": "histosys",
                            "data": {"lo_data": [49.0, 58.0], "hi_data": [52.0, 61.0]},
                        },
                        {"name": "stat", "type": "staterror", "data": [2.0, 3.0]},
                    ],
                },
            ],
        },
        {
            "name": "CR",
            "samples": [
                {
                    "name": "bkg",
                    "data": [500.0],
                    "modifiers": [{"name": "unc", "type": "shapesys", "data": [20.0]}],
                }
            ],
        },
    ],
    "observations": [{"name": "SR", "data": [53.0, 70.0]}, {"name": "CR", "data": [510.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}
BKG = "channels/0/samples/1"


def test_the_good_one_is_read():
    _, obs = read_pyhf(GOOD)
    np.testing.assert_array_equal(obs, [53.0, 70.0, 510.0])


# -- what is no JSON ------------------------------------------------------------------------------

TEXTS = {
    "empty": ("", FileFormatError, ["empty"]),
    "blank": (" \n ", FileFormatError, ["empty"]),
    "truncated": ('{"channels": [\n  {"name": "SR"', FileFormatError, ["line 2", "column", "correct"]),
    "trailing comma": ('{\n"version": "1.0.0",\n}', FileFormatError, ["not valid JSON", "line"]),
    "two documents": ("{}\n{}", FileFormatError, ["line 2", "Extra data"]),
    "not JSON": ("imax 1\njmax 1", FileFormatError, ["not valid JSON", "line 1, column 1"]),
    "NaN": ('{"name": "a NaN",\n "data": [1.0, NaN]}', FileFormatError, ["NaN", "line 2, column 16"]),
    "-Infinity": ('{"data": [-Infinity]}', FileFormatError, ["-Infinity", "line 1", "finite"]),
    "key given twice": ('{"name": "SR", "data": 1, "data": 2}', FileFormatError, ["'data'", "twice", "'SR'"]),
    "a list": ("[1, 2]", FileFormatError, ["object", "[1, 2]"]),
    "a number": ("3", FileFormatError, ["object", "got 3"]),
    "nested without end": ("[" * 100_000, FileFormatError, ["nested too deeply"]),
    "nested deeply": ("[" * 80 + "]" * 80, FileFormatError, ["nested too deeply", "64"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name, tmp_path):
    text, kind, words = TEXTS[name]
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(kind) as caught:
        read_pyhf(path)
    message = str(caught.value)
    for word in [*words, str(path)]:
        assert word in message
    assert "\n" not in message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.json.*No such file.*check the path"):
        read_pyhf(tmp_path / "nowhere.json")
    with pytest.raises(InputFileError, match="directory"):
        read_pyhf(str(tmp_path))
    with pytest.raises(InputFileError, match="null"):
        read_pyhf("a\0b.json")
    packed = tmp_path / "packed.json"
    packed.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(FileFormatError, match=r"packed\.json.*not UTF-8"):
        read_pyhf(packed)
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputFileError, match=r"huge\.json.*MiB"):
        read_pyhf(huge)


# -- what is no workspace -------------------------------------------------------------------------

MISSING = object()


def changed(path, value):
    """The good workspace with what is at ``path`` replaced, added or removed."""
    result = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    target = result
    for key in parents:
        target = target[int(key) if isinstance(target, list) else key]
    if value is MISSING:
        del target[int(last) if isinstance(target, list) else last]
    elif isinstance(target, list):
        target[int(last) : int(last) + 1] = [value]
    else:
        target[last] = value
    return result


def configured(**fields):
    """The good workspace with a parameter configuration."""
    return changed("measurements/0/config/parameters", [fields])


NORMFACTOR = {"name": "mu", "type": "normfactor", "data": None}
LUMI = {"name": "lumi", "type": "lumi", "data": None}
SHAPEFACTOR = {"name": "free", "type": "shapefactor", "data": None}


def with_shapefactors():
    result = changed("channels/1/samples/0/modifiers/0", SHAPEFACTOR)
    result["channels"][0]["samples"][1]["modifiers"].append(SHAPEFACTOR)
    return result


DICTS = {
    "no channels": (changed("channels", MISSING), ["'channels'", "missing"]),
    "channels empty": (changed("channels", []), ["channels", "empty"]),
    "channels an object": (changed("channels", {}), ["channels", "a list is expected"]),
    "no observations": (changed("observations", MISSING), ["'observations'", "missing", "add one"]),
    "unknown key": (changed("channel", []), ["'channel'", "may have", "'channels'"]),
    "version": (changed("version", "2.0.0"), ["version '2.0.0'", "1.0.0"]),
    "patch set": ({"patches": [], "metadata": {}, "version": "1.0.0"}, ["patch set", "patch=..."]),
    "HS3": ({"distributions": [], "metadata": {}}, ["HS3", "read_hs3"]),
    "channel no object": (changed("channels/1", 7), ["channel 1", "object", "got 7"]),
    "channel without name": (changed("channels/1/name", MISSING), ["channel 1", "'name'", "missing"]),
    "channel's name a number": (changed("channels/1/name", 3), ["channel 1", "string", "3"]),
    "channel twice": (changed("channels/1/name", "SR"), ["channel 'SR'", "twice"]),
    "no samples": (changed("channels/1/samples", []), ["channel 'CR'", "samples", "empty"]),
    "sample twice": (changed(f"{BKG}/name", "sig"), ["channel 'SR'", "sample 'sig'", "twice"]),
    "sample without data": (changed(f"{BKG}/data", MISSING), ["sample 'bkg'", "'data'", "missing"]),
    "sample without modifiers": (changed(f"{BKG}/modifiers", MISSING), ["sample 'bkg'", "'modifiers'"]),
    "samples of different lengths": (
        changed(f"{BKG}/data", [50.0, 60.0, 70.0]) | {},
        ["sample 'bkg'", "lo_data", "2", "3"],
    ),
    "samples of different lengths, plain": (
        changed("channels/0/samples/0/data", [5.0]),
        ["channel 'SR'", "'sig' has 1 bin", "'bkg' has 2"],
    ),
    "text among the yields": (changed(f"{BKG}/data/1", "60"), ["'bkg'", "data[1]", "number", "'60'"]),
    "true among the yields": (changed(f"{BKG}/data/1", True), ["'bkg'", "data[1]", "number", "True"]),
    "NaN among the yields": (changed(f"{BKG}/data/1", float("nan")), ["'bkg'", "data[1]", "finite"]),
    "integer that Python does not show": (
        changed(f"{BKG}/data/1", [10**5000]),
        ["'bkg'", "data[1]", "number", "list too long to be shown"],
    ),
    "huge integer": (changed(f"{BKG}/data/1", 10**400), ["'bkg'", "data[1]", "finite"]),
    "yields a number": (changed("channels/1/samples/0/data", 5.0), ["data", "list", "5.0"]),
    "yields empty": (changed("channels/1/samples/0/data", []), ["channel 'CR'", "data", "empty"]),
    "modifier unknown": (
        changed(f"{BKG}/modifiers/0/type", "lnN"),
        ["'bkg'", "'jes'", "'lnN'", "normsys", "staterror"],
    ),
    "modifier without name": (changed(f"{BKG}/modifiers/0/name", MISSING), ["modifier 0", "'name'"]),
    "modifier of empty name": (changed(f"{BKG}/modifiers/0/name", ""), ["modifier 0", "name", "empty"]),
    "modifier twice": (
        changed(f"{BKG}/modifiers/9", GOOD["channels"][0]["samples"][1]["modifiers"][0]),
        ["twice", "normsys 'jes'"],
    ),
    "normsys without hi": (changed(f"{BKG}/modifiers/0/data/hi", MISSING), ["normsys 'jes'", "'hi'"]),
    "normsys lo 0": (
        changed(f"{BKG}/modifiers/0/data/lo", 0.0),
        ["'SR'", "'bkg'", "'jes'", "lo is 0", "positive"],
    ),
    "normsys hi negative": (changed(f"{BKG}/modifiers/0/data/hi", -1.0), ["'jes'", "hi is -1", "histosys"]),
    "normsys without data": (changed(f"{BKG}/modifiers/0/data", None), ["'jes'", "'lo', 'hi'", "None"]),
    "histosys too short": (
        changed(f"{BKG}/modifiers/1/data/hi_data", [52.0]),
        ["'SR'", "'bkg'", "histosys 'jer'", "hi_data has 1 number", "expected 2"],
    ),
    "histosys misspelt": (changed(f"{BKG}/modifiers/1/data/up", []), ["'jer'", "'up'", "'lo_data'"]),
    "staterror too long": (changed(f"{BKG}/modifiers/2/data", [1.0] * 3), ["'stat'", "3 numbers", "2"]),
    "shapesys in two samples": (
        changed("channels/0/samples/0/modifiers/0", {"name": "unc", "type": "shapesys", "data": [1.0, 1.0]}),
        ["'CR'", "'unc'", "'SR'", "already", "rename"],
    ),
    "normfactor with data": (changed("channels/0/samples/0/modifiers/0/data", 1.0), ["'mu'", "null", "1.0"]),
    "one name, two types": (
        changed(f"{BKG}/modifiers/0", {"name": "mu", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}),
        ["normsys 'mu'", "normfactor 'mu'", "'sig'", "rename"],
    ),
    "one name, two sets": (
        changed("channels/1/samples/0/modifiers/0/name", "stat"),
        ["shapesys 'stat'", "staterror 'stat'", "rename"],
    ),
    "shapefactor over different bins": (with_shapefactors(), ["'free'", "'CR'", "1 bins", "'SR'", "2"]),
    "lumi not configured": (changed(f"{BKG}/modifiers/0", LUMI), ["'lumi'", "auxdata", "measurement"]),
    "observation missing": (changed("observations/1", MISSING), ["channel 'CR'", "no observation", "'SR'"]),
    "observation twice": (changed("observations/1/name", "SR"), ["observation 'SR'", "twice"]),
    "observation too short": (changed("observations/0/data", [53.0]), ["channel 'SR'", "1 number", "2 bins"]),
    "observation negative": (changed("observations/1/data", [-1.0]), ["observation 'CR'", "-1", "negative"]),
    "observation without data": (changed("observations/1/data", MISSING), ["observation 'CR'", "'data'"]),
    "measurement without config": (
        changed("measurements/0/config", MISSING),
        ["measurement 'm'", "'config'"],
    ),
    "measurement without poi": (changed("measurements/0/config/poi", MISSING), ["measurement 'm'", "'poi'"]),
    "poi null": (changed("measurements/0/config/poi", None), ["measurement 'm'", "poi", "string"]),
    "poi of several components": (changed("measurements/0/config/poi", "stat"), ["'stat'", "2 components"]),
    "parameter configured twice": (
        changed("measurements/0/config/parameters", [{"name": "mu"}, {"name": "mu"}]),
        ["measurement 'm'", "parameter 'mu'", "twice"],
    ),
    "inits of wrong length": (configured(name="stat", inits=[1.0]), ["'stat'", "inits", "1", "expected 2"]),
    "inits outside bounds": (configured(name="mu", inits=[11.0]), ["'mu'", "11", "bounds", "10"]),
    "bounds the wrong way round": (configured(name="mu", bounds=[[5.0, -5.0]]), ["'mu'", "lower_bound"]),
    "bounds of one": (configured(name="mu", bounds=[[0.0]]), ["'mu'", "bounds", "expected 2"]),
    "bounds not paired": (configured(name="mu", bounds=[0.0, 5.0]), ["'mu'", "bounds", "list"]),
    "sigmas of a normsys": (configured(name="jes", sigmas=[2.0]), ["'jes'", "does not use sigmas"]),
    "sigmas zero": (configured(name="stat", sigmas=[0.1, 0.0]), ["'stat'", "width", "positive"]),
    "auxdata of a normfactor": (configured(name="mu", auxdata=[1.0]), ["'mu'", "does not use auxdata"]),
    "factors not positive": (configured(name="unc", factors=[0.0]), ["'unc'", "tau", "positive"]),
    "auxdata negative": (configured(name="unc", auxdata=[-1.0]), ["'unc'", "count", "negative"]),
    "uncertainty too large": (
        changed(f"{BKG}/modifiers/2/data", [1e308, 1.0]),
        ["'stat'", "width", "finite"],
    ),
    "uncertainty far too large": (
        changed("channels/1/samples/0/modifiers/0/data", [1e300]),
        ["'unc'", "tau"],
    ),
    "fixed a number": (configured(name="mu", fixed=1), ["'mu'", "fixed", "true or false"]),
    "configuration misspelt": (configured(name="mu", init=[1.0]), ["'mu'", "'init'", "'inits'"]),
}


@pytest.mark.parametrize("name", DICTS)
def test_workspace(name, tmp_path):
    document, words = DICTS[name]
    with pytest.raises(FileFormatError) as caught:
        read_pyhf(document)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_named(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(changed("version", "7")), encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"bad\.json: workspace: version '7'"):
        read_pyhf(path)


def test_no_modifiers():
    samples = [{"name": "bkg", "data": [50.0], "modifiers": []}]
    bare = {"channels": [{"name": "SR", "samples": samples}], "observations": [{"name": "SR", "data": [1]}]}
    with pytest.raises(FileFormatError, match="nothing to fit"):
        read_pyhf(bare)


def test_a_dict_that_contains_itself():
    endless = copy.deepcopy(GOOD)
    endless["channels"][0]["samples"].extend([endless, endless])
    with pytest.raises(FileFormatError, match="nested too deeply"):
        read_pyhf(endless)


# -- arguments ------------------------------------------------------------------------------------

ARGUMENTS = {
    "workspace a number": ((3,), {}, InvalidTypeError, ["path or a dict", "int"]),
    "workspace a list": (([GOOD],), {}, InvalidTypeError, ["path or a dict", "list"]),
    "measurement unknown": ((GOOD, "other"), {}, UnknownNameError, ["'other'", "'m'"]),
    "measurement out of range": ((GOOD, 1), {}, UnknownNameError, ["measurement 1", "'m'"]),
    "measurement negative": ((GOOD, -1), {}, UnknownNameError, ["measurement -1", "'m'"]),
    "measurement a float": ((GOOD, 0.0), {}, InvalidTypeError, ["measurement", "float"]),
    "patch a number": ((GOOD,), {"patch": 3}, InvalidTypeError, ["patch", "int"]),
    "patch an object": ((GOOD,), {"patch": {"op": "add"}}, FileFormatError, ["patch", "list"]),
    "patch a string in a list": ((GOOD,), {"patch": ["add"]}, FileFormatError, ["operation 0", "'add'"]),
    "no patch of the name": (
        (GOOD,),
        {"patch": ({"patches": [{"metadata": {"name": "a"}, "patch": []}]}, "b")},
        UnknownNameError,
        ["'b'", "'a'"],
    ),
    "patch set of two": (
        (GOOD,),
        {"patch": {"patches": [{"metadata": {"name": n}, "patch": []} for n in "ab"]}},
        FileFormatError,
        ["2 patches", "'a', 'b'", "choose"],
    ),
    "name for a single patch": ((GOOD,), {"patch": ([], "a")}, FileFormatError, ["'a'", "one patch"]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument(name):
    args, options, kind, words = ARGUMENTS[name]
    with pytest.raises(kind) as caught:
        read_pyhf(*args, **options)
    for word in words:
        assert word in str(caught.value)


OPERATIONS = {
    "unknown op": ({"op": "swap", "path": "/channels"}, ["swap", "op must be one of"]),
    "no path": ({"op": "remove"}, ["'path'", "pointer"]),
    "path without slash": ({"op": "remove", "path": "channels"}, ["'path'", "pointer", "'channels'"]),
    "no value": ({"op": "add", "path": "/x"}, ["'value'", "missing"]),
    "no from": ({"op": "move", "path": "/x"}, ["'from'", "pointer"]),
    "no such key": ({"op": "replace", "path": "/samples", "value": 1}, ["no 'samples'", "another file"]),
    "no such position": ({"op": "remove", "path": "/channels/2"}, ["no position '2'", "list of 2"]),
    "position beyond the end": ({"op": "add", "path": "/channels/3", "value": 1}, ["no position '3'"]),
    "position 01": ({"op": "remove", "path": "/channels/01"}, ["no position '01'"]),
    "end of a list removed": ({"op": "remove", "path": "/channels/-"}, ["no position '-'"]),
    "into a string": ({"op": "add", "path": "/version/x", "value": 1}, ["'x'", "'1.0.0'"]),
    "test fails": ({"op": "test", "path": "/version", "value": "2"}, ["'1.0.0'", "'2'", "another file"]),
    "true is not 1": ({"op": "test", "path": "/observations/1/data/0", "value": True}, ["510", "True"]),
    "moved into itself": ({"op": "move", "from": "/channels", "path": "/channels/0"}, ["into itself"]),
    "all removed": ({"op": "remove", "path": ""}, ["whole document"]),
    "result is no workspace": ({"op": "remove", "path": "/channels/0/samples"}, ["'samples'", "missing"]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_patch_operation(name):
    operation, words = OPERATIONS[name]
    with pytest.raises(FileFormatError) as caught:
        read_pyhf(GOOD, patch=[{"op": "test", "path": "/version", "value": "1.0.0"}, operation])
    for word in words:
        assert word in str(caught.value)


# -- anything at all ------------------------------------------------------------------------------


def places(document, path=()):
    yield path
    if isinstance(document, dict | list):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("value", [None, True, -3, 0.5, "x", [], {}, [[]], {"name": []}, [None], 1e308])
def test_whatever_stands_anywhere_is_read_or_refused_with_a_typed_error(value):
    for path in places(GOOD):
        document = copy.deepcopy(GOOD)
        if not path:
            document = value
        else:
            target = document
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = copy.deepcopy(value)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*parameter of interest.*")
            with contextlib.suppress(SmoothfitError):
                read_pyhf(document)
