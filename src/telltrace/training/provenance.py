"""The origin of weights: data, settings, code and machine, as plain data for the card."""

import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from telltrace.data.manifest import VIDEO_KEY, manifest_hash
from telltrace.version import VERSION

from .hardware import device_name


def describe_run(table: pd.DataFrame, recipe: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of its own making; it names no place on the machine."""
    settings = {key: value for key, value in recipe.items() if key != "manifest"}
    settings["options"] = dict(recipe["options"])
    for holder, key in ((settings, "from_"), (settings["options"], "weights")):
        if holder.get(key):
            holder[key] = Path(holder[key]).name
    used = table[table.split == "train"]
    videos = used.groupby(VIDEO_KEY).ngroups
    sets = ", ".join(sorted(set(used.dataset) - {""})) or "unnamed data"
    blends = " and blends made of them" if recipe["data"]["task"] in ("blend", "mixed") else ""
    return {
        "summary": f"{len(used)} face crops of {videos} media ({sets}){blends}",
        "terms": recipe["data"]["terms"],
        "manifest_sha256": manifest_hash(table),
        "faces": {
            str(split) or "none": rows.groupby("method").size().to_dict()
            for split, rows in table.groupby("split")
        },
        "recipe": settings,
        **versions(),
    }


@cache
def versions() -> dict[str, str]:
    """Versions, and the commit of a source checkout, marked when changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.check_output(
            command, cwd=Path(__file__).parent, stderr=subprocess.DEVNULL, text=True, timeout=10
        ).strip()
    except (OSError, subprocess.SubprocessError):
        commit = ""  # an installed package
    return {"telltrace": VERSION, "commit": commit, "torch": torch.__version__}


def environment(device: torch.device) -> dict[str, str]:
    return {**versions(), "python": platform.python_version(), "device": device_name(device)}
