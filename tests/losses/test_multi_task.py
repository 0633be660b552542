import pytest
import torch

from telltrace.losses.multi_task import (
    UNKNOWN,
    activation_loss,
    multi_task_loss,
    segmentation_loss,
)


def test_activation_loss_equals_the_paper_s_sum() -> None:
    activation = torch.tensor([[0.9, 0.2], [0.3, 1.5]], dtype=torch.float64)
    labels = torch.tensor([0, 1])
    by_hand = (abs(0.9 - 1) + abs(0.2 - 0) + abs(0.3 - 0) + abs(1.5 - 1)) / 2
    assert activation_loss(activation, labels).item() == pytest.approx(by_hand)


def test_segmentation_loss_is_the_mean_over_known_pixels() -> None:
    logits = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    masks = torch.randint(0, 2, (2, 3, 3))
    masks[0, 1, 1] = masks[1, 0, 2] = UNKNOWN
    known = masks != UNKNOWN
    chosen = logits.softmax(1).permute(0, 2, 3, 1)[known, masks[known]]
    expected = -chosen.log().mean()
    torch.testing.assert_close(segmentation_loss(logits, masks), expected)


def test_a_batch_without_known_pixels_pulls_at_nothing() -> None:
    logits = torch.randn(2, 2, 4, 4, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((2, 4, 4), UNKNOWN))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_without_masks_only_real_faces_are_segmented() -> None:
    torch.manual_seed(1)
    logits, image = torch.rand(3, 2), torch.rand(3, 3, 4, 4)
    segmentation, again = torch.randn(3, 2, 4, 4), torch.rand(3, 3, 4, 4)
    labels = torch.tensor([0, 1, 0])
    losses = multi_task_loss(logits, segmentation, again, image, labels)
    real = -segmentation[labels == 0].log_softmax(1)[:, 0].mean()
    torch.testing.assert_close(losses["segmentation"], real)
    torch.testing.assert_close(losses["reconstruction"], (again - image).square().mean())
    total = losses["activation"] + losses["segmentation"] + losses["reconstruction"]
    torch.testing.assert_close(losses["loss"], total)


def test_gradients_equal_finite_differences() -> None:
    torch.manual_seed(2)
    logits = (0.1 + 0.8 * torch.rand(2, 2, dtype=torch.float64)).requires_grad_()
    segmentation = torch.randn(2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    again = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    image, labels = torch.randn(2, 3, 2, 2, dtype=torch.float64), torch.tensor([0, 1])
    masks = torch.tensor([[[0, 0], [0, 0]], [[1, 0], [UNKNOWN, 1]]])
    assert torch.autograd.gradcheck(
        lambda *answers: multi_task_loss(*answers, image, labels, masks)["loss"],
        (logits, segmentation, again),
    )
