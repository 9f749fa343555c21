"""The grammar of datacards: what statements mean, and what is refused, with file and line."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import read_datacard
from smoothfit.errors import FileFormatError, InputFileError, InvalidValueError, SmoothfitError

HEAD = """imax 1
jmax 1
kmax *
---
bin SR
observation 6
---
bin SR SR
process sig bkg
process 0 1
rate 2.0 5.5
---
"""


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, **options):
        path = tmp_path / "card.txt"
        path.write_text(text)
        return read_datacard(path, **options)

    return write_and_read


def pred(read, lines, values, **options):
    model, _ = read(HEAD + lines, **options)
    return float(np.asarray(model.pred(values))[0])


@pytest.mark.parametrize(
    ("lines", "values", "expected"),
    [
        ("", {"r": 3.0}, 3 * 2 + 5.5),
        ("a lnN 1.1 -", {"a": 2.0}, 2 * 1.21 + 5.5),
        ("a lnN - 0.8/1.3", {"a": 1.0}, 2 + 5.5 * 1.3),
        ("a lnN - 0.8/1.3", {"a": -1.0}, 2 + 5.5 * 0.8),
        ("a lnN 1.1 1.2\na lnN 1.3 -", {"a": 1.0}, 2 * 1.1 * 1.3 + 5.5 * 1.2),
        ("a lnN 1.1 0.9/1.2 # one\na lnN 1.3/1.4 1.1 # two", {"a": 1.0}, 2 * 1.1 * 1.4 + 5.5 * 1.2 * 1.1),
        ("a lnU - 2.0", {"a": 0.5}, 2 + 5.5 * np.sqrt(2)),
        ("a trG 0.1 -0.2", {"a": 2.0}, 2 * 1.2 + 5.5 * 0.6),
        ("a gmM 0.3 -", {"a": 1.4}, 2 * 1.4 + 5.5),
        ("a gmN 11 - 0.5", {"a": 7.0}, 2 + 3.5),
        ("a unif -1 3 0.5 -", {"a": 2.0}, 4 + 5.5),
        ("f rateParam SR bkg 1", {"f": 2.0}, 2 + 11),
        ("f rateParam * * 1 [0,3]", {"f": 2.0}, 4 + 11),
        ("f rateParam SR bkg 2\ng rateParam SR sig (@0+1)^2 f", {"f": 3.0}, 2 * 16 + 16.5),
        ("p param 1 0.2\ng rateParam SR sig p*@1 p,r", {"p": 1.5}, 2 * 1.5 + 5.5),
        ("x extArg 3 [1,5]\ng rateParam SR sig x*x x", {"x": 2.0}, 2 * 4 + 5.5),
        ("x extArg 3 [const]\ng rateParam SR sig @0 x", {}, 2 * 3 + 5.5),
        ("a lnN 1.1 -\nnuisance edit rename a b", {"b": 1.0}, 2.2 + 5.5),
        ("a lnN 1.1 1.1\nnuisance edit drop bkg SR a", {"a": 1.0}, 2.2 + 5.5),
        ("nuisance edit add * * a lnN 1.1", {"a": 1.0}, 7.5 * 1.1),
        ("a lnN 1.1 -\nnuisance edit add sig SR a lnN 1.2 overwrite", {"a": 1.0}, 2.4 + 5.5),
        (
            "a lnN 1.1 -\nnuisance edit add sig SR a lnN 1.2 addq",
            {"a": 1.0},
            2 * np.exp(np.hypot(np.log(1.1), np.log(1.2))) + 5.5,
        ),
        ("a lnN 1.1 -\nnuisance edit changepdf a trG", {"a": 2.0}, 2 * (1 + 2 * np.log(1.1)) + 5.5),
        (
            "a lnN 1.1 -\nb lnN 1.2 -\nnuisance edit merge * * a b",
            {"a": 1.0},
            2 * np.exp(np.hypot(np.log(1.1), np.log(1.2))) + 5.5,
        ),
        ("a lnN 1.1 -\nnuisance edit split * * a b c 1.2 1.3", {"b": 1.0, "c": 1.0}, 2 * 1.56 + 5.5),
        ("a lnN 1.1 -\nnuisance edit flip * * a p2n", {"a": 1.0}, 2 / 1.1 + 5.5),
        ("1a lnN 1.1 -", {"theta1a": 1.0}, 2.2 + 5.5),
    ],
)
def test_what_a_line_means(read, lines, values, expected):
    assert pred(read, lines, values) == pytest.approx(expected, rel=1e-12)


def test_constraints_and_ranges(read):
    model, obs = read(
        HEAD
        + "a lnN 1.1 -\nb gmN 11 - 0.5\nc unif -1 3 0.5 -\np param 1 -0.1/+0.2\nf rateParam SR sig @0 p\n"
        "d[nofloat] lnN - 1.1\ng rateParam SR bkg 1 [0,3]\nnuisance edit freeze g\n"
    )
    bounds = dict(zip(model.parameters, zip(*model.layout.bounds, strict=True), strict=False))
    assert bounds["a"] == (-7.0, 7.0)
    assert bounds["r"] == (0.0, 20.0)
    assert bounds["b"][0] == 0.0
    assert bounds["c"] == (-1.0, 3.0)
    assert bounds["p"] == pytest.approx((0.6, 1.8))
    assert (obs, model.poi, model.pois) == (6.0, "r", ("r", "g"))
    fit = model.fit(obs, strict=False)
    held = {name for name, fixed in zip(fit.names, fit.fixed, strict=True) if fixed}
    assert held == {"d", "g"}


def test_a_penalty(read):
    plain, obs = read(HEAD + "f rateParam SR bkg 1\n")
    model, _ = read(HEAD + "f rateParam SR bkg 1\nc constr f-1.5*r 0.2\n")
    at = {"f": 1.2, "r": 1.0}
    assert float(model.nll(at, obs)) - float(plain.nll(at, obs)) == pytest.approx(0.5 * (0.3 / 0.2) ** 2)


def test_parameters_of_interest(read):
    model, _ = read(HEAD, pois=["map=.*/sig:mu[0.5,-1,2]", ".*/bkg:nb"], poi_bounds=(0.0, 3.0))
    assert model.pois == ("mu", "nb")
    assert pred(read, "", {"mu": 2.0, "nb": 3.0}, pois=[".*/sig:mu", ".*/bkg:nb"]) == 4 + 16.5
    assert pred(read, "", {}, pois=[".*/sig:0", ".*/bkg:nb"]) == 5.5
    for rule, word in (
        ("sig", "no rule"),
        ("x/y:mu", "scales no process"),
        (".*/sig:mu[1,2]", "three numbers"),
    ):
        with pytest.raises(InvalidValueError, match=word):
            read(HEAD, pois=[rule])


def test_the_receipt_says_what_had_no_effect(read):
    model, _ = read(
        "about this card\n" + HEAD + "a lnN - -\nb lnN 1.1 - extra words\nlonely\n" + "g group = b\n"
    )
    notes = {note.what: note.why for note in model.receipt.ignored}
    assert notes == {
        "about this card": "text before the rates",
        "a lnN": "no effect on any process",
        "extra words": "words after the last column",
        "lonely": "one word says nothing",
    }
    assert model.receipt.groups == {"g": ["b"]}
    assert model.receipt.read["lnN nuisances"] == 1
    assert "text before the rates" in repr(model.receipt)


def test_parameters_that_nothing_depends_on_are_noted(read):
    """As in Combine they change nothing but a constant; here they are left out."""
    model, _ = read(HEAD + "p param 1 0.2\nx extArg 3\na lnN 1.1 -\n")
    assert model.parameters == ("r", "a")
    notes = {(note.where, note.what): note.why for note in model.receipt.ignored}
    assert notes[("line 13", "p param")] == notes[("line 14", "x extArg")] == "nothing depends on it"
    nothing, _ = read(HEAD.replace("rate 2.0 5.5", "rate 2.0 0") + "a lnN - 1.1\n")
    assert [(note.where, note.what) for note in nothing.receipt.ignored] == [("line 13", "a lnN")]


BROKEN = [
    ("", "no datacard"),
    ("bin a\nprocess s\n", "no line 'rate'"),
    (HEAD.replace("imax 1", "imax 2"), "1 observations, but imax is 2"),
    (HEAD.replace("jmax 1", "jmax 3"), ":10: 2 processes, but jmax is 3"),
    (HEAD.replace("kmax *", "kmax 2") + "a lnN 1.1 -", "1 nuisances, but kmax is 2"),
    (HEAD.replace("rate 2.0 5.5", "rate 2.0"), ":11: 1 rates of 2 columns"),
    (HEAD.replace("rate 2.0 5.5", "rate 2.0 x"), ":11: rate: a number is expected, got 'x'"),
    (HEAD.replace("rate 2.0 5.5", "rate 2.0 nan"), ":11: rate: a number is expected, got 'nan'"),
    (HEAD.replace("rate 2.0 5.5", "rate 0 0"), "bin 'SR': no process has events"),
    (HEAD.replace("process 0 1", "process 0 1.5"), ":10: index of a process: a whole number"),
    (HEAD.replace("process sig bkg", "process sig sig"), "process 'sig' is given twice"),
    (HEAD.replace("observation 6", "observation -3"), ":6: observation: -3 events"),
    (HEAD.replace("observation 6", "observation -1"), "observation of 'SR' is -1"),
    (HEAD.replace("observation 6", ""), "no line 'observation'"),
    (HEAD + "a lnN 1.1", ":13: 'a' has 1 values of 2 columns"),
    (HEAD + "a lnN -1.1 -", ":13: lnN of 'a': -1.1 is negative"),
    (HEAD + "a lnN 1/2/3 -", ":13: lnN of 'a': '1/2/3' is no pair"),
    (HEAD + "a lnN 0/2 -", ":13: lnN of 'a': '0/2' must be two positive ratios"),
    (HEAD + "a trG 0.1/0.2 -", ":13: trG of 'a': '0.1/0.2' has two values"),
    (HEAD + "a lnN 1.1 - \\", ":13: datacards have no continuation lines"),
    (HEAD + "a dFD 1 1.1 -", ":13: unsupported: 'dFD'"),
    (HEAD + "a discrete", ":13: unsupported: 'discrete'"),
    (HEAD + "a foo 1.1 -", ":13: unsupported: 'foo'"),
    (HEAD + "a shape 1 -", "process 'sig' in channel 'SR' is a counting experiment"),
    (HEAD + "a shapeX 1 -", "unsupported: 'shapeX'"),
    (HEAD + "a gmN 1.5 - 0.5", ":13: gmN of 'a': 1.5 events"),
    (HEAD + "a gmN 100 - 0.5", "off the 5.5 expected"),
    (HEAD + "a gmM 0.3 0.4", "has widths"),
    (HEAD + "a unif 2 1 1 -", "the range (2.0, 1.0) is empty"),
    (HEAD + "p param 1 0", "the width must be positive"),
    (HEAD + "p param 1 0.1/0.2", "-x/+y"),
    (HEAD + "p param 1 0.1 [2,1]", "the range [2,1] is empty"),
    (HEAD + "f rateParam SR bkg", ":13: rateParam 'f'"),
    (HEAD + "f rateParam SR foo 1", "there is no process 'foo'"),
    (HEAD + "f rateParam SR bkg 5 [0,1]", "outside its range"),
    (HEAD + "f rateParam SR bkg @0 g", "there is no 'g'"),
    (HEAD + "f rateParam SR bkg @0 g\ng rateParam SR bkg @0 f", "is a formula of itself"),
    (HEAD + "f rateParam SR bkg @0+ r", "formula"),
    (HEAD + "f rateParam SR bkg __import__('os') r", "formula"),
    (HEAD + "f rateParam SR bkg file.root:w", "unsupported"),
    (HEAD + "x extArg file.root:w", "unsupported"),
    (HEAD + "g group a b", "'name group = nuisance ...'"),
    (HEAD + "g group += a", "is not defined yet"),
    (HEAD + "nuisance edit foo a", "verb 'foo' is not known"),
    (HEAD + "nuisance edit add a", "words are missing"),
    (HEAD + "nuisance edit drop * SR zz", "found nothing"),
    (HEAD + "nuisance edit freeze (a+)+", "repeats what repeats"),
    (HEAD + "nuisance edit rename [ b", "found nothing"),
    (HEAD + "nuisance edit freeze " + ".*" * 20 + "x", "repeats what repeats"),
    (HEAD + "a" * 300 + " lnN 1.1 -\nnuisance edit freeze b.*", "has 300 characters"),
    (HEAD + "* autoMCStats", "channel autoMCStats threshold"),
    (HEAD + "foo autoMCStats 10", "no such channel"),
    (HEAD + "SR autoMCStats 10 0 7", "hist-mode 7"),
    (HEAD + "r lnN 1.1 -", "'r' is something else, too"),
    (HEAD + "a lnN 1.1 -\na gmM 0.3 -", "different constraints"),
    ("shapes * * FAKE\n" + HEAD + "a shape 1 -", "is a counting experiment"),
    ("shapes * SR\n" + HEAD, ":1: shapes"),
    ("shapes * * f.root h\n" + HEAD, "there is no such file"),
    ("shapes * * ../f.root h\n" + HEAD, "not beside or below"),
    ("shapes * * /etc/passwd h\n" + HEAD, "not beside or below"),
    ("shapes * * f.root $MASS\n" + HEAD, "give mass=125"),
    ("shapes * * f.root w:h\n" + HEAD, "unsupported"),
    (HEAD + "\0", "not a text file"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_what_is_refused(read, tmp_path, text, message):
    with pytest.raises((FileFormatError, InputFileError)) as raised:
        read(text)
    assert message in str(raised.value)
    assert str(tmp_path / "card.txt") in str(raised.value)


def test_files_that_are_no_root_files(read, tmp_path):
    (tmp_path / "f.root").write_bytes(b"root\0" + bytes(range(256)) * 4)
    with pytest.raises(FileFormatError, match="no ROOT file"):
        read("shapes * * f.root h\n" + HEAD)
    with pytest.raises(InputFileError, match="cannot be read"):
        read_datacard(tmp_path / "missing.txt")
    with pytest.raises(SmoothfitError):
        read_datacard(3)
