"""What every test needs: a fixed backend for JAX and matplotlib, and the way to the reference data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before anything imports jax or matplotlib; a backend chosen by the caller is kept.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests spend their time compiling: the quick way, which the library takes by itself too.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false")

import jax
import pytest

ROOT = Path(__file__).resolve().parent.parent
# Tests share the models of benchmarks/ with it.
sys.path.insert(0, str(ROOT))


def shared_path(*parts: str) -> Path:
    """Where the reference data are, whether or not they exist: ``<root>/../shared/<parts>``."""
    return ROOT.parent.joinpath("shared", *parts)


def _skip_without_reference_data() -> None:
    if not shared_path("data").is_dir():
        pytest.skip(f"reference data not found at {shared_path()}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the reference data; the test is skipped where it is absent."""
    _skip_without_reference_data()
    return shared_path()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked ``reference`` where the reference data are absent."""
    if item.get_closest_marker("reference") is not None:
        _skip_without_reference_data()


class _FewMaps:
    """Forgets compiled programs before the kernel runs out of memory maps: 65530 a process on Linux."""

    MOST = 30_000
    EVERY = 40

    def __init__(self) -> None:
        self.tests = 0

    def pytest_runtest_teardown(self) -> None:
        """After every so many tests, doctests included."""
        self.tests += 1
        maps = Path("/proc/self/maps")
        if self.tests % self.EVERY == 0 and maps.exists() and maps.read_bytes().count(b"\n") > self.MOST:
            jax.clear_caches()


def pytest_configure(config: pytest.Config) -> None:
    """As a plugin, so that it also sees tests outside this folder."""
    config.pluginmanager.register(_FewMaps())
