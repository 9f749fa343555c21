r"""Names and labels as LaTeX that compiles, whatever is in them.

Everything but sound formulas of labels is escaped, so that no name can stop a document, or run anything in
it. Signs beyond ASCII become commands where LaTeX has them without further packages, others their number.
"""

from __future__ import annotations

import re
import string
import unicodedata

from .cells import one_line
from .mathematics import is_sound

__all__ = ["escaped", "label"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\`{}",
    '"': "''",
    # After the end of a row a bracket or a star would be taken for an argument.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}
_NAMED = {
    "LATIN SMALL LETTER SHARP S": r"\ss{}",
    "LATIN SMALL LETTER O WITH STROKE": r"\o{}",
    "LATIN CAPITAL LETTER O WITH STROKE": r"\O{}",
    "LATIN SMALL LETTER AE": r"\ae{}",
    "LATIN CAPITAL LETTER AE": r"\AE{}",
    "LATIN SMALL LIGATURE OE": r"\oe{}",
    "LATIN CAPITAL LIGATURE OE": r"\OE{}",
    "LATIN SMALL LETTER L WITH STROKE": r"\l{}",
    "LATIN CAPITAL LETTER L WITH STROKE": r"\L{}",
    "LATIN SMALL LETTER DOTLESS I": r"\i{}",
    "EN DASH": "--",
    "EM DASH": "---",
    "HYPHEN": "-",
    "NON-BREAKING HYPHEN": "-",
    "LEFT SINGLE QUOTATION MARK": "`",
    "RIGHT SINGLE QUOTATION MARK": "'",
    "LEFT DOUBLE QUOTATION MARK": "``",
    "RIGHT DOUBLE QUOTATION MARK": "''",
    "PLUS-MINUS SIGN": r"$\pm$",
    "MULTIPLICATION SIGN": r"$\times$",
    "MIDDLE DOT": r"$\cdot$",
    "MINUS SIGN": "$-$",
    "DEGREE SIGN": r"$^\circ$",
    "PRIME": r"$\prime$",
    "RIGHTWARDS ARROW": r"$\to$",
    "LEFTWARDS ARROW": r"$\leftarrow$",
    "LESS-THAN OR EQUAL TO": r"$\leq$",
    "GREATER-THAN OR EQUAL TO": r"$\geq$",
    "NOT EQUAL TO": r"$\neq$",
    "ALMOST EQUAL TO": r"$\approx$",
    "INFINITY": r"$\infty$",
    "SQUARE ROOT": r"$\surd$",
    "MICRO SIGN": r"$\mu$",
    "SCRIPT SMALL L": r"$\ell$",
    "HORIZONTAL ELLIPSIS": r"\ldots{}",
    "OHM SIGN": r"$\Omega$",
    "INCREMENT": r"$\Delta$",
}
"""By their names in Unicode."""
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c", "`'^~=u.\"rHv", strict=True)
)
_ACCENTS["\u0327"] = "c"
_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_RAISED = re.compile(r"(SUPERSCRIPT|SUBSCRIPT) ([A-Z]+)")
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (FINAL )?([A-Z]+)")
_AS_LATIN = {"omicron": "o", "Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H"}
_AS_LATIN |= {"Iota": "I", "Kappa": "K", "Mu": "M", "Nu": "N", "Omicron": "O", "Rho": "P", "Tau": "T"}
_AS_LATIN |= {"Chi": "X"}


def _greek(name: str) -> str:
    found = _GREEK.fullmatch(name)
    if found is None:
        return ""
    word = found[3].lower().replace("lamda", "lambda")
    word = word if found[1] == "SMALL" else word.capitalize()
    if word in _AS_LATIN:
        return f"${_AS_LATIN[word]}$"
    formula = f"\\var{word}" if found[2] else f"\\{word}"
    return f"${formula}$" if is_sound(formula) else ""


def _raised(name: str) -> str:
    found = _RAISED.fullmatch(name)
    if found is None or found[2] not in _DIGITS:
        return ""
    return f"${'^' if found[1] == 'SUPERSCRIPT' else '_'}{_DIGITS.index(found[2])}$"


def _accented(sign: str) -> str:
    parts = unicodedata.normalize("NFD", sign)
    if len(parts) != 2 or parts[0] not in string.ascii_letters or parts[1] not in _ACCENTS:
        return ""
    letter = {"i": r"\i", "j": r"\j"}.get(parts[0], parts[0])
    return f"\\{_ACCENTS[parts[1]]}{{{letter}}}"


def _sign(sign: str) -> str:
    if sign.isascii():
        return _SPECIAL.get(sign, sign)
    name = unicodedata.name(sign, "")
    known = _NAMED.get(name) or _greek(name) or _raised(name) or _accented(sign)
    return known or f"\\texttt{{U+{ord(sign):04X}}}"


def escaped(text: str) -> str:
    r"""Text as LaTeX, whatever is in it.

    Examples
    --------
    >>> print(escaped("50% of m_t & μ"))
    50\% of m\_t \& $\mu$
    """
    # Two hyphens are not meant as a dash.
    return "".join(map(_sign, re.sub("-(?=-)", "-\0", one_line(text)))).replace("\0", "{}")


def label(text: str | None, name: str) -> str:
    r"""What LaTeX shows for something: its label, or the name where that has none that is sound.

    A label with ``$`` is text with formulas, one with a command is a formula, any other one is text.

    Examples
    --------
    >>> print(label(r"\mu_{t}", "mu"), label("$p_T$ of jets", "pt"), label(r"\mu_{t", "mu_t"))
    $\mu_{t}$ $p_T$ of jets mu\_t
    """
    if not text or not text.strip():
        return escaped(name)
    text = one_line(text)
    pieces = re.split(r"(?<!\\)\$", text)
    if len(pieces) == 1 and re.search(r"\\[A-Za-z]", text):
        return f"${text}$" if is_sound(text) else escaped(name)
    if len(pieces) % 2 == 0 or not all(map(is_sound, pieces[1::2])):
        return escaped(name)
    shown = [
        f"${piece}$" if i % 2 else escaped(re.sub(r"\\([$%&#_{}])", r"\1", piece))
        for i, piece in enumerate(pieces)
    ]
    return "".join(shown)
