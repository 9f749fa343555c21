"""What every test needs: a fixed backend for JAX and matplotlib, and the way to the reference data."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

# Before anything imports jax or matplotlib; a backend chosen by the caller is kept.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tables are as wide as the terminal, which is another one wherever tests run.
os.environ["COLUMNS"] = "120"
# Tests spend their time compiling: the quickest way, which makes programs that run a little longer.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
    # Two workers are two cores already.
    "--xla_cpu_parallel_codegen_split_count=1",
)

import jax
import pytest
from files_of_tests import shared_path, workspace

ROOT = Path(__file__).resolve().parent.parent
# Tests share the models of benchmarks/ with it.
sys.path.insert(0, str(ROOT))


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


def pytest_collection_finish() -> None:
    """Look for garbage seldom: traces make a million objects that all live, a tenth of the time of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


# -- for the tests of commands -------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(workspace()))
    return str(path)


@pytest.fixture
def fails(capsys, tmp_path):
    """Run a command that must fail: one line on stderr, status 2, no file made or changed."""

    def contents():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def check(*argv):
        before = contents()
        from smoothfit.cli import main

        assert main([str(word) for word in argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("smoothfit: error: ")
        assert err.count("\n") == 1
        assert contents() == before
        return err

    return check


@pytest.fixture
def flat(tmp_path):
    """A file with two normalisations of one sample: only their product matters."""
    content = workspace()
    content["channels"][0]["samples"][0]["modifiers"].append(
        {"name": "twin", "type": "normfactor", "data": None}
    )
    path = tmp_path / "flat.json"
    path.write_text(json.dumps(content))
    return str(path)
