"""Files are written whole or not at all, and hashed as other tools hash them."""

import hashlib
import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from telltrace.errors import OutputError
from telltrace.files import (
    atomic_write,
    check_disk_space,
    check_folder,
    check_output,
    check_table,
    file_sha256,
    json_sha256,
    write_bytes,
    write_json,
    write_table,
)


def test_each_writer_makes_the_folder_and_leaves_one_file(tmp_path: Path) -> None:
    for number, write in enumerate(
        (
            lambda path: write_bytes(b"a\n", path),
            lambda path: write_json({"a": 1}, path),
            lambda path: write_table(pd.DataFrame({"a": [0.1 + 0.2]}), path),
        )
    ):
        folder = tmp_path / str(number) / "deep"
        write(folder / "file")
        assert [path.name for path in folder.iterdir()] == ["file"]
    assert (tmp_path / "2/deep/file").read_bytes() == b"a\n0.30000000000000004\n"


def test_a_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "ours") as partial:
        partial.touch()
        partial.chmod(0o600)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def fail_within(path: Path, error: Exception) -> None:
    with atomic_write(path) as partial:
        partial.write_bytes(b"new")
        raise error


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    for error, told in (
        (KeyError("x"), (KeyError, "x")),
        (OSError(28, "No space"), (OutputError, r"file: cannot be written \(No space\)")),
    ):
        with pytest.raises(told[0], match=told[1]):
            fail_within(path, error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_impossible_place_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "below.txt", tmp_path / "file" / "a" / "b.txt"):
        with pytest.raises(OutputError, match=r"\.txt: cannot be written \(.*another place"):
            write_bytes(b"", path)


def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path, said in (
        (tmp_path / "pipe", "pipe: is a pipe or a device. Give the name of a file"),
        (tmp_path / "folder", "folder: is a folder. Give"),
    ):
        for write in (check_output, lambda path: write_bytes(b"", path)):
            with pytest.raises(OutputError, match=said):
                write(path)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(OutputError, match="is a pipe or a device"):
        check_output(Path(os.devnull))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link, target = tmp_path / "link.csv", tmp_path / "elsewhere" / "target.csv"
    link.symlink_to(target)
    for content in (b"first", b"second"):
        check_output(link, ".csv")
        write_bytes(content, link)
        assert link.is_symlink()
        assert target.read_bytes() == content


def test_a_place_that_takes_no_files_is_told_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    check_output(tmp_path / "new" / "deep" / "a.png", ".png")
    check_folder(tmp_path / "new")
    for check in (check_output, check_folder):
        with pytest.raises(OutputError, match=r"below: cannot be written \(.*/file is no folder\)"):
            check(tmp_path / "file" / "below")
    with pytest.raises(OutputError, match=r"Give a name that ends in \.csv or \.parquet"):
        check_table(tmp_path / "a.txt")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match=r"\(you may not write to .*\)\. Choose another place\."):
        check_output(tmp_path / "a.png")


def test_another_file_that_the_block_cannot_read_is_not_blamed_on_the_output(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError, match="missing"), atomic_write(tmp_path / "out"):
        (tmp_path / "missing").read_bytes()


def test_a_full_disk_is_told_before_writing(tmp_path: Path) -> None:
    check_disk_space(tmp_path / "file", 1)
    with pytest.raises(OutputError, match=r"needs \d+ MiB, the disk has \d+ MiB left"):
        check_disk_space(tmp_path / "file", 2**70)


def test_hashes(tmp_path: Path) -> None:
    content = os.urandom(2**20 + 1)
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    assert json_sha256({"a": 1, "b": [2]}) == json_sha256({"b": (2,), "a": 1})
