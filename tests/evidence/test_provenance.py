"""What pictures say of their origin, and where they contradict themselves."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from telltrace.evidence.exif import exif_findings, read_tags
from telltrace.evidence.findings import LONGEST, MEANINGS, Finding, finding
from telltrace.evidence.names import source_finding, tag_findings
from telltrace.evidence.provenance import MOST, read_provenance
from telltrace.evidence.xmp import xmp_findings


def saved(path: Path, material: Any, **more: Any) -> Path:
    Image.fromarray(material.landscape(2)).save(path, **more)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tif"])
def test_every_form_of_picture_names_its_camera_and_software(
    suffix: str, material: Any, tmp_path: Path, told: Any
) -> None:
    tags = {"Make": "Acme", "Model": "C1", "Software": "fw 1.2", "DateTime": "2024:01:02 03:04:05"}
    path = saved(tmp_path / f"a.{suffix}", material, exif=material.exif(**tags))
    found = read_provenance(path)
    assert told(found, "camera.model") == ["EXIF camera: Acme C1"]
    assert told(found, "software.tag") == ["EXIF software: fw 1.2"]
    assert told(found, "time.stated") == ["EXIF: changed 2024:01:02 03:04:05"]
    assert not told(found, "metadata.damaged")


def test_settings_of_a_generator_are_found_in_exif_and_in_png(
    material: Any, tmp_path: Path, told: Any
) -> None:
    block = material.exif(UserComment=material.PARAMETERS)
    found = read_provenance(saved(tmp_path / "a.jpg", material, exif=block))
    assert "Sampler: Euler a" in told(found, "generator.tag")[0]
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", material.PARAMETERS)
    text.add_itxt("prompt", '{"3": {"class_type": "KSampler"}}', zip=True)
    text.add_text("workflow", "of the office", zip=True)
    text.add_text("Software", "NovelAI")
    found = read_provenance(saved(tmp_path / "a.png", material, pnginfo=text))
    assert [one.split(":")[0] for one in told(found, "generator.tag")] == [
        "PNG parameters as Stable Diffusion web UI writes it",
        "PNG prompt as ComfyUI writes it",
        "PNG software",
    ]


def test_text_behind_the_pixels_is_found(material: Any, tmp_path: Path, told: Any) -> None:
    path = saved(tmp_path / "a.png", material)
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", material.PARAMETERS)
    tagged = saved(tmp_path / "b.png", material, pnginfo=text).read_bytes()
    at = tagged.index(b"tEXt") - 4
    chunk = tagged[at : tagged.index(b"IDAT") - 4]
    plain = path.read_bytes()
    path.write_bytes(plain[:-12] + chunk + plain[-12:])
    assert told(read_provenance(path), "generator.tag")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
def test_digital_source_types_are_read_from_xmp(
    suffix: str, material: Any, tmp_path: Path, told: Any
) -> None:
    path, packet = tmp_path / f"a.{suffix}", material.xmp()
    if suffix == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        saved(path, material, pnginfo=text)
    else:
        saved(path, material, xmp=packet)
    found = read_provenance(path)
    assert told(found, "source.generated") == ["XMP: trainedAlgorithmicMedia"]
    assert told(found, "editor.tag") == ["XMP creatortool: Adobe Photoshop 25.1"]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("trainedAlgorithmicMedia", "source.generated"),
        ("compositeWithTrainedAlgorithmicMedia", "source.generated"),
        ("digitalCapture", "source.camera"),
        ("humanEdits", "source.other"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture", "source.camera"),
    ],
)
def test_a_source_type_is_sorted(word: str, kind: str) -> None:
    assert source_finding("XMP", word).kind == kind


def test_attributes_and_lists_of_xmp_are_read(told: Any) -> None:
    packet = (
        b'<a xmlns:r="u:r" xmlns:e="u:e"><r:D e:DigitalSourceType="digitalCapture"/>'
        b'<e:History><r:Seq><r:li e:softwareAgent="Adobe Lightroom 7"/></r:Seq></e:History>'
        b"<e:Credit><r:Alt><r:li>Made with Google AI</r:li></r:Alt></e:Credit>"
        b"<e:provenance>https://example.org/m</e:provenance></a>"
    )
    found = tuple(xmp_findings(packet))
    assert told(found, "source.camera") == ["XMP: digitalCapture"]
    assert told(found, "editor.tag") == ["XMP softwareagent: Adobe Lightroom 7"]
    assert told(found, "generator.tag") == ["XMP credit: Made with Google AI"]
    assert "is not fetched" in told(found, "c2pa.unchecked")[0]


def test_a_document_type_is_refused(material: Any, tmp_path: Path, told: Any) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for letters in ("utf-8", "utf-16"):
        path = saved(tmp_path / "a.jpg", material, xmp=bomb.encode(letters))
        said = told(read_provenance(path), "metadata.damaged")
        assert said == ["XMP: has a document type, as no XMP has"]


@pytest.mark.parametrize(
    ("source", "tags", "said"),
    [
        ("digitalCapture", {"tool": "Adobe Photoshop 25.1"}, "carries: XMP creatortool: Adobe"),
        ("digitalCapture", {"tool": "Midjourney"}, "carries: XMP creatortool: Midjourney"),
        ("digitalCapture", {"tool": "Acme firmware"}, ""),
        ("humanEdits", {"tool": "Adobe Photoshop 25.1"}, ""),
    ],
)
def test_a_camera_original_with_an_editors_tag_is_a_conflict(
    source: str, tags: dict[str, str], said: str, material: Any, tmp_path: Path, told: Any
) -> None:
    packet = material.xmp(source=source, **tags)
    found = told(read_provenance(saved(tmp_path / "a.jpg", material, xmp=packet)), "conflict")
    assert len(found) == bool(said)
    assert all(said in one for one in found)


def test_a_camera_and_a_generator_are_a_conflict(material: Any, tmp_path: Path, told: Any) -> None:
    block = material.exif(Make="Acme", Model="C1", UserComment=material.PARAMETERS)
    found = read_provenance(saved(tmp_path / "a.jpg", material, exif=block))
    assert "Acme C1" in told(found, "conflict")[0]
    times = {"DateTime": "2020:01:01 00:00:00", "DateTimeOriginal": "2024:01:02 03:04:05"}
    found = read_provenance(saved(tmp_path / "b.jpg", material, exif=material.exif(**times)))
    assert "changed before it was taken" in told(found, "conflict")[0]


def test_what_a_file_says_is_cleaned_and_cut_short() -> None:
    one = finding("software.tag", "a\0b\nc\u202e  d", "x" * 1000)
    assert one.said.startswith("a b c d x")
    assert len(one.said) == LONGEST
    assert next(tag_findings("a", "Adobe Photoshop")).kind == "editor.tag"
    assert list(tag_findings("a", "a holiday", "")) == []


def test_every_kind_says_what_it_means_and_what_not() -> None:
    for kind, how in MEANINGS.items():
        assert how.means.endswith("."), kind
        assert how.does_not_mean.endswith("."), kind
        assert how.does_not_mean != how.means
    assert Finding("of.later", "x").meaning.notable


def test_tags_of_both_byte_orders_are_read() -> None:
    little = b"II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x03\0\0\0Ab\0\0\0\0\0\0"
    big = b"MM\0*\0\0\0\x08\0\x01\x01\x0f\0\x02\0\0\0\x03Ab\0\0\0\0\0\0"
    assert read_tags(little) == read_tags(big) == {0x010F: "Ab"}
    with pytest.raises(ValueError, match="ends early"):
        read_tags(little[:12])


@pytest.mark.parametrize(
    "text", ["Imagen de mi familia", "On the runway", "Sora Kim", "premiere of the film"]
)
def test_words_that_are_names_of_programs_too_count_where_a_program_is_named(text: str) -> None:
    assert list(tag_findings("EXIF description", text, "")) == []
    assert [one.kind for one in tag_findings("EXIF camera", text, "camera.model")] == [
        "camera.model"
    ]
    assert next(tag_findings("EXIF software", text)).kind in ("generator.tag", "editor.tag")
    assert next(tag_findings("comment", "Adobe Firefly", "")).kind == "generator.tag"


@pytest.mark.parametrize(
    "changed", ["0000:00:00 00:00:00", "2024-01-01 00:00:00", "2024:01:01 08:00:00", "soon"]
)
def test_clocks_that_were_not_set_or_lie_in_other_zones_are_no_conflict(changed: str) -> None:
    assert "conflict" not in {
        one.kind for one in exif_findings({0x0132: changed, 0x9003: "2024:01:02 03:04:05"})
    }


def test_many_findings_of_a_kind_crowd_out_none_of_another(
    material: Any, tmp_path: Path, told: Any
) -> None:
    text = PngImagePlugin.PngInfo()
    for number in range(60):
        text.add_text("Software", f"Adobe Photoshop {number}")
    text.add_text("parameters", material.PARAMETERS)
    found = read_provenance(saved(tmp_path / "a.png", material, pnginfo=text))
    assert len(told(found, "editor.tag")) == MOST
    assert told(found, "generator.tag")
    assert told(found, "c2pa.absent")
