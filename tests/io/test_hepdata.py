"""HEPData submissions: against the rules of their format, and number by number against the records."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import Model, Process, Variable, to_hepdata
from smoothfit.errors import InvalidTypeError, InvalidValueError, OutputFileError
from smoothfit.io.hepdata.yaml_text import yaml_text
from smoothfit.unfolding import Regularisation, response_process, unfold

yaml = pytest.importorskip("yaml")
jsonschema = pytest.importorskip("jsonschema")

OBS = [58.0, 47.0, 33.0]

# After the schemas of hepdata-validator, version 1.1.1: data and submission.
TEXT, NUMBER = {"type": "string"}, {"type": ["string", "number"]}


def _object(required, **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items):
    return {"type": "array", "items": items}


HEADER = _object(["name"], name=TEXT, units=TEXT)
BIN = _object(["low", "high"], low={"type": "number"}, high={"type": "number"}, value={"type": "number"})
ASYMMETRIC = _object(["minus", "plus"], minus=NUMBER, plus=NUMBER)
ERROR = {
    **_object([], symerror=NUMBER, asymerror=ASYMMETRIC, label=TEXT),
    "oneOf": [{"required": ["symerror"]}, {"required": ["asymerror"]}],
}
INDEPENDENT = {"oneOf": [_object(["value"], value=NUMBER), BIN]}
DATA = _object(
    ["independent_variables", "dependent_variables"],
    independent_variables=_list(_object(["header", "values"], header=HEADER, values=_list(INDEPENDENT))),
    dependent_variables=_list(
        _object(
            ["header", "values"],
            header=HEADER,
            qualifiers=_list(_object(["name", "value"], name=TEXT, value=NUMBER, units=TEXT)),
            values=_list(_object(["value"], value=NUMBER, errors=_list(ERROR))),
        )
    ),
)
KEYWORD = _object(["name", "values"], name={"enum": ["cmenergies", "observables", "reactions", "phrases"]})
KEYWORD["properties"]["values"] = _list(NUMBER)
TABLE = _object(
    ["name", "description", "keywords", "data_file"],
    name={"type": "string", "maxLength": 64},
    location={"type": "string", "maxLength": 256},
    description=TEXT,
    keywords=_list(KEYWORD),
    data_file=TEXT,
)


def submission(folder):
    """{table: (what is said of it, its data)}, checked as HEPData does."""
    first, *tables = yaml.safe_load_all((folder / "submission.yaml").read_text(encoding="utf-8"))
    if "name" in first:
        tables = [first, *tables]
    found = {}
    for table in tables:
        jsonschema.validate(table, TABLE)
        data = yaml.safe_load((folder / table["data_file"]).read_text(encoding="utf-8"))
        jsonschema.validate(data, DATA)
        columns = data["independent_variables"] + data["dependent_variables"]
        assert len({len(column["values"]) for column in columns}) == 1
        found[table["name"]] = table, data
    assert len(found) == len(tables)
    assert {path.name for path in folder.iterdir()} == {"submission.yaml", *(t["data_file"] for t in tables)}
    return found


def column(data, name, which="dependent_variables", n=0):
    return [c for c in data[which] if c["header"]["name"] == name][n]


def values(entries):
    return [entry["value"] for entry in entries["values"]]


def symmetric(entries):
    return [entry["errors"][0]["symerror"] for entry in entries["values"]]


@pytest.fixture(scope="module")
def model():
    mu, nu = Variable("mu", 1.0, unit="pb"), Variable("nu", 1e-6, fixed=True)
    theta = Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [10.0, 5.0, 1.0], label="$H$ → ττ").scale_by(mu).add_lnN(theta, 1.1)
    bkg = Process("bkg", [50.0, 40.0, 30.0], sumw2=[5.0, 4.0, 3.0])
    tiny = Process("tiny", [1.0, 1.0, 1.0]).scale_by(nu)
    model = Model().add_proc(sig).add_proc(bkg).add_proc(tiny)
    return model.describe_channel("main", edges=[0.0, 1e-5, 2.0, 4.0], label="mass", unit="GeV").prepare()


@pytest.fixture(scope="module")
def best_fit(model):
    return model.fit(OBS)


def test_a_fit_and_its_correlation(best_fit, tmp_path):
    names = to_hepdata({"Fit": best_fit}, tmp_path / "out", keywords={"cmenergies": [13000.0]})
    found = submission(tmp_path / "out")
    assert names == tuple(found) == ("Fit", "Fit: correlation")
    said, data = found["Fit"]
    assert said["keywords"] == [{"name": "cmenergies", "values": [13000.0]}]
    parameters = values(data["independent_variables"][0])
    assert parameters[:3] == ["mu [pb]", "nu", "theta"]
    entries = data["dependent_variables"][0]
    np.testing.assert_array_equal(values(entries), best_fit.x)
    assert "errors" not in entries["values"][1]  # held
    assert entries["values"][0]["errors"] == [{"symerror": best_fit["mu"].error, "label": "total"}]
    rows, columns = (values(c) for c in found["Fit: correlation"][1]["independent_variables"])
    matrix = values(found["Fit: correlation"][1]["dependent_variables"][0])
    assert list(zip(rows, columns, strict=True))[1] == ("mu", "theta")
    np.testing.assert_array_equal(np.reshape(matrix, (2, 2)), best_fit.correlation[np.ix_([0, 2], [0, 2])])


def test_spectra_after_the_fit(model, best_fit, tmp_path):
    yields = model.yields(best_fit)
    to_hepdata({"Post-fit": yields}, tmp_path, comment="A test", locations={"Post-fit": "Figure 3"})
    documents = list(yaml.safe_load_all((tmp_path / "submission.yaml").read_text(encoding="utf-8")))
    assert documents[0] == {"comment": "A test"}
    ((said, data),) = submission_with_comment(tmp_path).values()
    assert said["location"] == "Figure 3"
    bins = data["independent_variables"][0]
    assert bins["header"] == {"name": "mass", "units": "GeV"}
    # 1e-05 in YAML 1.1 would be text.
    assert bins["values"] == [
        {"low": 0.0, "high": 1e-5},
        {"low": 1e-5, "high": 2.0},
        {"low": 2.0, "high": 4.0},
    ]
    assert values(column(data, "Data")) == OBS
    np.testing.assert_array_equal(values(column(data, "Total")), yields.total)
    np.testing.assert_array_equal(symmetric(column(data, "Total")), yields.total_error)
    np.testing.assert_array_equal(values(column(data, "$H$ → ττ")), yields.per_process["sig"])
    np.testing.assert_array_equal(symmetric(column(data, "bkg")), yields.process_error["bkg"])


def submission_with_comment(folder):
    first, *tables = yaml.safe_load_all((folder / "submission.yaml").read_text(encoding="utf-8"))
    assert set(first) == {"comment"}
    found = {}
    for table in tables:
        jsonschema.validate(table, TABLE)
        data = yaml.safe_load((folder / table["data_file"]).read_text(encoding="utf-8"))
        jsonschema.validate(data, DATA)
        found[table["name"]] = table, data
    return found


def test_impacts_scans_and_breakdowns(model, best_fit, tmp_path):
    impacts = model.impacts("mu", best_fit)
    records = {
        "Impacts": impacts,
        "Scan": model.scan("mu", [0.5, 1.0], best_fit),
        "Errors": model.breakdown(["mu"], best_fit),
        "Derived": model.derived(["mu", "theta"], best_fit),
    }
    to_hepdata(records, tmp_path)
    found = {name: data for name, (_, data) in submission(tmp_path).items()}
    order = impacts.order("mu")
    table = found["Impacts"]
    assert values(table["independent_variables"][0]) == [impacts.names[i] for i in order]
    np.testing.assert_array_equal(values(column(table, "Impact on mu")), impacts.up[order, 0])
    np.testing.assert_array_equal(values(column(table, "Impact on mu", n=1)), impacts.down[order, 0])
    error = column(table, "Pull")["values"][0]["errors"][0]["asymerror"]
    assert error == {"minus": -impacts.error_down[order[0]], "plus": impacts.error_up[order[0]]}
    np.testing.assert_array_equal(values(found["Scan"]["dependent_variables"][0]), records["Scan"].delta_nll)
    assert values(found["Errors"]["independent_variables"][0])[-1] == "total"
    assert values(found["Errors"]["dependent_variables"][0])[-1] == pytest.approx(best_fit["mu"].error)
    np.testing.assert_array_equal(
        values(found["Derived: covariance"]["dependent_variables"][0]), records["Derived"].covariance.ravel()
    )


def test_an_unfolded_spectrum(tmp_path):
    mu = Variable("truth", np.ones(2))
    sig = response_process("sig", [[0.7, 0.2], [0.2, 0.6], [0.1, 0.1]], [50.0, 40.0], probabilities=True)
    model = Model().add_proc(sig.scale_by(mu)).prepare()
    result = unfold(model, mu, [45.0, 40.0, 9.0], Regularisation("size", [50.0, 40.0]), tau=0.01)
    to_hepdata({"Unfolded": result}, tmp_path)
    data = submission(tmp_path)["Unfolded"][1]
    np.testing.assert_array_equal(values(column(data, "Unfolded")), result.x)
    np.testing.assert_array_equal(symmetric(column(data, "Unfolded")), result.errors)


def test_what_it_refuses(model, best_fit, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InvalidTypeError, match="tables are made of"):
        to_hepdata({"Fit": model.summary()}, out)
    with pytest.raises(InvalidTypeError, match="with at least one"):
        to_hepdata({}, out)
    with pytest.raises(InvalidValueError, match="1 to 64 characters"):
        to_hepdata({"x" * 65: best_fit}, out)
    with pytest.raises(InvalidValueError, match="two tables 'Fit: correlation'"):
        to_hepdata({"Fit": best_fit, "Fit: correlation": best_fit}, out)
    with pytest.raises(InvalidValueError, match="keyword 'energy' is not known"):
        to_hepdata({"Fit": best_fit}, out, keywords={"energy": [13.0]})
    with pytest.raises(InvalidValueError, match="there is no record 'Other'"):
        to_hepdata({"Fit": best_fit}, out, descriptions={"Other": "x"})
    model.blind(pois="mu")
    with pytest.raises(InvalidValueError, match="'Fit' has blinded values"):
        to_hepdata({"Fit": model.fit(OBS)}, out)
    model.unblind()
    assert not out.exists()


def test_all_files_or_none(best_fit, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "submission.yaml").mkdir()
    with pytest.raises(OutputFileError, match="it is a folder"):
        to_hepdata({"Fit": best_fit}, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["submission.yaml"]
    with pytest.raises(OutputFileError, match="cannot be made"):
        to_hepdata({"Fit": best_fit}, tmp_path / "none" / "out")


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, 1e-7, -3e300, "yes", "1e5", "null", 'é → \u2028 \x07 \\ "']},
        [],
        {},
        {"a": [{}, []]},
        "x",
        0.1,
    ],
)
def test_yaml_reads_what_was_written(value):
    assert yaml.safe_load(yaml_text(value)) == value


def test_what_is_not_finite_is_no_number():
    with pytest.raises(InvalidValueError, match="nan"):
        yaml_text([float("nan")])
