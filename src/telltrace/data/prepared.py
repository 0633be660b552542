"""What a folder of crops says of how they were cut, in ``prepare.json``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..faces.align import FaceCrop

SETTINGS: Final = "prepare.json"


def refuse_other_settings(out: Path, about: Mapping[str, Any]) -> None:
    """Crops of other settings are nobody's to replace: their splits may be in use.

    Raises:
        ValueError: Naming what differs.
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
        raise ValueError(
            f"{out}: holds crops of other settings ({'; '.join(differ)}). Choose another --out, "
            "or delete the folder."
        )


def prepared_crop(manifest: str | Path) -> FaceCrop:
    """How the crops of a prepared manifest were cut: what a checkpoint must remember.

    Args:
        manifest: ``manifest.csv`` as `prepare` wrote it; ``prepare.json`` lies beside it.

    Raises:
        FileNotFoundError: If there is no ``prepare.json``.
    """
    file = Path(manifest).with_name(SETTINGS)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: is missing, so nobody knows how the crops beside it were cut. "
            "Make them with `telltrace prepare`."
        )
    return FaceCrop.from_dict(json.loads(file.read_text(encoding="utf-8"))["crop"])
