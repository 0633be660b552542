"""Who trains, who validates, who tests: splits in which no person stands on two sides."""

import json
from collections import defaultdict
from collections.abc import Callable, Hashable
from importlib.resources import files
from typing import Final

import pandas as pd

from .groups import group_rows, hash_of
from .manifest import VIDEO_KEY, check_manifest, identities, source_of

Pairs = dict[str, list[tuple[str, ...]]]

FFPP_PAIRS: Final[Pairs] = {
    "train": [("183", "253"), ("469", "481"), ("585", "599")],
    "val": [("866", "878")],
    "test": [("672", "720")],
}
"""Five pairs of FaceForensics++ that swap faces with one another: enough to try a pipeline on."""
SHARES: Final = {"test": 0.15, "val": 0.15}


def assign_split(manifest: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Fill the ``split`` column by a named protocol.

    ``ffpp-pairs`` and ``ffpp-official`` are fixed lists of FaceForensics++ identities;
    ``by-identity`` splits any other data 70/15/15.

    Args:
        manifest: Media or crops; it is not changed.
        protocol: A name out of ``PROTOCOLS``.

    Returns:
        A copy whose ``split`` is "train", "val" or "test", or "" for what the protocol leaves out.

    Raises:
        ValueError: If the protocol is unknown, if it knows nothing of this manifest, or if the
            people of one video lie in two splits.

    Examples:
        >>> table = pd.DataFrame({"path": ["183_253.mp4"], "label": [1], "identity": ["183+253"]})
        >>> assign_split(table, "ffpp-pairs").split.tolist()
        ['train']
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    table = check_manifest(manifest)
    table["split"] = PROTOCOLS[protocol](table)
    if (table.split == "").all():
        raise ValueError(
            f"{source_of(manifest)}: the protocol {protocol!r} knows none of its identities, such "
            f"as {table.identity.iloc[0]!r}. Use `by-identity`, or a protocol of this data set."
        )
    check_splits(table)
    return table


def check_splits(manifest: pd.DataFrame) -> None:
    """Refuse a manifest in which one person or one video stands in two splits.

    Raises:
        ValueError: Naming the person or the video and the two rows that clash.
    """
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    columns = ["path", "dataset", "identity", "split"]
    table = manifest.loc[manifest.split != "", columns].drop_duplicates(columns[1:])
    for path, dataset, identity, split in table.itertuples(index=False):
        for name in identities(identity):
            other_split, other = seen.setdefault((dataset, name), (split, path))
            if other_split != split:
                raise ValueError(
                    f"Identity {name!r} is in {other_split} ({other}) and in {split} ({path}). "
                    "Put both into one split, or leave one out: a face must not be both "
                    "learnt from and judged."
                )
    splits = manifest.groupby(VIDEO_KEY).split.nunique()
    if (splits > 1).any():
        video = "/".join(map(str, splits.index[splits > 1][0]))
        raise ValueError(f"Video {video} is in two splits. Give all of its rows one split.")


def _by_pairs(pairs: Pairs) -> Callable[[pd.DataFrame], list[str]]:
    """Splits of FaceForensics++ from lists of identities that belong together."""
    split_of = {name: split for split, groups in pairs.items() for pair in groups for name in pair}

    def split(table: pd.DataFrame) -> list[str]:
        return [
            _split_of_video(path, identities(identity), split_of)
            for path, identity in zip(table.path, table.identity, strict=True)
        ]

    return split


def _split_of_video(path: str, people: list[str], split_of: dict[str, str]) -> str:
    """The one split of these people; "" if one of them is not in the protocol."""
    places = {name: split_of.get(name, "") for name in people}
    if "" in places.values():
        return ""
    if len(set(places.values())) > 1:
        where = " and ".join(f"{name} in {split}" for name, split in places.items())
        raise ValueError(
            f"{path}: its identities lie in two splits ({where}). Leave this video out, or use a "
            "protocol that keeps them together."
        )
    return next(iter(places.values()), "")


def _official(table: pd.DataFrame) -> list[str]:
    """The 720/140/140 split that the authors of FaceForensics++ published."""
    text = files("telltrace.data").joinpath("splits", "ffpp_official.json").read_text("utf-8")
    listed = json.loads(text)
    pairs = {split: [tuple(pair) for pair in listed[split]] for split in ("train", "val", "test")}
    return _by_pairs(pairs)(table)


def _by_identity(table: pd.DataFrame) -> list[str]:
    """70/15/15 of the groups of people who ever share a medium, ordered by a hash of their names.

    Groups with reals only, with fakes only and with both are split apart from one another, so
    that every split gets its share of each. The split depends on the names alone, never on the
    order of the rows; adding a person may move others, so keep the manifest that you trained on.
    """
    group_of_row = group_rows(table)
    labels: dict[Hashable, set[int]] = defaultdict(set)
    for group, label in zip(group_of_row, table.label, strict=True):
        labels[group].add(int(label))
    split_of: dict[Hashable, str] = {}
    for kind in ({0}, {1}, {0, 1}):
        groups = [group for group, found in labels.items() if found == kind]
        split_of |= _deal(sorted(groups, key=hash_of))
    return [split_of[group] for group in group_of_row]


def _deal(groups: list[Hashable]) -> dict[Hashable, str]:
    """Test first, then validation, and the rest to training; at least one each if there are 3."""
    counts = {split: round(share * len(groups)) for split, share in SHARES.items()}
    if len(groups) >= 3:
        counts = {split: max(1, count) for split, count in counts.items()}
    order = [split for split, count in counts.items() for _ in range(count)]
    return dict(zip(groups, order + ["train"] * (len(groups) - len(order)), strict=True))


PROTOCOLS: Final[dict[str, Callable[[pd.DataFrame], list[str]]]] = {
    "ffpp-pairs": _by_pairs(FFPP_PAIRS),
    "ffpp-official": _official,
    "by-identity": _by_identity,
}
