"""Pictures and videos with metadata of every kind that is read, sound and damaged."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from scan_material import CHANGES, EXTREMES

PARAMETERS: Final = "a face\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
MARKS: Final = (
    b"Exif\0\0|II*\0|MM\0*|<?xpacket|<x:xmpmeta|tEXt|zTXt|iTXt|eXIf|EXIF|XMP |moov|udta|"
    b"elst|mvhd|stsd|jumb|c2cl|c2cs|cbor|caBX|C2PA|\x12\x54\xc3\x67"
).split(b"|")
"""How blocks of metadata begin; the last is Matroska's tags."""
XMP: Final = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="{tool}"><Iptc4xmpExt:DigitalSourceType>
http://cv.iptc.org/newscodes/digitalsourcetype/{source}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def landscape(seed: int, size: tuple[int, int] = (240, 320)) -> NDArray[np.uint8]:
    """A picture with the spectrum of a photograph and some edges, (H, W, 3)."""
    rng, (height, width) = np.random.default_rng(seed), size
    far = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    fall = rng.uniform(0.9, 1.4)
    noise = rng.standard_normal((3, height, width)) * [[[1.0]], [[0.2]], [[0.2]]]
    waves = np.fft.ifft2(np.fft.fft2(noise) / np.maximum(far, 1 / max(size)) ** fall).real
    waves /= waves[0].std()
    y, x = np.mgrid[:height, :width]
    for _ in range(int(rng.integers(3, 12))):
        line = rng.uniform(-1, 1, 2) @ np.array([(x - width / 2).ravel(), (y - height / 2).ravel()])
        waves[0] += rng.uniform(-0.8, 0.8) * (line.reshape(size) > rng.uniform(-80, 80))
    bright, red, blue = waves[0], waves[1], waves[2]
    mixed = np.stack([bright + red, bright - (red + blue) / 2, bright + blue], -1)
    return np.clip(mixed * rng.uniform(25, 55) + 120, 0, 255).astype(np.uint8)


def jpeg(picture: NDArray[np.uint8], quality: int, **more: object) -> bytes:
    """A picture as JPEG."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality, **more)
    return out.getvalue()


def exif(**tags: str) -> bytes:
    """An EXIF block with some of Make, Model, Software, DateTime, DateTimeOriginal, UserComment."""
    places = {"Make": 0x010F, "Model": 0x0110, "Software": 0x0131, "DateTime": 0x0132}
    below = {"DateTimeOriginal": 0x9003, "UserComment": 0x9286}
    block = Image.Exif()
    for name, text in tags.items():
        if name in places:
            block[places[name]] = text
        else:
            code = b"ASCII\0\0\0" if name == "UserComment" else b""
            block.get_ifd(0x8769)[below[name]] = code + text.encode() if code else text
    return block.tobytes()


def xmp(tool: str = "Adobe Photoshop 25.1", source: str = "trainedAlgorithmicMedia") -> bytes:
    """An XMP packet with a program and a digital source type."""
    return XMP.format(tool=tool, source=source).encode()


def write_video(path: Path, tracks: int = 1, sound: bool = True, **tags: str) -> Path:
    """Twelve frames, with so many tracks of pictures, sound, and tags of the whole."""
    options = {"movflags": "use_metadata_tags"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as out:
        out.metadata.update(tags)
        codec = "libvpx" if path.suffix == ".webm" else "libx264"
        pictures = [out.add_stream(codec, rate=10) for _ in range(tracks)]
        for stream in pictures:
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            stream.thread_count = 1
        voice = "libopus" if path.suffix == ".webm" else "aac"
        voices = [out.add_stream(voice, rate=48000)] if sound else []
        for number in range(12):
            frame = landscape(number, (64, 96))
            for stream in pictures:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), "fltp", "mono")
        silence.sample_rate = 48000
        for stream in voices:
            out.mux(stream.encode(silence))
        for stream in [*pictures, *voices]:
            out.mux(stream.encode(None))
    return path


def sound_media(folder: Path) -> list[tuple[str, bytes]]:
    """Whole files by their suffixes, each with all the metadata that its form holds."""
    picture = landscape(0, (96, 128))
    tags = {"Make": "Acme", "Model": "C1", "Software": "GIMP 2.10", "UserComment": PARAMETERS}
    block, packet = exif(**tags, DateTimeOriginal="2024:01:02 03:04:05"), xmp()
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", PARAMETERS)
    text.add_itxt("prompt", '{"3": {"class_type": "KSampler"}}', zip=True)
    text.add_text("workflow", '{"nodes": []}', zip=True)
    text.add_itxt("XML:com.adobe.xmp", packet.decode())
    image, media = Image.fromarray(picture), []
    for kind, form, more in (
        ("jpg", "JPEG", {"exif": block, "xmp": packet, "comment": b"Created with GIMP"}),
        ("png", "PNG", {"exif": block, "pnginfo": text}),
        ("webp", "WEBP", {"exif": block, "xmp": packet}),
        ("avif", "AVIF", {"exif": block, "xmp": packet}),
        ("tif", "TIFF", {"exif": block}),
    ):
        out = io.BytesIO()
        image.save(out, form, **more)
        media.append((kind, out.getvalue()))
    for kind in ("mp4", "mov", "mkv", "webm"):
        path = write_video(folder / f"clip.{kind}", comment="made with CapCut", make="Acme")
        media.append((kind, path.read_bytes()))
    return media


def signed_media(folder: Path, media: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Those of the files that can carry one, with a C2PA manifest; none without c2pa-python."""
    try:
        from signed_material import TYPES, make_signer
    except ImportError:
        return []
    signer, signed = make_signer(folder), []
    for kind, data in media:
        if kind in TYPES:
            (folder / f"plain.{kind}").write_bytes(data)
            out = signer.sign(folder / f"plain.{kind}", folder / f"signed.{kind}")
            signed.append((kind, out.read_bytes()))
    return signed


def damaged(media: list[tuple[str, bytes]], number: int, seed: int) -> tuple[str, bytes]:
    """A file whose metadata are damaged, and how; it depends on ``seed`` and ``number`` alone.

    Half of them are damaged as files of any kind, a half within the blocks of metadata, so that the
    file around them stays whole.
    """
    rng = np.random.default_rng((seed, number))
    kind, data = media[number % len(media)]
    if number % 2:
        change = list(CHANGES)[number // 2 % len(CHANGES)]
        others = [other for _, other in media]
        return f"{change}.{kind}", CHANGES[change](bytearray(data), rng, others)
    changed = bytearray(data)
    for mark in _marks(data, rng):
        reach = min(600, len(changed) - mark - 4)
        for place in mark + rng.integers(0, max(reach, 1), int(rng.integers(1, 12))):
            if rng.random() < 0.3:
                changed[place : place + 4] = EXTREMES[int(rng.integers(4))]
            else:
                changed[place] = int(rng.integers(256))
    return f"inside.{kind}", bytes(changed)


def _marks(data: bytes, rng: np.random.Generator) -> Iterator[int]:
    """Where one or several blocks of metadata begin."""
    found = [place for place in (data.find(name) for name in MARKS) if place >= 0]
    yield from rng.permutation(found)[: int(rng.integers(1, 4))].tolist()


def edit_list(data: bytes, entries: list[tuple[int, int]]) -> bytes:
    """An MP4 whose first edit list has other entries of (length, beginning), if it has as many."""
    at = data.index(b"elst")
    assert struct.unpack_from(">I", data, at + 8)[0] == len(entries)
    packed = b"".join(struct.pack(">IiI", length, begin, 65536) for length, begin in entries)
    return data[: at + 12] + packed + data[at + 12 + len(packed) :]
