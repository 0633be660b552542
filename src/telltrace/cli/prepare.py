"""`telltrace prepare`: a dataset in, face crops and a manifest out."""

from pathlib import Path
from typing import Literal

from telltrace.cli.options import SampleMode


def prepare(
    source: Path,
    *,
    out: Path,
    layout: Literal["ffpp", "folder", "manifest"] = "folder",
    compressions: list[str] = [],  # noqa: B006  read, never changed
    methods: list[str] = [],  # noqa: B006  read, never changed
    name: str | None = None,
    label: Literal["real", "fake"] | None = None,
    protocol: str | None = None,
    frames: float = 32,
    sample: SampleMode = "spread",
    size: int = 256,
    margin: float = 1.3,
    alignment: Literal["box", "similarity"] = "box",
    faces: Literal["one", "all"] = "one",
    workers: int | None = None,
) -> int:
    """Turn a dataset's videos and pictures into face crops and a manifest.

    Can be stopped at any moment and run again: it goes on where it was. Media that gave no
    face are listed with the reason in OUT/failures.csv.

    Args:
        source: Folder of the dataset, or a manifest of media.
        out: Folder for the crops, manifest.csv and failures.csv.
        layout: "ffpp" for FaceForensics++'s folders, "folder" for real/ and fake/, "manifest"
            for a CSV.
        compressions: FaceForensics++ only: any of c0, c23, c40; by default c23.
        methods: FaceForensics++ only: manipulation methods; by default those that are there.
        name: Folders only: name of the data set; by default the folder's.
        label: Folders only: what everything in the folder is, when it has no real/ and fake/.
        protocol: Split to assign, such as ffpp-pairs, ffpp-official or by-identity.
        frames: How much of a video to take; see --sample.
        sample: "spread" takes FRAMES frames evenly over the whole video, "every" each
            FRAMES-th, "fps" FRAMES a second, "all" all of them.
        size: Side of a crop, in pixels.
        margin: Side of the square crop as a multiple of the face box.
        alignment: "box" cuts upright, "similarity" turns and scales by five landmarks.
        faces: The main person's face in each frame, or all faces.
        workers: Processes; by default one for each core.
    """
    from telltrace.data.datasets.ffpp import read_ffpp
    from telltrace.data.datasets.folder import read_folder
    from telltrace.data.manifest import read_manifest
    from telltrace.data.prepare import prepare as run
    from telltrace.data.protocols import assign_split
    from telltrace.faces.align import FaceCrop
    from telltrace.faces.media import Sampling

    if layout == "ffpp":
        media = read_ffpp(source, compressions=compressions or ["c23"], methods=methods or None)
    else:
        media = read_folder(source, name, label) if layout == "folder" else read_manifest(source)
    if protocol is not None:
        media = assign_split(media, protocol)
    done = run(
        media,
        out,
        crop=FaceCrop(size=size, margin=margin, alignment=alignment),
        sampling=Sampling(sample, frames),
        workers=workers,
        faces=faces,
    )
    print(done)
    return 0
