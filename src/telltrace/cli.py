"""The command line. Each function below is one command: its signature is the option list, its
docstring the help text, and a YAML file given with ``--config`` its saved call.
"""

import json as jsonlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from telltrace.train.config import DataConfig, ObjectiveConfig, OptimConfig

SampleMode = Literal["spread", "every", "fps", "all"]
Device = Literal["auto", "cpu", "cuda"]


def scan(
    media: list[Path],
    *,
    checkpoint: Path | None = None,
    frames: float = 32,
    sample: SampleMode = "spread",
    min_face: float = 40,
    batch_size: int = 16,
    device: Device = "auto",
    pictures: Path | None = None,
    json: bool = False,
) -> int:
    """Judge pictures and videos: is a face in them forged?

    Exit code 0 when at least one file got a verdict, 1 when nothing could be judged.

    Args:
        media: Pictures, videos, or folders of them.
        checkpoint: Detector to use; by default the one in the package.
        frames: How much of a video to look at; see --sample.
        sample: "spread" looks at FRAMES frames evenly over the whole video, "every" at every
            FRAMES-th, "fps" at FRAMES each second, "all" at all of them.
        min_face: Faces smaller than this, in pixels, get no score.
        batch_size: Frames in memory at a time.
        device: Where to compute.
        pictures: Folder to write one picture per file to: its most suspicious frame, marked.
        json: Print JSON instead of a table.
    """
    from telltrace.checkpoint import load_checkpoint
    from telltrace.faces.detect import create_face_detector
    from telltrace.faces.media import Sampling
    from telltrace.inference import Scanner, choose_device, find_media, listing

    files = find_media(media)
    where = choose_device(device)
    scanner = Scanner(
        load_checkpoint(checkpoint, where),
        create_face_detector(device=where),
        sampling=Sampling(sample, frames),
        batch_size=batch_size,
        min_face=min_face,
    )
    with progress("Scanning", len(files), "files") as advance:
        verdicts = []
        for path in files:
            verdicts.append(scanner.scan(path))
            advance(1)
    if pictures is not None:
        listing.draw(verdicts, pictures)
    print(listing.to_json(verdicts, scanner) if json else listing.to_text(verdicts, scanner))
    return 0 if any(verdict.verdict for verdict in verdicts) else 1


def prepare_media(
    source: Path,
    *,
    out: Path,
    layout: Literal["ffpp", "folder", "manifest"] = "folder",
    compressions: list[str] = [],  # noqa: B006  read, never changed
    methods: list[str] = [],  # noqa: B006  read, never changed
    name: str | None = None,
    label: Literal["real", "fake"] | None = None,
    protocol: str | None = None,
    frames: float = 32,
    sample: SampleMode = "spread",
    size: int = 256,
    margin: float = 1.3,
    alignment: Literal["box", "similarity"] = "box",
    faces: Literal["one", "all"] = "one",
    workers: int | None = None,
) -> int:
    """Turn a dataset's videos and pictures into face crops and a manifest.

    Can be stopped at any moment and run again: it goes on where it was. Media that gave no
    face are listed with the reason in OUT/failures.csv.

    Args:
        source: Folder of the dataset, or a manifest of media.
        out: Folder for the crops, manifest.csv and failures.csv.
        layout: "ffpp" for FaceForensics++'s folders, "folder" for real/ and fake/, "manifest"
            for a CSV.
        compressions: FaceForensics++ only: any of c0, c23, c40; by default c23.
        methods: FaceForensics++ only: manipulation methods; by default those that are there.
        name: Folders only: name of the data set; by default the folder's.
        label: Folders only: what everything in the folder is, when it has no real/ and fake/.
        protocol: Split to assign, such as ffpp-pairs, ffpp-official or by-identity.
        frames: How much of a video to take; see --sample.
        sample: "spread" takes FRAMES frames evenly over the whole video, "every" each
            FRAMES-th, "fps" FRAMES a second, "all" all of them.
        size: Side of a crop, in pixels.
        margin: Side of the square crop as a multiple of the face box.
        alignment: "box" cuts upright, "similarity" turns and scales by five landmarks.
        faces: The main person's face in each frame, or all faces.
        workers: Processes; by default one for each core.
    """
    from telltrace.data.datasets.ffpp import read_ffpp
    from telltrace.data.datasets.folder import read_folder
    from telltrace.data.manifest import read_manifest
    from telltrace.data.prepare import prepare
    from telltrace.data.protocols import assign_split
    from telltrace.faces.align import FaceCrop
    from telltrace.faces.media import Sampling

    if layout == "ffpp":
        media = read_ffpp(source, compressions=compressions or ["c23"], methods=methods or None)
    else:
        media = read_folder(source, name, label) if layout == "folder" else read_manifest(source)
    if protocol is not None:
        media = assign_split(media, protocol)
    done = prepare(
        media,
        out,
        crop=FaceCrop(size=size, margin=margin, alignment=alignment),
        sampling=Sampling(sample, frames),
        workers=workers,
        faces=faces,
    )
    print(done)
    return 0


def train(
    *,
    manifest: list[Path],
    out: Path,
    detector: str = "sfi_mobilenet",
    options: dict[str, Any] | None = None,
    data: DataConfig = DataConfig(),  # noqa: B008  frozen
    objective: ObjectiveConfig = ObjectiveConfig(),  # noqa: B008  frozen
    optim: OptimConfig = OptimConfig(),  # noqa: B008  frozen
    seed: int = 7,
    device: Device = "auto",
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true",
    save_every: int = 200,
) -> int:
    """Train a detector; the epoch that is best on the validation split is kept.

    Stopped and started again with the same settings it goes on where it was, and ends with the
    same weights as a run that never stopped.

    Args:
        manifest: One or more manifests of face crops.
        out: Folder of the run: best.safetensors, metrics.csv, recipe.json, TensorBoard events.
        detector: Name of the detector; `telltrace detectors` lists them.
        options: Its options, such as --options.alpha 0.25.
        data: Which faces to learn from, and how they are shown.
        objective: What to minimise; by default the detector's own.
        optim: How to learn.
        seed: Seed of every random draw.
        device: Where to compute.
        precision: Arithmetic of the network.
        save_every: Steps between saved states.
    """
    from telltrace.train.run import train as run

    best = run(
        manifest,
        out,
        detector=detector,
        options=options or {},
        data=data,
        objective=objective,
        optim=optim,
        seed=seed,
        device=device,
        precision=precision,
        save_every=save_every,
    )
    print(f"Best epoch -> {best}")
    return 0


def predict(
    manifest: list[Path],
    *,
    out: Path,
    checkpoint: Path | None = None,
    split: str | None = None,
    protocol: str | None = None,
    batch_size: int = 32,
    device: Device = "auto",
) -> int:
    """Score the face crops of a manifest and write the scores table.

    Args:
        manifest: One or more manifests of face crops.
        out: CSV to write: the manifest's naming columns, frame, label, score.
        checkpoint: Detector to use; by default the one in the package.
        split: Only the rows of this split, such as test.
        protocol: Split to assign first; by default the manifest's own.
        batch_size: Crops per call of the network.
        device: Where to compute.
    """
    from telltrace.checkpoint import load_checkpoint
    from telltrace.data.crops import read_crops
    from telltrace.data.manifest import VIDEO_KEY
    from telltrace.evaluate.scores import write_scores
    from telltrace.inference import choose_device, score_crops

    table, crop = read_crops(manifest, protocol=protocol, split=split)
    judge = load_checkpoint(checkpoint, choose_device(device))
    with progress("Scoring", len(table), "faces") as advance:
        scores = score_crops(judge, table, crop, batch_size=batch_size, after_batch=advance)
    write_scores(scores, out)
    print(f"{len(scores)} scores of {table.groupby(VIDEO_KEY).ngroups} videos -> {out}")
    return 0


def evaluate(
    scores: Path,
    *,
    aggregation: Literal["mean", "max", "median", "top-k"] = "mean",
    roc: Path | None = None,
    json: bool = False,
) -> int:
    """Compute metrics from a scores table, per frame, per video and per method.

    Args:
        scores: CSV that `telltrace predict` wrote.
        aggregation: How the frames of a video become its score.
        roc: Picture to draw the ROC curves to (.png).
        json: Print JSON instead of tables.
    """
    from telltrace.evaluate import evaluate_scores, read_scores, render

    table = read_scores(scores)
    report = evaluate_scores(table, aggregation=aggregation)
    if roc is not None:
        from telltrace.visualize import save_roc

        save_roc(table, report, roc)
    print(jsonlib.dumps(report.to_dict(), indent=2) if json else render(report))
    return 0


def detectors(*, family: str | None = None, json: bool = False) -> int:
    """List the detectors that can be trained.

    Args:
        family: Only one family, such as sfi.
        json: Print JSON instead of a table.
    """
    from telltrace.models import list_detectors

    rows = list_detectors(family)
    if json:
        print(jsonlib.dumps([{"name": r.name, "family": r.family, "paper": r.paper} for r in rows]))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            print(f"{row.name:{width}}  {row.family:12}  {row.paper}")
    return 0


def complexity(
    detector: str,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    options: dict[str, Any] | None = None,
    image_size: int = 256,
    json: bool = False,
) -> int:
    """Count what a detector costs: parameters, multiply-accumulates, memory.

    Args:
        detector: Its name; `telltrace detectors` lists them, "timm:NAME" is any timm network.
        alpha: Share of frequency channels, for sfi detectors.
        beta: Scale of the frequency stream, for sfi detectors.
        options: Further options of the detector, such as --options.num_classes 2.
        image_size: Side of the image, in pixels.
        json: Print JSON instead of a table.
    """
    from dataclasses import asdict

    from telltrace.models.complexity import complexity as count
    from telltrace.models.registry import create_detector

    given = {key: value for key, value in (("alpha", alpha), ("beta", beta)) if value is not None}
    settings = {**(options or {}), **given}
    cost = count(create_detector(detector, **settings), image_size)
    if json:
        about = {"detector": detector, "options": settings, "image_size": image_size}
        print(jsonlib.dumps({**about, **asdict(cost)}, indent=2))
    else:
        print(f"{detector} {settings or ''} at {image_size}x{image_size}")
        print(f"parameters               {cost.parameters / 1e6:10.3f} M")
        print(f"MACs, paper's counting   {cost.paper_macs / 1e9:10.3f} G")
        print(f"MACs, as executed        {cost.executed_macs / 1e9:10.3f} G")
        print(f"peak activation memory   {cost.peak_activation_bytes / 2**20:10.1f} MiB")
    return 0


def import_weights(
    format: str,
    files: list[Path],
    out: Path,
    *,
    margin: float | None = None,
    alignment: Literal["box", "similarity"] | None = None,
    image_size: int | None = None,
) -> int:
    """Turn published weights that you have into a checkpoint.

    The checkpoint carries the preprocessing that the weights expect. HDF5 files take h5py:
    pip install 'telltrace[import]'. Files .pt and .pth go through PyTorch's restricted reader,
    which takes tensors and refuses code.

    Args:
        format: "meso-keras" (WEIGHTS.h5), "multi-task" (ENCODER.pt DECODER.pt), or a
            detector's name (STATE_DICT.pth); a wrong one lists them all.
        files: The published files.
        out: Checkpoint to write, OUT.safetensors.
        margin: Side of the face crop in sizes of the face; by default what the weights expect.
        alignment: "box" cuts upright, "similarity" turns and scales; by default likewise.
        image_size: Side of the network's input, in pixels; by default likewise.
    """
    from telltrace.importing import import_weights as run

    card = run(format, files, out, margin=margin, alignment=alignment, image_size=image_size)
    print(f"{card.provenance['summary']}: {card.detector} {card.options or ''} -> {out}")
    return 0


@contextmanager
def progress(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error while it is a terminal; yields how to advance it."""
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{what} {total} {unit}", total=total)
        yield lambda count: bar.advance(task, count)


COMMANDS: dict[str, Callable[..., int]] = {
    "scan": scan,
    "prepare": prepare_media,
    "train": train,
    "predict": predict,
    "evaluate": evaluate,
    "detectors": detectors,
    "complexity": complexity,
    "import-weights": import_weights,
}


def main(args: list[str] | None = None) -> int:
    """Run one command; its exit code is returned."""
    from telltrace.commandline import run

    return run(COMMANDS, sys.argv[1:] if args is None else args)


if __name__ == "__main__":
    sys.exit(main())
