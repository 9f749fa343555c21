"""The only global settings: 64-bit numbers, and JAX's compilation cache on disk.

The cache is switched on only if the user configured none (``JAX_COMPILATION_CACHE_DIR`` or
``jax_compilation_cache_dir``). Programs compiled for one processor may crash on another, so the
folder is named by the processor's features and by the versions of jax and jaxlib; it is private
to the user. ``SMOOTHFIT_CACHE=off`` leaves it off.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from pathlib import Path

import jax
import jaxlib

__all__ = ["configure"]


def _processor() -> str:
    """What the processor is and can do, as text."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    key = hashlib.sha256(_processor().encode()).hexdigest()[:16]
    return Path(base) / "smoothfit" / f"jax-{jax.__version__}-{jaxlib.__version__}-{key}"


def _is_private(folder: Path) -> bool:
    """Compiled programs are executed: never load them from a folder that others can write."""
    info = folder.stat()
    return info.st_uid == os.getuid() and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _enable_disk_cache() -> None:
    if jax.config.values.get("jax_compilation_cache_dir") or os.environ.get("SMOOTHFIT_CACHE") == "off":
        return
    try:
        folder = _cache_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(folder):
            return
    except (OSError, RuntimeError, AttributeError):
        # No home, a read-only disk, or a system without user ids: compile every time instead.
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def configure() -> None:
    """Switch on 64-bit numbers and the disk cache. Called once, when smoothfit is imported."""
    jax.config.update("jax_enable_x64", True)
    _enable_disk_cache()
