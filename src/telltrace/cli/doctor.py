"""`telltrace doctor`: what of this machine telltrace can use, and what mends what is missing."""

import os
import platform
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from telltrace.errors import TelltraceError
from telltrace.files.version import VERSION

EXTRAS: Final = {
    "train": "training",
    "tensorboard": "curves of a training in TensorBoard",
    "mlflow": "curves of a training in MLflow",
    "import": "weights of MesoNet (HDF5)",
    "scale": "scans and sweeps on a Ray cluster",
    "demo": "the photograph of the demo",
    "parquet": "tables as Parquet",
    "onnx": "ONNX: export, and faster scans",
    "openvino": "OpenVINO: export, and the fastest scans on a processor",
    "hub": "detectors on a hub",
    "serve": "verdicts over HTTP",
    "postgres": "jobs of a service in PostgreSQL",
    "c2pa": "C2PA credentials of files",
    "pdf": "reports as PDF",
}
"""What the optional packages are for; others are named by their extra alone."""
INTERNAL: Final = ("dev", "docs")
AGAIN: Final = "In the folder of telltrace's source run: pip install"
"""An index of packages may know none of this name, or a stranger's."""
READ: Final = {"h264": "H.264", "hevc": "H.265", "vp9": "VP9", "av1": "AV1", "mpeg4": "MPEG-4"}
WRITTEN: Final = {"libx264": "H.264", "libx265": "H.265"}


class Finding(NamedTuple):
    """One line: a subject, what was found, and if something is missing what mends it."""

    subject: str
    found: str
    remedy: str = ""
    needed: bool = False
    """Whether telltrace cannot do without."""


def doctor() -> int:
    """Say what this machine has: versions, devices, backends, codecs, fonts, and what is missing.

    Exit code 1 when something is missing that telltrace cannot do without.
    """
    findings = [one for subject, check in CHECKS.items() for one in _found(subject, check)]
    width = max(len(one.subject) for one in findings)
    for one in findings:
        mark = "ok" if not one.remedy else "MISSING" if one.needed else "-"
        print(f"{mark:8}{one.subject:{width}}  {one.found}")
        if one.remedy:
            print(f"{'':{width + 10}}{one.remedy}")
    return int(any(one.needed and one.remedy for one in findings))


def _found(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check finds; a package that is not there, or cannot be loaded, is a finding too."""
    try:
        yield from check()
    except (ImportError, OSError) as error:
        yield Finding(subject, f"cannot be looked at ({error})", f"{AGAIN} .", needed=True)


def _versions() -> Iterator[Finding]:
    yield Finding("telltrace", VERSION)
    python = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding("Python", f"{python}, {os.cpu_count()} processors")


def _packages() -> Iterator[Finding]:
    """The packages that are always needed as one line, those of each extra as one more."""
    wanted: dict[str, list[str]] = {"": []}
    for requirement in metadata.requires("telltrace") or []:
        name = re.split(r"[^\w.-]", requirement)[0]
        marked = re.search(r"extra == ['\"]([\w-]+)", requirement)
        if name != "telltrace":
            wanted.setdefault(marked[1] if marked else "", []).append(name)
    for extra, names in wanted.items():
        if extra in INTERNAL:
            continue
        missing = [name for name in names if _version(name) is None]
        there = ", ".join(f"{name} {_version(name)}" for name in names if name not in missing)
        subject = f"extra {extra}" if extra else "packages"
        if missing:
            remedy = f"Run: pip install 'telltrace[{extra}]'" if extra else f"{AGAIN} ."
            use = f", for {EXTRAS[extra]}" if extra in EXTRAS else ""
            found = f"without {', '.join(missing)}{use}"
            yield Finding(subject, found, remedy, not extra)
        else:
            yield Finding(subject, there if extra else f"all {len(names)}, {_brief()}")


def _brief() -> str:
    shown = ("torch", "timm", "av", "opencv-python-headless")
    return ", ".join(f"{name} {_version(name)}" for name in shown)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> Iterator[Finding]:
    from telltrace.backends import choose_device, installed

    if choose_device("auto") == "cuda":
        import torch

        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        yield Finding("GPU", f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB")
    else:
        yield Finding("GPU", "none that PyTorch can use; a processor suffices to scan")
    yield Finding("backends", f"{', '.join(installed())}; on a processor {installed()[0]} is taken")


def _codecs() -> Iterator[Finding]:
    """What PyAV's FFmpeg reads, and what it writes for clips and the corruptions of videos."""
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    for subject, names, mode in (("videos read", READ, "r"), ("videos written", WRITTEN, "w")):
        missing = []
        for name in names:
            try:
                Codec(name, mode)  # type: ignore[arg-type]
            except UnknownCodecError:
                missing.append(names[name])
        there = ", ".join(text for text in names.values() if text not in missing)
        remedy = "Run: pip install --force-reinstall av" if missing else ""
        found = there + (f"; without {', '.join(missing)}" if missing else "")
        yield Finding(subject, found, remedy, bool({"H.264"} & {*missing}))


def _pictures() -> Iterator[Finding]:
    from PIL import features

    kinds = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "avif": "AVIF"}
    there = {text: features.check(name) for name, text in kinds.items()}
    missing = [text for text, found in there.items() if not found]
    found = ", ".join(text for text, found in there.items() if found)
    remedy = "Run: pip install --force-reinstall pillow" if missing else ""
    yield Finding("pictures read", found, remedy, bool({"JPEG", "PNG"} & {*missing}))


def _files() -> Iterator[Finding]:
    """The font of pictures, the two detectors' weights, and where graphs are kept."""
    from telltrace.backends.cache import cache_folder
    from telltrace.checkpoint import BUNDLED, read_card

    package = find_spec("matplotlib")
    place = Path(package.origin or "").parent if package else Path()
    font = place / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    remedy = "" if font.is_file() else "Run: pip install --force-reinstall matplotlib"
    yield Finding("font", "DejaVu Sans" if font.is_file() else "none for pictures", remedy)
    try:
        yield Finding("detector", f"{read_card(BUNDLED).detector}, in the package")
    except TelltraceError as error:
        remedy = f"{AGAIN} --force-reinstall --no-deps ."
        yield Finding("detector", str(error), remedy, needed=True)
    folder = cache_folder()
    above = next(path for path in (folder, *folder.parents) if path.exists())
    remedy = "" if os.access(above, os.W_OK) else "Set TELLTRACE_CACHE to a folder of yours."
    yield Finding("cache", f"{folder}{', which cannot be written' if remedy else ''}", remedy)


CHECKS: Final[dict[str, Callable[[], Iterator[Finding]]]] = {
    "telltrace": _versions,
    "packages": _packages,
    "devices": _devices,
    "videos": _codecs,
    "pictures": _pictures,
    "files": _files,
}
"""What is looked at, and what it is called where that fails."""
