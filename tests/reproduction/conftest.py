"""Two prepared data sets of noise, brighter where it is fake, under the names of the papers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.data.manifest import write_manifest
from telltrace.faces.align import FaceCrop

SPLITS = ("train", "train", "train", "val", "test", "test")


def _write(folder: Path, dataset: str) -> None:
    rng, rows = np.random.default_rng(0), []
    for method in ("real", "Deepfakes", "Face2Face"):
        for video, split in enumerate(SPLITS):
            for frame in range(5):
                path = folder / "crops" / f"{method}_{video}_{frame}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 120, (64, 64, 3)) + 110 * (method != "real")
                Image.fromarray(pixels.astype(np.uint8)).save(path)
                rows.append(
                    {
                        "path": str(path),
                        "dataset": dataset,
                        "label": int(method != "real"),
                        "method": method,
                        "video": f"v{video}",
                        "identity": f"{video}",
                        "split": split,
                        "frame": 7 * frame,
                        "box": "0 0 64 64",
                    }
                )
    write_manifest(pd.DataFrame(rows), folder / "manifest.csv")
    (folder / "prepare.json").write_text(json.dumps({"crop": FaceCrop(size=64).to_dict()}))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``ffpp-hq`` and ``ffpp-lq``."""
    folder = tmp_path_factory.mktemp("prepared")
    for name in ("ffpp-hq", "ffpp-lq"):
        _write(folder / name, name)
    return folder
