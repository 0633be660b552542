"""Who trains, who validates, who tests: a protocol is a YAML file, and refuses what would leak."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import yaml

from ..errors import ManifestError, OptionError
from .manifest import COLUMNS, check_manifest, source_of
from .people import Groups, by_groups, by_identity, own
from .split_checks import check_near_duplicates, check_splits

logger: Final = logging.getLogger("telltrace")
FOLDER: Final = Path(__file__).parent / "splits"
SPLITS: Final = ("train", "val", "test")
RULES: Final = {"own": own, "by-identity": by_identity}
Filter = Mapping[str, tuple[str, ...]]


class Part(NamedTuple):
    """Which rows of a split are used: column to the values that are kept, or left out."""

    only: Filter
    without: Filter

    def keeps(self, table: pd.DataFrame) -> "pd.Series[bool]":
        """True for the rows that belong to this part."""
        kept = pd.Series(True, index=table.index)
        for column, values in self.only.items():
            kept &= table[column].isin(values)
        for column, values in self.without.items():
            kept &= ~table[column].isin(values)
        return kept


class Protocol(NamedTuple):
    """What a protocol file says."""

    name: str
    about: str
    people: Mapping[str, str]
    """Data set (or "*" for any other) to the rule that puts its people on a side: "own" (the
    manifest's splits), "by-identity", "train", "val" or "test" (all of them), or the name of a
    protocol with ``groups``."""
    groups: Groups
    """Split to lists of identities that belong together, in place of ``people``."""
    parts: Mapping[str, Part]
    """Split to the rows of it that are used; a split that is named must not come out empty."""
    near_duplicates: int | None
    """Bits up to which two crops look the same; None compares no pictures."""


def protocol_names() -> list[str]:
    """The protocols that come with the package."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read_protocol(protocol: str | Path) -> Protocol:
    """A protocol by its name, out of `protocol_names`, or from a YAML file.

    Raises:
        OptionError: If there is none of this name, or a line of the file is wrong.
    """
    file = Path(protocol)
    if file.suffix not in (".yaml", ".yml"):
        if str(protocol) not in protocol_names():
            choices = f"Choose one of {', '.join(protocol_names())}, or give a YAML file."
            raise OptionError(f"Unknown protocol {str(protocol)!r}", remedy=choices)
        file = FOLDER / f"{protocol}.yaml"
    elif not file.is_file():
        remedy = "Write the protocol, or choose one by name."
        raise OptionError("is not a file", remedy=remedy, path=file)
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise OptionError(f"is no readable YAML ({error})", path=file) from None
    known = {"about", "manifests", "people", "groups", "near_duplicates", *SPLITS}
    if not isinstance(said, dict) or not said.keys() <= known:
        odd = sorted(said.keys() - known) if isinstance(said, dict) else type(said).__name__
        what = f"expected {', '.join(sorted(known))}; got {odd}"
        raise OptionError(what, remedy="Correct the file.", path=file)
    people = said.get("people", "own")
    return Protocol(
        name=file.stem,
        about=said.get("about", ""),
        people=people if isinstance(people, dict) else {"*": people},
        groups=_groups(said.get("groups", {}), file),
        parts={split: _part(said[split], split, file) for split in SPLITS if split in said},
        near_duplicates=said.get("near_duplicates"),
    )


def _groups(said: Any, file: Path) -> Groups:
    """Lists of identities, written in the protocol or in a JSON file beside it."""
    if isinstance(said, str):
        said = json.loads((file.parent / said).read_text(encoding="utf-8"))
    return {
        split: [[str(name) for name in group] for group in said[split]]
        for split in SPLITS
        if split in said
    }


def _part(said: Any, split: str, file: Path) -> Part:
    filters = said or {}
    odd = [k for k in filters if k not in ("only", "without") or not isinstance(filters[k], dict)]
    odd = odd or [c for columns in filters.values() for c in columns if c not in COLUMNS]
    if odd:
        raise OptionError(
            f"{split} names {odd[0]!r}; expected only or without, and in them columns of a "
            f"manifest ({', '.join(COLUMNS[1:8])})",
            remedy="Correct the file.",
            path=file,
        )

    def values(kind: str) -> Filter:
        lists = {c: v if isinstance(v, list) else [v] for c, v in filters.get(kind, {}).items()}
        return {column: tuple(map(str, several)) for column, several in lists.items()}

    return Part(values("only"), values("without"))


def assign_split(manifest: pd.DataFrame, protocol: str | Path) -> pd.DataFrame:
    """Fill the ``split`` column of media or crops by a protocol; what it leaves out gets "".

    The protocol is a name out of `protocol_names`, such as "ffpp-pairs", "ffpp-official" or
    "by-identity", or a YAML file.

    Raises:
        OptionError: If the protocol is unknown.
        ManifestError: If it knows nothing of this manifest, or if a person, a source video or a
            near-duplicate would stand on two sides.
    """
    found, table = read_protocol(protocol), check_manifest(manifest)
    table.attrs |= manifest.attrs
    table["split"] = _sides(table, found)
    if (table.split == "").all():
        raise ManifestError(
            f"the protocol {found.name!r} knows none of its identities, such as "
            f"{table.identity.iloc[0]!r}",
            remedy="Use `by-identity`, or a protocol of this data set.",
            path=source_of(manifest),
        )
    for split, part in found.parts.items():
        mine = table.split == split
        table.loc[mine & ~part.keeps(table), "split"] = ""
        if not (table.split == split).any():
            columns = [*part.only, *part.without] or ["dataset"]
            there = "; ".join(f"{c}: {', '.join(sorted(set(table[c])))}" for c in columns)
            raise ManifestError(
                f"the protocol {found.name!r} finds no row for {split} (there is {there})",
                remedy="Give the manifests of all data sets and compressions that it is about.",
                path=source_of(table),
            )
    by_hash = "by-identity" in found.people.values() and not found.groups
    for split in sorted(set(SPLITS if by_hash else found.groups) - set(table.split)):
        text = "%s: the protocol %r leaves the split %s empty; there are too few people for it."
        logger.warning(text, source_of(manifest), found.name, split)
    check_splits(table)
    if found.near_duplicates is not None:
        check_near_duplicates(table, found.near_duplicates)
    return table


def _sides(table: pd.DataFrame, protocol: Protocol) -> list[str]:
    """The side of every row; data sets of one rule are split together."""
    if protocol.groups:
        return by_groups(table, protocol.groups)
    sides = np.full(len(table), "", dtype=object)
    other = protocol.people.get("*", "")
    rules = np.array([protocol.people.get(name, other) for name in table.dataset], dtype=object)
    for rule in dict.fromkeys(rules):
        rows = np.flatnonzero(rules == rule)
        if rule == "" or rule in SPLITS:
            sides[rows] = rule
        elif rule in RULES:
            sides[rows] = RULES[rule](table.iloc[rows])
        else:
            sides[rows] = by_groups(table.iloc[rows], read_protocol(rule).groups)
    return sides.tolist()
