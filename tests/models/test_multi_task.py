from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.losses.multi_task import multi_task_loss
from telltrace.models.complexity import complexity
from telltrace.models.multi_task import MultiTask
from telltrace.published import LAYOUTS, export_published, load_published


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_equals_the_published_network(golden: Callable[[str], Any]) -> None:
    published = golden("multi_task")
    numbers = published.numbers
    detector = load_published("multi_task", published.state).eval()
    with torch.inference_mode():
        latent = detector.encoder(published.images)
        segmentation, reconstruction = detector.decode(latent)
        logits = detector(published.images)
    close = {"rtol": 1e-8, "atol": 0}
    torch.testing.assert_close(latent.mean(), double(numbers["latent"]["mean"]), **close)
    first = double(numbers["latent"]["first"])
    torch.testing.assert_close(latent.flatten()[:8], first, rtol=1e-8, atol=1e-12)
    activation = double([numbers["activation_mean_abs"][key] for key in ("real", "fake")])
    torch.testing.assert_close(logits, activation.T, **close)
    pixels = segmentation.softmax(1)
    expected = numbers["segmentation"]
    torch.testing.assert_close(pixels.mean((0, 2, 3)), double(expected["mean"]), **close)
    torch.testing.assert_close(pixels.flatten()[:8], double(expected["first"]), **close)
    assert list(pixels.shape) == expected["shape"]
    expected = numbers["reconstruction"]
    torch.testing.assert_close(reconstruction.mean(), double(expected["mean"]), **close)
    torch.testing.assert_close(reconstruction.flatten()[:8], double(expected["first"]), **close)
    assert list(reconstruction.shape) == expected["shape"]


def test_export_and_load_are_inverse() -> None:
    detector = MultiTask()
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
    twin = load_published("multi_task", export_published(detector))
    for name, tensor in detector.state_dict().items():
        assert torch.equal(twin.state_dict()[name], tensor), name


def test_costs_what_its_layers_cost() -> None:
    """Guo et al., Table V has 305 K parameters and 146 M multiply-accumulates.

    The published layers give 304,949 parameters, 656 of them biases that ours does without. The
    encoder, which alone decides, costs 127.4 M in convolutions; the paper's counter adds two
    for each normalised value and one for each ReLU, 131.2 M, and one for each bias, 132.4 M.
    """
    cost = complexity(MultiTask(), 256)
    assert cost.parameters == 304_949 - 656 == pytest.approx(305e3, rel=0.01)
    sides = (256, 128, 128, 64, 64, 32, 32, 16, 16)
    widths = (3, 8, 8, 16, 16, 32, 32, 64, 64, 128)
    taps = sum(
        9 * before * after * side**2
        for before, after, side in zip(widths, widths[1:], sides, strict=False)
    )
    values = sum(after * side**2 for after, side in zip(widths[1:], sides, strict=True))
    assert cost.executed_macs == taps == 127_401_984
    assert cost.paper_macs == taps + 3 * values == 131_186_688


def test_only_the_share_of_the_class_in_question_is_decoded() -> None:
    detector = MultiTask().eval()
    for module in detector.modules():  # as drawn, the latent is too faint to be told from zeros
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    image = torch.rand(4, 3, 32, 32)
    with torch.inference_mode():
        latent = detector.encoder(image)
        as_real, as_fake = latent.clone(), latent.clone()
        as_real[:, 64:], as_fake[:, :64] = 0, 0
        labels = torch.tensor([0, 1, 1, 0])
        told = detector.verdicts(image, labels)
        own = detector.verdicts(image)
        real, fake = detector.decode(as_real), detector.decode(as_fake)
    assert (real[0] - fake[0]).abs().max() > 1e-3
    for i, label in enumerate(labels):
        torch.testing.assert_close(told.segmentation[i], (real, fake)[label][0][i])
        torch.testing.assert_close(told.reconstruction[i], (real, fake)[label][1][i])
    for i, label in enumerate(own.logits.argmax(1)):
        torch.testing.assert_close(own.segmentation[i], (real, fake)[label][0][i])


def test_files_exchange_the_classes_and_nothing_else(tmp_path: Path) -> None:
    torch.manual_seed(3)
    detector = MultiTask().eval()
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.01)
            nn.init.normal_(module.bias, std=0.1)
    state, paths = export_published(detector), []
    for part in ("encoder", "decoder"):
        mine = {k.removeprefix(f"{part}."): t for k, t in state.items() if k.startswith(part)}
        paths.append(tmp_path / f"{part}.pt")
        torch.save(mine, paths[-1])
    layout, image = LAYOUTS["multi-task"], torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        before = detector.verdicts(image)
        after = layout.load(layout.read(paths))[2].eval().verdicts(image)
    assert (before.logits[:, 0] - before.logits[:, 1]).abs().min() > 1e-4
    torch.testing.assert_close(after.logits, before.logits.flip(1))
    torch.testing.assert_close(after.segmentation, before.segmentation)
    torch.testing.assert_close(after.reconstruction, before.reconstruction)


def test_three_losses_teach_three_tasks() -> None:
    """Bright squares are the forgery; forty steps find them in pictures never seen."""
    rng = torch.Generator().manual_seed(0)

    def draw() -> tuple[Tensor, Tensor, Tensor]:
        labels = torch.arange(8) % 2
        masks = torch.zeros(8, 32, 32, dtype=torch.long)
        masks[labels == 1, 8:24, 8:24] = 1
        noise = 0.2 * torch.randn(8, 3, 32, 32, generator=rng)
        return noise + 0.7 * masks[:, None], labels, masks

    detector = MultiTask().train()
    optimizer = torch.optim.Adam(detector.parameters(), lr=3e-3)
    for step in range(40):
        image, labels, masks = draw()
        losses = multi_task_loss(*detector.verdicts(image, labels), image, labels, masks)
        if step == 0:
            before = losses
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    for name, first in before.items():
        assert losses[name] < first
    image, labels, masks = draw()
    answer = detector(image)
    assert torch.equal(answer.argmax(1), labels)
    pixels = detector.verdicts(image).segmentation.argmax(1)
    assert (pixels == masks).float().mean() > 0.9


def test_other_weights_and_sizes_are_refused() -> None:
    state = export_published(MultiTask())
    encoder = {k.removeprefix("encoder."): t for k, t in state.items() if k.startswith("encoder")}
    with pytest.raises(ValueError, match=r"encoder and decoder in one: it has no encoder\.encoder"):
        load_published("multi_task", encoder)
    state["decoder.shared.9.weight"] = torch.ones(2)
    with pytest.raises(ValueError, match=r"of another shape, such as decoder\.shared\.9"):
        load_published("multi_task", state)
    with pytest.raises(ValueError, match="multiples of 16 pixels, got 40 x 32"):
        MultiTask().verdicts(torch.rand(1, 3, 40, 32))


def test_more_classes_share_the_latent() -> None:
    detector = MultiTask(num_classes=3).eval()
    verdicts = detector.verdicts(torch.rand(2, 3, 32, 32))
    assert verdicts.logits.shape == (2, 3)
    assert verdicts.segmentation.shape == (2, 2, 32, 32)
