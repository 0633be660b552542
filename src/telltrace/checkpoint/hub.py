"""Detectors as folders to share, here or on a hub: checkpoint, card, and a page about it."""

import json
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Final

from telltrace.errors import CheckpointError, DependencyError, OptionError
from telltrace.files import write_bytes, write_json

from .card import Card
from .detector import Detector
from .loading import load_detector
from .reading import save_checkpoint

WEIGHTS: Final = "model.safetensors"
"""The checkpoint: any command of telltrace takes this file."""
PAGE: Final = """\
---
library_name: telltrace
pipeline_tag: image-classification
tags: [deepfake-detection, face-forgery-detection, media-forensics]
license: other
---

# {detector}

A detector of forged faces for telltrace. A score, from 0 to 1, is a measurement by a detector with
known weaknesses: the probability of forgery if one face in two were forged, and no proof.

```python
from telltrace import Scanner
from telltrace.checkpoint import from_pretrained

scanner = Scanner(from_pretrained("THIS FOLDER OR ITS NAME ON A HUB"))
print(scanner.scan("picture.jpg"))
```

`telltrace scan picture.jpg --checkpoint {weights}` does the same.

## What it is

| | |
|---|---|
{about}

## Where it comes from

{provenance}

## What was measured

{metrics}

`config.json` holds all of this, as does the header of `{weights}`.
"""


def save_pretrained(detector: Detector, folder: str | Path) -> Path:
    """Write a detector as a folder: the checkpoint, ``config.json``, and ``README.md``.

    Args:
        detector: One with a network; of an exported one its checkpoint has it.
        folder: Made if need be; files of these three names in it are replaced.

    Returns:
        The checkpoint in the folder.

    Raises:
        OptionError: If the detector has no network.
        OutputError: If the folder cannot be written.
    """
    folder, card = Path(folder), detector.card
    save_checkpoint(folder / WEIGHTS, detector.network, card)
    write_json(json.loads(card.to_json()), folder / "config.json")
    write_bytes(describe(card).encode(), folder / "README.md")
    return folder / WEIGHTS


def from_pretrained(
    name: str | Path, revision: str | None = None, device: str = "cpu", **download: Any
) -> Detector:
    """Load what `save_pretrained` wrote: a folder, or a repository that is downloaded once.

    Args:
        name: A folder that `save_pretrained` wrote, or OWNER/NAME on the hub.
        revision: Branch, tag or commit of the repository.
        device: Where to compute.
        **download: Handed to ``huggingface_hub.hf_hub_download``: ``cache_dir``, ``token``,
            ``local_files_only`` and others.

    Raises:
        CheckpointError: If there is no such folder and no such repository, or no checkpoint in it.
        DependencyError: If a hub is asked and its client is not installed.
    """
    return load_detector(_find(name, revision, download), device)


def _find(name: str | Path, revision: str | None, download: dict[str, Any]) -> Path:
    folder = Path(name)
    if folder.is_dir():
        if not (folder / WEIGHTS).is_file():
            remedy = "Give a folder that save_pretrained wrote."
            raise CheckpointError(f"holds no {WEIGHTS}", remedy=remedy, path=folder)
        return folder / WEIGHTS
    if str(name).count("/") != 1:
        remedy = "Give a folder that save_pretrained wrote, or OWNER/NAME on the hub."
        raise CheckpointError("no such folder", remedy=remedy, path=folder)
    hub = _client()
    try:
        return Path(hub.hf_hub_download(str(name), WEIGHTS, revision=revision, **download))
    except (OSError, ValueError) as error:  # all of the client's errors are one of these
        why = str(error).strip().split("\n")[0]
        reason = f"cannot be had from the hub ({why})"
        remedy = "Check the name and the network, or download the folder and give its path."
        raise CheckpointError(reason, remedy=remedy, path=folder) from None


def push_to_hub(detector: Detector, name: str, *, private: bool = True) -> str:
    """Upload a detector's folder as the repository OWNER/NAME; gives back the commit's address.

    Raises:
        OptionError: If the name is none.
        DependencyError: If the hub's client is not installed.
    """
    if name.count("/") != 1:
        raise OptionError(f"A repository is called OWNER/NAME, got {name!r}.")
    hub = _client()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(detector, folder)
        hub.create_repo(name, private=private, exist_ok=True)
        return str(hub.upload_folder(repo_id=name, folder_path=folder))


def describe(card: Card) -> str:
    """The page about a detector, Markdown with the hub's front matter."""
    look, zone = card.preprocessing, card.calibration
    about = {
        "network": f"`{card.detector}` {_plain(card.options)}",
        "input": f"a face of {look.image_size} x {look.image_size} pixels, RGB",
        "crop": f"{look.crop.alignment}, margin {look.crop.margin:g}",
        "a picture is REAL below": f"{zone.real_below:.3f}",
        "a picture is FAKE from": f"{zone.fake_from:.3f}",
        "detectors in it": ", ".join(one.detector for one in card.members),
    }
    rows = [f"| {key} | {value} |" for key, value in about.items() if value]
    return PAGE.format(
        detector=card.detector,
        weights=WEIGHTS,
        about="\n".join(rows),
        provenance=_listed(card.provenance) or "The card does not say.",
        metrics=_listed(card.metrics) or "The card holds no measurement.",
    )


def _listed(values: dict[str, Any]) -> str:
    return "\n".join(f"- **{key}**: {_plain(value)}" for key, value in sorted(values.items()))


def _plain(value: Any) -> str:
    """A value on one line; of long ones the beginning, since ``config.json`` has all of it."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = textwrap.shorten(" ".join(text.split()), 400, placeholder=" ...")
    return f"`{text}`" if value and not isinstance(value, str) else text * bool(value)


def _client() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        remedy = "Run: pip install 'telltrace[hub]'"
        raise DependencyError("A hub needs the package huggingface_hub", remedy=remedy) from None
    return huggingface_hub
