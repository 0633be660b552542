"""`telltrace quickstart`: a small project to begin with."""

from pathlib import Path

from telltrace.errors import OutputError
from telltrace.files import write_bytes

README = """\
# A detector of your own

1. Put pictures or videos of real faces into `media/real/`, forged ones into `media/fake/`. With
   people who appear in several files, give each a folder: `media/real/anna/1.mp4`. At least
   a dozen people of each kind; hundreds are needed for a detector that is worth something.
2. `sh train.sh` cuts out the faces, looks for leaks and shortcuts, trains, and evaluates.
3. `python judge.py FILE...` judges files with the detector that came out of it.

`recipe.yaml` has the settings of the training: `telltrace train --help` describes all of them.
Cutting faces and training resume where they were stopped when `sh train.sh` is run again.
"""
RECIPE = """\
# telltrace train --config recipe.yaml
manifest: [crops/manifest.csv]
out: runs/first
detector: sfi_mobilenet
data: {image_size: 128, batch_size: 32, augmentation: robust}
optim: {epochs: 20}
"""
TRAIN = """\
#!/bin/sh
# From media/ to runs/first/best.safetensors and a report. Run it again after an interruption.
set -e
telltrace prepare media --out crops --protocol by-identity
telltrace audit crops/manifest.csv || echo "Read the audit: what it found makes figures too good."
telltrace train --config recipe.yaml "$@"
telltrace predict crops/manifest.csv --checkpoint runs/first/best.safetensors \\
  --split test --out scores.csv
telltrace evaluate scores.csv
telltrace report scores.csv --out report.html
"""
JUDGE = '''\
"""Judge files with the detector of runs/first: python judge.py FILE..."""

import sys

from telltrace import Scanner

scanner = Scanner("runs/first/best.safetensors")
for verdict in scanner.scan_many(sys.argv[1:]):
    print(verdict.path, verdict.status, verdict.score, verdict.reason)
'''
FILES = {"README.md": README, "recipe.yaml": RECIPE, "train.sh": TRAIN, "judge.py": JUDGE}


def quickstart(folder: Path) -> int:
    """Write a small project: folders for media, a recipe, and scripts that train and judge.

    Args:
        folder: Where; it must be new or empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        remedy = "Give a folder that is new or empty."
        raise OutputError(
            "is there already, and nothing is overwritten", remedy=remedy, path=folder
        )
    for name, text in FILES.items():
        write_bytes(text.encode(), folder / name)
    for kind in ("real", "fake"):
        (folder / "media" / kind).mkdir(parents=True)
    print(f"{folder / 'README.md'} says how to go on. Next: put faces into {folder / 'media'}.")
    return 0
