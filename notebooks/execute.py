"""Run notebooks from top to bottom and store their outputs: ``python notebooks/execute.py [NAME ...]``.

Each runs in a kernel of its own, which is this Python, in the folder of the notebooks. What is stored is made
small: no metadata of the run, one output where a cell printed several times, nothing of progress that has
gone, pictures of at most 128 colours. The tests run this, too (``--to``).
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
_COLOURS = 128
_TIMEOUT = 300


def execute(notebook: Any, settings: Path) -> None:
    """Run a notebook, in place; ``settings`` is an empty folder for those of Jupyter and IPython."""
    import nbclient
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        os.environ[name] = str(settings / name.lower())
    # The notebook chooses its own backend for pictures.
    os.environ.pop("MPLBACKEND", None)
    inherited = [path for path in [os.environ.get("PYTHONPATH")] if path]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(FOLDER.parent), *inherited])
    kernels = KernelSpecManager(ensure_native_kernel=False, kernel_dirs=[str(_kernel(settings).parent)])
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels)
    options = {"timeout": _TIMEOUT, "resources": {"metadata": {"path": str(FOLDER)}}}
    nbclient.NotebookClient(notebook, km=manager, **options).execute()


def _kernel(settings: Path) -> Path:
    """A kernel "python3" that is this Python, whatever kernels are installed."""
    spec = settings / "kernels" / "python3"
    spec.mkdir(parents=True)
    content = {
        "argv": [
            *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"),
            # Traces make many objects that all live: looking for garbage often takes a tenth of the time.
            "--IPKernelApp.exec_lines=['import gc; gc.set_threshold(100_000, 20, 100); del gc']",
        ],
        "display_name": "Python 3",
        "language": "python",
    }
    (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    return spec


def tidy(notebook: Any) -> None:
    """Make what is stored small, and the same at every run, in place."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)


def _joined(outputs: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for output in outputs:
        if "metadata" in output:
            output.metadata = {}
        if output.output_type == "stream":
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text
                continue
        elif not any(output.get("data", {"": "error"}).values()):
            continue
        # A live model is for a running kernel: what is stored is its picture.
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        for kind in ("image/png",):
            if kind in output.get("data", {}):
                output.data[kind] = _fewer_colours(output.data[kind])
        kept.append(output)
    return kept


def _fewer_colours(png: str) -> str:
    """The picture with a palette, if that is smaller."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    stream = io.BytesIO()
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    made = base64.b64encode(stream.getvalue()).decode()
    return made if len(made) < len(png) else png


def main() -> int:
    """Run what is named, or all; returns the exit status."""
    known = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    parser = argparse.ArgumentParser(description="Run notebooks and store their outputs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"(all): {', '.join(known)}, or a path")
    parser.add_argument("--to", metavar="OUT", help="write one notebook here, and leave it as it is")
    arguments = parser.parse_args()
    import nbformat

    for name in arguments.names or known:
        path = known.get(name, Path(name))
        if not path.is_file():
            parser.error(f"there is no notebook '{name}'; there are: {', '.join(known)}")
        notebook, began = nbformat.read(path, as_version=4), time.monotonic()
        with tempfile.TemporaryDirectory() as settings:
            execute(notebook, Path(settings))
        tidy(notebook)
        out = Path(arguments.to or path)
        nbformat.write(notebook, out)
        seconds = time.monotonic() - began
        print(f"{path.stem:20} {seconds:5.0f} s  {out.stat().st_size / 1000.0:5.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
