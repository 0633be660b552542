from pathlib import Path

import pytest

from telltrace.data.datasets import read_layout
from telltrace.data.manifest import ManifestError

LISTED = "0 Celeb-synthesis/id0_id16_0003.mp4\n1 YouTube-real/00170.mp4\n\n"


@pytest.fixture
def tree(put, tmp_path: Path) -> Path:
    names = ["Celeb-real/id0_0003.mp4", "Celeb-synthesis/id0_id16_0003.mp4", "notes/a.mp4"]
    put(tmp_path, *names, "YouTube-real/00170.mp4", "Celeb-synthesis/id1_id0_0000.mp4")
    (tmp_path / "List_of_testing_videos.txt").write_text(LISTED)
    return tmp_path


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_names_tell_the_people_and_the_list_the_test(tree: Path, rows, version) -> None:
    found = read_layout(f"celeb-df-{version}", tree)
    assert rows(found, "label", "method", "video", "identity", "split") == [
        [0, "real", "id0_0003", "id0", ""],
        [0, "real", "00170", "00170", "test"],
        [1, "Celeb-synthesis", "id0_id16_0003", "id0+id16", "test"],
        [1, "Celeb-synthesis", "id1_id0_0000", "id1+id0", ""],
    ]
    assert set(found.dataset) == {f"Celeb-DF-{version}"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 Celeb-synthesis/id1_id0_0000.mp4", r"line 1: 1 contradicts .* 1 is real"),
        ("0 Celeb-real/id0_0003.mp4", "line 1: 0 contradicts"),
        ("0 elsewhere/a.mp4", "line 1: expected LABEL FOLDER/VIDEO"),
        ("Celeb-real/id0_0003.mp4", "line 1: expected LABEL FOLDER/VIDEO"),
        ("1 Celeb-real/id9_0000.mp4", r"names Celeb-real/id9_0000\.mp4 and 0 more"),
    ],
)
def test_a_wrong_list_is_refused(tree: Path, text: str, message: str) -> None:
    (tree / "List_of_testing_videos.txt").write_text(text)
    with pytest.raises(ManifestError, match=rf"List_of_testing_videos\.txt: .*{message}"):
        read_layout("celeb-df-v2", tree)


def test_what_is_not_there_is_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"none of Celeb-real, YouTube-real"):
        read_layout("celeb-df-v2", tree / "notes")
    (tree / "List_of_testing_videos.txt").unlink()
    with pytest.raises(ManifestError, match=r"is not a file\. Copy it from the"):
        read_layout("celeb-df-v2", tree)
