"""What can be found in a file beside its pixels, and what each finding means and does not mean."""

from dataclasses import dataclass
from typing import Final, NamedTuple

LONGEST: Final = 300
"""Characters of a file's own words that are repeated."""


class Meaning(NamedTuple):
    """How one kind of finding is to be read."""

    title: str
    means: str
    does_not_mean: str
    notable: bool
    """Whether a reader in a hurry is told."""


MEANINGS: Final[dict[str, Meaning]] = {
    "conflict": Meaning(
        "conflict",
        "Two statements in the file name different origins, such as a camera and an editor.",
        "That the picture was forged, or a statement is wrong: both hold of an edited photograph.",
        True,
    ),
    "c2pa.trusted": Meaning(
        "C2PA: trusted",
        "The signed manifest fits the file, and the signer is on the list of trusted signers.",
        "That what the picture shows is true: the signer vouches for the manifest's statements.",
        True,
    ),
    "c2pa.untrusted": Meaning(
        "C2PA: signer not trusted",
        "The signed manifest fits the file, but nobody on a list of trusted signers signed it.",
        "That the signer lies: without --trust no signer is trusted. Anybody can make such a one.",
        True,
    ),
    "c2pa.invalid": Meaning(
        "C2PA: invalid",
        "The signed manifest does not fit the file, or is damaged: one changed after signing.",
        "That the picture was forged: saving it with a program that knows no C2PA does this too.",
        True,
    ),
    "c2pa.unchecked": Meaning(
        "C2PA: not checked",
        "The file has or names a C2PA manifest that was not checked, for the reason given.",
        "Anything about its content: nothing in it was read, and nothing is fetched.",
        True,
    ),
    "c2pa.absent": Meaning(
        "C2PA: none",
        "No C2PA manifest was found.",
        "That the file is suspicious: most cameras write none, and most websites remove it.",
        False,
    ),
    "source.generated": Meaning(
        "says: generated",
        "The metadata declare that the content was made, wholly or in part, by a generator.",
        "That it was: anybody can write it. That a face was swapped: a part may be an object.",
        True,
    ),
    "source.camera": Meaning(
        "says: camera",
        "The metadata declare a capture by a camera or a scan.",
        "That it is one: unless a trusted signature covers it, anybody can write it.",
        False,
    ),
    "source.other": Meaning(
        "says: other source",
        "The metadata declare another digital source type, such as edits by people.",
        "What was edited, or that the declaration is true.",
        True,
    ),
    "generator.tag": Meaning(
        "generator's tag",
        "The file carries the name or the settings of a program that generates or swaps faces.",
        "That every pixel was generated: such programs also enlarge, retouch or only store files.",
        True,
    ),
    "editor.tag": Meaning(
        "editor's tag",
        "A program that can edit pictures wrote or saved the file.",
        "That anything was changed: cropping, or saving unchanged, leaves the same tag.",
        True,
    ),
    "camera.model": Meaning(
        "camera's tag",
        "The metadata name the maker and model of a camera or telephone.",
        "That it took the picture: the tag is copied through edits and can be written by hand.",
        False,
    ),
    "software.tag": Meaning(
        "software's tag",
        "A program or a device's firmware that wrote the file, as it names itself.",
        "That it is the only one that touched the file.",
        False,
    ),
    "time.stated": Meaning(
        "times",
        "The times of capture or writing that the file states, by the clock of the device.",
        "When it was really made: clocks are wrong, and times are copied and edited.",
        False,
    ),
    "jpeg.tables": Meaning(
        "JPEG tables",
        "The quantisation tables of the last compression, compared with those of libjpeg.",
        "Origin: many cameras and programs share tables, and tables of one's own are common.",
        False,
    ),
    "jpeg.double": Meaning(
        "compressed twice",
        "The histograms of JPEG coefficients show traces of an earlier JPEG compression.",
        "Forgery: every program that opens and saves a JPEG leaves them. Sometimes they are wrong.",
        True,
    ),
    "container.codecs": Meaning(
        "container",
        "The container and the codecs of its tracks.",
        "Origin: the same are written by cameras, by editors and by websites.",
        False,
    ),
    "container.encoder": Meaning(
        "encoder's tag",
        "The program that last encoded or wrote the container, as it names itself.",
        "That the content was edited: websites and messengers encode whatever passes through.",
        False,
    ),
    "container.edits": Meaning(
        "edit list",
        "Players are told to skip, repeat or join parts of what the file holds.",
        "That anything was hidden: trimming on a telephone does this. The skipped part may remain.",
        True,
    ),
    "container.several": Meaning(
        "several encodings",
        "The file holds pictures of more than one encoding, such as joined or added tracks.",
        "That parts were exchanged: some telephones and cameras write previews and second views.",
        True,
    ),
    "tracks.unexamined": Meaning(
        "not examined",
        "Tracks that telltrace does not look at: sound, subtitles and data are not judged.",
        "That they are genuine, or that they fit the pictures.",
        True,
    ),
    "metadata.damaged": Meaning(
        "damaged metadata",
        "A part of the metadata could not be read, and was passed over.",
        "Manipulation: damage in transfer and careless programs are more common.",
        True,
    ),
    "metadata.unread": Meaning(
        "metadata too large",
        "A part of the metadata is larger than is read, and was passed over.",
        "That it holds anything of interest.",
        True,
    ),
}
"""Of every kind of finding; the order is that of a list of findings."""


@dataclass(frozen=True)
class Finding:
    """One thing that a file says of itself or shows beside its content. It changes no score."""

    kind: str
    """A key of `MEANINGS`."""
    said: str
    """What was found, in the file's own words where it has some, cleaned and cut short."""

    @property
    def meaning(self) -> Meaning:
        """How it is to be read; that of a later version's kind says so."""
        unknown = "A finding of a later version of telltrace.", "Anything to this version."
        return MEANINGS.get(self.kind) or Meaning(self.kind, *unknown, True)


def finding(kind: str, *words: object) -> Finding:
    """A finding with cleaned words: one line, no control characters, not too long."""
    return Finding(kind, cleaned(" ".join(str(word) for word in words)))


def cleaned(text: str) -> str:
    """A file's own words as one line without control characters, cut short."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST]).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
