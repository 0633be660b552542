"""The examples are pictures that can be judged, and their names reach no file."""

from io import BytesIO

import pytest
from PIL import Image

from telltrace.inference import Scanner
from telltrace.serving import examples


def test_each_example_is_a_picture_with_a_title_and_the_same_bytes_again() -> None:
    for name, title in examples.titles().items():
        content = examples.picture(name)
        assert Image.open(BytesIO(content)).format == "JPEG", title
        assert examples.picture(name) == content


def test_the_portrait_needs_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(examples.titles()) == {"astronaut", "landscape"}
    monkeypatch.setattr(examples, "find_spec", lambda name: None)
    assert set(examples.titles()) == {"landscape"}
    with pytest.raises(KeyError):
        examples.picture("astronaut")


@pytest.mark.parametrize("name", ["", "../secret", "/etc/passwd"])
def test_an_unknown_name_is_no_example(name: str) -> None:
    with pytest.raises(KeyError):
        examples.picture(name)


def test_the_portrait_shows_one_person_and_the_landscape_none() -> None:
    scanner = Scanner()
    found = {name: scanner.scan(examples.picture(name)) for name in examples.titles()}
    assert len(found["astronaut"].tracks) == 1
    assert found["landscape"].status == "NO_FACE"
    # its even areas, compressed once, look as if one frequency had been compressed before
    assert "jpeg.double" not in {one.kind for one in found["landscape"].provenance}
