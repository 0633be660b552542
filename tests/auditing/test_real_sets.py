"""Reals and fakes of different sources are told apart by how they were made."""

from pathlib import Path

import pandas as pd
import pytest

from telltrace.auditing import audit
from telltrace.data.datasets.folder import read_folder
from telltrace.data.manifest import write_manifest


@pytest.mark.data
def test_reals_beside_fakes_of_another_folder_are_flagged(data_root: Path, tmp_path: Path) -> None:
    reals = read_folder(data_root / "celeba_real", label="real")[:80]
    others = read_folder(data_root / "ciplab_real_and_fake_face")
    fakes = others[others.label == 1][:80]
    write_manifest(pd.concat([reals, fakes], ignore_index=True), tmp_path / "manifest.csv")
    found = audit([tmp_path / "manifest.csv"], workers=0)
    verdicts = {answer.name: answer.verdict for answer in found.shortcuts.answers}
    assert (verdicts["size"], verdicts["JPEG tables"]) == ("shortcut", "shortcut")
    assert "'celeba_real' holds reals only" in " ".join(found.notes)
    assert not found.leaks
