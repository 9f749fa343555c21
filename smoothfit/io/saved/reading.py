"""Reading: the document of a file to a model, through the public builders, which check everything again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...build import ChannelContrib, Process, Variable
from ...constraints import NoConstraint
from ...errors import FileFormatError
from ...model import Model
from ...preparation.correlations import combine, correlated
from ...preparation.specification import Correlation
from ..json_fields import describe, listed, read_list, read_name, read_number, read_object
from .arrays import ArrayReader
from .functions import Programs, SavedFunction, Variant, program_names
from .imports import imported
from .kinds import CONSTRAINTS, EFFECTS, FUNCTIONS, Kind
from .stablehlo import Text

__all__ = ["ModelReader"]

_MAX_AXES = 8
_MAX_SIZE = 1 << 27


class ModelReader:
    """Makes the model of a document.

    Parameters
    ----------
    document
        The JSON of the file.
    members
        Its other members.
    modules
        Modules that functions may be imported from.
    """

    def __init__(
        self, document: Mapping[str, Any], members: Mapping[str, bytes], modules: tuple[str, ...]
    ) -> None:
        self._arrays = ArrayReader(dict(members))
        self._members, self._modules = members, modules
        self._variables: list[Variable] = []
        given = read_list("programs", document["programs"], empty=True)
        self._programs = [self._program(f"program {i}", item) for i, item in enumerate(given)]

    def model(self, given: Any) -> Model:
        """The model, not prepared."""
        keys = ("variables", "processes", "correlations", "terms", "mc_stat", "data", "masked", "shown")
        told = read_object("model", given, required=keys)
        model = Model()
        for i, item in enumerate(read_list("variables", told["variables"], empty=True)):
            self._variables.append(self._variable(f"variable {i}", item))
        for i, item in enumerate(read_list("processes", told["processes"], empty=True)):
            model.add_proc(self._process(f"process {i}", item))
        self._correlations(model, read_list("correlations", told["correlations"], empty=True))
        for i, item in enumerate(read_list("terms", told["terms"], empty=True)):
            self._term(model, f"term {i}", item)
        for i, item in enumerate(read_list("mc_stat", told["mc_stat"], empty=True)):
            _mc_stat(model, f"mc_stat {i}", item)
        self._data(model, told["data"])
        model.mask_channels(*_texts("masked", told["masked"]))
        self._shown(model, told["shown"])
        return model

    def observed(self, given: Any) -> FloatArray:
        """The observed counts."""
        return self._arrays.get("obs", given, axes=1)

    def _array(self, what: str, given: Any, *, axes: int | None = None, dtype: str = "float64") -> Any:
        return self._arrays.get(what, given, axes=axes, dtype=dtype)

    # -- programs and functions ------------------------------------------------------------------

    def _program(self, what: str, given: Any) -> Programs:
        item = read_object(what, given, required=("label", "shapes", "result", "order", "members"))
        order = _index(f"{what}: order", item["order"], 9)
        names = program_names(order)
        members = read_object(f"{what}: members", item["members"], required=[f"{k}{n}" for k, n in names])
        texts = {(kind, n): self._text(f"{what}: {kind}{n}", members[f"{kind}{n}"]) for kind, n in names}
        shapes = tuple(_shape(f"{what}: shapes", s) for s in read_list(f"{what}: shapes", item["shapes"]))
        label = read_name(f"{what}: label", item["label"])
        programs = Programs(label, shapes, _shape(f"{what}: result", item["result"]), order, texts)
        programs.check()
        return programs

    def _text(self, what: str, given: Any) -> Text:
        keys = ("name", "platforms", "calling_convention", "batched")
        item = read_object(what, given, required=keys)
        name, platforms = item["name"], tuple(_texts(f"{what}: platforms", item["platforms"]))
        content = self._members.get(name) if isinstance(name, str) else None
        if content is None or not name.startswith("functions/"):
            raise FileFormatError(f"{what}: there is no member {describe(name)} of the file.")
        if not platforms or not {*platforms} <= {"cpu", "cuda", "rocm", "tpu"}:
            raise FileFormatError(f"{what}: platforms {describe(list(platforms))} are not known to JAX.")
        convention = _index(f"{what}: calling_convention", item["calling_convention"], 1 << 20)
        batched = _flag(f"{what}: batched", item["batched"])
        try:
            return Text(content.decode("ascii"), platforms, convention, batched)
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{what}: the program is not text.") from error

    def _function(self, what: str, given: Any) -> Any:
        kind = given.get("kind") if isinstance(given, Mapping) else None
        if kind == "program":
            return self._saved(what, given)
        if kind == "import":
            item = read_object(what, given, required=("kind", "label", "name", "identity"))
            return imported(what, item["name"], self._modules)
        return self._object(what, given, FUNCTIONS)

    def _saved(self, what: str, given: Any) -> SavedFunction:
        keys = ("kind", "label", "identity", "elementwise", "rows_share_events", "variants")
        item = read_object(what, given, required=keys)
        variants = []
        for entry in read_list(f"{what}: variants", item["variants"]):
            variant = read_object(f"{what}: variant", entry, required=("program", "captured"))
            programs = self._programs[_index(f"{what}: program", variant["program"], len(self._programs))]
            captured = tuple(
                self._array(f"{what}: captured", reference)
                for reference in read_list(f"{what}: captured", variant["captured"], empty=True)
            )
            if tuple(array.shape for array in captured) != programs.shapes[: len(captured)]:
                raise FileFormatError(f"{what}: captured arrays of other shapes than the program takes.")
            variants.append(Variant(programs, captured))
        return SavedFunction(
            read_name(f"{what}: label", item["label"]),
            variants,
            elementwise=_flag(f"{what}: elementwise", item["elementwise"]),
            rows_share_events=_flag(f"{what}: rows_share_events", item["rows_share_events"]),
            identity=read_name(f"{what}: identity", item["identity"]),
        )

    def _object(self, what: str, given: Any, table: tuple[Kind, ...]) -> Any:
        """An object of one of the tables, field by field."""
        name = given.get("kind") if isinstance(given, Mapping) else given
        kind = next((kind for kind in table if kind.name == name), None)
        if kind is None:
            known = listed(kind.name for kind in table)
            raise FileFormatError(f"{what}: kind {describe(name)} is none of {known}; a newer file?")
        item = read_object(what, given, required=("kind", *kind.fields))
        return kind.make(
            **{field: self._field(f"{what}: {field}", item[field], how) for field, how in kind.fields.items()}
        )

    def _field(self, what: str, given: Any, how: str) -> Any:
        if given is None:
            return None
        if how == "array":
            return self._array(what, given)
        if how == "number":
            return read_number(what, given)
        if how == "flag":
            return _flag(what, given)
        if how == "texts":
            return tuple(_texts(what, given))
        if how == "variable":
            return self._known(what, given)
        return read_name(what, given) if how == "text" else self._function(what, given)

    # -- variables -------------------------------------------------------------------------------

    def _known(self, what: str, given: Any) -> Variable:
        return self._variables[_index(what, given, len(self._variables))]

    def _known_all(self, what: str, given: Any) -> list[Variable]:
        return [self._known(what, index) for index in read_list(what, given)]

    def _variable(self, what: str, given: Any) -> Variable:
        keys = ("scalar", "sub_names", "value", "lower", "upper", "fixed", "nuisance", "constraint", "shown")
        item = read_object(what, given, required=("name", *keys))
        name = read_name(f"{what}: name", item["name"])
        what = f"variable '{name}'"
        value = self._array(f"{what}: value", item["value"], axes=1)
        scalar = _flag(f"{what}: scalar", item["scalar"])
        if scalar and len(value) != 1:
            raise FileFormatError(f"{what}: a scalar has one value, got {len(value)}.")
        constraint = item["constraint"]
        return Variable(
            name,
            float(value[0]) if scalar else value,
            lower_bound=self._array(f"{what}: lower", item["lower"], axes=1),
            upper_bound=self._array(f"{what}: upper", item["upper"], axes=1),
            nuisance=_flag(f"{what}: nuisance", item["nuisance"]),
            sub_names=_texts(f"{what}: sub_names", item["sub_names"]),
            constraint=NoConstraint()
            if constraint is None
            else self._object(f"{what}: constraint", constraint, CONSTRAINTS),
            fixed=self._array(f"{what}: fixed", item["fixed"], axes=1, dtype="bool"),
            **_labels(f"{what}: shown", item["shown"], ("label", "unit", "group")),
        )

    # -- processes -------------------------------------------------------------------------------

    def _process(self, what: str, given: Any) -> Process:
        keys = ("name", "signal", "sub_procs", "contributions", "effects", "shown")
        item = read_object(what, given, required=keys)
        name = read_name(f"{what}: name", item["name"])
        what, rows = f"process '{name}'", item["sub_procs"]
        process = Process(
            name,
            sub_procs=None if rows is None else _texts(f"{what}: sub_procs", rows),
            signal=_flag(f"{what}: signal", item["signal"]),
            **_labels(f"{what}: shown", item["shown"], ("label",)),
        )
        for entry in read_list(f"{what}: contributions", item["contributions"], empty=True):
            process.add_contrib(self._contribution(f"{what}: contribution", entry))
        for entry in read_list(f"{what}: effects", item["effects"], empty=True):
            self._declare(f"{what}: effect", entry, process)
        return process

    def _contribution(self, what: str, given: Any) -> ChannelContrib:
        keys = ("channel", "array", "yields", "sumw2", "effects", "shown")
        item = read_object(what, given, required=keys)
        channel = read_name(f"{what}: channel", item["channel"])
        what = f"{what} to '{channel}'"
        yields = self._array(f"{what}: yields", item["yields"], axes=2)
        rows = _flag(f"{what}: array", item["array"])
        shown = read_object(f"{what}: shown", item["shown"], required=("edges", "label"))
        label = _text(f"{what}: label", shown["label"])
        edges = shown["edges"]
        template: Any = _as_given(what, yields, rows)
        if edges is not None:
            template = _Histogram(template, self._array(f"{what}: edges", edges, axes=1), label)
        contrib = ChannelContrib(channel, template)
        if item["sumw2"] is not None:
            variances = self._array(f"{what}: sumw2", item["sumw2"])
            contrib.register_sumw2(variances if variances.ndim == 3 else _as_given(what, variances, rows))
        for entry in read_list(f"{what}: effects", item["effects"], empty=True):
            self._declare(f"{what}: effect", entry, contrib, rows=rows)
        return contrib

    def _declare(self, what: str, given: Any, owner: Any, *, rows: bool | None = None) -> None:
        """Say it to the process or the contribution."""
        kind = given.get("kind") if isinstance(given, Mapping) else given
        keys = _DECLARATIONS.get(kind) if isinstance(kind, str) else None
        if keys is None or (kind == "shape" and rows is None):
            raise FileFormatError(f"{what}: kind {describe(kind)} is none of {listed(_DECLARATIONS)}.")
        item = read_object(what, given, required=("kind", *keys))
        if kind == "shape":
            variable = self._known(f"{what}: variable", item["variable"])
            up, down = (
                _as_given(what, self._array(f"{what}: {side}", item[side], axes=2), bool(rows))
                for side in ("up", "down")
            )
            morphing = read_name(f"{what}: morphing", item["morphing"])
            scale = read_number(f"{what}: scale", item["scale"])
            owner.add_shape(variable, up, down, kind=morphing, scale=scale)
            return
        region = self._region(f"{what}: region", item["region"])
        if kind == "effect":
            effect = self._object(f"{what}: effect", item["effect"], EFFECTS)
            owner.add_effect(effect, self._known(f"{what}: variable", item["variable"]), **region)
            return
        axis = _text(f"{what}: axis", item["axis"])
        region["axis"] = None if axis == "all" else axis
        if kind == "scale":
            owner.scale_by(self._known(f"{what}: variable", item["variable"]), **region)
            return
        fn = self._function(f"{what}: function", item["function"])
        variables = self._known_all(f"{what}: variables", item["variables"])
        (owner.scale_by_fn if kind == "scale_by_fn" else owner.add_by_fn)(fn, *variables, **region)

    def _region(self, what: str, given: Any) -> dict[str, Any]:
        if given is None:
            return {}
        item = read_object(what, given, required=("sub_procs", "bins"))
        rows, bins = item["sub_procs"], item["bins"]
        if rows is not None:
            for row in read_list(f"{what}: sub_procs", rows):
                if not isinstance(row, str):
                    _index(f"{what}: sub_procs", row, 1 << 40)
        if isinstance(bins, list):
            if len(bins) != 3 or not all(end is None or _whole(end) for end in bins) or bins[2] == 0:
                raise FileFormatError(f"{what}: [start, stop, step] is expected, got {describe(bins)}.")
            bins = slice(*bins)
        elif bins is not None:
            read_object(f"{what}: bins", bins, required=(), optional=("flags", "indices"))
            dtype = "bool" if "flags" in bins else "int64"
            bins = self._array(f"{what}: bins", next(iter(bins.values()), None), axes=1, dtype=dtype)
        return {"sub_procs": rows, "bins": bins}

    # -- the rest --------------------------------------------------------------------------------

    def _correlations(self, model: Model, given: Sequence[Any]) -> None:
        found: list[Correlation] = []
        for i, entry in enumerate(given):
            what = f"correlation {i}"
            item = read_object(what, entry, required=("variables", "matrix", "stated"))
            variables = self._known_all(f"{what}: variables", item["variables"])
            matrix = self._array(f"{what}: matrix", item["matrix"], axes=2)
            stated = self._array(f"{what}: stated", item["stated"], axes=2, dtype="bool")
            (checked,) = correlated(variables, matrix, None, [])
            if stated.shape != matrix.shape:
                raise FileFormatError(f"{what}: stated has shape {stated.shape}, expected {matrix.shape}.")
            found.append(dataclasses.replace(checked, stated=stated))
        if found and not np.linalg.eigvalsh(combine(found)[1])[0] > 0.0:
            raise FileFormatError("correlations: together they are not positive definite.")
        model.specification.correlations = found

    def _term(self, model: Model, what: str, given: Any) -> None:
        item = read_object(what, given, required=("function", "variables", "order"))
        fn = self._function(f"{what}: function", item["function"])
        if item["variables"] is not None:
            model.add_constraint(fn, *self._known_all(f"{what}: variables", item["variables"]))
            return
        order = tuple(_texts(f"{what}: order", item["order"]))
        model.add_constraint(fn)
        terms = model.specification.terms
        terms[-1] = dataclasses.replace(terms[-1], order=order)

    def _data(self, model: Model, given: Any) -> None:
        item = read_object("data", given, required=("gaussian", "variances", "by_channel"))
        gaussian = _flag("data: gaussian", item["gaussian"])
        variances: Any = None
        if item["by_channel"] is not None:
            pairs = read_list("data: by_channel", item["by_channel"])
            if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
                raise FileFormatError("data: by_channel: pairs of a channel and its variances are expected.")
            variances = {
                read_name("data: channel", name): self._array("data: variances", reference, axes=1)
                for name, reference in pairs
            }
        elif item["variances"] is not None:
            variances = self._array("data: variances", item["variances"], axes=1)
        model.set_data_term("gaussian" if gaussian else "poisson", variances)

    def _shown(self, model: Model, given: Any) -> None:
        shown = read_object("shown", given, required=("channels", "poi"))
        for i, entry in enumerate(read_list("shown: channels", shown["channels"], empty=True)):
            what = f"shown: channel {i}"
            item = read_object(what, entry, required=("name", "edges", "label", "unit"))
            edges = item["edges"]
            model.describe_channel(
                read_name(f"{what}: name", item["name"]),
                None if edges is None else self._array(f"{what}: edges", edges, axes=1),
                _text(f"{what}: label", item["label"]),
                _text(f"{what}: unit", item["unit"]),
            )
        poi = _text("shown: poi", shown["poi"])
        if poi is not None:
            model.poi = poi or None


_DECLARATIONS = {
    "scale": ("variable", "axis", "region"),
    "scale_by_fn": ("function", "variables", "axis", "region"),
    "add_by_fn": ("function", "variables", "axis", "region"),
    "effect": ("variable", "effect", "region"),
    "shape": ("variable", "up", "down", "morphing", "scale"),
}
"""Kind -> what it consists of."""


class _Histogram:
    """Yields with their edges and label, as a histogram has them."""

    def __init__(self, values: FloatArray, edges: FloatArray, label: str | None) -> None:
        axis = SimpleNamespace(edges=edges, label=label)
        self._values = values
        self.axes = [SimpleNamespace(edges=None, label=None)] * (values.ndim - 1) + [axis]

    def values(self) -> FloatArray:
        """The yields."""
        return self._values

    def variances(self) -> None:
        """They are told on their own."""


def _mc_stat(model: Model, what: str, given: Any) -> None:
    keys = ("mode", "scaling", "threshold", "constraint", "include_signal", "channels")
    item = read_object(what, given, required=keys)
    threshold, channels = item["threshold"], item["channels"]
    model.set_mc_stat(
        read_name(f"{what}: mode", item["mode"]),
        scaling=read_name(f"{what}: scaling", item["scaling"]),
        threshold=None if threshold is None else read_number(f"{what}: threshold", threshold),
        channels=None if channels is None else _texts(f"{what}: channels", channels),
        constraint=read_name(f"{what}: constraint", item["constraint"]),
        include_signal=_flag(f"{what}: include_signal", item["include_signal"]),
    )


def _as_given(what: str, rows: FloatArray, is_array: bool) -> FloatArray:
    """(bin,) of a plain process, (sub-process, bin) of an array process."""
    if is_array:
        return rows
    if rows.ndim != 2 or len(rows) != 1:
        raise FileFormatError(f"{what}: a plain process has one row of yields, got the shape {rows.shape}.")
    return rows[0]


def _labels(what: str, given: Any, keys: Sequence[str]) -> dict[str, Any]:
    shown = read_object(what, given, required=keys)
    return {key: _text(f"{what}: {key}", shown[key]) for key in keys}


def _text(what: str, given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise FileFormatError(f"{what}: text or null is expected, got {describe(given)}.")
    return given


def _texts(what: str, given: Any) -> list[str]:
    items = read_list(what, given, empty=True)
    if not all(isinstance(item, str) for item in items):
        raise FileFormatError(f"{what}: names are expected, got {describe(given)}.")
    return list(items)


def _flag(what: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise FileFormatError(f"{what}: true or false is expected, got {describe(given)}.")
    return given


def _whole(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def _index(what: str, given: Any, size: int) -> int:
    if not _whole(given) or not 0 <= given < size:
        raise FileFormatError(
            f"{what}: a whole number from 0, below {size}, is expected, got {describe(given)}."
        )
    return int(given)


def _shape(what: str, given: Any) -> tuple[int, ...]:
    sizes = read_list(what, given, empty=True)
    shape = tuple(_index(what, size, _MAX_SIZE) for size in sizes)
    elements = 1
    for size in shape:
        elements *= size
    if len(shape) > _MAX_AXES or elements > _MAX_SIZE:
        raise FileFormatError(f"{what}: the shape {describe(list(shape))} is more than is computed with.")
    return shape
