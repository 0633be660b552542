"""State dicts of the published Y-shaped autoencoder, to and from ours."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..models.multi_task import LATENT, MultiTask
from ..models.xception_weights import take

_PARTS = {
    "encoder": "encoder.encoder",
    "shared": "decoder.shared",
    "segmenter": "decoder.segmenter",
    "reconstructor": "decoder.decoder",
}
_LAYERS = {"conv": 0, "norm": 1, "0": 0, "1": 1}


def load_multi_task(state: Mapping[str, Tensor]) -> MultiTask:
    """Build the detector that a published state dict describes, and fill it.

    The biases that a batch normalisation removes again move into its running mean; the answers
    stay the same. The shares of the latent keep their order: whoever wants class 1 to be fake
    must know what the weights were taught, see :func:`exchange_classes`.

    Args:
        state: The encoder's and the decoder's state dicts in one, their names behind
            ``encoder.`` and ``decoder.``.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    what = "a published Y-shaped autoencoder, encoder and decoder in one"
    last = state.get("encoder.encoder.24.weight")
    if last is None or len(last) % LATENT:
        raise ValueError(
            f"This state dict is not {what}: expected encoder.encoder.24.weight, got "
            f"{', '.join(sorted(state)[:3]) or 'nothing'}."
        )
    detector = MultiTask(num_classes=len(last) // LATENT).to(last.dtype)
    given = dict(state)
    for mean in [name for name in given if name.endswith("running_mean")]:
        part, number, _ = mean.rsplit(".", 2)
        bias = given.pop(f"{part}.{int(number) - 1}.bias", None)
        if bias is not None:
            given[mean] = given[mean] - bias
    detector.load_state_dict(take(detector, given, _published_name, what=what))
    return detector


def export_multi_task(detector: MultiTask) -> dict[str, Tensor]:
    """The published state dict of a detector; biases that ours does without are zeros."""
    state: dict[str, Tensor] = {}
    for ours, tensor in detector.state_dict().items():
        theirs = _published_name(ours)
        state[theirs] = tensor
        part, number, kind = theirs.rsplit(".", 2)
        if kind == "running_mean":
            state[f"{part}.{int(number) - 1}.bias"] = torch.zeros_like(tensor)
    return state


@torch.no_grad()
def exchange_classes(detector: MultiTask) -> MultiTask:
    """Let a two-class detector's first share of the latent stand for its second, and back.

    Segmentation and reconstruction stay what they were; the two logits change places.

    Args:
        detector: Network to change, in place.
    """
    for name, tensor in detector.state_dict().items():
        # a transposed convolution's first dimension is that of its inputs
        touches = name.startswith("encoder.8.") or name == "shared.0.0.weight"
        if touches and tensor.ndim:
            tensor.copy_(tensor.roll(LATENT, 0))
    return detector


def _published_name(name: str) -> str:
    """Theirs counts convolution, normalisation and activation of all layers in one row."""
    part, number, *rest = name.split(".")
    layer = rest[0] if len(rest) > 1 else "conv"
    return f"{_PARTS[part]}.{3 * int(number) + _LAYERS[layer]}.{rest[-1]}"
