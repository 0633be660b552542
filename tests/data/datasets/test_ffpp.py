from pathlib import Path

import pytest

from telltrace.data.datasets import read_layout
from telltrace.data.datasets.video_sets import read_ffpp
from telltrace.data.manifest import VIDEO_KEY
from telltrace.data.protocols import assign_split
from telltrace.errors import ManifestError


@pytest.fixture
def tree(put, tmp_path: Path) -> Path:
    return put(
        tmp_path,
        "original_sequences/youtube/c23/videos/183.mp4",
        "original_sequences/youtube/c23/videos/253.mp4",
        "original_sequences/youtube/raw/videos/183.mp4",
        "original_sequences/actors/c23/videos/01__walking.mp4",
        "manipulated_sequences/FaceSwap/c23/videos/253_183.mp4",
        "manipulated_sequences/FaceSwap/c23/videos/.253_183.mp4",
        "manipulated_sequences/FaceSwap/c23/videos/notes.txt",
        "manipulated_sequences/FaceSwap/raw/videos/253_183.mp4",
        "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__walking__AB12CD34.mp4",
    )


def test_every_video_gets_its_names(tree: Path) -> None:
    found = read_ffpp(tree)
    rows = found[["dataset", "label", "method", "video", "identity"]].to_numpy().tolist()
    assert rows == [
        ["FaceForensics++", 0, "real", "183", "183"],
        ["FaceForensics++", 0, "real", "253", "253"],
        ["DeepFakeDetection", 0, "real", "01__walking", "01"],
        ["FaceForensics++", 1, "FaceSwap", "253_183", "253+183"],
        ["DeepFakeDetection", 1, "DeepFakeDetection", "01_02__walking__AB12CD34", "01+02"],
    ]
    assert all(Path(path).is_file() for path in found.path)
    assert not found.duplicated(VIDEO_KEY).any()


def test_methods_and_compressions_can_be_chosen(tree: Path) -> None:
    raw = read_ffpp(tree, compressions=["c0"], methods=["FaceSwap"])
    assert raw.compression.unique().tolist() == ["c0"]
    assert raw.video.tolist() == ["183", "253_183"]
    detection = read_ffpp(tree, methods=["DeepFakeDetection"])
    assert detection.dataset.unique().tolist() == ["DeepFakeDetection"]
    assert read_layout("dfd", tree).equals(detection)


def test_actors_can_be_taken_without_their_fakes(tree: Path) -> None:
    found = read_ffpp(tree, methods=["FaceSwap", "actors"])
    assert found.video.tolist() == ["183", "253", "01__walking", "253_183"]


def test_a_fake_gets_its_mask_at_every_compression(put, tree: Path, rows) -> None:
    put(tree, "manipulated_sequences/FaceSwap/masks/videos/253_183.mp4")
    put(tree, "manipulated_sequences/FaceShifter/c23/videos/253_183.mp4")
    found = read_ffpp(tree, compressions=["c23", "c0"], methods=["FaceSwap"])
    assert rows(found[found["mask"] != ""].reset_index(drop=True), "compression", "mask") == [
        [c, str(tree / "manipulated_sequences" / "FaceSwap" / "masks" / "videos" / "253_183.mp4")]
        for c in ("c23", "c0")
    ]
    shifted = read_ffpp(tree, methods=["FaceShifter"])
    assert shifted.method.tolist() == ["real", "real", "FaceShifter"]
    assert (shifted["mask"] == "").all()


def test_what_is_not_there_is_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"Deepfakes.*no videos"):
        read_ffpp(tree, methods=["Deepfakes"])
    with pytest.raises(ManifestError, match=r"c40.videos: no videos"):
        read_ffpp(tree, compressions=["c40"])
    with pytest.raises(ManifestError, match="none of original_sequences"):
        read_ffpp(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"Unknown method 'Faceswap'.*FaceSwap"):
        read_ffpp(tree, methods=["Faceswap"])
    with pytest.raises(ValueError, match="Unknown compression '23'"):
        read_ffpp(tree, compressions=["23"])
    with pytest.raises(ValueError, match=r"as a list, such as \['c23'\]"):
        read_ffpp(tree, compressions="c23")


@pytest.mark.data
def test_the_real_data_set_and_its_split(data_root: Path) -> None:
    found = assign_split(
        read_ffpp(data_root / "FaceForensics++", compressions=["c23", "c40"]), "ffpp-pairs"
    )
    counts = found.groupby(["compression", "label", "split"]).size().to_dict()
    assert counts == {
        ("c23", 0, "test"): 2,
        ("c23", 0, "train"): 6,
        ("c23", 0, "val"): 1,
        ("c23", 1, "test"): 8,
        ("c23", 1, "train"): 24,
        ("c23", 1, "val"): 4,
        ("c40", 0, "test"): 2,
        ("c40", 0, "train"): 6,
        ("c40", 0, "val"): 2,
        ("c40", 1, "test"): 8,
        ("c40", 1, "train"): 24,
        ("c40", 1, "val"): 8,
    }
