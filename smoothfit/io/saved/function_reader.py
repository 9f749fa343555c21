"""Users' functions of a document: programs with their captured arrays, and import paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import FileFormatError
from ..json_fields import describe, read_list, read_name, read_object
from .arrays import ArrayReader
from .fields import read_flag, read_index, read_shape, read_texts
from .functions import Programs, SavedFunction, Variant, program_names
from .imports import imported
from .stablehlo import PLATFORMS, Text

__all__ = ["FunctionReader"]


class FunctionReader:
    """Makes the functions of a document; all programs are checked first.

    Parameters
    ----------
    document
        The JSON of the file.
    members, arrays
        Its other members, and the arrays among them.
    modules
        Modules that functions may be imported from.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        members: Mapping[str, bytes],
        arrays: ArrayReader,
        modules: tuple[str, ...],
    ) -> None:
        self._members, self._arrays, self._modules = members, arrays, modules
        given = read_list("programs", document["programs"], empty=True)
        self._programs = [self._program(f"program {i}", item) for i, item in enumerate(given)]

    def read(self, what: str, given: Mapping[str, Any]) -> Callable[..., Any] | None:
        """A user's function; None if it is of another kind."""
        kind = given.get("kind")
        if kind == "program":
            return self._saved(what, given)
        if kind == "import":
            item = read_object(what, given, required=("kind", "label", "name", "identity"))
            return imported(what, item["name"], self._modules)
        return None

    def _program(self, what: str, given: Any) -> Programs:
        item = read_object(what, given, required=("label", "shapes", "result", "order", "members"))
        order = read_index(f"{what}: order", item["order"], 9)
        names = program_names(order)
        members = read_object(f"{what}: members", item["members"], required=[f"{k}{n}" for k, n in names])
        texts = {(kind, n): self._text(f"{what}: {kind}{n}", members[f"{kind}{n}"]) for kind, n in names}
        shapes = tuple(read_shape(f"{what}: shapes", s) for s in read_list(f"{what}: shapes", item["shapes"]))
        label = read_name(f"{what}: label", item["label"])
        programs = Programs(label, shapes, read_shape(f"{what}: result", item["result"]), order, texts)
        programs.check()
        return programs

    def _text(self, what: str, given: Any) -> Text:
        keys = ("name", "platforms", "calling_convention", "batched")
        item = read_object(what, given, required=keys)
        name, platforms = item["name"], tuple(read_texts(f"{what}: platforms", item["platforms"]))
        content = self._members.get(name) if isinstance(name, str) else None
        if content is None or not name.startswith("functions/"):
            raise FileFormatError(f"{what}: there is no member {describe(name)} of the file.")
        if platforms not in PLATFORMS:
            raise FileFormatError(
                f"{what}: platforms {describe(list(platforms))} are not those of a saved one; save it anew."
            )
        convention = read_index(f"{what}: calling_convention", item["calling_convention"], 1 << 20)
        batched = read_flag(f"{what}: batched", item["batched"])
        try:
            return Text(content.decode("ascii"), platforms, convention, batched)
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{what}: the program is not text.") from error

    def _saved(self, what: str, given: Any) -> SavedFunction:
        keys = ("kind", "label", "identity", "elementwise", "rows_share_events", "variants")
        item = read_object(what, given, required=keys)
        variants = []
        for entry in read_list(f"{what}: variants", item["variants"]):
            variant = read_object(f"{what}: variant", entry, required=("program", "captured"))
            programs = self._programs[read_index(f"{what}: program", variant["program"], len(self._programs))]
            captured = tuple(
                self._arrays.get(f"{what}: captured", reference)
                for reference in read_list(f"{what}: captured", variant["captured"], empty=True)
            )
            if tuple(array.shape for array in captured) != programs.shapes[: len(captured)]:
                raise FileFormatError(f"{what}: captured arrays of other shapes than the program takes.")
            variants.append(Variant(programs, captured))
        return SavedFunction(
            read_name(f"{what}: label", item["label"]),
            variants,
            elementwise=read_flag(f"{what}: elementwise", item["elementwise"]),
            rows_share_events=read_flag(f"{what}: rows_share_events", item["rows_share_events"]),
            identity=read_name(f"{what}: identity", item["identity"]),
        )
