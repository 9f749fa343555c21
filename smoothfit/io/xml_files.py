"""XML files, read strictly and without anything that they may ask for.

A document type may be named (HistFactory's files name their schema), but nothing is fetched; declarations
of entities, with which a small file unpacks to a large one or reads others, are refused, as are instructions
to programs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat

from ..errors import FileFormatError
from .json_files import MAX_DEPTH, read_text

__all__ = ["Element", "load_xml"]

_MOST = 1_000_000
"""Elements of a file."""


@dataclass
class Element:
    """An element of an XML file, with where it begins."""

    tag: str
    line: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def what(self) -> str:
        """For messages."""
        name = self.attributes.get("Name")
        return f"line {self.line}: <{self.tag}>" if name is None else f"line {self.line}: {self.tag} '{name}'"

    def check(self, attributes: Collection[str], children: Collection[str] = ()) -> None:
        """Refuse what an element of this kind does not have.

        Raises
        ------
        FileFormatError
            For another attribute or child.
        """
        for given in self.attributes:
            if given not in attributes:
                raise FileFormatError(
                    f"{self.what}: '{given}' is no attribute of it; there are: "
                    f"{', '.join(attributes) or 'none'}."
                )
        for child in self.children:
            if child.tag not in children:
                raise FileFormatError(
                    f"{child.what}: it does not belong into <{self.tag}>, which has: "
                    f"{', '.join(children) or 'nothing'}."
                )

    def all(self, tag: str) -> list[Element]:
        """The children of a kind."""
        return [child for child in self.children if child.tag == tag]

    def required(self, name: str) -> str:
        """An attribute that must be there, and not be empty."""
        given = self.attributes.get(name, "")
        if not given.strip():
            raise FileFormatError(f"{self.what}: '{name}' is missing; add it.")
        return given

    def number(self, name: str, default: float | None = None) -> float:
        """An attribute that is a finite number."""
        given = self.attributes.get(name)
        if given is None and default is not None:
            return default
        try:
            number = float(self.required(name))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise FileFormatError(f"{self.what}: {name} must be a finite number, got '{given}'.")
        return number

    def flag(self, name: str, default: bool) -> bool:
        """An attribute that is True or False."""
        given = self.attributes.get(name)
        if given is None:
            return default
        if given not in ("True", "true", "False", "false"):
            raise FileFormatError(f"{self.what}: {name} must be True or False, got '{given}'.")
        return given in ("True", "true")


class _Builder:
    """Makes elements of what the parser finds."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[Element] = []
        self._count = 0
        self.root: Element | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._document_type
        self._parser.EntityDeclHandler = lambda *_: self._refuse("it declares an entity")
        self._parser.ExternalEntityRefHandler = lambda *_: self._refuse("it asks for another file")
        self._parser.SkippedEntityHandler = lambda name, _: self._refuse(f"'&{name};' is not known")
        self._parser.ProcessingInstructionHandler = lambda *_: self._refuse("it has an instruction <?...?>")

    def parse(self, text: str) -> Element:
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            raise FileFormatError(
                f"{self._source}: not valid XML at line {error.lineno}: {expat.ErrorString(error.code)}; "
                "correct the file there."
            ) from error
        assert self.root is not None  # expat refuses a document without an element
        return self.root

    def _refuse(self, why: str) -> NoReturn:
        raise FileFormatError(
            f"{self._source}: line {self._parser.CurrentLineNumber}: {why}, which is refused; remove it."
        )

    def _document_type(self, name: str, system: Any, public: Any, has_subset: int) -> None:
        if has_subset:
            self._refuse("the document type has declarations of its own")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST or len(self._open) >= MAX_DEPTH:
            self._refuse(f"more than {_MOST} elements, or nested deeper than {MAX_DEPTH}")
        element = Element(tag, self._parser.CurrentLineNumber, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text


def load_xml(path: str | os.PathLike[str]) -> Element:
    """The root of an XML file.

    Raises
    ------
    InputFileError
        For a file that cannot be read.
    FileFormatError
        For what is no XML, with its line, or has entities or instructions.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "channel.xml")
    ...     _ = path.write_text("<Channel Name='SR'><Data HistoName='data'/></Channel>")
    ...     root = load_xml(path)
    >>> root.required("Name"), root.children[0].tag
    ('SR', 'Data')
    """
    return _Builder(os.fspath(path)).parse(read_text(path))
