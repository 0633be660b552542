"""All of a detector that is computed per crop as one network: from pixels to logits."""

from typing import Any

import torch
from torch import Tensor, nn

from telltrace.backends import to_onnx
from telltrace.data.transforms import Preprocessing
from telltrace.models.inference_form import inference_form


class ScoringGraph(nn.Module):
    """A network behind its normalisation: the one form that PyTorch, ONNX and OpenVINO compute.

    Shape:
        - Input: crops (N, S, S, 3), uint8 RGB
        - Output: logits (N, 2) and, where the network has a map of pasted places, (N, h, w): the
          probability of each
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network, self.preprocessing = network, preprocessing

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        images = self.preprocessing.tensor(crops)
        if not has_map(self.network):
            return (self.network(images),)
        network: Any = self.network
        logits, places = network.localize(images)
        return logits, torch.sigmoid(places[:, 0])


def inference_graph(network: nn.Module, preprocessing: Preprocessing) -> ScoringGraph:
    """The graph of a network that only answers, faster; see `inference_form`."""
    return ScoringGraph(inference_form(network, preprocessing.image_size), preprocessing).eval()


def onnx_graph(graph: ScoringGraph) -> bytes:
    """The graph as a serialised ONNX model: "crops" to "logits" and, if it has one, "map"."""
    size = graph.preprocessing.image_size
    crops = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    outputs = ["logits", "map"] if has_map(graph.network) else ["logits"]
    dynamic = {name: {0: "crops"} for name in ("crops", *outputs)}
    return to_onnx(graph, [crops], ["crops"], outputs, dynamic)


def has_map(network: nn.Module) -> bool:
    """Whether a network says where a face was pasted."""
    return hasattr(network, "localize")
