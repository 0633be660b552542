"""`prepare`: a data set in, face crops and a manifest out; what it needs is loaded when called."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ..errors import OptionError
from ..faces import Alignment
from .paper import PaperSampling, Prepared


def prepare(
    source: str | Path,
    *,
    out: str | Path,
    layout: str = "folder",
    compressions: Sequence[str] = (),
    methods: Sequence[str] = (),
    name: str | None = None,
    label: Literal["real", "fake"] | None = None,
    splits: Sequence[str] = (),
    relocate: Sequence[str] = (),
    fakes: int | None = None,
    protocol: str | None = None,
    frames: float = 32,
    sample: Literal["spread", "every", "fps", "all"] = "spread",
    size: int = 256,
    margin: float = 1.3,
    alignment: Alignment = "box",
    faces: Literal["one", "all"] = "one",
    paper: PaperSampling | None = None,
    workers: int | None = None,
) -> Prepared:
    """Turn a dataset's videos and pictures into face crops and a manifest.

    Can be stopped at any moment and run again: it goes on where it was. Media that gave no
    face are listed with the reason in OUT/failures.csv. Layouts that list face crops (sficonv,
    ba-lists, deepfakebench, dfdc-faces) cut nothing: say with --size, --margin and --alignment how
    their crops were cut.

    Args:
        source: Folder of the dataset, a list of its files, or a manifest of media.
        out: Folder for the crops, manifest.csv and failures.csv.
        layout: "folder" for real/ and fake/, "table" or "manifest" for CSV or parquet, "ffpp",
            "dfd", "celeb-df-v1", "celeb-df-v2", "dfdc", "dfdc-preview", "deeper-forensics", "hff",
            "uadfv", "dfdc-faces", "lfw", "utkface", "splices", "generated", "real-clips",
            "sficonv", "ba-lists" or "deepfakebench".
        compressions: FaceForensics++ only: any of c0, c23, c40; by default c23.
        methods: ffpp and deeper-forensics only: manipulations; by default those that are there.
        name: Folders and lists only: name of the data set; by default the folder's.
        label: Folders only: what everything in the folder is, when it has no real/ and fake/.
        splits: Lists only: which of their splits to read; by default all.
        relocate: Lists only: old and new beginning of the paths in them.
        fakes: dfdc-faces only: fakes to take of each group; by default all.
        protocol: Split to assign, such as ffpp-pairs, ffpp-official or by-identity.
        frames: How much of a video to take; see --sample.
        sample: "spread" takes FRAMES frames evenly over the whole video, "every" each
            FRAMES-th, "fps" FRAMES a second, "all" all of them.
        size: Side of a crop, in pixels.
        margin: Side of the square crop as a multiple of the face box.
        alignment: "box" cuts upright, "similarity" turns and scales by five landmarks, "median"
            and "dfb" likewise, as GenD and DeepfakeBench do, "whole" looks for no face and resizes
            the picture, which is one already; "sbi", "dfdc" and "ispl" cut as those published
            detectors do, with margins of their own.
        faces: The main person's face in each frame, or all faces.
        paper: Videos, frames and faces in the numbers of a paper, in place of --frames and
            --sample; see recipes/data.
        workers: Processes; by default one for each core.

    Raises:
        ManifestError: If the data set is not laid out so, or not one medium gave a face.
        OutputError: If ``out`` holds crops of other settings, or cannot be written.
    """
    from ..faces.align import FaceCrop
    from ..faces.media import Sampling
    from .cropping import adopt_crops, crop_media, is_crops
    from .datasets import read_layout
    from .protocols import assign_split

    if len(relocate) not in (0, 2):
        raise OptionError(f"relocate is an old and a new beginning of paths, got {relocate}")
    parts = {"compressions": compressions, "methods": methods, "splits": splits, "fakes": fakes}
    about = {"name": name, "label": label, "relocate": tuple(relocate)}
    media = read_layout("table" if layout == "manifest" else layout, source, **parts, **about)
    if protocol is not None:
        media = assign_split(media, protocol)
        paper = paper and replace(paper, own_splits=True)
    crop = FaceCrop(size=size, margin=margin, alignment=alignment)
    if is_crops(media):
        return Prepared(adopt_crops(media, out, crop))
    return crop_media(media, out, crop, paper or Sampling(sample, frames), workers, faces=faces)
