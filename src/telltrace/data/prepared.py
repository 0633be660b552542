"""What a folder of crops says of how they were cut, in ``prepare.json``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import ManifestError, OutputError
from ..faces.align import FaceCrop

SETTINGS: Final = "prepare.json"


def refuse_other_settings(out: Path, about: Mapping[str, Any]) -> None:
    """Crops of other settings are nobody's to replace: their splits may be in use.

    Raises:
        OutputError: Naming what differs.
    """
    try:
        before = json.loads((out / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    differ = [
        f"{key} {before[key]}, now {value}"
        for key, value in about.items()
        if key in before and before[key] != json.loads(json.dumps(value))
    ]
    if differ:
        raise OutputError(
            f"holds crops of other settings ({'; '.join(differ)})",
            remedy="Choose another --out, or delete the folder",
            path=out,
        )


def prepared_crop(manifest: str | Path, otherwise: FaceCrop | None = None) -> FaceCrop:
    """How the crops of a prepared manifest were cut: what a checkpoint must remember.

    Args:
        manifest: ``manifest.csv`` as `prepare` wrote it; ``prepare.json`` lies beside it.
        otherwise: How they were cut if there is no ``prepare.json``.

    Raises:
        ManifestError: If neither says it.
    """
    file = Path(manifest).with_name(SETTINGS)
    if file.is_file():
        return FaceCrop.from_dict(json.loads(file.read_text(encoding="utf-8"))["crop"])
    if otherwise is None:
        raise ManifestError(
            "is missing, so nobody knows how the crops beside it were cut",
            remedy="Make them with `telltrace prepare`, or say how they were cut with "
            "`telltrace pack --size --margin --alignment` and use the pack",
            path=file,
        )
    return otherwise
