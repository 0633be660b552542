from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from telltrace.data.manifest import VIDEO_KEY, read_manifest, write_manifest


@pytest.fixture(scope="session")
def put() -> Callable[..., Path]:
    """``put(root, "a/b.mp4", ...)`` makes empty files below a folder and gives the folder back."""

    def make(root: Path, *names: str) -> Path:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        return root

    return make


@pytest.fixture
def rows(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[list[object]]]:
    """``rows(manifest, *columns)`` as lists, once the manifest has proved to be a sound one."""

    def told(manifest: pd.DataFrame, *columns: str) -> list[list[object]]:
        assert all(Path(path).is_file() for path in manifest.path)
        assert not manifest.duplicated([*VIDEO_KEY, "frame"]).any()
        file = tmp_path_factory.mktemp("written") / "manifest.csv"
        write_manifest(manifest, file)
        pd.testing.assert_frame_equal(read_manifest(file), manifest)
        return manifest[list(columns)].to_numpy().tolist()

    return told
