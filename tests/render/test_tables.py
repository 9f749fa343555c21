"""Tables in every form: what they show, what they escape, and what they keep."""

from __future__ import annotations

import csv
import dataclasses
import io
import math

import numpy as np
import pytest
from record_examples import BROKEN_LABEL, HOSTILE, SECRET, blinded, every

from smoothfit.errors import OutputFileError, ShapeMismatchError, UnknownNameError
from smoothfit.render import Measured, Named, Rounded, Table, html, text
from smoothfit.results import Record

FORMS = ("__repr__", "_repr_html_", "to_latex", "to_markdown", "to_csv", "to_json")


def forms(record):
    """(how, text) of everything that leaves a record."""
    return [(how, getattr(record, how)()) for how in FORMS]


def read_csv(content):
    return list(csv.reader(io.StringIO(content, newline=""), strict=True))


# -- what comes from users and files -----------------------------------------------------------------------


def test_nothing_hostile_gets_through():
    table = Table(
        HOSTILE, ["<b>", Named(HOSTILE, HOSTILE)], [[HOSTILE, Named(HOSTILE, BROKEN_LABEL)]], HOSTILE
    )
    shown = {"text": repr(table), "html": table._repr_html_(), "md": table.to_markdown()}
    shown |= {"tex": table.to_latex(), "csv": table.to_csv()}
    for content in shown.values():
        assert "\x1b" not in content
    for form in ("html", "md"):
        assert "<script" not in shown[form]
    # Besides the rows of the table, there are a title and a note of one line each.
    assert [len(shown[form].splitlines()) for form in ("text", "tex", "csv")] == [5, 9, 2]


def test_names_are_no_formulas_in_a_notebook():
    """MathJax would take what is between two dollars for one."""
    shown = Table("", ["name"], [["cost_$"], ["other_$"]])._repr_html_()
    assert "mathjax_ignore" in shown
    assert "tex2jax_ignore" in shown


@pytest.mark.parametrize("name", blinded())
def test_what_is_blinded_stays_hidden(name):
    record = blinded()[name]
    for how, content in forms(record):
        assert f"{SECRET}"[:4] not in content, how
        assert "blinded" in content or name in ("yields", "fitted_yields", "contour", "scan"), how


def test_the_blinded_examples_have_something_to_hide():
    """Without the flags the same records show the number: the test above can fail."""
    for record in blinded().values():
        flags = {
            field.name: getattr(record, field.name)
            for field in dataclasses.fields(record)
            if field.name in ("blinded", "hidden")
        }
        off = {
            flag: frozenset() if isinstance(value, frozenset) else np.zeros_like(value)[()]
            for flag, value in flags.items()
            if value is not None
        }
        assert off
        assert "7.65" in " ".join(content for _, content in forms(dataclasses.replace(record, **off)))


# -- text --------------------------------------------------------------------------------------------------


def test_a_wide_table_goes_on_below():
    table = Table("", ["name", *"abcdef"], [["x" * 10, *(["1" * 10] * 6)]])
    assert max(map(len, text.table(table).splitlines())) == 82
    blocks = text.table(table, width=40).split("\n\n")
    assert len(blocks) == 3
    assert all(len(line) <= 40 for block in blocks for line in block.splitlines())
    assert all(block.splitlines()[2].startswith("x" * 10) for block in blocks)
    headings = [word for block in blocks for word in block.splitlines()[0].split()[1:]]
    assert headings == list("abcdef")


def test_long_words_of_the_last_column_go_on_below():
    words = " ".join(["word"] * 30)
    table = Table("", ["name", "why"], [["a", words], ["b", "short"]])
    shown = text.table(table, width=60).splitlines()
    assert all(len(line) <= 60 for line in shown)
    assert " ".join(line[6:].strip() for line in shown[2:-1]) == words
    assert shown[-1].split() == ["b", "short"]


def test_columns_of_another_number_than_the_cells():
    with pytest.raises(ShapeMismatchError, match="2 columns, a row has 1"):
        Table("t", ["a", "b"], [[1]])


def test_html_rows_of_numbers_stand_to_the_right():
    shown = html.table(Table("", ["n", "v", "w"], [[1, Measured(1.0, 0.1), "x"]]))
    assert shown.count('class="n"') == 4


# -- all rows, and those that are printed ------------------------------------------------------------------


def test_a_long_fit_is_cut_and_says_where_the_rest_is():
    fit = every()["long_fit"]
    assert "... and 60 more: .tables has all" in repr(fit)
    assert "mu[40]" not in repr(fit)
    (table,) = fit.tables
    assert len(table) == 100
    assert "mu[99]" in table.to_latex().replace("{[}", "[").replace("{]}", "]")
    assert "mu[99]" in repr(table)


def test_tables_by_number_and_title():
    receipt = every()["receipt"]
    assert [table.title for table in receipt.tables] == ["Read", "Ignored", "Groups"]
    assert receipt.table("Groups") is not None
    assert receipt.table(1).title == "Ignored"
    assert receipt.table().title == "Read"
    with pytest.raises(
        UnknownNameError, match=r"Receipt.table: there is no 'nothing'; there are: 0 Read, 1 Ig"
    ):
        receipt.table("nothing")
    with pytest.raises(UnknownNameError, match="no 7"):
        receipt.table(7)


# -- CSV ---------------------------------------------------------------------------------------------------


def test_numbers_in_csv_are_exact():
    rng = np.random.default_rng(1)
    numbers = [*rng.normal(size=50), *np.exp(rng.uniform(-700, 700, 50)), 0.1 + 0.2, 5e-324, -0.0, math.inf]
    rows = [[x, Rounded(x, 2), Measured(x, abs(x) / 3.0), Measured(x, 1.0 / 3.0, 2.0 / 3.0)] for x in numbers]
    heading, *found = read_csv(Table("", ["a", "b", "c", "d"], rows).to_csv())
    assert heading == ["a", "b", "c", "c error", "d", "d error up", "d error down"]
    for x, row in zip(numbers, found, strict=True):
        expected = [x, x, x, abs(x) / 3.0, x, 1.0 / 3.0, 2.0 / 3.0]
        assert [float(entry) for entry in row] == [float(e) for e in expected]
    assert read_csv(Table("", ["a"], [[float("nan")]]).to_csv())[1] == ["nan"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        (" =1", "' =1"),
        ("\t=1", "' =1"),
        ("-2 sigma", "-2 sigma"),
        ("a,b", "a,b"),
        ('say "so"', 'say "so"'),
        ("two\r\nlines", "two  lines"),
        ("a=b", "a=b"),
        ("-0.5", "-0.5"),
    ],
)
def test_texts_in_csv_are_no_formulas(given, field):
    for content in (Table("", ["name"], [[given]]).to_csv(), Table("", [given], []).to_csv()):
        assert read_csv(content)[-1] == [field]
    assert content.endswith("\r\n")


def test_a_name_in_a_frame_is_no_formula():
    from smoothfit.results import Estimates

    hostile = Estimates(("=1+1",), (None,), np.array([-1.5]), np.array([[1.0]]), np.array([False]))
    assert read_csv(hostile.to_csv()) == [["name", "value", "error"], ["'=1+1", "-1.5", "1.0"]]


def test_columns_of_one_name_are_told_apart():
    assert read_csv(Table("", ["p", "p", "p error"], []).to_csv()) == [["p", "p 2", "p error"]]


@pytest.mark.parametrize("name", [n for n, shown in every().items() if isinstance(shown, Record)])
def test_the_csv_of_a_record_is_its_frame(name):
    pytest.importorskip("pandas")
    frame = every()[name].to_pandas()
    heading, *rows = read_csv(every()[name].to_csv())
    assert heading == [*map(str, frame.columns)]
    assert len(rows) == len(frame)
    for i, column in enumerate(frame.columns):
        for ours, theirs in zip(frame[column].tolist(), (row[i] for row in rows), strict=True):
            if isinstance(ours, float):
                assert ours == float(theirs or "nan") or math.isnan(ours)


# -- Markdown ----------------------------------------------------------------------------------------------


def test_markdown_as_another_program_reads_it():
    mistune = pytest.importorskip("mistune")
    names = [
        "a|b",
        "*bold*",
        "_under_",
        "m_t_x",
        "`code`",
        "<b>",
        "[x](y)",
        "a\\b",
        "$x$",
        "~~gone~~",
        "&amp;",
        "\\|",
    ]
    table = Table("A | title", ["na|me", "bins"], [[name, 1] for name in names], "a *note*")
    parse = mistune.create_markdown(renderer="ast", plugins=["table", "strikethrough", "math"])
    blocks = {block["type"]: block for block in parse(table.to_markdown())}
    found = blocks["table"]

    def words(node):
        if node.get("children"):
            return "".join(map(words, node["children"]))
        return node.get("raw", "")

    def plain(node):
        assert all(child["type"] in ("text", "inline_html") for child in node["children"]), node
        import html as library

        return library.unescape(words(node))

    head, body = found["children"]
    assert [plain(cell) for cell in head["children"]] == ["na|me", "bins"]
    assert [[plain(cell) for cell in row["children"]] for row in body["children"]] == [
        [n, "1"] for n in names
    ]
    assert [cell["attrs"]["align"] for cell in head["children"]] == ["left", "right"]


# -- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["to_latex", "to_markdown", "to_csv"])
@pytest.mark.parametrize("name", ["table", "impacts"])
def test_files_are_written_whole_or_not_at_all(name, how, tmp_path):
    shown = every()[name]
    path = tmp_path / "out"
    content = getattr(shown, how)(path)
    assert path.read_bytes().decode() in (content, f"{content}\n")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    with pytest.raises(OutputFileError, match="there is no folder"):
        getattr(shown, how)(tmp_path / "missing" / "out")


# -- consoles ----------------------------------------------------------------------------------------------


def test_rich_shows_the_same_words():
    console = pytest.importorskip("rich.console")
    out = io.StringIO()
    table = Table("[red]title", ["[bold]name"], [["[/]x[green]"], ["\x1b[31m"]], "[note]")
    console.Console(file=out, width=80).print(table)
    for words in ("[red]title", "[bold]name", "[/]x[green]", "[note]"):
        assert words in out.getvalue()
    assert "\x1b" not in out.getvalue()
    out = io.StringIO()
    fit = every()["fit"]
    console.Console(file=out, width=80).print(fit)
    for word in repr(fit).replace("-" * 10, " ").split():
        assert word.strip("-") in out.getvalue()


def test_ipython_shows_builders_in_full_but_in_lists():
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    model = every()["model"]
    assert pretty(model) == str(model) != repr(model)
    assert pretty([model]) == f"[{model!r}]"
    assert "\n" not in repr(model)


def test_a_variable_can_be_typed():
    from smoothfit import Variable  # noqa: F401
    from smoothfit.constraints import AsymmetricGaussian, Gaussian, Poisson  # noqa: F401

    for name in ("variable", "nuisance", "array_variable"):
        ours = every()[name]
        again = eval(repr(ours))
        for what in ("name", "label", "unit", "group", "nuisance", "sub_names"):
            assert getattr(again, what) == getattr(ours, what)
        for what in ("value", "lower", "upper", "fixed"):
            np.testing.assert_array_equal(getattr(again, what), getattr(ours, what))
        assert type(again.constraint) is type(ours.constraint)
        if ours.constraint is not None:
            np.testing.assert_array_equal(again.constraint.numbers, ours.constraint.numbers)


def test_copies_of_tables_know_what_is_behind_their_cells():
    import copy
    import pickle

    table = Table(
        "", ["a"], [[Rounded(1 / 3, 2, remark="held")], [Measured(1 / 3, 0.1, 0.2)], [Named("a", "b")]]
    )
    for again in (copy.deepcopy(table), pickle.loads(pickle.dumps(table))):
        (number,), (value,), (name,) = again.rows
        assert (number.value, number.figure, number.remark) == (1 / 3, "0.33", "held")
        assert (value.value, value.error, value.down, name.label) == (1 / 3, 0.1, 0.2, "b")
        assert again.to_csv() == table.to_csv()
        assert again.to_latex() == table.to_latex()


def test_what_holds_arrays_is_one_line():
    import jax

    model = every()["model"]
    assert (
        repr(model.layout) == "Layout(parameters: 6, bin parameters: 2, processes: 3, channels: 2, bins: 4)"
    )
    leaves = jax.tree.leaves(model.prepared.templates)
    numbers = sum(np.size(leaf) for leaf in leaves)
    assert repr(model.prepared).startswith(
        f"Prepared(templates: {len(leaves)} arrays, {numbers} numbers; plan: "
    )
    assert repr(model.specification) == "Specification(processes: sig, bkg, pair)"
    assert repr(next(every()["toy_fits"].blocks())) == "ToyBlock(toys 0 to 2, 2 at a minimum, x (3, 1))"
    # Also while JAX traces it.
    shown = []
    jax.jit(lambda prepared: shown.append(repr(prepared)) or 0.0)(model.prepared)
    assert shown == [repr(model.prepared)]
