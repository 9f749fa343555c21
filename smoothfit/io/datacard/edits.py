"""``nuisance edit``: the verbs that change the systematics of the lines before.

Processes, channels and names are regular expressions that match the whole word, or ``*``. They come from a
file, so :func:`_pattern` takes only those that cannot take for ever.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from ...errors import FileFormatError
from .card import Card, Column, Systematic, Value, has_effect

__all__ = ["VERBS", "apply_edit"]

_LOGARITHMIC = ("lnN", "lnU")
_LINEAR = ("trG", "unif")
_LONGEST, _MOST_REPEATS = 200, 3


def apply_edit(card: Card, line: int, words: Sequence[str]) -> None:
    """Change the card.

    Raises
    ------
    FileFormatError
        For a verb that is not known, missing words, and what finds nothing (without ``ifexists``).
    """
    if not words or words[0] not in VERBS:
        raise FileFormatError(f"verb '{words[0] if words else ''}' is not known; {', '.join(VERBS)} are.")
    least, syntax, verb = VERBS[words[0]]
    if len(words) - 1 < least:
        raise FileFormatError(f"words are missing; the syntax is: {words[0]} {syntax}.")
    verb(card, line, list(words[1:]))


def _pattern(word: str, *, channel: bool = False) -> Callable[[str], bool]:
    """Whether a name matches a word of an edit.

    Examples
    --------
    >>> _pattern("d.*")("dB"), _pattern("*")("x"), _pattern("d")("dB")
    (True, True, False)
    """
    if word == "*":
        return lambda name: True
    # Nested repetition takes exponential time, and many in a row a high power of the length.
    repeats = len(re.findall(r"[*+{]", word))
    if len(word) > _LONGEST or repeats > _MOST_REPEATS or re.search(r"[*+}]\)*[*+{]|\)[*+{]", word):
        raise FileFormatError(f"the pattern '{word[:40]}' repeats what repeats, or is too long; simplify it.")
    try:
        compiled = re.compile(word.replace("+", "\\+") if channel else word)
    except (re.error, OverflowError, RecursionError) as error:
        raise FileFormatError(f"'{word[:40]}' is no regular expression: {error}.") from error

    def matches(name: str) -> bool:
        if len(name) > _LONGEST:
            raise FileFormatError(
                f"the name '{name[:40]}...' has {len(name)} characters; {_LONGEST} are matched."
            )
        return compiled.fullmatch(name) is not None

    return matches


def _chosen(card: Card, process: str, channel: str) -> Iterator[Column]:
    is_process, is_channel = _pattern(process), _pattern(channel, channel=True)
    return (column for column in card.rates if is_channel(column.channel) and is_process(column.process))


def _named(card: Card, name: str) -> list[Systematic]:
    matches = _pattern(name)
    return [systematic for systematic in card.systematics if matches(systematic.name)]


def _nothing_found(card: Card, line: int, options: Sequence[str], what: str) -> None:
    if "ifexists" not in options:
        raise FileFormatError(f"{what} found nothing; 'ifexists' allows that.")
    card.ignored.append((line, f"nuisance edit {what}", "found nothing"))


def _value(word: str) -> Value:
    try:
        parts = tuple(float(part) for part in word.split("/"))
    except ValueError:
        parts = ()
    if len(parts) not in (1, 2) or not all(map(math.isfinite, parts)):
        raise FileFormatError(f"a value, or down/up, is expected, got '{word[:40]}'.")
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _put(systematic: Systematic, column: Column, value: Value, options: Sequence[str]) -> None:
    before = systematic.values.get(column)
    if not has_effect("lnN", value):
        return
    if before is not None and has_effect("lnN", before):
        if "addq" in options:
            value = _in_quadrature(systematic, before, value)
        elif "overwrite" not in options:
            raise FileFormatError(
                f"'{systematic.name}' has {_shown(before)} for '{column.process}' in '{column.channel}'; "
                "add 'overwrite', or 'addq'."
            )
    systematic.values[column] = value


def _shown(value: Value) -> str:
    return f"{value[0]:g}/{value[1]:g}" if isinstance(value, tuple) else f"{value:g}"


def _in_quadrature(systematic: Systematic, a: Value, b: Value) -> Value:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return _hypot(systematic, a[0], b[0]), _hypot(systematic, a[1], b[1])
    if isinstance(a, tuple):
        assert not isinstance(b, tuple)
        return _hypot(systematic, a[0], 1.0 / b), _hypot(systematic, a[1], b)
    if isinstance(b, tuple):
        return _hypot(systematic, 1.0 / a, b[0]), _hypot(systematic, a, b[1])
    return _hypot(systematic, a, b)


def _hypot(systematic: Systematic, a: float, b: float) -> float:
    if systematic.kind not in _LOGARITHMIC:
        raise FileFormatError(f"'addq' is for lnN and lnU, '{systematic.name}' is {systematic.kind}.")
    if a <= 0.0 or b <= 0.0 or math.log(a) * math.log(b) < 0.0:
        raise FileFormatError(
            f"'{systematic.name}': {a:g} and {b:g} go in different directions; 'overwrite'?"
        )
    size = math.exp(math.hypot(math.log(a), math.log(b)))
    return size if a > 1.0 else 1.0 / size


def _add_to(
    card: Card,
    line: int,
    columns: Sequence[Column],
    name: str,
    kind: str,
    value: Value,
    options: Sequence[str],
) -> None:
    """A value of a systematic, which is made if there is none of that name."""
    found = [systematic for systematic in card.systematics if systematic.name == name]
    for systematic in found:
        if systematic.kind != kind:
            raise FileFormatError(f"'{name}' is {systematic.kind} on line {systematic.line}, not {kind}.")
    if not found:
        found = [Systematic(line, name, kind, {})]
        card.systematics += found
    for column in columns:
        _put(found[-1], column, value, options)


def _add(card: Card, line: int, words: list[str]) -> None:
    process, channel, name, kind, value, *options = words
    if kind not in ("lnN", "lnU", "trG", "shape", "shapeN", "shapeU", "gmM") and not kind.startswith("shape"):
        raise FileFormatError(f"add: '{kind}' is not supported; lnN, lnU, trG, gmM and shapes are.")
    columns = list(_chosen(card, process, channel))
    if not columns:
        card.ignored.append((line, f"nuisance edit add {name}", "found no process"))
    if _value(value) in (0.0, 1.0):
        # Of shapes, too, where a value of 1 would mean something.
        why = "Combine takes a value of 0 or 1 for nothing to add"
        card.ignored.append((line, f"nuisance edit add {name} {kind} {value}", why))
    _add_to(card, line, columns, name, kind, _value(value), options)


def _drop(card: Card, line: int, words: list[str]) -> None:
    process, channel, name, *options = words
    found = False
    columns = set(_chosen(card, process, channel))
    for systematic in _named(card, name):
        for column in columns:
            found = True
            systematic.values.pop(column, None)
    if not found and channel != "*":
        _nothing_found(card, line, options, f"drop {name}")


def _rename(card: Card, line: int, words: list[str]) -> None:
    if len(words) == 2:
        old, new, options = words[0], words[1], []
        columns = set(card.rates)
    elif len(words) == 3:
        raise FileFormatError("rename: 'oldname newname', or 'process channel oldname newname', is expected.")
    else:
        process, channel, old, new, *options = words
        columns = set(_chosen(card, process, channel))
    concerned = [systematic for systematic in card.systematics if systematic.name == old]
    if len(words) == 2 and old in card.parameters:
        if new in card.parameters and card.parameters[new][2:5] != card.parameters[old][2:5]:
            raise FileFormatError(f"rename: 'param' {new} is there already, and differs.")
        card.parameters[new] = card.parameters.pop(old)._replace(name=new)
    elif not concerned:
        _nothing_found(card, line, options, f"rename {old}")
    for systematic in concerned:
        if systematic.kind in ("trG", "gmN"):
            raise FileFormatError(
                f"rename: '{old}' is {systematic.kind}; lnN, shapes and param can be renamed."
            )
        moved = {column: value for column, value in systematic.values.items() if column in columns}
        target = next(
            (
                s
                for s in card.systematics
                if s.name == new and s.kind == systematic.kind and s is not systematic
            ),
            None,
        )
        if target is None:
            target = Systematic(line, new, systematic.kind, {}, systematic.arguments, systematic.nofloat)
            card.systematics.append(target)
        for column, value in moved.items():
            target.values[column] = value
            del systematic.values[column]
            # Templates keep the names that they have in their file.
            target.templates[column] = systematic.templates.pop(column, old)


def _change_kind(card: Card, line: int, words: list[str]) -> None:
    name, kind = words[:2]
    found = _named(card, name)
    if not found:
        card.ignored.append((line, f"nuisance edit changepdf {name}", "found nothing"))
    for systematic in found:
        before = systematic.kind
        if before in _LOGARITHMIC and kind in _LINEAR:
            _each(systematic, math.log)
        elif before in _LINEAR and kind in _LOGARITHMIC:
            _each(systematic, math.exp)
        elif not (
            (before in _LOGARITHMIC and kind in _LOGARITHMIC)
            or (before in _LINEAR and kind in _LINEAR)
            or (before.startswith("shape") and kind.startswith("shape"))
        ):
            raise FileFormatError(f"changepdf: '{systematic.name}' is {before}, which cannot become {kind}.")
        if kind == "unif" and before != "unif":
            raise FileFormatError(f"changepdf: '{systematic.name}' has no range for unif; use lnU.")
        systematic.kind = kind


def _each(systematic: Systematic, fn: Callable[[float], float]) -> None:
    for column, value in systematic.values.items():
        if isinstance(value, tuple):
            raise FileFormatError(f"changepdf: '{systematic.name}' has two values, {_shown(value)}.")
        systematic.values[column] = fn(value)


def _merge(card: Card, line: int, words: list[str]) -> None:
    process, channel, first, second, *options = words
    columns = set(_chosen(card, process, channel))
    found = False
    for systematic in _named(card, second):
        for column in columns & systematic.values.keys():
            found = True
            value = systematic.values.pop(column)
            _add_to(card, line, [column], first, systematic.kind, value, ["addq"])
    if not found and channel != "*":
        _nothing_found(card, line, options, f"merge {second}")


def _split(card: Card, line: int, words: list[str]) -> None:
    process, channel, old, first, second, one, other, *options = words
    columns = set(_chosen(card, process, channel))
    found = False
    for systematic in _named(card, old):
        for column in columns & systematic.values.keys():
            found = True
            del systematic.values[column]
            _add_to(card, line, [column], first, systematic.kind, _value(one), ["overwrite"])
            _add_to(card, line, [column], second, systematic.kind, _value(other), ["overwrite"])
    if not found and channel != "*":
        _nothing_found(card, line, options, f"split {old}")


def _freeze(card: Card, line: int, words: list[str]) -> None:
    name, *options = words
    matches = _pattern(name)
    known = [*card.flat, *card.rate_parameters, *card.external]
    found = [one for one in known if matches(one)]
    if not found:
        names = [systematic.name for systematic in card.systematics]
        found = [one for one in (*names, *card.parameters) if matches(one)]
    if not found:
        _nothing_found(card, line, options, f"freeze {name}")
    card.frozen.update(dict.fromkeys(found, line))


def _flip(card: Card, line: int, words: list[str]) -> None:
    process, channel, name, *options = words
    if "n2p" not in options and "p2n" not in options:
        raise FileFormatError("flip: 'n2p', 'p2n' or both are expected: what becomes positive, or negative.")
    columns = set(_chosen(card, process, channel))
    found = False
    for systematic in _named(card, name):
        if systematic.kind != "lnN":
            raise FileFormatError(f"flip: '{systematic.name}' is {systematic.kind}; lnN can be flipped.")
        for column in columns & systematic.values.keys():
            found = True
            value = systematic.values[column]
            first = value[0] if isinstance(value, tuple) else value
            # Of a pair the ratio at -1 decides: below 1 is what grows with the parameter.
            grows = first < 1.0 if isinstance(value, tuple) else first > 1.0
            if ("p2n" if grows else "n2p") in options:
                systematic.values[column] = (
                    (1.0 / value[0], 1.0 / value[1]) if isinstance(value, tuple) else 1.0 / value
                )
    if not found and channel != "*":
        _nothing_found(card, line, options, f"flip {name}")


VERBS: Mapping[str, tuple[int, str, Callable[[Card, int, list[str]], None]]] = {
    "add": (5, "process channel name pdf value [addq] [overwrite]", _add),
    "drop": (3, "process channel name [ifexists]", _drop),
    "rename": (2, "[process channel] oldname newname [ifexists]", _rename),
    "changepdf": (2, "name newpdf", _change_kind),
    "merge": (4, "process channel name1 name2 [ifexists]", _merge),
    "split": (7, "process channel oldname newname1 newname2 value1 value2 [ifexists]", _split),
    "freeze": (1, "name [ifexists]", _freeze),
    "flip": (3, "process channel name [n2p] [p2n] [ifexists]", _flip),
}
"""Verb: fewest words, its syntax, what it does."""
