from pathlib import Path

import pytest

from telltrace.data.datasets import LAYOUTS, read_layout


def test_a_layout_is_read_by_its_name(put, tmp_path: Path) -> None:
    put(tmp_path, "real/0003.mp4", "fake/0003_fake.mp4")
    assert read_layout("uadfv", tmp_path, methods=[], name=None).dataset.unique().tolist() == [
        "UADFV"
    ]
    assert set(read_layout("folder", tmp_path, name="mine").dataset) == {"mine"}


def test_options_that_a_layout_does_not_take_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'folder' takes no methods; it takes name, label"):
        read_layout("folder", tmp_path, methods=["Deepfakes"])
    with pytest.raises(ValueError, match="'uadfv' takes no name; it takes none"):
        read_layout("uadfv", tmp_path, name="mine")


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_names_the_folder_it_cannot_read(name: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, OSError), match=f"{tmp_path.name}.*(Give|Write|Download)"):
        read_layout(name, tmp_path / "nothing here")
