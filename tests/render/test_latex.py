"""LaTeX that compiles, whatever names and labels are: by a strict reader of our own, and by LaTeX itself."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import unicodedata

import pytest
from record_examples import HOSTILE, every

from smoothfit.render import Measured, Named, Rounded, Table
from smoothfit.render import mathematics as known
from smoothfit.render.latex_text import escaped, label
from smoothfit.render.mathematics import is_sound
from smoothfit.results import Record

SOUND = [
    r"\mu_{t\bar{t}}",
    r"\mu",
    "x^2_3",
    "x'^2",
    r"\frac{a}{b}",
    r"\frac12",
    r"\sqrt[3]{x}",
    r"\sqrt s",
    r"\bar\nu",
    r"\left( \frac{x}{y} \right]",
    r"\mathcal{L}\ [\mathrm{fb}^{-1}]",
    r"p_\mathrm{T}",
    r"\text{50\% of } m_t",
    "^2",
    r"x^\alpha_\beta",
    r"\mathrm{d}\sigma/\mathrm{d}m",
]
BROKEN = [
    "",
    " ",
    r"\mu_{",
    r"\mu}",
    "}{",
    "x^2^3",
    "x_a_b",
    "x^2'",
    "x^",
    r"\frac{a}",
    r"\frac",
    r"\left( x",
    r"\left( x )",
    r"\right)",
    r"\left x \right)",
    r"{\left( } \right)",
    r"\input{/etc/passwd}",
    r"\write18{rm}",
    r"\def\x{}",
    r"\foo",
    r"\mathbb{R}",
    r"\begin{array}{l}x\end{array}",
    "a & b",
    "50%",
    "#1",
    "a$b",
    r"x \\ y",
    "\\",
    r"\text{a_b}",
    r"\text{a",
    r"\text x",
    "µ",
    "x^~",
    r"x_\bar{y",
    r"\sqrt[3",
    "{" * 5000 + "}" * 5000,
]
ENGINE = shutil.which("pdflatex")


@pytest.mark.parametrize("formula", SOUND)
def test_sound_formulas(formula):
    assert is_sound(formula)
    assert label(formula, "name") == (
        f"${formula}$" if re.search(r"\\[A-Za-z]", formula) else escaped(formula)
    )
    assert label(f"${formula}$ of it", "name") == f"${formula}$ of it"


@pytest.mark.parametrize("formula", BROKEN, ids=lambda formula: repr(formula[:20]))
def test_broken_formulas_fall_back_to_the_name(formula):
    assert not is_sound(formula)
    assert label(f"${formula}$", "a_b") == r"a\_b"
    if re.search(r"\\[A-Za-z]", formula) and "$" not in formula:
        assert label(formula, "a_b") == r"a\_b"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("50% & more", r"50\% \& more"),
        ("$p_T$ at 50%", r"$p_T$ at 50\%"),
        (r"$p_T$ at 50\%", r"$p_T$ at 50\%"),
        (r"costs 3\$", r"costs 3\$"),
        ("costs 3$", "name"),
        ("m_t", r"m\_t"),
        ("$a$ $b$", "$a$ $b$"),
        (None, "name"),
        ("  ", "name"),
    ],
)
def test_labels_of_text_and_formulas(given, shown):
    assert label(given, "name") == shown


def test_signs_beyond_ascii():
    assert escaped("μ ± φ → é ß ² 中") == r"$\mu$ $\pm$ $\phi$ $\to$ \'{e} \ss{} $^2$ \texttt{U+4E2D}"
    assert escaped("a--b") == "a-{}-b"


# -- a strict reader of tables -----------------------------------------------------------------------------


def read_tabulars(source):
    """[(columns of the specification, [cells a row])]; fails at anything that LaTeX would stop at."""
    found = []
    for block in source.split("\n\n"):
        lines = [line for line in block.split("\n") if not line.startswith("%")]
        begin = re.fullmatch(r"\\begin\{tabular\}\{((?:[lr]|r@\{\}l)*)\}", lines[0])
        assert begin is not None, lines[0]
        columns = len(begin[1].replace("@{}", ""))
        assert (lines[1], lines[3], lines[-2], lines[-1]) == (
            r"\toprule",
            r"\midrule",
            r"\bottomrule",
            r"\end{tabular}",
        )
        rows = []
        for line in [lines[2], *lines[4:-2]]:
            assert line.endswith(r" \\")
            cells = re.split(r"(?<!\\)&", line.removesuffix(r" \\"))
            width = sum(int(m[1]) if (m := re.match(r"\s*\\multicolumn\{(\d)\}", c)) else 1 for c in cells)
            assert width == columns, line
            for cell in cells:
                check_cell(cell)
            rows.append(cells)
        found.append((columns, rows))
    return found


def check_cell(cell):
    """Braces are balanced, formulas closed, and specials are where they belong."""
    assert cell.isascii()
    depth, in_formula = 0, False
    for token in re.findall(r"\\[A-Za-z]+|\\.|.", cell):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            assert depth >= 0, cell
        elif token == "$":
            in_formula = not in_formula
        elif token in ("_", "^"):
            assert in_formula, cell
        assert token not in ("#", "%", "&"), cell
        assert token != "~" or in_formula, cell
    assert depth == 0, cell
    assert not in_formula, cell


TABLES = [name for name, shown in every().items() if isinstance(shown, Record | Table)]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_well_formed(name):
    shown = every()[name]
    tables = [shown] if isinstance(shown, Table) else shown.tables
    found = read_tabulars(shown.to_latex())
    assert [len(rows) for _, rows in found] == [len(table) + 1 for table in tables]


def random_texts(number):
    """Names and labels of everything that LaTeX has a meaning for."""
    rng = random.Random(1)
    pieces = [
        *"{}$&#%_^~\\[]*'`\"<>|-= a1",
        "\\mu",
        "\\frac",
        "\\bar",
        "\\left",
        "\\right",
        "\\text",
        "\\input",
    ]
    pieces += ["\\\\", "\\begin", "{tabular}", "é", "μ", "中", "\x1b", "\n", "\\%", "\\_"]
    return ["".join(rng.choices(pieces, k=rng.randint(1, 9))) for _ in range(number)]


def test_random_names_and_labels_are_well_formed():
    texts = random_texts(4000)
    rows = [[Named(text, other), text] for text, other in zip(texts, reversed(texts), strict=True)]
    read_tabulars(Table("t", ["a", "b"], rows).to_latex())
    assert 20 < sum(is_sound(text) for text in texts) < 2000


# -- numbers -----------------------------------------------------------------------------------------------


def test_decimal_points_are_below_each_other():
    """All values of a column have one width, with the phantoms of digits that they lack; so do errors."""
    cells = [
        Measured(1.023, 0.114),
        Measured(-120.0, 12.0),
        Measured(0.98765, 0.00123),
        Rounded(95, decimals=0),
    ]
    ((_, rows),) = read_tabulars(Table("", ["v"], [[cell] for cell in cells]).to_latex())
    values, errors = zip(
        *((row[0].strip().strip("$"), row[1].strip().strip("$")) for row in rows[1:]), strict=True
    )

    def after_the_point(text):
        flat = re.sub(r"\\phantom\{([.0]*)\}", r"\1", text)
        return len(flat.partition(".")[2])

    assert {after_the_point(value) for value in values} == {4}
    numbers = [re.sub(r"\\phantom\{(0*)\}", r"\1", e.removeprefix(r"{}\pm ")) for e in errors if e]
    assert {len(number.partition(".")[0]) for number in numbers} == {2}


def test_powers_of_ten_and_what_is_not_finite():
    cells = [[Measured(3.1e9, 4.7e6)], [Measured(1e9, 2e6, 3e6)], [Measured(1.0, float("nan"))], ["blinded"]]
    shown = Table("", ["v"], cells).to_latex()
    assert r"$(3.1000 \pm 0.0047)\times 10^{9}$" in shown
    assert r"$(1.0000{}^{+0.0020}_{-0.0030})\times 10^{9}$" in shown
    assert r"${}\pm \mathrm{nan}$" in shown
    assert r"\multicolumn{2}{l}{blinded}" in shown
    numbers = Table("", ["v"], [[1e-9], [float("inf")], [Rounded(-2.5)]]).to_latex()
    assert r"$1\times 10^{-9}$" in numbers
    assert r"$\infty$" in numbers


# -- LaTeX itself ------------------------------------------------------------------------------------------


def compiled(body, folder):
    """Whether pdflatex makes pages of a document, and what it complains of."""
    source = "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{booktabs,amsmath}",
            r"\begin{document}",
            *body,
            r"\end{document}",
        ]
    )
    (folder / "document.tex").write_text(source, encoding="utf-8")
    command = [ENGINE, "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "document.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    complaint = re.search(r"^!.*?(?=^\S*\?|\Z)", log, re.DOTALL | re.MULTILINE)
    return done.returncode == 0, (complaint[0] if complaint else log)[-600:]


def every_known_formula():
    """Each command that a formula may have, in the places where it may stand."""
    signs = sorted(known._SIGNS | known._NO_INDICES)
    found = (
        [f"x {s} y" for s in signs] + [f"x^{s}_{s}" for s in signs] + [rf"\bar{s}\frac{s}{s}" for s in signs]
    )
    for command in sorted(known._OF_ONE):
        found += [rf"{command}{{ab}}", rf"{command} a", rf"x^{{{command}{{a}}}}", rf"x^{command}{{a}}"]
    found += [rf"{command}{{ab}}{{c}}" for command in sorted(known._OF_TWO)]
    found += [rf"{command}{{ab \% c\_d < 3}}" for command in sorted(known._WORDS_INSIDE)]
    found += [rf"\left{d} x \right{d}" for d in sorted(known._DELIMITERS)]
    found += [f"a{chr(c)}b" for c in range(32, 127)] + [f"a^{chr(c)}" for c in range(33, 127)]
    return [formula for formula in found if is_sound(formula)] + SOUND


@pytest.mark.slow
@pytest.mark.skipif(ENGINE is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)")
def test_latex_compiles_all_of_it(tmp_path):
    letters = [chr(c) for c in range(0xA0, 0x2600) if unicodedata.category(chr(c)) != "Cn"]
    texts = [*random_texts(1500), HOSTILE]
    body = [every()[name].to_latex() + "\n\n" for name in TABLES]
    body += [f"${formula}$\n" for formula in every_known_formula()]
    body += [escaped("".join(letters[i : i + 8])) + "\n" for i in range(0, len(letters), 8)]
    for first in range(0, len(texts), 40):
        rows = [
            [Named(t, o), Named(o, f"${t}$")] for t, o in zip(texts[first:], texts[first:][::-1], strict=True)
        ]
        body.append(Table("t", ["a", "b"], rows[:40]).to_latex() + "\n\n")
    good, complaint = compiled(body, tmp_path)
    assert good, complaint


@pytest.mark.slow
@pytest.mark.skipif(ENGINE is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)")
@pytest.mark.parametrize("formula", [r"\mu_{", "x^2^3", r"\foo", r"\left( x", "x^2'"])
def test_latex_stops_at_what_is_called_broken(formula, tmp_path):
    assert not compiled([f"${formula}$"], tmp_path)[0]
