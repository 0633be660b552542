import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from telltrace.batch.journal import Listing
from telltrace.inference.find import find_paths

NAMES = ("b.mp4", "a/z.mp4", "a/b/c.jpg", "a.mp4", ".hidden/d.mp4", "a/.e.mp4", "out/f.mp4")


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*sources: str, out: Path | str = "out") -> list[str]:
    return list(find_paths(sources, Path(out)))


def test_a_folder_stands_for_what_is_below_in_order(media: Path) -> None:
    assert found(".") == ["./a/b/c.jpg", "./a/z.mp4", "./a.mp4", "./b.mp4"]
    assert found(str(media / "a"), "b.mp4") == [f"{media}/a/b/c.jpg", f"{media}/a/z.mp4", "b.mp4"]


def test_links_are_named_and_not_entered(media: Path) -> None:
    (media / "a" / "loop").symlink_to(media)
    (media / "a" / "gone").symlink_to(media / "nowhere")
    (media / "a" / "self").symlink_to("self")
    os.mkfifo(media / "a" / "pipe")
    names = ["b/c.jpg", "gone", "loop", "pipe", "self", "z.mp4"]
    assert found("a") == [f"a/{name}" for name in names]
    assert found("a/self", "a/gone") == ["a/self", "a/gone"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.mp4", ["a.mp4", "b.mp4"]),
        ("?.mp4", ["a.mp4", "b.mp4"]),
        ("[!a].mp4", ["b.mp4"]),
        ("[ab]/z.*", ["a/z.mp4"]),
        ("**/*.mp4", ["a/z.mp4", "a.mp4", "b.mp4"]),
        ("a/**", ["a/b/c.jpg", "a/z.mp4"]),
        ("**/b", ["a/b/c.jpg"]),
        ("a*", ["a/b/c.jpg", "a/z.mp4", "a.mp4"]),
    ],
)
def test_a_pattern_stands_for_what_it_matches(
    media: Path, pattern: str, expected: list[str]
) -> None:
    assert found(pattern) == expected
    assert found(str(media / pattern)) == [str(media / path) for path in expected]


def test_a_file_with_stars_in_its_name_is_that_file(media: Path) -> None:
    (media / "[b].mp4").touch()
    assert found("[b].mp4") == ["[b].mp4"]


@pytest.mark.parametrize("many", [2, 20_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
def test_a_list_names_one_file_a_line_or_between_null_bytes(
    media: Path, end: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"folder/ü {number}.mp4" for number in range(many)]
    if end == "\0":
        names[0] = "two\nlines.mp4"
    text = end.join(names).encode()
    (media / "names.txt").write_bytes(text + end.encode())
    assert found("names.txt") == names
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert found("-", "a.mp4") == [*names, "a.mp4"]


def test_what_names_nothing_is_refused(media: Path) -> None:
    (media / "void").mkdir()
    (media / "empty.txt").touch()
    for source in ("void", "empty.txt", "*.avi", "nowhere/*.mp4"):
        with pytest.raises(ValueError, match="names no file"):
            found("a.mp4", source)
    with pytest.raises(ValueError, match="nowhere: no such file, folder or list"):
        found("nowhere")


def test_paths_come_as_they_are_asked_for(media: Path) -> None:
    paths = find_paths(["a.mp4", "nowhere"], media / "out")
    assert next(paths) == "a.mp4"


def giving(*paths: str) -> Callable[[], object]:
    return lambda: iter(paths)


def test_a_listing_keeps_positions_and_adds_what_is_new(tmp_path: Path) -> None:
    listing, odd = Listing(tmp_path / "paths.nul"), os.fsdecode(b"\xff\n")
    files, first = listing.update(giving("b", odd, "d"), "")  # type: ignore[arg-type]
    assert (files, list(listing)) == (3, ["b", odd, "d"])
    before = listing.file.stat().st_ino
    assert listing.update(giving("b", odd, "d"), first) == (3, first)  # type: ignore[arg-type]
    assert listing.file.stat().st_ino == before
    files, second = listing.update(giving("a", "b", "c", odd), first)  # type: ignore[arg-type]
    assert (files, list(listing)) == (5, ["b", odd, "d", "a", "c"])
    assert second != first
    assert found(str(listing.file)) == list(listing)
    assert [file.name for file in tmp_path.iterdir()] == ["paths.nul"]


def test_a_listing_that_fails_half_way_is_as_it_was(tmp_path: Path) -> None:
    listing = Listing(tmp_path / "paths.nul")
    with pytest.raises(ValueError, match="no such file"):
        listing.update(lambda: find_paths(["nowhere"], tmp_path), "")
    assert list(tmp_path.iterdir()) == []
