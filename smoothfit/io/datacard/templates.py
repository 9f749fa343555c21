"""Where the templates of a card are: ``shapes`` lines, their keywords, and the files that they name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ...errors import FileFormatError, InputFileError
from ..root_histograms import Histogram, RootFile, inside
from .card import Card, ShapeRule

__all__ = ["DATA", "Templates"]

DATA = "data_obs"
"""What the data are called among the processes."""


class Templates:
    """The templates of a card.

    Parameters
    ----------
    folder
        Where the card is.
    keywords
        What $MASS and others stand for.
    files
        Other paths for files that the card names.
    anywhere
        Whether files outside the folder may be read.
    """

    def __init__(
        self,
        card: Card,
        folder: Path,
        *,
        keywords: Mapping[str, str],
        files: Mapping[str, str | os.PathLike[str]],
        anywhere: bool,
    ) -> None:
        self._card, self._folder, self._anywhere = card, folder, anywhere
        self._keywords, self._files = keywords, files
        self._rules = {(rule.channel, rule.process): rule for rule in card.shapes}
        self._with_channel = {rule.channel for rule in card.shapes}
        self._open: dict[str, RootFile] = {}
        self._seen: set[tuple[str, str]] = set()

    @property
    def read(self) -> dict[str, int]:
        """Files that were read: how many templates of each."""
        files = [file for file, _ in self._seen]
        return {file: files.count(file) for file in sorted(set(files))}

    def rule(self, channel: str, process: str) -> ShapeRule | None:
        """The line that says where a template is; None in a counting experiment, or for FAKE.

        Raises
        ------
        FileFormatError
            If no line does, though the card has templates.
        """
        if not self._rules:
            return None
        mine = channel if channel in self._with_channel else "*"
        for key in ((mine, process), (mine, "*"), ("*", process), ("*", "*")):
            if key in self._rules:
                rule = self._rules[key]
                return None if rule.words[0] == "FAKE" else rule
        raise FileFormatError(
            f"no line 'shapes' is for process '{process}' in channel '{channel}'; "
            "'shapes * * file pattern' is for all."
        )

    def nominal(self, channel: str, process: str) -> Histogram | None:
        """The template of a process, or the data; None if there is none (a counting experiment)."""
        rule = self.rule(channel, process)
        if rule is None:
            return None
        file, name = self._resolve(rule, rule.words[1], channel, process, "")
        found = self._histogram(rule, file, name)
        if found is None:
            raise self._missing(rule, file, name)
        return found

    def varied(self, channel: str, process: str, systematic: str, side: str) -> Histogram:
        """The template with a systematic "Up" or "Down"."""
        found = self._varied(channel, process, systematic, side)
        if isinstance(found, FileFormatError):
            raise found
        return found

    def is_varied(self, channel: str, process: str, systematic: str) -> bool:
        """Whether there is a template with the systematic "Up"."""
        return isinstance(self._varied(channel, process, systematic, "Up"), Histogram)

    def _varied(self, channel: str, process: str, systematic: str, side: str) -> Histogram | FileFormatError:
        rule = self.rule(channel, process)
        if rule is None or len(rule.words) < 3:
            where = "is a counting experiment" if rule is None else f"has no pattern on line {rule.line}"
            return FileFormatError(
                f"shape '{systematic}': process '{process}' in channel '{channel}' {where}; "
                "give 'shapes' a pattern with $SYSTEMATIC."
            )
        file, name = self._resolve(rule, rule.words[2], channel, process, systematic + side)
        found = self._histogram(rule, file, name)
        return self._missing(rule, file, name) if found is None else found

    def _missing(self, rule: ShapeRule, file: str, name: str) -> FileFormatError:
        return FileFormatError(f"line {rule.line}: there is no '{name}' in '{file}'.")

    def _resolve(
        self, rule: ShapeRule, pattern: str, channel: str, process: str, systematic: str
    ) -> tuple[str, str]:
        given = {**self._keywords, "PROCESS": process, "CHANNEL": channel, "SYSTEMATIC": systematic}

        def value(match: re.Match[str]) -> str:
            # The longest keyword that the word begins with: $PROCESS_x and $MASSA, as Combine replaces them.
            word = match.group(1)
            known = [key for key in given if word.startswith(key)]
            if not known:
                cure = "mass=125" if word.startswith("MASS") else f"keywords={{'{word}': ...}}"
                raise FileFormatError(f"line {rule.line}: nothing is known for ${word}; give {cure}.")
            key = max(known, key=len)
            return given[key] + word[len(key) :]

        file, name = (re.sub(r"\$([A-Za-z_][A-Za-z0-9_]*)", value, text) for text in (rule.words[0], pattern))
        return file, name

    def _histogram(self, rule: ShapeRule, file: str, name: str) -> Histogram | None:
        if ":" in name:
            raise FileFormatError(
                f"line {rule.line}: unsupported: '{name}' in '{file}' is an object of a RooFit workspace, "
                "or of a tree; templates are TH1."
            )
        try:
            if file not in self._open:
                self._open[file] = RootFile(self._path(file))
            found = self._open[file].histogram(name)
        except (InputFileError, FileFormatError) as error:
            raise type(error)(f"line {rule.line}: {error}") from error
        if found is not None:
            self._seen.add((file, name))
        return found

    def _path(self, file: str) -> Path:
        given = self._files.get(file)
        return Path(given) if given is not None else inside(self._folder, file, anywhere=self._anywhere)
