"""A network as an ONNX graph, which needs no PyTorch to be computed."""

import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import DependencyError

if TYPE_CHECKING:
    from torch import Tensor, nn


def to_onnx(
    network: "nn.Module",
    example: "Sequence[Tensor]",
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]],
) -> bytes:
    """The graph of a network in evaluation mode, as a serialised ONNX model.

    Args:
        network: Takes the tensors of ``example`` and gives as many tensors as ``outputs`` names.
        example: One input each, of the sizes that stay fixed.
        inputs: Their names.
        outputs: Names of what comes out.
        dynamic: Of an input or output by name: axes whose size may change, with a name each.
    """
    if find_spec("onnx") is None:
        remedy = "Run: pip install 'telltrace[onnx]'."
        raise DependencyError("An ONNX graph cannot be made without onnx", remedy=remedy)
    import torch

    content = io.BytesIO()
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # sizes that the tracer takes for constants, which are
            torch.onnx.export(
                network,
                tuple(example),
                content,  # type: ignore[arg-type]
                dynamo=False,
                input_names=[*inputs],
                output_names=[*outputs],
                dynamic_axes={name: dict(axes) for name, axes in dynamic.items()},
                opset_version=17,
            )
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
    return content.getvalue()
