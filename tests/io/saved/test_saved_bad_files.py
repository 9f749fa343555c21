"""Bad files: damaged, crafted, newer, none at all. Only typed errors, which name the file."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import pickle
import random
import struct
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

import smoothfit
from smoothfit import Model, Process, Variable
from smoothfit.errors import FileFormatError, InputFileError, SmoothfitError
from smoothfit.io.opening import file_kind, read_model
from smoothfit.io.saved import read_saved, save, stablehlo
from smoothfit.io.saved.container import pack, unpack
from smoothfit.io.saved.stablehlo import Text


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a model with a function, nuisances, a shape, a correlation, data."""
    mu, a, b = Variable("mu", 1.0), *(Variable(name, 0.0, nuisance=True) for name in "ab")
    weights = np.array([1.0, 2.0])
    sig = Process("sig", [5.0, 6.0]).scale_by_fn(lambda m: m * weights, mu).add_lnN(a, 1.1)
    bkg = Process("bkg", [50.0, 40.0], sumw2=[5.0, 4.0]).add_shape(b, [55.0, 41.0], [45.0, 39.0])
    bkg.add_lnN(a, (0.9, 1.2), bins=[0])
    model = Model().add_proc(sig).add_proc(bkg).correlate_nuisances(a, b, 0.2)
    model.describe_channel("main", edges=[0.0, 1.0, 2.0]).prepare()
    path = tmp_path_factory.mktemp("good") / "model.smoothfit"
    save(model, path, [55.0, 46.0])
    return path.read_bytes()


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def resealed(members, document=None):
    """A file with these members, whose sizes and hashes are right."""
    told = json.loads(members["model.json"]) if document is None else document
    others = {name: content for name, content in members.items() if name != "model.json"}
    told["members"] = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in others.items()
    }
    return packed({"model.json": json.dumps(told).encode(), **others})


@pytest.fixture
def refused(tmp_path):
    """That a file is refused, with these words and its name."""

    def check(content, words):
        path = tmp_path / "bad.smoothfit"
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=words) as caught:
            smoothfit.load(path)
        assert str(path) in str(caught.value)

    return check


def test_what_is_no_saved_model(refused, tmp_path):
    refused(b"", "not a whole saved model")
    refused(b"hello", "not a whole saved model")
    refused(packed({}), "it has no model.json")
    refused(packed({"model.json": b"{}"}), "format: 'smoothfit model' is expected")
    refused(packed({"model.json": b"[1"}), "not valid JSON at line 1")
    refused(packed({"model.json": b"\xff\xfe"}), "is not UTF-8")
    with pytest.raises(InputFileError, match=r"nowhere.*cannot be read"):
        smoothfit.load(tmp_path / "nowhere.smoothfit")
    with pytest.raises(InputFileError, match="cannot be read"):
        smoothfit.load(tmp_path)


def test_a_newer_format_names_what_wrote_it(refused, good):
    members = members_of(good)
    told = json.loads(members["model.json"])
    told |= {"version": 2, "written_by": {"smoothfit": "9.1"}}
    refused(resealed(members, told), r"version 2 of the format is newer than this smoothfit.*9\.1")
    refused(resealed(members, told | {"version": "1"}), "a whole number from 1 on is expected, got '1'")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "arrays/../../x.npy", "arrays/float64.npy/..", "x.pkl"]
)
def test_names_that_lead_elsewhere_are_refused(refused, good, name):
    refused(resealed({**members_of(good), name: b"x"}), "is no member of a saved model")


def test_members_twice_missing_or_more(refused, good):
    stream = io.BytesIO(good)
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("model.json", b"{}")
    refused(stream.getvalue(), "member 'model.json' is there twice")
    members = members_of(good)
    for changed in (
        {k: v for k, v in members.items() if k != "arrays/bool.npy"},
        {**members, "functions/77_along0.mlir": b""},
    ):
        refused(packed(changed), "other names than the file has")


def test_contents_that_were_changed(refused, good):
    members = members_of(good)
    changed = bytearray(members["arrays/float64.npy"])
    changed[-1] ^= 1
    refused(packed({**members, "arrays/float64.npy": bytes(changed)}), "its hash differs")


def test_pickles_are_not_read(refused, good):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("unpickled",)

    members = members_of(good)
    refused(resealed({**members, "arrays/float64.npy": pickle.dumps(Bomb())}), "not a numpy file of a flat")
    stream = io.BytesIO()
    np.save(stream, np.array([Bomb()], dtype=object), allow_pickle=True)
    refused(resealed({**members, "arrays/float64.npy": stream.getvalue()}), "not a numpy file of a flat")


@pytest.mark.parametrize(
    "array", [np.zeros(3, np.float32), np.zeros((2, 2)), np.asfortranarray(np.zeros((3, 2)))]
)
def test_other_arrays_are_not_read(refused, good, array):
    stream = io.BytesIO()
    np.save(stream, array)
    refused(
        resealed({**members_of(good), "arrays/float64.npy": stream.getvalue()}), "not a numpy file of a flat"
    )


def test_an_empty_array_has_no_endless_axis(refused, good):
    members = members_of(good)
    told = json.loads(members["model.json"])
    contribution = told["model"]["processes"][0]["contributions"][0]
    contribution |= {"array": True, "yields": ["float64", 0, [0, 1 << 40]]}
    refused(resealed(members, told), "leads outside of the arrays")


def test_zip_bombs_are_refused_before_they_are_unpacked(refused, good):
    members = members_of(good)
    # 256 MiB of zeros, in 256 kiB.
    refused(packed({**members, "arrays/int64.npy": bytes(1 << 28)}), "unpacks to 268435456 bytes, of 26")
    # Many small ones of no more than 1 MiB each.
    many = {f"functions/{i}_along0.mlir": bytes(1 << 20) for i in range(200)}
    refused(packed({**members, **many}), "it unpacks to 200 MiB, at most")
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        for i in range(20_001):
            archive.writestr(f"functions/{i}_along0.mlir", b"")
    refused(stream.getvalue(), "20001 members")


def test_directories_that_lie_are_refused(refused, good):
    members = members_of(good)

    def claiming(size):
        content = bytearray(packed({**members, "arrays/int64.npy": bytes(1 << 18)}))
        at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"arrays/int64.npy"))
        struct.pack_into("<I", content, at + 24, size)
        return bytes(content)

    refused(claiming(1 << 31), "unpacks to 2147483648 bytes")
    refused(claiming(100), "another size than announced|damaged")


def test_what_compresses_well_is_stored_as_it_is_and_read(tmp_path):
    members = {"model.json": b"{}", "arrays/float64.npy": bytes(1 << 24)}
    (tmp_path / "zeros").write_bytes(pack(members))
    assert (tmp_path / "zeros").stat().st_size > 1 << 24
    assert unpack(tmp_path / "zeros") == members


def test_other_compressions_are_refused(refused, good):
    refused(packed(members_of(good), zipfile.ZIP_LZMA), "compressed in another way")


def mutated(value, rng):
    """A JSON document with one entry replaced, left out, or doubled."""
    places = []

    def walk(node):
        entries = node.items() if isinstance(node, dict) else enumerate(node)
        for key, entry in entries:
            places.append((node, key))
            if isinstance(entry, dict | list):
                walk(entry)

    walk(value)
    node, key = rng.choice(places)
    strange = [None, True, -1, 0, 1, 2**60, 1e308, -0.5, "", "x", "\x00", [], {}, [[]], ["float64", 0, [3]]]
    strange += [
        ["float64", 2**40, [1]],
        ["float64", 0, [2**40]],
        ["bool", 0, [1]],
        {"kind": "x"},
        [0, None, 0],
    ]
    action = rng.random()
    if action < 0.8:
        other, at = rng.choice(places)
        node[key] = copy.deepcopy(rng.choice([*strange, other[at]]))
    elif isinstance(node, dict):
        del node[key]
    else:
        node.append(node[key])
    return value


@pytest.mark.parametrize("n", [50, pytest.param(5000, marks=pytest.mark.slow)])
def test_mutated_documents_raise_only_typed_errors(good, tmp_path, n):
    """With hashes that are right: what a malicious file would have."""
    members, rng = members_of(good), random.Random(1)
    path, refusals = tmp_path / "m.smoothfit", 0
    for _ in range(n):
        told = json.loads(members["model.json"])
        for _ in range(rng.choice([1, 1, 3])):
            told = mutated(told, rng)
        try:
            content = resealed(members, told)
        except TypeError:
            continue  # the members themselves were replaced
        path.write_bytes(content)
        try:
            model, obs = read_saved(path)
            assert model.n_bins > 0
            assert obs is None or obs.shape == (model.n_bins,)
        except SmoothfitError:
            refusals += 1
    assert refusals > 0.6 * n


def test_damaged_bytes_raise_only_typed_errors(good, tmp_path):
    rng, path = random.Random(2), tmp_path / "m.smoothfit"
    refusals = 0
    for _ in range(600):
        content = bytearray(good)
        for _ in range(rng.choice([1, 2, 8])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.3:
            del content[rng.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            smoothfit.load(path)
        except SmoothfitError:
            refusals += 1
    # Bits of dates and attributes of the zip file mean nothing to a model.
    assert refusals > 500


# -- programs --------------------------------------------------------------------------------------

SHAPES, RESULTS = ((2,), (2,)), ((2,),)


@pytest.fixture(scope="module")
def program():
    return stablehlo.lower(lambda x, y: [jnp.sin(x) * y], SHAPES, what="f")


def read(program, text):
    return stablehlo.read("f", program._replace(text=text), SHAPES, RESULTS)


def test_a_program_names_no_file_and_is_the_same_each_time(program):
    assert "/" not in program.text.replace("https://docs.jax.dev/en/latest/export/shape_poly.html", "")
    assert "loc(" not in program.text
    again = stablehlo.lower(lambda x, y: [jnp.sin(x) * y], SHAPES, what="f")
    assert again == program


def test_calls_out_of_a_program_are_refused(program):
    called = program.text.replace(
        'call_target_name = "shape_assertion"', 'call_target_name = "xla_python_cpu_callback"'
    )
    with pytest.raises(
        FileFormatError, match="it calls 'xla_python_cpu_callback', which is no function of linear"
    ):
        read(program, called)
    assert called != program.text


def test_operations_that_do_not_compute_are_refused(program):
    for name in ("stablehlo.rng_bit_generator", "stablehlo.infeed", "stablehlo.all_reduce"):
        sine = '"stablehlo.sine"(%arg'
        assert sine in program.text
        with pytest.raises(FileFormatError):
            read(program, program.text.replace('"stablehlo.sine"', f'"{name}"'))


def test_functions_that_call_themselves_are_refused(program):
    text = program.text
    inner = '"stablehlo.sine"(%arg'
    at = text.index(inner)
    number = text[at + len('"stablehlo.sine"(') : text.index(")", at)]
    call = f'"func.call"({number}) <{{callee = @loop}}>'
    line_end = text.index("\n", at)
    kind = "tensor<?x2xf64>"
    loop = (
        f'  "func.func"() <{{function_type = ({kind}) -> {kind}, sym_name = "loop", '
        'sym_visibility = "private"}> ({\n'
        f'  ^bb0(%a: {kind}):\n    %b = "func.call"(%a) <{{callee = @loop}}> : ({kind}) -> {kind}\n'
        f'    "func.return"(%b) : ({kind}) -> ()\n  }}) : () -> ()\n'
    )
    changed = (
        text[:at] + call + text[at + len('"stablehlo.sine"(') + len(number) + 1 : line_end] + text[line_end:]
    )
    end = changed.rindex("}) {")
    with pytest.raises(FileFormatError, match="calls itself"):
        read(program, changed[:end] + loop + changed[end:])


def test_another_signature_is_refused(program):
    with pytest.raises(FileFormatError, match="another signature"):
        stablehlo.read("f", program, ((2,), (3,)), RESULTS)


def test_nesting_sizes_and_lengths_are_looked_at_first(program):
    with pytest.raises(FileFormatError, match="nested deeper"):
        read(program, "(" * 100_000)
    with pytest.raises(FileFormatError, match="more than is computed with"):
        read(program, program.text.replace("tensor<?x2xf64>", "tensor<99999999x99999999xf64>", 1))
    with pytest.raises(FileFormatError, match="characters; at most"):
        read(program, " " * ((1 << 24) + 1))


def test_another_calling_convention_is_refused(program):
    with pytest.raises(FileFormatError, match=r"calling convention 999 of jax\.export"):
        stablehlo.read("f", program._replace(convention=999), SHAPES, RESULTS)


def test_mutated_programs_raise_only_typed_errors(program):
    rng, refusals = random.Random(3), 0
    pieces = [
        "tensor<?x2xf64>",
        "tensor<3xf64>",
        "-1",
        "99999999999",
        "[0]",
        "{",
        "}",
        "i64",
        '"x"',
        "%0",
        "@main",
    ]
    pieces += [
        "dense<1>",
        "stablehlo.add",
        "func.func",
        "0x7fffffffffffffff",
        "?",
        "<",
        "tensor<99999x99999xf64>",
    ]
    for _ in range(300):
        text = program.text
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(len(text))
            other = rng.choice([*pieces, chr(rng.randrange(32, 127)), ""])
            text = text[:at] + other + text[at + rng.randrange(12) :]
        try:
            read(program, text)
        except FileFormatError:
            refusals += 1
    assert refusals > 200


def test_a_program_that_is_not_text_or_missing_is_refused(refused, good):
    members = members_of(good)
    name = "functions/0_along0.mlir"
    refused(resealed({**members, name: b"\xff"}), "the program is not text")
    told = json.loads(members["model.json"])
    for platforms in (["abacus"], ["tpu", "cuda", "rocm", "tpu"], ["cuda", "cpu"], ["cuda"]):
        told["programs"][0]["members"]["along0"]["platforms"] = platforms
        refused(resealed(members, told), "platforms .* are not those of a saved one")
    bad = Text("module {}", ("cpu",), 10)
    with pytest.raises(FileFormatError, match="another signature"):
        stablehlo.read("f", bad, SHAPES, RESULTS)


def test_a_saved_model_is_told_by_its_content(good, tmp_path):
    path = tmp_path / "model.txt"
    path.write_bytes(good)
    assert file_kind(path) == "saved"
    _, obs = read_model(path)
    assert obs.tolist() == [55.0, 46.0]
    with pytest.raises(SmoothfitError, match="'measurement' is no option of a saved file"):
        read_model(path, measurement="m")


def test_a_call_out_of_a_saved_program_is_refused_when_loading(refused, good):
    members = members_of(good)
    name = "functions/0_back3.mlir"
    text = members[name].replace(b'"shape_assertion"', b'"xla_ffi_python_cpu_callback"')
    assert text != members[name]
    refused(resealed({**members, name: text}), "back3: it calls 'xla_ffi_python_cpu_callback'")
