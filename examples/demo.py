"""Judge a photograph: your own, or the astronaut that scikit-image ships.

python examples/demo.py [FILE ...]
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image
from skimage import data

from telltrace.cli import main


def judge(media: list[str]) -> int:
    """Scan the files and say where the marked pictures lie."""
    pictures = Path("demo-pictures")
    code = main(["scan", *media, "--pictures", str(pictures)])
    if code == 0:
        print(f"\nMarked pictures: {pictures.resolve()}")
    return code


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(judge(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as folder:
        photograph = Path(folder) / "astronaut.png"
        Image.fromarray(data.astronaut()).save(photograph)  # type: ignore[no-untyped-call]
        sys.exit(judge([str(photograph)]))
