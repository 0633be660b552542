from pathlib import Path

import pandas as pd
import pytest

from telltrace.data.datasets import read_layout
from telltrace.data.manifest import ManifestError

TABLE = pd.DataFrame({"path": ["a/1.mp4", "a/2.mp4"], "label": [0, 1], "mask": ["", "m/2.mp4"]})


def test_a_csv_is_a_manifest(tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "m.csv", index=False)
    assert read_layout("table", tmp_path / "m.csv").path[0] == str(tmp_path / "a" / "1.mp4")
    with pytest.raises(ManifestError, match="is not a file"):
        read_layout("table", tmp_path / "m.parquet")


def test_parquet_gives_what_csv_gives(tmp_path: Path, monkeypatch) -> None:
    """The reader of parquet itself is pandas' business and stands in for here."""
    TABLE.to_csv(tmp_path / "m.csv", index=False)
    (tmp_path / "m.parquet").touch()
    monkeypatch.setattr(pd, "read_parquet", lambda _: TABLE.set_index(pd.Index([4, 7])))
    found = read_layout("table", tmp_path / "m.parquet")
    pd.testing.assert_frame_equal(found, read_layout("table", tmp_path / "m.csv"))
    monkeypatch.setattr(pd, "read_parquet", lambda _: TABLE.assign(label=[0, 3]))
    with pytest.raises(ManifestError, match=r"m\.parquet: row 1: label must be"):
        read_layout("table", tmp_path / "m.parquet")


@pytest.mark.parametrize(
    ("error", "message"),
    [(ImportError("no engine"), "needs a parquet reader.*pyarrow"), (OSError("x"), "no readable")],
)
def test_parquet_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch, error, message) -> None:
    def fail(_: Path) -> None:
        raise error

    (tmp_path / "m.parquet").touch()
    monkeypatch.setattr(pd, "read_parquet", fail)
    with pytest.raises(ManifestError, match=message):
        read_layout("table", tmp_path / "m.parquet")
