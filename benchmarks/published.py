"""What do the published detectors cost, and does each go from its file to a verdict?

Weights of others are not in the repository: each file is written with the published names and
shapes (tests/golden) and random numbers, so that scores mean nothing. It is imported, a video is
scanned, and crops cut as it wants them are scored and evaluated, all in a process of its own.
Printed for each: parameters; images a second, 8 crops at a time; peak memory; seconds of the scan.

    python benchmarks/published.py VIDEO...
"""

import argparse
import json
import resource
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from default_detector import show

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
FILES = {
    "sbi": "sbi_efficientnet_b4", "dfdc_b7": "selimsef_b7", "dfb_core": "dfb_xception",
    **{name: name for name in (
        "dfb_xception", "dfb_efficientnetb4", "dfb_spsl", "dfb_srm", "dfb_ucf", "dfb_recce",
        "ispl_efficientnetb4", "ispl_efficientnetautoattb4", "ispl_efficientnetb4st",
        "ispl_efficientnetautoattb4st", "ispl_xception", "gend_clip_l14",
    )},
}  # fmt: skip
"""Names of layouts, and the files with their tensors' names and shapes."""


def written(name: str, folder: Path) -> Path:
    """A file of random weights in the published layout."""
    rows = json.loads((GOLDEN / f"{FILES[name]}.json").read_text())["state_dict"]
    generator, state = torch.Generator().manual_seed(0), {}
    for row in rows:
        shape, kind = row["shape"], row["name"].rpartition(".")[2]
        if kind == "num_batches_tracked":
            state[row["name"]] = torch.tensor(1)
        elif kind == "position_ids":
            state[row["name"]] = torch.arange(shape[-1]).reshape(shape)
        else:
            noise = 0.02 * torch.randn(shape, generator=generator)
            one = kind == "running_var" or (kind == "weight" and len(shape) == 1)
            state[row["name"]] = noise.abs() + 1 if one else noise
    path = folder / f"{name}.pth"
    torch.save(state, path)
    return path


def measure(name: str, videos: list[Path]) -> dict[str, str]:
    """One detector, from its file to a verdict and an evaluation."""
    import telltrace
    from telltrace.data.manifest import write_manifest
    from telltrace.published import import_weights

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        checkpoint = folder / "detector.safetensors"
        card = import_weights(name, [written(name, folder)], checkpoint)
        crop = card.preprocessing.crop
        media = pd.DataFrame({"path": map(str, videos)})
        media["label"] = np.arange(len(videos)) % 2
        media["video"] = [video.stem for video in videos]
        media["split"] = "test"
        write_manifest(media, folder / "media.csv")
        telltrace.prepare(
            folder / "media.csv", out=folder / "crops", layout="manifest", frames=4, size=crop.size,
            margin=crop.margin, alignment=crop.alignment, workers=1,
        )  # fmt: skip
        detector = telltrace.load_detector(checkpoint)
        scores = telltrace.predict(folder / "crops/manifest.csv", detector=detector)
        judged = telltrace.evaluate(scores).overall.frames.judged
        scanner = telltrace.Scanner(detector, device="cpu")
        scanner.scan(videos[0])  # what the first call prepares is not counted
        start = time.perf_counter()
        verdict = scanner.scan(videos[0])
        scanned = time.perf_counter() - start
        assert verdict.score is not None, verdict.reason
        batch = np.random.default_rng(0).integers(0, 256, (8, crop.size, crop.size, 3), np.uint8)
        detector.score(batch)
        start = time.perf_counter()
        for _ in range(2):
            detector.score(batch)
        speed = 16 / (time.perf_counter() - start)
    weights = sum(p.numel() for p in detector.network.parameters())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "detector": f"`{name}`",
        "parameters": f"{weights / 1e6:.1f} M",
        "images/s": f"{speed:.1f}",
        "peak memory": f"{memory:.0f} MiB",
        "scan": f"{scanned:.1f} s",
        "frames scored": str(judged),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path, nargs="*", help="the first one is scanned")
    parser.add_argument("--detectors", nargs="+", choices=list(FILES), default=list(FILES))
    args = parser.parse_args()
    if not args.video:
        print("This needs a video or two with faces.")
        return
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        show([pool.submit(measure, name, args.video).result() for name in args.detectors])


if __name__ == "__main__":
    main()
