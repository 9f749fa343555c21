"""Reading: the document of a file to a model, through the public builders, which check everything again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from ..._types import FloatArray
from ...build import ChannelContrib, Process, Variable
from ...constraints import NoConstraint
from ...errors import FileFormatError
from ...model import Model
from ...preparation.correlations import combine, correlated
from ...preparation.specification import Correlation, Likelihood, Seen, UserTerm
from ..json_fields import describe, listed, read_list, read_name, read_number, read_object
from .arrays import DTYPES, ArrayReader
from .fields import is_whole, read_flag, read_index, read_labels, read_rows, read_text, read_texts
from .function_reader import FunctionReader
from .functions import SavedFunction
from .kinds import CONSTRAINTS, EFFECTS, FUNCTIONS, Kind
from .trees import read_structure

__all__ = ["DECLARATIONS", "ModelReader"]


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
        self._functions = FunctionReader(document, members, self._arrays, modules)
        self._variables: list[Variable] = []

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
        model.mask_channels(*read_texts("masked", told["masked"]))
        self._shown(model, told["shown"])
        return model

    def observed(self, given: Any) -> FloatArray:
        """The observed counts."""
        return self._arrays.get("obs", given, axes=1)

    def _array(self, what: str, given: Any, *, axes: int | None = None, dtype: str = "float64") -> Any:
        return self._arrays.get(what, given, axes=axes, dtype=dtype)

    # -- objects and functions -------------------------------------------------------------------

    def _function(self, what: str, given: Any) -> Any:
        found = self._functions.read(what, given) if isinstance(given, Mapping) else None
        return found if found is not None else self._object(what, given, FUNCTIONS)

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
            return read_flag(what, given)
        if how == "texts":
            return tuple(read_texts(what, given))
        if how == "variable":
            return self._known(what, given)
        return read_name(what, given) if how == "text" else self._function(what, given)

    # -- variables -------------------------------------------------------------------------------

    def _known(self, what: str, given: Any) -> Variable:
        return self._variables[read_index(what, given, len(self._variables))]

    def _known_all(self, what: str, given: Any) -> list[Variable]:
        return [self._known(what, index) for index in read_list(what, given)]

    def _variable(self, what: str, given: Any) -> Variable:
        keys = ("scalar", "sub_names", "value", "lower", "upper", "fixed", "nuisance", "constraint", "shown")
        item = read_object(what, given, required=("name", *keys))
        name = read_name(f"{what}: name", item["name"])
        what = f"variable '{name}'"
        value = self._array(f"{what}: value", item["value"], axes=1)
        scalar = read_flag(f"{what}: scalar", item["scalar"])
        if scalar and len(value) != 1:
            raise FileFormatError(f"{what}: a scalar has one value, got {len(value)}.")
        constraint = item["constraint"]
        return Variable(
            name,
            float(value[0]) if scalar else value,
            lower_bound=self._array(f"{what}: lower", item["lower"], axes=1),
            upper_bound=self._array(f"{what}: upper", item["upper"], axes=1),
            nuisance=read_flag(f"{what}: nuisance", item["nuisance"]),
            sub_names=read_texts(f"{what}: sub_names", item["sub_names"]),
            constraint=NoConstraint()
            if constraint is None
            else self._object(f"{what}: constraint", constraint, CONSTRAINTS),
            fixed=self._array(f"{what}: fixed", item["fixed"], axes=1, dtype="bool"),
            **read_labels(f"{what}: shown", item["shown"], ("label", "unit", "group")),
        )

    # -- processes -------------------------------------------------------------------------------

    def _process(self, what: str, given: Any) -> Process:
        keys = ("name", "signal", "sub_procs", "contributions", "effects", "shown")
        item = read_object(what, given, required=keys)
        name = read_name(f"{what}: name", item["name"])
        what, rows = f"process '{name}'", item["sub_procs"]
        process = Process(
            name,
            sub_procs=None if rows is None else read_texts(f"{what}: sub_procs", rows),
            signal=read_flag(f"{what}: signal", item["signal"]),
            **read_labels(f"{what}: shown", item["shown"], ("label",)),
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
        rows = read_flag(f"{what}: array", item["array"])
        shown = read_object(f"{what}: shown", item["shown"], required=("edges", "label"))
        label, edges = read_text(f"{what}: label", shown["label"]), shown["edges"]
        template: Any = read_rows(what, yields, rows)
        if edges is not None or label is not None:
            known = None if edges is None else self._array(f"{what}: edges", edges, axes=1)
            template = _Histogram(template, known, label)
        contrib = ChannelContrib(channel, template)
        if item["sumw2"] is not None:
            variances = self._array(f"{what}: sumw2", item["sumw2"])
            contrib.register_sumw2(variances if variances.ndim == 3 else read_rows(what, variances, rows))
        for entry in read_list(f"{what}: effects", item["effects"], empty=True):
            self._declare(f"{what}: effect", entry, contrib, rows=rows)
        return contrib

    def _declare(self, what: str, given: Any, owner: Any, *, rows: bool | None = None) -> None:
        """Say it to the process, or to the contribution, whose yields are ``rows`` or a plain row."""
        kind = given.get("kind") if isinstance(given, Mapping) else given
        keys = DECLARATIONS.get(kind) if isinstance(kind, str) else None
        if keys is None or (kind == "shape" and rows is None):
            raise FileFormatError(f"{what}: kind {describe(kind)} is none of {listed(DECLARATIONS)}.")
        item = read_object(what, given, required=("kind", *keys))
        if kind == "shape":
            self._shape(what, item, owner, rows=bool(rows))
            return
        region = self._region(f"{what}: region", item["region"])
        if kind == "effect":
            effect = self._object(f"{what}: effect", item["effect"], EFFECTS)
            owner.add_effect(effect, self._known(f"{what}: variable", item["variable"]), **region)
            return
        axis = read_text(f"{what}: axis", item["axis"])
        region["axis"] = None if axis == "all" else axis
        if kind == "scale":
            owner.scale_by(self._known(f"{what}: variable", item["variable"]), **region)
            return
        fn = self._function(f"{what}: function", item["function"])
        variables = self._known_all(f"{what}: variables", item["variables"])
        (owner.scale_by_fn if kind == "scale_by_fn" else owner.add_by_fn)(fn, *variables, **region)

    def _shape(self, what: str, item: Mapping[str, Any], owner: Any, *, rows: bool) -> None:
        up, down = (
            read_rows(what, self._array(f"{what}: {side}", item[side], axes=2), rows)
            for side in ("up", "down")
        )
        owner.add_shape(
            self._known(f"{what}: variable", item["variable"]),
            up,
            down,
            kind=read_name(f"{what}: morphing", item["morphing"]),
            scale=read_number(f"{what}: scale", item["scale"]),
        )

    def _region(self, what: str, given: Any) -> dict[str, Any]:
        if given is None:
            return {}
        item = read_object(what, given, required=("sub_procs", "bins"))
        rows, bins = item["sub_procs"], item["bins"]
        if rows is not None:
            for row in read_list(f"{what}: sub_procs", rows):
                if not isinstance(row, str):
                    read_index(f"{what}: sub_procs", row, 1 << 40)
        if isinstance(bins, list):
            if len(bins) != 3 or not all(end is None or is_whole(end) for end in bins) or bins[2] == 0:
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
        keys = ("function", "variables", "order")
        item = read_object(what, given, required=keys, optional=("seen", "likelihood"))
        fn = self._function(f"{what}: function", item["function"])
        if item.get("likelihood") is not None:
            variables = self._known_all(f"{what}: variables", item["variables"])
            self._likelihood(model, f"{what}: likelihood", item["likelihood"], fn, variables)
            return
        if item["variables"] is not None:
            model.add_constraint(fn, *self._known_all(f"{what}: variables", item["variables"]))
            return
        order = tuple(read_texts(f"{what}: order", item["order"]))
        model.add_constraint(fn)
        terms = model.specification.terms
        terms[-1] = dataclasses.replace(terms[-1], order=order, seen=_seen(what, item.get("seen")))

    def _likelihood(self, model: Model, what: str, given: Any, fn: Any, variables: list[Variable]) -> None:
        item = read_object(what, given, required=("name", "data", "shown"))
        name = read_name(f"{what}: name", item["name"])
        leaves = tuple(
            self._arrays.get(f"{what}: data", reference, dtype=_dtype(f"{what}: data", reference))
            for reference in read_list(f"{what}: data", item["data"], empty=True)
        )
        shown = read_object(f"{what}: shown", item["shown"], required=("structure",))
        structure = read_structure(f"{what}: structure", shown["structure"], len(leaves))
        if not isinstance(fn, SavedFunction):
            model.add_likelihood(fn, variables, jax.tree.unflatten(structure, leaves), name=name)
            return
        known = Likelihood(name, None, leaves, structure)
        model.specification.terms.append(UserTerm(fn, tuple(variables), name, likelihood=known))

    def _data(self, model: Model, given: Any) -> None:
        item = read_object("data", given, required=("gaussian", "variances", "by_channel"))
        gaussian = read_flag("data: gaussian", item["gaussian"])
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
                read_text(f"{what}: label", item["label"]),
                read_text(f"{what}: unit", item["unit"]),
            )
        poi = read_text("shown: poi", shown["poi"])
        if poi is not None:
            model.poi = poi or None


DECLARATIONS = {
    "scale": ("variable", "axis", "region"),
    "scale_by_fn": ("function", "variables", "axis", "region"),
    "add_by_fn": ("function", "variables", "axis", "region"),
    "effect": ("variable", "effect", "region"),
    "shape": ("variable", "up", "down", "morphing", "scale"),
}
"""Kind -> what it consists of."""


class _Histogram:
    """Yields with their edges and label, as a histogram has them."""

    def __init__(self, values: FloatArray, edges: FloatArray | None, label: str | None) -> None:
        axis = SimpleNamespace(edges=edges, label=label)
        self._values = values
        self.axes = [SimpleNamespace(edges=None, label=None)] * (values.ndim - 1) + [axis]

    def values(self) -> FloatArray:
        """The yields."""
        return self._values

    def variances(self) -> None:
        """They are told on their own."""


def _dtype(what: str, reference: Any) -> str:
    """The dtype that a reference to an array says."""
    found = reference[0] if isinstance(reference, list) and reference else None
    if not isinstance(found, str) or found not in DTYPES:
        raise FileFormatError(
            f"{what}: a reference [dtype, offset, shape] is expected, got {describe(reference)}."
        )
    return found


def _seen(what: str, given: Any) -> Seen | None:
    """Whose data and global observables a term of a combination is given."""
    if given is None:
        return None
    item = read_object(f"{what}: seen", given, required=("channels", "globs"))
    channels, globs = (
        tuple(
            read_name(f"{what}: seen: {key}", name)
            for name in read_list(f"{what}: {key}", item[key], empty=True)
        )
        for key in ("channels", "globs")
    )
    if not channels or len(set(channels)) < len(channels):
        raise FileFormatError(f"{what}: seen: channels: each once is expected, got {describe(channels)}.")
    return Seen(channels, globs)


def _mc_stat(model: Model, what: str, given: Any) -> None:
    keys = ("mode", "scaling", "threshold", "constraint", "include_signal", "channels")
    item = read_object(what, given, required=keys)
    threshold, channels = item["threshold"], item["channels"]
    model.set_mc_stat(
        read_name(f"{what}: mode", item["mode"]),
        scaling=read_name(f"{what}: scaling", item["scaling"]),
        threshold=None if threshold is None else read_number(f"{what}: threshold", threshold),
        channels=None if channels is None else read_texts(f"{what}: channels", channels),
        constraint=read_name(f"{what}: constraint", item["constraint"]),
        include_signal=read_flag(f"{what}: include_signal", item["include_signal"]),
    )
