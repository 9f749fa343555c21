"""Mutated datacards: a model, or an error of ours with the file's name; nothing else, and soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smoothfit import read_datacard
from smoothfit.errors import SmoothfitError
from smoothfit.io.datacard.grammar import read_card

CARD = """imax 2
jmax *
kmax *
shapes * C FAKE
---
bin A B
observation 6 12
---
bin A A B B
process sig bkg sig bkg
process 0 1 0 1
rate 2.0 5.5 1.0 11
---
a lnN 1.1 - 1.1 0.8/1.3
b[nofloat] lnU - 2.0 - 2
c gmN 11 - 0.5 - 1.0
d gmM 0.3 - 0.3 -
e trG 0.1 -0.2 - -
f unif -1 3 0.5 - - -
g shape? 1.1 - - 1.2
p param 1 -0.1/+0.2 [0.5,2]
x extArg 3 [1,5]
q rateParam * bkg 1 [0,3]
s rateParam A sig (@0+1)^2*exp(-@1) p,x
k constr q-1.5*r 0.2
gr group = a b
gr group += c
A autoMCStats 10 0 1
nuisance edit rename sig A a aa
nuisance edit add * B z lnN 1.2/1.3
nuisance edit drop bkg .* a
nuisance edit changepdf z lnU ifexists
nuisance edit freeze q
"""
WORDS = sorted(
    {
        *CARD.split(),
        "nan",
        "1e400",
        "-",
        "--",
        "*",
        "#",
        "@9",
        "[",
        "]",
        "\\",
        "$MASS",
        "0",
        "-1",
        "999999999999",
    }
)


@st.composite
def mutated(draw):
    lines = CARD.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        i = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["drop", "double", "swap", "word", "cut", "insert", "text"]))
        words = lines[i].split()
        if how == "drop" and len(lines) > 1:
            del lines[i]
        elif how == "double":
            lines.insert(i, lines[i])
        elif how == "swap":
            j = draw(st.integers(0, len(lines) - 1))
            lines[i], lines[j] = lines[j], lines[i]
        elif how == "word" and words:
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS))
            lines[i] = " ".join(words)
        elif how == "cut":
            lines[i] = lines[i][: draw(st.integers(0, len(lines[i])))]
        elif how == "insert":
            lines[i] += " " + draw(st.sampled_from(WORDS))
        else:
            lines[i] = draw(st.text(max_size=30)).replace("\n", " ")
    return "\n".join(lines) + "\n"


def refused_or_read(call):
    began = time.process_time()
    message = "card.txt"
    try:
        call()
    except SmoothfitError as error:
        message = str(error)
    assert "card.txt" in message
    assert time.process_time() - began < 10.0


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_mutated_text(text):
    refused_or_read(lambda: read_card(text, "card.txt"))


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(mutated())
def test_much_mutated_text(text):
    refused_or_read(lambda: read_card(text, "card.txt"))


def from_file(folder, text):
    path = folder / "card.txt"
    path.write_text(text)
    return lambda: read_datacard(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutated())
def test_mutated_cards_become_models_or_errors(tmp_path, text):
    refused_or_read(from_file(tmp_path, text))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutated())
def test_many_mutated_cards(tmp_path, text):
    refused_or_read(from_file(tmp_path, text))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(content):
    text = content.decode("latin-1")
    refused_or_read(lambda: read_card(text, "card.txt"))
