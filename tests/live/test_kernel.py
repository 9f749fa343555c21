"""A live model in a kernel, with the messages that a browser sends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

# In a process of its own: what the client leaves open is no concern of this one's strict warnings.
RUNNER = """
import asyncio, json, sys, nbclient, nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

kernels, tests = sys.argv[1:]
cells = [
    f'''import sys
sys.path.insert(0, {tests!r})
from live_models import OBS, two_channels
import smoothfit
live = smoothfit.interactive(two_channels(), OBS)
live''',
    '''row = live.view.rows.row(live.parameters.all[0])
before = live.view.redraws
print(row.slider.comm.comm_id, live.view.fit.comm.comm_id)''',
    '''import asyncio
await asyncio.sleep(1.0)
print(live.view.redraws - before, live.values["mu"], row.slider.value)''',
    '''await asyncio.sleep(1.0)
print(live.values["mu"], live.result["mu"].value, live.standing().delta, row.note.value.count("±"))''',
    '''live.values["jes"] == live.result["jes"].value''',
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
specs = KernelSpecManager(ensure_native_kernel=False, kernel_dirs=[kernels])
manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
client = nbclient.NotebookClient(notebook, km=manager, timeout=120)


def send(comm_id, data):
    content = {"comm_id": comm_id, "data": data}
    client.kc.shell_channel.send(client.kc.session.msg("comm_msg", content))


async def main():
    outputs = []
    async with client.async_setup_kernel():
        for i, cell in enumerate(notebook.cells):
            if i == 2:
                slider, button = outputs[1][0]["text"].split()
                for place in range(101, 201):
                    send(slider, {"method": "update", "state": {"value": place}, "buffer_paths": []})
            if i == 3:
                send(button, {"method": "custom", "content": {"event": "click"}})
            await client.async_execute_cell(cell, i)
            outputs.append(cell.outputs)
    print(json.dumps(outputs))


asyncio.run(main())
"""


def test_a_drag_and_a_fit(tmp_path):
    for package in ("matplotlib", "ipywidgets", "nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(package)
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    content = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    (spec / "kernel.json").write_text(json.dumps(content))
    paths = [str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment |= {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(tmp_path / "kernels"), str(HERE)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    shown, _, dragged, fitted, held = json.loads(done.stdout.splitlines()[-1])
    assert set(shown[0]["data"]) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    redraws, mu, place = dragged[0]["text"].split()
    # A hundred events, and far fewer pictures; the last one counts.
    assert 1 <= int(redraws) <= 20
    assert int(place) == 200
    assert float(mu) == pytest.approx(1.5)
    value, best, delta, errors = fitted[0]["text"].split()
    assert value == best
    assert float(delta) == pytest.approx(0.0, abs=1e-9)
    assert errors == "1"
    assert held[0]["data"]["text/plain"] == "True"
