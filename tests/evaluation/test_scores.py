from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telltrace.errors import ManifestError
from telltrace.evaluation import COLUMNS, read_scores, write_scores
from telltrace.evaluation.scores import check_scores

HEADER = ",".join(COLUMNS)
REAL = "a.png,d,0,real,c23,001,001,test,0,0.0,0.25"
FAKE = "b.png,d,1,Deepfakes,c23,001_002,001+002,test,0,0.0,0.75"

MakeScores = Callable[..., pd.DataFrame]


def test_a_table_comes_back_as_it_was_written(make_scores: MakeScores, tmp_path: Path) -> None:
    table = make_scores()
    table.loc[3, "score"] = np.nan
    path = tmp_path / "new" / "scores.csv"
    write_scores(table, path)
    first = path.read_bytes()
    back = read_scores(path)
    np.testing.assert_array_equal(back["score"], table["score"])
    assert back[COLUMNS[:-1]].astype(str).equals(table[COLUMNS[:-1]].astype(str))
    write_scores(back, path)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == ["scores.csv"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_scores_survive_to_the_last_bit(values: list[float]) -> None:
    row = dict(zip(COLUMNS, FAKE.split(","), strict=True))
    text = pd.DataFrame([{**row, "score": value} for value in values])
    as_text = check_scores(text.astype({"score": float}).astype({"score": str}))
    assert as_text["score"].tolist() == values


def test_names_that_look_like_something_else_stay_names(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(f"{HEADER}\nNA,null,1,None,,007,007,,,,1\n")
    row = read_scores(path).iloc[0]
    assert row[["path", "dataset", "method", "video"]].tolist() == ["NA", "null", "None", "007"]
    assert (row["compression"], row["frame"]) == ("", -1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER], "no rows. Write them with"),
        ([], "not a readable CSV"),
        (["path,score", "a,1"], "no column label"),
        ([HEADER, REAL, FAKE.replace(",1,D", ",2,D")], "row 3: label is '2.0'; expected 0 for"),
        ([HEADER, REAL.replace(",0,real", ",,real")], "row 2: label is 'nan'"),
        ([HEADER, REAL, FAKE.replace("0.75", "1.5")], "row 3: score is '1.5'; expected a prob"),
        ([HEADER, FAKE.replace("0.75", "nan")], "row 2: score is 'nan', not a number"),
        ([HEADER, FAKE.replace("0.75", "fake")], "row 2: score is 'fake', not a number"),
        (
            [HEADER, FAKE.replace("001_002", ""), REAL],
            "row 2: video is ''; expected the video's own",
        ),
        ([HEADER, REAL, FAKE.replace(",1,D", ",0,D")], "row 3: method is 'Deepfakes'; expected"),
        ([HEADER, FAKE, FAKE.replace("001+002", "001")], "row 3: identity is '001', but an earl"),
        ([HEADER, FAKE, FAKE.replace("test", "train")], "row 3: split is 'train', but an earlier"),
        ([HEADER, FAKE.replace(",0,0.0", ",1.5,0.0")], "row 2: frame is '1.5'"),
        ([HEADER, REAL + ",,,,", FAKE + ",1,2,3,4,5"], "not a readable CSV"),
    ],
)
def test_a_wrong_table_is_named_with_its_row_and_remedy(
    lines: list[str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(ManifestError) as caught:
        read_scores(path)
    assert str(caught.value).startswith(f"{path}")
    assert message in str(caught.value)


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no such file. Write one with `telltrace predict"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0" * 50)
    with pytest.raises(ManifestError, match="not a readable CSV"):
        read_scores(tmp_path / "picture.csv")
    with pytest.raises(ManifestError, match="not a readable CSV"):
        read_scores(tmp_path)


def test_a_refused_table_leaves_the_old_file(make_scores: MakeScores, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with pytest.raises(ManifestError, match=r"row 2: score is '2.0'"):
        write_scores(make_scores().assign(score=2.0), path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
