"""Quantisation tables, and how often a second compression is found in pictures made here."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from telltrace.evidence.jpeg import TWICE, double_findings, earlier_compression, scaled_table
from telltrace.evidence.provenance import read_provenance


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 90, 95, 100])
def test_tables_are_those_of_libjpeg(quality: int, material: Any) -> None:
    with Image.open(io.BytesIO(material.jpeg(material.landscape(1), quality))) as picture:
        assert picture.quantization[0] == scaled_table(quality).tolist()


def test_tables_name_their_quality_or_say_that_they_are_others(
    material: Any, tmp_path: Any, told: Any
) -> None:
    path, picture = tmp_path / "a.jpg", material.landscape(1)
    path.write_bytes(material.jpeg(picture, 83))
    assert told(read_provenance(path), "jpeg.tables")[0].startswith("libjpeg's at quality 83")
    path.write_bytes(material.jpeg(picture, 83, qtables=[[7] * 64]))
    assert told(read_provenance(path), "jpeg.tables")[0].startswith("not libjpeg's")


def gain(first: int | None, second: int, seed: int, material: Any) -> float:
    """That of a picture compressed at the second quality, after the first if there is one."""
    picture = material.landscape(seed, (384, 512))
    if first is not None:
        picture = np.asarray(Image.open(io.BytesIO(material.jpeg(picture, first))))
    data = io.BytesIO(material.jpeg(picture, second))
    brightness = np.asarray(Image.open(data).convert("L"))
    return earlier_compression(brightness, scaled_table(second))[0]


def test_most_second_compressions_are_found_and_few_first_ones(material: Any) -> None:
    once = [gain(None, quality, seed, material) for seed in range(8) for quality in (70, 80, 90)]
    pairs = [(60, 90), (75, 95), (85, 95), (70, 85)]
    twice = [gain(*pair, seed, material) for seed in range(6) for pair in pairs]
    assert np.mean(np.array(once) >= TWICE) <= 0.05
    assert np.mean(np.array(twice) >= TWICE) >= 0.9


def test_a_picture_without_structure_says_nothing(tmp_path: Any, material: Any) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(material.jpeg(np.full((64, 64, 3), 90, np.uint8), 80))
    assert list(double_findings(path, scaled_table(80))) == []
    path.write_bytes(material.jpeg(np.full((9, 5, 3), 90, np.uint8), 80))
    assert list(double_findings(path, scaled_table(80))) == []


def test_of_a_large_file_the_first_rows_are_looked_at(
    material: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from telltrace.evidence import jpeg

    path = tmp_path / "a.jpg"
    path.write_bytes(material.jpeg(material.landscape(5, (512, 512)), 90))
    whole = jpeg.first_rows(path)
    monkeypatch.setattr(jpeg, "READ", path.stat().st_size // 2)
    rows = jpeg.first_rows(path)
    assert 128 <= len(rows) <= 384
    np.testing.assert_array_equal(rows, whole[: len(rows)])
    path.write_bytes(material.jpeg(material.landscape(5, (512, 512)), 90, progressive=True))
    monkeypatch.setattr(jpeg, "READ", path.stat().st_size // 2)
    assert jpeg.first_rows(path).size == 0
