import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from telltrace.losses import CrossEntropy
from telltrace.training.config import OptimConfig
from telltrace.training.loop import Batch, State, fit, learning_rate
from telltrace.training.state import restore_state, save_state

STEPS = 3
RECIPE = {"detector": "toy", "optim": {"lr": 0.01}}


def batches(epoch: int, start: int) -> Iterator[Batch]:
    for step in range(start, STEPS):
        rng = torch.Generator().manual_seed(epoch * STEPS + step)
        yield (
            torch.randint(0, 256, (8, 4, 4, 3), generator=rng, dtype=torch.uint8),
            torch.randint(0, 2, (8,), generator=rng),
        )


def to_input(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2) / 255


def start(ema: float = 0.0) -> tuple[State, Fabric]:
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 2)
    )
    average = copy.deepcopy(network).requires_grad_(False) if ema else None
    wrapped, optimizer = fabric.setup(network, torch.optim.AdamW(network.parameters(), lr=1e-2))
    return State(wrapped, CrossEntropy(), optimizer, average), fabric


def run(state: State, fabric: Fabric, optim: OptimConfig, **hooks: object) -> State:
    fit(
        state,
        batches,
        fabric,
        optim=optim,
        steps=STEPS,
        to_input=to_input,
        **hooks,  # type: ignore[arg-type]
    )
    return state


def tensors(state: State) -> dict[str, Tensor]:
    return dict(state.evaluated.state_dict())


class EnoughError(Exception):
    pass


@pytest.mark.parametrize("how", [{}, {"ema": 0.9}, {"cosine_steps": 2, "patience": 0}])
@pytest.mark.parametrize("stop_at", [(0, 1), (0, 2), (1, 0), (1, 2), (2, 1)])
def test_a_run_resumed_from_any_step_ends_with_the_same_weights(
    tmp_path: Path, stop_at: tuple[int, int], how: dict[str, Any]
) -> None:
    optim = OptimConfig(epochs=3, lr=1e-2, schedule="cosine", **how)
    ema = optim.ema

    def judge(state: State, loss: float) -> None:
        state.history.append({"val_log_loss": 0.5 + state.epoch / 10})  # worse and worse

    whole = run(*start(ema), optim, after_epoch=judge)

    def stop(state: State, loss: float) -> None:
        if (state.epoch, state.step) == stop_at:
            save_state(tmp_path / "last.safetensors", state, RECIPE)
            raise EnoughError

    def judge_and_stop(state: State, loss: float) -> None:
        judge(state, loss)
        stop(state, loss)

    first, fabric = start(ema)
    with pytest.raises(EnoughError):
        run(first, fabric, optim, after_step=stop, after_epoch=judge_and_stop)
    torch.rand(17)  # whatever else happened in between
    second, fabric = start(ema)
    restore_state(tmp_path / "last.safetensors", second, RECIPE)
    assert (second.epoch, second.step) == stop_at
    run(second, fabric, optim, after_epoch=judge)
    expected = tensors(whole)
    for name, tensor in tensors(second).items():
        assert torch.equal(tensor, expected[name]), name


def test_the_mean_loss_of_an_epoch_survives_a_stop_within_it(tmp_path: Path) -> None:
    means: list[float] = []
    optim = OptimConfig(epochs=1, lr=1e-2)
    run(*start(), optim, after_epoch=lambda state, loss: means.append(loss))

    def stop(state: State, loss: float) -> None:
        if state.step == 2:
            save_state(tmp_path / "last.safetensors", state, RECIPE)
            raise EnoughError

    first, fabric = start()
    with pytest.raises(EnoughError):
        run(first, fabric, optim, after_step=stop)
    second, fabric = start()
    restore_state(tmp_path / "last.safetensors", second, RECIPE)
    run(second, fabric, optim, after_epoch=lambda state, loss: means.append(loss))
    assert means[0] == means[1]


def test_refuses_to_resume_under_other_settings(tmp_path: Path) -> None:
    state, _ = start()
    path = tmp_path / "last.safetensors"
    save_state(path, state, RECIPE)
    with pytest.raises(
        ValueError, match=r"last\.safetensors: .* optim\.lr = 0\.01, now it is 0\.02"
    ):
        restore_state(path, state, {**RECIPE, "optim": {"lr": 0.02}})


def test_a_truncated_state_is_named(tmp_path: Path) -> None:
    state, _ = start()
    path = tmp_path / "last.safetensors"
    save_state(path, state, RECIPE)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"last\.safetensors: not a complete safetensors file"):
        restore_state(path, state, RECIPE)


def test_stops_at_the_step_where_the_loss_explodes() -> None:
    state, fabric = start()
    with torch.no_grad():
        for parameter in state.network.parameters():
            parameter.fill_(math.inf)
    with pytest.raises(FloatingPointError, match=r"epoch 0, step 0: \{'loss': nan\}\. Lower"):
        run(state, fabric, OptimConfig(epochs=1))


@pytest.mark.parametrize("accumulate", [2, 3, 8])
def test_a_batch_in_pieces_gives_the_gradients_of_the_whole(accumulate: int) -> None:
    def train(pieces: int) -> tuple[list[float], dict[str, Tensor]]:
        torch.manual_seed(0)
        fabric = Fabric(accelerator="cpu", devices=1)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).double()
        wrapped, optimizer = fabric.setup(network, torch.optim.SGD(network.parameters(), lr=0.1))
        state, losses = State(wrapped, CrossEntropy(), optimizer), []
        optim = OptimConfig(epochs=2, lr=0.1, accumulate=pieces)
        fit(
            *(state, batches, fabric),
            optim=optim,
            steps=STEPS,
            to_input=lambda images: to_input(images).double(),
            after_step=lambda state, loss: losses.append(loss),
        )
        return losses, tensors(state)

    (whole, expected), (pieces, found) = train(1), train(accumulate)
    assert pieces == pytest.approx(whole, rel=1e-12)
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-9, atol=1e-12)


def test_the_average_follows_the_network() -> None:
    state, fabric = start(ema=0.5)
    before = {k: v.clone() for k, v in tensors(state).items()}
    run(state, fabric, OptimConfig(epochs=1, lr=1e-2, ema=0.5))
    name = "4.weight"
    trained = state.network.state_dict()[name]
    assert not torch.equal(tensors(state)[name], before[name])
    assert not torch.equal(tensors(state)[name], trained)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("halve", [1, 1, 0.5, 0.5]),
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, 0.85355, 0.5, 0.14645]),
    ],
)
def test_learning_rate_by_hand(schedule: str, expected: list[float]) -> None:
    optim = OptimConfig(epochs=2, lr=1.0, schedule=schedule)  # type: ignore[arg-type]
    rates = [learning_rate(optim, epoch, step, 2) for epoch in range(2) for step in range(2)]
    assert rates == pytest.approx(expected, abs=1e-5)


def test_a_cosine_of_some_steps_is_torch_s_and_starts_anew_with_each_epoch() -> None:
    optim = OptimConfig(lr=0.1, schedule="cosine", cosine_steps=4)
    torchs = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    rule = torch.optim.lr_scheduler.CosineAnnealingLR(torchs, T_max=4)
    for step in range(10):
        rate = torchs.param_groups[0]["lr"]
        for epoch in (0, 1):
            assert learning_rate(optim, epoch, step, 10) == pytest.approx(rate, abs=1e-12)
        torchs.step()
        rule.step()
    with pytest.raises(ValueError, match="cosine_steps must be at least 1, got 0"):
        OptimConfig(cosine_steps=0)


@pytest.mark.parametrize(("patience", "expected"), [(0, 0.125), (1, 0.5), (3, 1), (None, 1)])
def test_the_rate_is_halved_where_the_loss_does_not_fall(
    patience: int | None, expected: float
) -> None:
    optim = OptimConfig(lr=1.0, schedule="constant", patience=patience)
    rates = [
        learning_rate(optim, epoch, 0, 10, [0.7, 0.6, 0.65, 0.61, 0.6][:epoch])
        for epoch in range(6)
    ]
    assert rates[:3] == [1, 1, 1]
    assert rates[-1] == expected


def test_warm_up_rises_to_the_full_rate() -> None:
    optim = OptimConfig(lr=1.0, schedule="constant", warmup_steps=4)
    assert [learning_rate(optim, 0, step, 10) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]


def test_weights_and_statistics_are_averaged_alike() -> None:
    state, fabric = start(ema=0.5)
    before = {k: v.clone() for k, v in tensors(state).items()}

    def stop(state: State, loss: float) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        run(state, fabric, OptimConfig(epochs=1, lr=1e-2, ema=0.5), after_step=stop)
    latest = state.network.state_dict()
    assert not torch.equal(latest["1.running_mean"], before["1.running_mean"])
    for name, tensor in tensors(state).items():
        expected = latest[name]
        if tensor.is_floating_point():  # the first average keeps a tenth of what it was
            expected = 0.1 * before[name] + 0.9 * latest[name]
        torch.testing.assert_close(tensor, expected, msg=name)
