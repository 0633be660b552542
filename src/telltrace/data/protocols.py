"""Who trains, who validates, who tests: a protocol is a YAML file, and refuses what would leak."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from ..errors import ManifestError, OptionError
from .manifest import COLUMNS, check_manifest, read_manifest, source_of
from .people import Groups, by_groups, by_identity, own
from .split_checks import check_near_duplicates, check_splits

logger: Final = logging.getLogger("telltrace")
SPLITS: Final = ("train", "val", "test")
RULES: Final = {"own": own, "by-identity": by_identity}
Filter = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Part:
    """Which rows of a split are used; all of them by default."""

    only: Filter = field(default_factory=dict)
    """Column to the values that are kept."""
    without: Filter = field(default_factory=dict)
    """Column to the values that are left out."""

    def keeps(self, table: pd.DataFrame) -> "pd.Series[bool]":
        """True for the rows that belong to this part."""
        kept = pd.Series(True, index=table.index)
        for column, values in self.only.items():
            kept &= table[column].isin(values)
        for column, values in self.without.items():
            kept &= ~table[column].isin(values)
        return kept


@dataclass(frozen=True)
class Protocol:
    """What a protocol file says."""

    name: str
    about: str = ""
    manifests: tuple[Path, ...] = ()
    """Manifests that it is meant for."""
    people: Mapping[str, str] = field(default_factory=lambda: {"*": "own"})
    """Data set (or "*" for any other) to the rule that puts its people on a side: "own" (the
    manifest's splits), "by-identity", "train", "val" or "test" (all of them), or the name of a
    protocol with ``groups``."""
    groups: Groups = field(default_factory=dict)
    """Split to lists of identities that belong together, in place of ``people``."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """Split to the rows of it that are used; a split that is named must not come out empty."""
    near_duplicates: int | None = None
    """Bits up to which two crops look the same; None compares no pictures."""

    @property
    def expected(self) -> set[str]:
        """The splits that it should fill."""
        by_hash = "by-identity" in self.people.values() and not self.groups
        return set(SPLITS) if by_hash else set(self.groups)


def protocol_names() -> list[str]:
    """The protocols that come with the package."""
    folder = files("telltrace.data").joinpath("splits")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith("yaml"))


def read_protocol(protocol: str | Path) -> Protocol:
    """A protocol by its name, or from a YAML file.

    Args:
        protocol: A name out of `protocol_names`, or a path that ends in .yaml.

    Raises:
        OptionError: If there is none of this name, or a line of the file is wrong.

    Examples:
        >>> read_protocol("ffpp-pairs").groups["test"]
        [['672', '720']]
    """
    file = Path(protocol)
    if file.suffix in (".yaml", ".yml"):
        if not file.is_file():
            remedy = "Write the protocol, or choose one by name."
            raise OptionError("is not a file", remedy=remedy, path=file)
        return _parse(file.read_text(encoding="utf-8"), file.stem, file)
    if str(protocol) not in protocol_names():
        choices = f"Choose one of {', '.join(protocol_names())}, or give a YAML file."
        raise OptionError(f"Unknown protocol {str(protocol)!r}", remedy=choices)
    inside = files("telltrace.data").joinpath("splits", f"{protocol}.yaml")
    return _parse(inside.read_text("utf-8"), str(protocol), Path(str(inside)))


def _parse(text: str, name: str, file: Path) -> Protocol:
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError(f"is no readable YAML ({error})", path=file) from None
    known = {"about", "manifests", "people", "groups", "near_duplicates", *SPLITS}
    if not isinstance(said, dict) or not said.keys() <= known:
        odd = sorted(said.keys() - known) if isinstance(said, dict) else type(said).__name__
        what = f"expected {', '.join(sorted(known))}; got {odd}"
        raise OptionError(what, remedy="Correct the file.", path=file)
    people = said.get("people", "own")
    return Protocol(
        name=name,
        about=said.get("about", ""),
        manifests=tuple(file.parent / path for path in said.get("manifests", ())),
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
    named = [column for kind in filters.values() if isinstance(kind, dict) for column in kind]
    odd = [k for k in filters if k not in ("only", "without") or not isinstance(filters[k], dict)]
    odd += [column for column in named if column not in COLUMNS]
    if odd:
        raise OptionError(
            f"{split} names {odd[0]!r}; expected only or without, and in them columns of a "
            f"manifest ({', '.join(COLUMNS[1:8])})",
            remedy="Correct the file.",
            path=file,
        )
    return Part(
        **{
            kind: {
                column: tuple(str(v) for v in (values if isinstance(values, list) else [values]))
                for column, values in columns.items()
            }
            for kind, columns in filters.items()
        }
    )


def read_protocol_manifests(protocol: str | Path) -> pd.DataFrame:
    """The manifests that a protocol names, as one table with its splits.

    Raises:
        OptionError: If it names none, or refuses them.
    """
    found = read_protocol(protocol)
    if not found.manifests:
        remedy = "Add a line `manifests: [...]`."
        raise OptionError("names no manifests", remedy=remedy, path=found.name)
    tables = [read_manifest(path) for path in found.manifests]
    return assign_split(pd.concat(tables, ignore_index=True), protocol)


def assign_split(manifest: pd.DataFrame, protocol: str | Path) -> pd.DataFrame:
    """Fill the ``split`` column by a protocol.

    Args:
        manifest: Media or crops; it is not changed.
        protocol: A name out of `protocol_names`, such as "ffpp-pairs", "ffpp-official" or
            "by-identity", or a YAML file.

    Returns:
        A copy whose ``split`` is "train", "val" or "test", or "" for what the protocol leaves out.

    Raises:
        OptionError: If the protocol is unknown.
        ManifestError: If it knows nothing of this manifest, or if a person, a source video or a
            near-duplicate would stand on two sides.

    Examples:
        >>> table = pd.DataFrame({"path": ["183_253.mp4"], "label": [1], "identity": ["183+253"]})
        >>> assign_split(table, "ffpp-pairs").split.tolist()
        ['train']
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
        _refuse_empty(table, split, part, found)
    for split in sorted(found.expected - set(table.split)):
        text = "%s: the protocol %r leaves the split %s empty; there are too few people for it."
        logger.warning(text, source_of(manifest), found.name, split)
    check_splits(table)
    if found.near_duplicates is not None:
        check_near_duplicates(table, found.near_duplicates)
    return table


def _refuse_empty(table: pd.DataFrame, split: str, part: Part, protocol: Protocol) -> None:
    if (table.split == split).any():
        return
    columns = [*part.only, *part.without] or ["dataset"]
    there = "; ".join(f"{c}: {', '.join(sorted(set(table[c])))}" for c in columns)
    raise ManifestError(
        f"the protocol {protocol.name!r} finds no row for {split} (there is {there})",
        remedy="Give the manifests of all data sets and compressions that it is about.",
        path=source_of(table),
    )


def _sides(table: pd.DataFrame, protocol: Protocol) -> list[str]:
    """The side of every row; data sets of one rule are split together."""
    if protocol.groups:
        return by_groups(table, protocol.groups)
    sides = np.full(len(table), "", dtype=object)
    other = protocol.people.get("*", "")
    rules = np.array([protocol.people.get(name, other) for name in table.dataset], dtype=object)
    for rule in dict.fromkeys(rules):
        rows = np.flatnonzero(rules == rule)
        sides[rows] = _by_rule(table.iloc[rows], rule)
    return sides.tolist()


def _by_rule(rows: pd.DataFrame, rule: str) -> list[str]:
    """The side of every row that a rule speaks of; "" where none does."""
    if rule == "" or rule in SPLITS:
        return [rule] * len(rows)
    return RULES[rule](rows) if rule in RULES else by_groups(rows, read_protocol(rule).groups)
