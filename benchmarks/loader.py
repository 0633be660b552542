"""How many training samples does one core make a second, by our loader and by torchvision's?

Run: ``python benchmarks/loader.py``, or ``--manifest crops/manifest.csv`` for real faces. The
same 256x256 crops are written as PNG and as JPEG of quality 95; each pipeline reads a file, does
the augmentation of the SFIConv recipe (flip, rotation within 10 degrees, perspective of 0.5) and
gives batches of 64. Nothing is kept in memory between epochs. torchvision v2 works on tensors,
which is its fast way, and decodes by itself. Time is the processor's, on one thread, so that
other work on the machine does not count; pipelines take turns, a round each.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
import torchvision
from numpy.typing import NDArray
from torchvision.io import decode_image
from torchvision.transforms import v2

from telltrace.data.crops import read_pack, write_pack
from telltrace.data.loader import FaceDataset, batches
from telltrace.data.manifest import read_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop

COUNT, SIZE, BATCH = 512, 256, 64


def pictures(manifest: Path | None) -> list[NDArray[np.uint8]]:
    """Crops of a manifest, or smooth random colours with the grain of a compressed video."""
    if manifest is not None:
        table = read_manifest(manifest)
        faces = FaceDataset(table.iloc[:: max(1, len(table) // COUNT)], Preprocessing())
        return [faces.image(row) for row in range(min(COUNT, len(faces)))]
    rng, made = np.random.default_rng(0), []
    for _ in range(COUNT):
        coarse = rng.uniform(30, 220, (12, 12, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        made.append(np.clip(smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8))
    return made


def write(faces: list[NDArray[np.uint8]], folder: Path, kind: str) -> pd.DataFrame:
    """The faces as files, and their manifest."""
    paths = [str(folder / f"{i:05d}{kind}") for i in range(len(faces))]
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if kind == ".jpg" else []
    for face, path in zip(faces, paths, strict=True):
        cv2.imwrite(path, face[..., ::-1], options)
    return pd.DataFrame({"path": paths, "label": [i % 2 for i in range(len(faces))]})


def ours(table: pd.DataFrame, recipe: str = "sficonv") -> Callable[[int], int]:
    """One epoch of our loader, everything decoded anew."""
    dataset = FaceDataset(table, Preprocessing(), recipe=recipe, cache_bytes=0)

    def epoch(number: int) -> int:
        made = batches(dataset, number, 7, BATCH, order="shuffled")
        return sum(len(images) for images, _ in made)

    return epoch


def torchvision_v2(table: pd.DataFrame) -> Callable[[int], int]:
    """One epoch of the same augmentation as it is usually written."""
    augment = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomRotation(10), v2.RandomPerspective()])

    def samples(number: int) -> Iterator[torch.Tensor]:
        for row in np.random.default_rng(number).permutation(len(table)):
            yield augment(decode_image(table.path[row], mode="RGB"))

    def epoch(number: int) -> int:
        made, count = [], 0
        for sample in samples(number):
            made.append(sample)
            if len(made) == BATCH:
                count += len(torch.stack(made))
                made.clear()
        return count

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, help="Real face crops, instead of made ones.")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        faces = pictures(arguments.manifest)
        png, jpeg = (write(faces, folder, kind) for kind in (".png", ".jpg"))
        write_pack(jpeg, FaceCrop(), folder / "jpeg.pack")
        packed, _ = read_pack(folder / "jpeg.pack")
        pipelines = {
            "ours, JPEG files, sficonv": ours(jpeg),
            "ours, JPEG pack, sficonv": ours(packed),
            "ours, PNG files, sficonv": ours(png),
            "ours, JPEG files, strong": ours(jpeg, "strong"),
            "torchvision v2, PNG files, sficonv": torchvision_v2(png),
            "torchvision v2, JPEG files, sficonv": torchvision_v2(jpeg),
        }
        rates: dict[str, list[float]] = {name: [] for name in pipelines}
        for number in range(arguments.rounds):
            for name, epoch in pipelines.items():
                start = time.process_time()
                count = epoch(number)
                rates[name].append(count / (time.process_time() - start))
    print("samples per CPU second on one thread, 256x256: median (lowest to highest)")
    for name, found in rates.items():
        print(f"{name:38}{statistics.median(found):7.0f} ({min(found):.0f} to {max(found):.0f})")
    print(
        f"python {platform.python_version()}, opencv {cv2.__version__}, "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    )


if __name__ == "__main__":
    main()
