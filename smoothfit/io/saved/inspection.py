"""What a program may be: its text, looked at before it is parsed, and its operations afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jax.extend.mlir import ir

from ...errors import FileFormatError

__all__ = ["check_operations", "check_text", "signature"]

_MAX_LENGTH = 1 << 24
_MAX_DEPTH = 100
_MAX_ELEMENTS = 1 << 27

_STRUCTURE = ("builtin.module", "func.func", "func.call", "func.return")
_FORBIDDEN = frozenset(
    f"stablehlo.{name}"
    for name in (
        *("infeed", "outfeed", "send", "recv", "create_token", "after_all", "partition_id"),
        *("all_gather", "all_reduce", "all_to_all", "collective_broadcast", "collective_permute"),
        *("cross-replica-sum", "reduce_scatter", "replica_id", "rng", "rng_bit_generator"),
    )
)
_LAPACK = ("geev", "geqrf", "gesdd", "getrf", "gtsv", "orgqr", "potrf", "syevd", "sytrd", "trsm")
_EXTERNAL = frozenset(
    (
        "shape_assertion",
        *(f"stablehlo.dynamic_{name}" for name in ("reduce_window", "top_k")),
        *("Eigh", "LuDecomposition", "ProductOfElementaryHouseholderReflectors", "Qr"),
        *(f"lapack_{kind}{name}_ffi" for kind in "sd" for name in _LAPACK),
        *(f"{chip}_lu_pivots_to_permutation" for chip in ("cu", "hip")),
        *(
            f"{chip}solver_{name}_ffi"
            for chip in ("cu", "hip")
            for name in ("geqrf", "gesvd", "gesvdj", "gesdd", "getrf", "orgqr", "potrf", "syevd", "sytrd")
        ),
        "cusparse_gtsv2_ffi",
    )
)
"""Functions outside of a program that it may call: what JAX uses for linear algebra."""

_CALLEES = {"func.call": "callee", "stablehlo.composite": "decomposition"}
"""Operations that call a function of the program, and the attribute that names it."""

_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_BRACKET = re.compile(r"[(\[{]|(?<!-)[<]|[)\]}]|(?<!-)>")
_TENSOR = re.compile(r"tensor<((?:(?:\d+|\?)x)+)")


def check_text(what: str, text: str) -> None:
    """Refuse a text by its length, its nesting, or the sizes of its arrays.

    Raises
    ------
    FileFormatError
        Saying which.
    """
    if len(text) > _MAX_LENGTH:
        raise FileFormatError(f"{what}: {len(text)} characters; at most {_MAX_LENGTH} are read.")
    bare = _STRING.sub('""', text)
    depth = 0
    for match in _BRACKET.finditer(bare):
        depth += 1 if match.group() in "([{<" else -1
        if depth > _MAX_DEPTH:
            raise FileFormatError(f"{what}: nested deeper than {_MAX_DEPTH}.")
    for match in _TENSOR.finditer(bare):
        elements = 1
        for size in match.group(1).split("x")[:-1]:
            elements *= int(size[:12]) if size != "?" else 1
        if elements > _MAX_ELEMENTS:
            raise FileFormatError(f"{what}: an array of {match.group(1)[:-1]} is more than is computed with.")


def signature(module: ir.Module) -> str:
    """Type and attributes of the arguments of the public function."""
    for function in module.body.operations:
        attributes = function.operation.attributes
        if "sym_name" in attributes and ir.StringAttr(attributes["sym_name"]).value == "main":
            marks = str(attributes["arg_attrs"]) if "arg_attrs" in attributes else ""
            return f"{attributes['function_type']} {marks}"
    return "none"


def check_operations(what: str, module: ir.Module) -> None:
    """Refuse what does not compute, calls something outside, or calls itself.

    Raises
    ------
    FileFormatError
        Naming the operation.
    """
    calls: dict[str, set[str]] = {}
    for function in module.body.operations:
        if function.operation.name != "func.func":
            raise FileFormatError(f"{what}: the operation {function.operation.name} is none of a program.")
        called: set[str] = set()
        for operation in _inside(function.operation):
            _check_operation(what, operation)
            key = _CALLEES.get(operation.name)
            if key is not None:
                called.add(ir.FlatSymbolRefAttr(operation.attributes[key]).value)
        calls[ir.StringAttr(function.operation.attributes["sym_name"]).value] = called
    done: set[str] = set()
    while True:
        ready = [name for name in calls if name not in done and calls[name] <= done]
        if not ready:
            break
        done |= set(ready)
    if len(done) < len(calls):
        raise FileFormatError(f"{what}: a function of the program calls itself, or one that is missing.")


def _inside(operation: Any) -> Iterator[Any]:
    """All operations in its regions, and in theirs."""
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield inner.operation
                yield from _inside(inner.operation)


def _check_operation(what: str, operation: Any) -> None:
    name = operation.name
    if (not name.startswith("stablehlo.") and name not in _STRUCTURE) or name in _FORBIDDEN:
        raise FileFormatError(f"{what}: the operation {name} is none of a program that computes.")
    if name == "stablehlo.composite":
        function = ir.StringAttr(operation.attributes["name"]).value
        if not function.startswith("chlo."):
            raise FileFormatError(f"{what}: '{function}' is none of the functions that StableHLO knows.")
    if name == "stablehlo.custom_call":
        target = ir.StringAttr(operation.attributes["call_target_name"]).value
        with_functions = "called_computations" in operation.attributes
        if target not in _EXTERNAL or (with_functions and len(operation.attributes["called_computations"])):
            raise FileFormatError(
                f"{what}: it calls '{target}', which is no function of linear algebra; programs that call "
                "anything else are refused"
            )
