"""The grammar of datacards: text in, a :class:`~.card.Card` out.

A card is read in two parts, as Combine does. Up to the line ``rate``, lines are known by their first word and
what is not known is free text. After it each line is a nuisance, or a statement known by its second word; a
``#`` starts a comment there, and dashes between spaces stand for no effect.
"""

from __future__ import annotations

from ...errors import FileFormatError
from .card import Card
from .columns import ColumnReader
from .lines import LineError
from .statements import StatementReader

__all__ = ["read_card"]

_MAX_LINES = 200_000


def read_card(text: str, source: str) -> Card:
    """The statements of a card.

    Parameters
    ----------
    source
        What messages call the file.

    Raises
    ------
    FileFormatError
        With file and line, for what is no datacard or is not supported.

    Examples
    --------
    >>> card = read_card('''imax 1
    ... bin SR
    ... observation 6
    ... bin SR SR
    ... process sig bkg
    ... process 0 1
    ... rate 1.0 5.5
    ... lumi lnN 1.02 -
    ... ''', "card.txt")
    >>> card.channels, card.observed, card.systematics[0].values
    (['SR'], {'SR': 6.0}, {Column(channel='SR', process='sig'): 1.02})
    """
    if "\0" in text:
        raise FileFormatError(
            f"{source}: not a text file; give a datacard, or a ROOT file in its shapes lines."
        )
    lines = text.splitlines()
    if len(lines) > _MAX_LINES:
        raise FileFormatError(f"{source}: {len(lines)} lines; at most {_MAX_LINES} are read.")
    card = Card(source)
    numbered = enumerate(lines, start=1)
    try:
        columns = ColumnReader(card)
        columns.read(numbered)
        statements = StatementReader(card, columns.columns, columns.renamed)
        statements.read(numbered)
        _finish(card, None if statements.edited else columns.declared.get("kmax"))
    except LineError as error:
        raise FileFormatError(f"{source}:{error.number}: {error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{source}: {error}") from error
    return card


def _finish(card: Card, declared: int | None) -> None:
    """Leave out what does nothing, and compare the number of nuisances with the one declared."""
    kept, without = [], 0
    for systematic in card.systematics:
        acts = {c: v for c, v in systematic.values.items() if card.rates[c] != 0.0}
        if acts:
            kept.append(systematic)
            continue
        without += 1
        why = "no effect on any process" if not systematic.values else "acts on processes without events"
        card.ignored.append((systematic.line, f"{systematic.name} {systematic.kind}", why))
    found = len(card.systematics) + len(card.parameters) + len(card.penalties)
    if declared is not None and declared != found:
        raise FileFormatError(f"{found} nuisances, but kmax is {declared}; write 'kmax *'.")
    card.systematics = kept
    for channel in card.channels:
        if not any(rate != 0.0 for column, rate in card.rates.items() if column.channel == channel):
            raise FileFormatError(f"bin '{channel}': no process has events.")
