import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from telltrace.checkpoint import read_tensors
from telltrace.losses import CrossEntropy
from telltrace.training import state as room
from telltrace.training.config import by_content
from telltrace.training.loop import State
from telltrace.training.state import restore_state, save_state

RECIPE = {"data": {"workers": 0, "batch_size": 4}, "optim": {"lr": 0.1}}


def make(value: float = 0.0) -> State:
    fabric = Fabric(accelerator="cpu", devices=1)
    network = nn.Linear(64, 64)
    nn.init.constant_(network.weight, value)
    wrapped = fabric.setup_module(network)
    optimizer = fabric.setup_optimizers(torch.optim.AdamW(network.parameters()))
    return State(wrapped, CrossEntropy(), optimizer)


def value(path: Path) -> float:
    return float(read_tensors(path)[0]["network/weight"][0, 0])


def test_the_last_states_are_kept_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    for number in range(5):
        save_state(path, make(number), RECIPE, keep=3)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["last-1.safetensors", "last-2.safetensors", "last.safetensors"]
    assert [value(tmp_path / name) for name in names] == [3, 2, 4]
    save_state(path, make(9), RECIPE)
    assert value(path) == 9


def test_a_disk_too_full_is_reported_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    save_state(path, make(1), RECIPE, keep=2)
    before = path.read_bytes()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda where: usage._replace(free=1000))
    with pytest.raises(OSError, match=r"last\.safetensors: needs .* MiB, the disk has 0 MiB left"):
        save_state(path, make(2), RECIPE, keep=2)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_a_disk_that_fills_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    """The system refuses the file half-way, as a full disk or a quota does."""
    path = tmp_path / "last.safetensors"
    for number in (1, 2):
        save_state(path, make(number), RECIPE, keep=2)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before["last.safetensors"]) // 2, hard))
    try:
        with pytest.raises(OSError, match=r"could not be written|File too large"):
            save_state(path, make(3), RECIPE, keep=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_run_killed_before_the_last_move_has_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    save_state(path, make(1), RECIPE, keep=2)

    class KilledError(BaseException):
        pass

    def killed(path: Path, keep: int) -> None:
        move(path, keep)
        raise KilledError

    move = room._move_older
    monkeypatch.setattr(room, "_move_older", killed)
    with pytest.raises(KilledError):
        save_state(path, make(2), RECIPE, keep=2)
    monkeypatch.undo()
    assert value(path) == 1
    save_state(path, make(3), RECIPE, keep=2)
    assert value(path) == 3
    assert value(tmp_path / "last-1.safetensors") == 1


def test_the_number_of_workers_may_change_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_state(path, make(1), RECIPE)
    restored = make()
    restore_state(path, restored, {**RECIPE, "data": {"workers": 2, "batch_size": 4}})
    assert (restored.plain.weight == 1).all()
    with pytest.raises(ValueError, match=r"started with data\.batch_size = 4, now it is 8"):
        restore_state(path, make(), {**RECIPE, "data": {"workers": 0, "batch_size": 8}})
    with pytest.raises(ValueError, match=r"started with optim\.ema = 0\.0, now it is 0\.5"):
        restore_state(path, make(), {**RECIPE, "optim": {"lr": 0.1, "ema": 0.5}})


def test_a_setting_that_is_new_since_the_run_began_must_have_its_default(tmp_path: Path) -> None:
    path, source = tmp_path / "last.safetensors", {"name": "a", "datasets": ["b"], "pairs": 1}
    save_state(path, make(1), {"data": {"sources": [source]}})
    both = {**source, "fakes": "given", "validation_pairs": 128}
    now = {"data": {"sources": [both], "easy_epochs": 0}, "hardware": {"layout": "channels_last"}}
    restore_state(path, make(), now)
    with pytest.raises(ValueError, match=r"data\.easy_epochs = 0, now it is 2"):
        restore_state(path, make(), {"data": {"sources": [both], "easy_epochs": 2}})
    with pytest.raises(ValueError, match=r"with data\.sources = "):
        restore_state(path, make(), {"data": {"sources": [{**both, "validation_pairs": 0}]}})


def test_starting_weights_are_known_by_their_content(tmp_path: Path) -> None:
    def recipe(name: str) -> dict[str, Any]:
        return by_content({"options": {"weights": str(tmp_path / name)}})

    path = tmp_path / "last.safetensors"
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    save_state(path, make(1), recipe("a"))
    (tmp_path / "a").unlink()
    restore_state(path, make(), recipe("b"))
    with pytest.raises(ValueError, match=r"started with options\.weights = '6b86b"):
        restore_state(path, make(), recipe("c"))
    save_state(path, make(1), {"options": {"weights": str(tmp_path / "b")}})  # as version 0.1 did
    restore_state(path, make(), recipe("b"))
