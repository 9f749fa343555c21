"""Programs as text: StableHLO, written by JAX's exporter, and looked at before they are used again.

The text has one leading batch axis on all arrays (of any length; of one where an operation has no program
for that, such as a convolution, which then runs once a member), is of float64 throughout its signature, and
names neither files nor lines of where it came from. Reading is suspicious: MLIR parses text well, but the
length, the nesting and the sizes of arrays are checked before; afterwards operations must be
arithmetic (no transfers, no other machines), calls of external functions ones that JAX makes for linear
algebra, functions must not call themselves, and the signature must be the one expected. (MLIR's binary form
is not read: its reader crashes where bytes are wrong.)
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export
from jax.extend.mlir import ir
from jax.extend.mlir.dialects import stablehlo
from jax.interpreters import mlir

from ...errors import FileFormatError, UserFunctionError
from .inspection import check_operations, check_text, signature

__all__ = ["PLATFORMS", "Text", "check", "lower", "read"]

Shapes = Sequence[tuple[int, ...]]

PLATFORMS = (("cpu", "cuda", "rocm", "tpu"), ("cpu", "cuda"), ("cpu",))
"""What programs are lowered for, the first that goes; a program counts its platforms in this order."""


class Text(NamedTuple):
    """A program."""

    text: str
    platforms: tuple[str, ...]
    convention: int
    """Version of JAX's calling convention."""
    batched: bool = True
    """Whether its batch axis is of any length; else it is of one."""


def _exported(
    fn: Callable[..., Any], shapes: Shapes, platforms: Sequence[str], batched: bool
) -> export.Exported:
    def program(*operands: Any) -> Any:
        return fn(*operands)

    batch = export.symbolic_shape("b")[0] if batched else 1
    operands = [jax.ShapeDtypeStruct((batch, *shape), jnp.dtype(float)) for shape in shapes]
    return export.export(jax.jit(program, keep_unused=True), platforms=platforms)(*operands)


def lower(fn: Callable[..., Any], shapes: Shapes, *, what: str) -> Text:
    """The program of ``fn``, a function of arrays of these shapes, along a batch.

    Raises
    ------
    UserFunctionError
        Where it calls back into Python, or cannot be exported.
    """
    attempts = [(platforms, batched) for platforms in PLATFORMS for batched in (True, False)]
    exported, batched = _first_exported(jax.vmap(fn), shapes, attempts, what)
    with mlir.make_ir_context():
        module = ir.Module.parse(exported.mlir_module())
        text = str(module.operation.get_asm(enable_debug_info=False, print_generic_op_form=True))
        try:
            # What reading would refuse is not written.
            check_text(what, text)
            check_operations(what, module)
        except FileFormatError as refused:
            raise UserFunctionError(
                f"{what} cannot be saved as a program: {refused}; save with functions='import'."
            ) from refused
    return Text(text, tuple(exported.platforms), exported.calling_convention_version, batched)


def _first_exported(
    fn: Callable[..., Any], shapes: Shapes, attempts: Sequence[tuple[tuple[str, ...], bool]], what: str
) -> tuple[export.Exported, bool]:
    """For the first of these sets of platforms that all its operations exist on, batched if that goes."""
    platforms, batched = attempts[0]
    try:
        return _exported(fn, shapes, platforms, batched), batched
    except Exception as error:
        if len(attempts) > 1:
            with contextlib.suppress(UserFunctionError):
                return _first_exported(fn, shapes, attempts[1:], what)
        lines = str(error).strip().splitlines() or ["no reason given"]
        raise UserFunctionError(
            f"{what} cannot be saved as a program: {type(error).__name__}: {lines[0][:300].rstrip('.')}; "
            "save with functions='import', or write it with jax.numpy, without callbacks."
        ) from error


@functools.lru_cache(maxsize=256)
def _template(
    shapes: tuple[tuple[int, ...], ...],
    results: tuple[tuple[int, ...], ...],
    platforms: tuple[str, ...],
    batched: bool,
) -> tuple[export.Exported, str]:
    """A program of this signature, by the JAX that runs now, and its signature."""

    def blank(*operands: Any) -> list[Any]:
        return [jnp.zeros((operands[0].shape[0], *shape)) for shape in results]

    exported = _exported(blank, shapes, platforms, batched)
    with mlir.make_ir_context():
        return exported, signature(ir.Module.parse(exported.mlir_module()))


def check(what: str, given: Text, shapes: Shapes, results: Shapes) -> None:
    """That a program is what ``lower`` writes, for arguments and results of these shapes.

    Raises
    ------
    FileFormatError
        If it is not, or of a JAX that this one does not understand.
    """
    lowest, highest = (
        export.minimum_supported_calling_convention_version,
        export.maximum_supported_calling_convention_version,
    )
    if not lowest <= given.convention <= highest:
        raise FileFormatError(
            f"{what}: calling convention {given.convention} of jax.export; this JAX ({jax.__version__}) "
            f"reads {lowest} to {highest}: use a version of JAX near the one that the file names."
        )
    check_text(what, given.text)
    with mlir.make_ir_context():
        module = _parsed(what, given.text)
        if not signature(module).startswith(_types(given, shapes, results)):
            raise FileFormatError(f"{what}: the program has another signature than the file says.")


def read(
    what: str, given: Text, shapes: tuple[tuple[int, ...], ...], results: tuple[tuple[int, ...], ...]
) -> Callable[..., list[Any]]:
    """The program as a function of batched arrays, which returns a list of them.

    Raises
    ------
    FileFormatError
        As :func:`check`.
    """
    check(what, given, shapes, results)
    template, expected = _template(shapes, results, given.platforms, given.batched)
    version = re.search(rb"StableHLO_v(\d+\.\d+\.\d+)", template.mlir_module_serialized)
    target = version.group(1).decode() if version else stablehlo.get_minimum_version()
    with mlir.make_ir_context():
        module = _parsed(what, given.text)
        if signature(module) != expected:
            raise FileFormatError(f"{what}: the arguments of the program are not those of this JAX.")
        artifact = stablehlo.serialize_portable_artifact_str(
            str(module.operation.get_asm(enable_debug_info=False)), target
        )
    exported = dataclasses.replace(
        template, mlir_module_serialized=artifact, calling_convention_version=given.convention
    )

    def whole(*operands: Any) -> list[Any]:
        return list(exported.call(*operands))

    def one_by_one(*operands: Any) -> list[Any]:
        return list(
            jax.lax.map(lambda rows: [r[0] for r in whole(*(row[None] for row in rows))], list(operands))
        )

    return whole if given.batched else one_by_one


def _parsed(what: str, text: str) -> ir.Module:
    """The module, of operations that compute and nothing else; in the current context."""
    try:
        module = ir.Module.parse(text)
        module.operation.verify()
    except (ir.MLIRError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
        raise FileFormatError(
            f"{what}: not StableHLO that this JAX ({jax.__version__}) reads: {first}; the file names the "
            "version of JAX that wrote it."
        ) from error
    check_operations(what, module)
    return module


def _types(given: Text, shapes: Shapes, results: Shapes) -> str:
    """Types of arguments and results, as MLIR prints them."""
    batch = "?" if given.batched else "1"
    of = lambda shape: f"tensor<{'x'.join([batch, *map(str, shape)])}xf64>"  # noqa: E731
    # A program for several platforms is told which one it runs on.
    arguments = [*(["tensor<i64>"] if len(given.platforms) > 1 else []), *map(of, shapes)]
    ends = ", ".join(map(of, results))
    return f"({', '.join(arguments)}) -> {ends if len(results) == 1 else f'({ends})'} "
