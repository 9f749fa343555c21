"""Writing: a model, with its data, as the bytes of one file; and the hash of what it was told."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..._checks import check_choice
from ..._types import FloatArray
from ...errors import InvalidTypeError, UserFunctionError
from ...host import HostLikelihood
from ...inference import inputs
from ...model import Model
from ...preparation.likelihoods import Flat, nll_of
from ...results import Receipt
from .arrays import ArrayWriter
from .container import DOCUMENT, digest, pack
from .functions import ORDER, Programs, Recorder, SavedFunction, identity_of, program_names, usable_traces
from .told import Shapes, told
from .versions import written_by

__all__ = ["FORMAT", "VERSION", "contents", "model_hash"]

FORMAT, VERSION = "smoothfit model", 1

SAVED_KIND = "saved model"
"""Kind of the receipt that ``load`` leaves on a model without one."""

_DISTRIBUTION_ORDER = ORDER + 1
"""Of a distribution function: it is solved for by Newton steps, which take one derivative more."""


class _FileStore:
    """References to arrays and programs of the file."""

    def __init__(self, functions: str) -> None:
        self.arrays = ArrayWriter()
        self._recorder = Recorder()
        self._functions = functions
        self._programs: dict[str, int] = {}
        self.programs: list[dict[str, Any]] = []
        self.texts: dict[str, bytes] = {}

    def array(self, values: Any) -> list[Any]:
        return self.arrays.add(values)

    def function(
        self, fn: Callable[..., Any], attempts: Sequence[Shapes], *, label: str, owner: str, use: str
    ) -> dict[str, Any]:
        if self._functions == "import" and not isinstance(fn, SavedFunction):
            name = import_name(_given(fn), label, owner)
            identity = _identity(fn, attempts, label=label, owner=owner)
            return {"kind": "import", "label": label, "name": name, "identity": identity}
        saved = self._recorder.record(
            fn,
            attempts,
            label=label,
            owner=owner,
            order=_DISTRIBUTION_ORDER if use == "distribution" else ORDER,
            elementwise=use != "function",
        )
        return {
            "kind": "program",
            "label": label,
            "identity": saved.identity,
            "elementwise": saved.elementwise,
            "rows_share_events": saved.rows_share_events,
            "variants": [
                {"program": self._program(v.programs), "captured": [self.array(c) for c in v.captured]}
                for v in saved.variants
            ],
        }

    def _program(self, programs: Programs) -> int:
        if programs.key not in self._programs:
            at = self._programs[programs.key] = len(self.programs)
            members = {}
            for kind, order in program_names(programs.order):
                name = f"functions/{at}_{kind}{order}.mlir"
                text = programs.texts[kind, order]
                self.texts[name] = text.text.encode()
                members[f"{kind}{order}"] = {
                    "name": name,
                    "platforms": list(text.platforms),
                    "calling_convention": text.convention,
                    "batched": text.batched,
                }
            self.programs.append(
                {
                    "label": programs.label,
                    "shapes": [list(shape) for shape in programs.shapes],
                    "result": list(programs.out_shape),
                    "order": programs.order,
                    "members": members,
                }
            )
        return self._programs[programs.key]


class _HashStore:
    """Hashes of arrays and functions."""

    def array(self, values: Any) -> list[Any]:
        array = np.ascontiguousarray(values)
        array = array.astype({"f": "<f8", "i": "<i8", "u": "<i8", "b": "?"}[array.dtype.kind])
        # Minus zero is zero, to all who are told.
        content = (array + 0.0 if array.dtype.kind == "f" else array).tobytes()
        return [array.dtype.str, list(array.shape), hashlib.sha256(content).hexdigest()]

    def function(
        self, fn: Callable[..., Any], attempts: Sequence[Shapes], *, label: str, owner: str, use: str
    ) -> str:
        return _identity(fn, attempts, label=label, owner=owner)


def _given(fn: Callable[..., Any]) -> Any:
    """The function itself; of a likelihood what the user gave."""
    return fn.given if isinstance(fn, Flat) else fn


def _identity(fn: Callable[..., Any], attempts: Sequence[Shapes], *, label: str, owner: str) -> str:
    """Hash of what a function does; of one that calls back into Python its name is all that is known."""
    if isinstance(fn, SavedFunction | HostLikelihood):
        return fn.identity
    host = nll_of(fn.given) if isinstance(fn, Flat) else None
    if isinstance(host, HostLikelihood):
        return host.identity
    return identity_of(usable_traces(fn, attempts, label=label, owner=owner))


def model_hash(model: Model) -> str:
    """SHA-256 of what a prepared model was told: the same before and after it was saved.

    Labels, units, groups, descriptions of channels and the parameter of interest do not enter. A traced
    function enters as its program, which may differ between versions of JAX; everything else does not
    depend on versions.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> made = [Model().add_proc(Process("p", [10.0]).scale_by(Variable("mu", x))) for x in (1.0, 1.0, 2.0)]
    >>> one, same, other = (model_hash(model.prepare()) for model in made)
    >>> one == same, one == other
    (True, False)
    """
    text = json.dumps(_without_shown(told(model, _HashStore())), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_shown(entry) for key, entry in value.items() if key not in ("shown", "label")}
    return [_without_shown(entry) for entry in value] if isinstance(value, list) else value


def contents(model: Model, obs: Any, functions: str) -> bytes:
    """The bytes of the file.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, StaleModelError, UserFunctionError
        For what is no prepared model, data that do not fit it, functions that cannot be stored.
    """
    if not isinstance(model, Model):
        raise InvalidTypeError(f"save: a Model is expected, got {type(model).__name__}.")
    check_choice("save: functions", functions, ("trace", "import"))
    data: FloatArray | None = None if obs is None else inputs.counts(model.layout, obs)
    store = _FileStore(functions)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": written_by(),
        "hash": model_hash(model),
        "model": told(model, store),
        "programs": store.programs,
        "obs": None if data is None else store.array(data),
        "blinded": sorted(model.blinded),
        "receipt": _receipt(model.receipt),
    }
    members = {**store.arrays.members(), **store.texts}
    document["members"] = {
        name: {"size": len(content), "sha256": digest(content)} for name, content in members.items()
    }
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    return pack({DOCUMENT: f"{text}\n".encode(), **members})


def _receipt(receipt: Receipt | None) -> dict[str, Any] | None:
    """What the reader of another format left; what ``load`` leaves says nothing of the model."""
    return None if receipt is None or receipt.kind == SAVED_KIND else receipt.to_dict()


def import_name(fn: Callable[..., Any], label: str, owner: str) -> str:
    """``module:qualname`` of a function that can be imported.

    Raises
    ------
    UserFunctionError
        For lambdas, functions inside functions, and those of the script itself.

    Examples
    --------
    >>> from smoothfit.effects import second_order
    >>> import_name(second_order, "second_order", "add_constraint")
    'smoothfit.effects.terms:second_order'
    """
    module, name = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    found: Any = sys.modules.get(module) if isinstance(module, str) and module != "__main__" else None
    for part in name.split(".") if isinstance(name, str) else ():
        found = getattr(found, part, None)
    if found is not fn:
        raise UserFunctionError(
            f"{owner}: the function '{label}' cannot be found by import (it is a lambda, made by a function, "
            "or of the script that runs); put it into a module, or save with functions='trace'."
        )
    return f"{module}:{name}"
