"""Who trains, who validates, who tests: a protocol is a YAML file, and refuses what would leak."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
import yaml

from ..errors import ManifestError, OptionError
from .manifest import COLUMNS, check_manifest, source_of
from .people import by_identity, by_lists, own
from .split_checks import check_near_duplicates, check_splits

logger: Final = logging.getLogger("telltrace")
FOLDER: Final = Path(__file__).parent / "splits"
SPLITS: Final = ("train", "val", "test")
RULES: Final = {"own": own, "by-identity": by_identity}
Part = Mapping[Literal["only", "without"], Mapping[str, list[str]]]
"""Column to the values that are kept, or left out."""


class Protocol(NamedTuple):
    """What a protocol file says."""

    name: str
    about: str
    people: Mapping[str, str]
    """Data set (or "*" for any other) to the rule that puts its people on a side: "own" (the
    manifest's splits), "by-identity", "train", "val", "test", or a protocol with ``groups``."""
    groups: Mapping[str, str]
    """Identity to its split, in place of ``people``."""
    parts: Mapping[str, Part]
    """Split to the rows of it that are used; a split that is named must not come out empty."""
    near_duplicates: int | None
    """Bits up to which two crops look the same; None compares no pictures."""


def protocol_names() -> list[str]:
    """The protocols that come with the package."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read_protocol(protocol: str | Path) -> Protocol:
    """A protocol by its name, out of `protocol_names`, or from a YAML file; else an OptionError."""
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
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise OptionError(f"is no readable YAML ({reason})", path=file) from None
    known = {"about", "manifests", "people", "groups", "near_duplicates", *SPLITS}
    if not isinstance(said, dict) or not said.keys() <= known:
        odd = sorted(said.keys() - known) if isinstance(said, dict) else type(said).__name__
        what = f"expected {', '.join(sorted(known))}; got {odd}"
        raise OptionError(what, remedy="Correct the file.", path=file)
    people, groups = said.get("people", "own"), said.get("groups", {})
    if isinstance(groups, str):
        groups = json.loads((file.parent / groups).read_text(encoding="utf-8"))
    lists = {split: groups.get(split, ()) for split in SPLITS}
    return Protocol(
        name=file.stem,
        about=said.get("about", ""),
        people=people if isinstance(people, dict) else {"*": people},
        groups={str(name): split for split in lists for one in lists[split] for name in one},
        parts={split: _part(said[split] or {}, split, file) for split in SPLITS if split in said},
        near_duplicates=said.get("near_duplicates"),
    )


def _part(said: Any, split: str, file: Path) -> Part:
    odd = [kind for kind in said if kind not in ("only", "without") or type(said[kind]) is not dict]
    odd = odd or [column for kind in said for column in said[kind] if column not in COLUMNS]
    if odd:
        known = f"only or without, and in them columns of a manifest ({', '.join(COLUMNS[1:8])})"
        reason = f"{split} names {odd[0]!r}; expected {known}"
        raise OptionError(reason, remedy="Correct the file.", path=file)
    return {kind: {column: _texts(v) for column, v in said[kind].items()} for kind in said}


def _texts(values: Any) -> list[str]:
    return [str(value) for value in (values if isinstance(values, list) else [values])]


def assign_split(manifest: pd.DataFrame, protocol: str | Path) -> pd.DataFrame:
    """Fill the ``split`` column of media or crops by a protocol; what it leaves out gets "".

    The protocol is a name out of `protocol_names`, such as "by-identity", or a YAML file. An
    unknown protocol is an OptionError; one that knows nothing of this manifest, or would put a
    person, a source video or a near-duplicate on two sides, a ManifestError.
    """
    found, table = read_protocol(protocol), check_manifest(manifest)
    table.attrs |= manifest.attrs
    table["split"] = _sides(table, found)
    if (table.split == "").all():
        who = table.identity.iloc[0]
        reason = f"the protocol {found.name!r} knows none of its identities, such as {who!r}"
        remedy = "Use `by-identity`, or a protocol of this data set."
        raise ManifestError(reason, remedy=remedy, path=source_of(manifest))
    for split, part in found.parts.items():
        only, without = part.get("only", {}), part.get("without", {})
        left_out = [~table[column].isin(values) for column, values in only.items()]
        left_out += [table[column].isin(values) for column, values in without.items()]
        for rows in left_out:
            table.loc[rows & (table.split == split), "split"] = ""
        if not (table.split == split).any():
            columns = [*only, *without] or ["dataset"]
            there = "; ".join(f"{c}: {', '.join(sorted(set(table[c])))}" for c in columns)
            reason = f"the protocol {found.name!r} finds no row for {split} (there is {there})"
            remedy = "Give the manifests of all data sets and compressions that it is about."
            raise ManifestError(reason, remedy=remedy, path=source_of(table))
    by_hash = "by-identity" in found.people.values() and not found.groups
    for split in sorted(set(SPLITS if by_hash else found.groups.values()) - set(table.split)):
        text = "%s: the protocol %r leaves the split %s empty; there are too few people for it."
        logger.warning(text, source_of(manifest), found.name, split)
    check_splits(table)
    if found.near_duplicates is not None:
        check_near_duplicates(table, found.near_duplicates)
    return table


def _sides(table: pd.DataFrame, protocol: Protocol) -> list[str]:
    """The side of every row; data sets of one rule are split together."""
    if protocol.groups:
        return by_lists(table, protocol.groups)
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
            sides[rows] = by_lists(table.iloc[rows], read_protocol(rule).groups)
    return sides.tolist()
