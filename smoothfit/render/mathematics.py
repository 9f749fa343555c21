r"""Whether a formula is sound LaTeX: one that compiles with the packages that LaTeX and amsmath are.

Labels come from users and files. What is not known to compile is not shown as a formula, and no command that
could read a file, run a program or redefine another is known.
"""

from __future__ import annotations

import re

__all__ = ["is_sound"]


class _Unsound(Exception):
    """Something that LaTeX would stop at."""


def _words(text: str) -> frozenset[str]:
    return frozenset(f"\\{word}" for word in text.split())


_SIGNS = _words(
    r"""alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi
    varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi
    Sigma Upsilon Phi Psi Omega ell hbar imath jmath Re Im partial nabla infty emptyset prime forall exists
    neg aleph wp angle pm mp times div cdot ast star circ bullet oplus otimes cap cup vee wedge setminus
    dagger ddagger leq le geq ge neq ne ll gg equiv sim simeq approx propto subset supset subseteq supseteq
    in ni perp parallel mid to rightarrow leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow
    longleftarrow mapsto uparrow downarrow gets backslash langle rangle lbrace rbrace vert Vert lceil rceil
    lfloor rfloor triangle diamond { } | % & # $ _"""
)
_NO_INDICES = _words(
    r"""cong notin longrightarrow iff sum prod int oint sin cos tan cot sec csc sinh cosh tanh arcsin arccos
    arctan log ln exp min max sup inf lim det dim ker arg deg gcd Pr ldots cdots vdots ddots dots colon quad
    qquad , ; : ! >"""
) | {"\\ "}
"""Signs that are no index or exponent without braces."""
_FONTS = _words("mathrm mathbf mathit mathsf mathtt mathcal mathnormal")
_OF_ONE = _FONTS | _words(
    r"""bar hat tilde vec dot ddot check acute grave breve mathring overline underline widehat widetilde
    overrightarrow overleftarrow overbrace underbrace sqrt boldsymbol operatorname"""
)
_OF_TWO = _words("frac dfrac tfrac binom stackrel overset underset")
_WORDS_INSIDE = _words("text textrm textbf textit textsf texttt mbox")
_DELIMITERS = frozenset("()[]|/.<>") | _words(
    "{ } | langle rangle lbrace rbrace vert Vert lceil rceil lfloor rfloor"
)
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
# Of other signs LaTeX asks for a package, or stops.
_PLAIN = re.compile(r"[A-Za-z0-9 .,;:!?()\[\]|/<>=+\-*'\"`@~]")
_WORD = re.compile(r"(?:[A-Za-z0-9 .,;:!?()\[\]|/<>=+\-*'\"`@~]|\\[%&#$_{} ,])*")


class _Formula:
    """A formula, read once from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def check(self) -> None:
        self._list(None)

    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> str:
        token = self._next()
        if token is None:
            raise _Unsound
        self._at += 1
        return token

    def _skip_spaces(self) -> None:
        while self._next() == " ":
            self._at += 1

    def _list(self, end: str | None) -> None:
        """Atoms with their indices, up to a token that ends them."""
        seen: set[str] = set()
        while (token := self._next()) != end:
            if token is None:
                raise _Unsound
            self._at += 1
            if token in ("^", "_"):
                if token in seen:
                    raise _Unsound
                seen.add(token)
                self._index()
            elif token == "'":
                # After an exponent a prime would be a second one.
                if "^" in seen:
                    raise _Unsound
                seen.add("'")
            elif token != " ":
                self._atom(token)
                seen = set()
        self._at += end is not None

    def _atom(self, token: str) -> None:
        if token == "{":
            self._list("}")
        elif token == r"\left":
            self._delimiter()
            self._list(r"\right")
            self._delimiter()
        elif token in _OF_ONE:
            if token == r"\sqrt" and self._next() == "[":
                self._at += 1
                self._list("]")
            self._argument()
        elif token in _OF_TWO:
            self._argument()
            self._argument()
        elif token in _WORDS_INSIDE:
            self._words()
        elif token not in _SIGNS | _NO_INDICES and not _PLAIN.fullmatch(token):
            raise _Unsound

    def _index(self) -> None:
        """An index or exponent: an argument, or letters in a font."""
        self._skip_spaces()
        if self._next() in _FONTS:
            self._at += 1
        self._argument()

    def _argument(self) -> None:
        """A group, one letter, or a sign."""
        self._skip_spaces()
        token = self._take()
        if token == "{":
            self._list("}")
        elif token in "'~" or (token not in _SIGNS and not _PLAIN.fullmatch(token)):
            raise _Unsound

    def _delimiter(self) -> None:
        self._skip_spaces()
        if self._take() not in _DELIMITERS:
            raise _Unsound

    def _words(self) -> None:
        """Text in braces, without formulas or braces in it."""
        if self._take() != "{":
            raise _Unsound
        inside = ""
        while (token := self._take()) != "}":
            inside += token
        if not _WORD.fullmatch(inside):
            raise _Unsound


def is_sound(formula: str) -> bool:
    r"""Whether LaTeX (with amsmath) can set a formula, which is given without the ``$`` around it.

    Commands that are not known are not sound, nor are ``$``, ``&``, ``#`` and ``%``.

    Examples
    --------
    >>> is_sound(r"\mu_{t\bar{t}}"), is_sound(r"\mu_{t"), is_sound(r"x^2^3"), is_sound(r"\input{secret}")
    (True, False, False, False)
    """
    if not formula.strip():
        return False
    try:
        _Formula(formula).check()
    except (_Unsound, RecursionError):
        return False
    return True
