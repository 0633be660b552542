"""A table in parquet is the table in CSV; collected only where pyarrow is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import Table, parquet

from telltrace.evaluation import compact_scores, read_scores, scores, write_scores


@pytest.mark.parametrize("group", [7, 50, 100_000])
def test_parquet_equals_csv(
    group: int, rich: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "ROWS", 37)
    write_scores(rich, tmp_path / "scores.csv")
    plain = read_scores(tmp_path / "scores.csv")
    columns = {c: [None if v != v else v for v in plain[c].tolist()] for c in plain.columns}
    parquet.write_table(
        Table.from_pydict(columns), tmp_path / "scores.parquet", row_group_size=group
    )
    pd.testing.assert_frame_equal(
        read_scores(tmp_path / "scores.parquet"), plain, check_dtype=False
    )
    csv, other = (compact_scores(tmp_path / f"scores.{kind}") for kind in ("csv", "parquet"))
    assert other.videos.equals(csv.videos)
    np.testing.assert_array_equal(other.video, csv.video)
    np.testing.assert_array_equal(other.score, csv.score)
    assert other.unjudged == csv.unjudged
