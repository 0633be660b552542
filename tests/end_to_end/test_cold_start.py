"""From the shell to a verdict: what is imported on the way."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage.data import astronaut

from telltrace.checkpoint import load_detector
from telltrace.faces.detect import create_face_detector

HEAVY = "torch", "timm", "torchvision", "torch._dynamo", "pandas", "scipy", "sklearn", "matplotlib"
CODE = f"""
import sys
from telltrace.cli import main
code = main(sys.argv[1:])
print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("backend", "module", "imported"),
    [("onnx", "onnxruntime", []), ("openvino", "openvino", []), ("torch", "torch", ["torch"])],
)
def test_a_photograph_is_judged_without_heavy_imports(
    backend: str, module: str, imported: list[str], tmp_path: Path
) -> None:
    pytest.importorskip(module)
    load_detector(backend=backend)  # type: ignore[arg-type]  prepares its graph, with torch
    create_face_detector("cpu", backend)  # type: ignore[arg-type]
    photograph = tmp_path / "astronaut.png"
    Image.fromarray(astronaut()).save(photograph)
    call = [sys.executable, "-c", CODE, "scan", str(photograph), "--backend", backend]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"Detector blend_lite on {backend}" in done.stdout
    assert done.stderr.split() == imported
