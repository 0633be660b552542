"""The three networks of MTCNN in torch, with the weights that the ``mtcnn`` package carries."""

import hashlib
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

import joblib
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backends import to_onnx
from ..errors import DependencyError

SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}
"""Of the weight files of mtcnn 1.0.0. They are pickles: nothing else is ever loaded."""

_INSTALL = "Run: pip install mtcnn"


class ProposalNet(nn.Module):
    """P-Net: looks at every 12 x 12 window of a picture, two pixels apart.

    Pictures (B, H, W, 3) in [-1, 1] to face probability (B, h, w) and box corrections
    (B, 4, h, w), where h and w are about (H - 10) / 2 and (W - 10) / 2.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 10, 3),
            _HalvingPool(),
            *_convolution(10, 16, 3),
            *_convolution(16, 32, 3),
        )
        self.box, self.face = nn.Conv2d(32, 4, 1), nn.Conv2d(32, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(x.permute(0, 3, 1, 2))
        return _probability(self.face(x)), self.box(x)


class WindowNet(nn.Module):
    """Windows (N, S, S, 3) in [-1, 1] to face probability (N,), box corrections (N, 4) and more.

    The third head, if any, gives landmarks (N, 10): five x, then five y, in sizes of the window.
    """

    def __init__(
        self, layers: Sequence[tuple[int, int, int]], width: int, hidden: int, heads: Sequence[int]
    ) -> None:
        """Layers are channels and size of a kernel, and size of the pooling behind it, or 0."""
        super().__init__()
        self.features, inputs = nn.Sequential(), 3
        for outputs, size, pool in layers:
            self.features.extend(_convolution(inputs, outputs, size))
            if pool:
                self.features.append(nn.MaxPool2d(pool, 2, ceil_mode=True))
            inputs = outputs
        self.dense = nn.Sequential(nn.Linear(width, hidden), nn.PReLU(hidden))
        self.heads = nn.ModuleList(nn.Linear(hidden, outputs) for outputs in heads)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        # (N, W * H * C): the order that the dense weights were trained with
        x = self.features(x.permute(0, 3, 1, 2)).permute(0, 3, 2, 1)
        x = self.dense(x.flatten(1))
        *others, face = (head(x) for head in self.heads)
        return _probability(face), *others


def refinement_net() -> WindowNet:
    """R-Net: judges a 24 x 24 window that P-Net proposed."""
    return WindowNet(((28, 3, 3), (48, 3, 3), (64, 2, 0)), 576, 128, (4, 2))


def output_net() -> WindowNet:
    """O-Net: judges a 48 x 48 window that R-Net kept, and finds five landmarks in it."""
    return WindowNet(((32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, 0)), 1152, 256, (4, 10, 2))


def load_published(network: nn.Module, name: str, folder: Path | None = None) -> None:
    """Fill a network with its published weights, "pnet", "rnet" or "onet".

    Their layers stand in the order in which the networks above define them; kernels are (height,
    width, in, out), dense weights (in, out), PReLU slopes (1, 1, channels). By default they are
    those of the installed ``mtcnn`` package; others, and none, are a DependencyError.
    """
    if folder is None:
        found = importlib.util.find_spec("mtcnn")  # located, not imported: it wants tensorflow
        if found is None or not found.submodule_search_locations:
            raise DependencyError("No weights for face detection", remedy=_INSTALL)
        folder = Path(found.submodule_search_locations[0]) / "assets" / "weights"
    path = folder / f"{name}.lz4"
    if not path.is_file():
        raise DependencyError("no weights for face detection", remedy=_INSTALL, path=path)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        reason = "not the weights of mtcnn 1.0.0, so it is not opened (it is a pickle)"
        remedy = "Run: pip install --force-reinstall mtcnn==1.0.0"
        raise DependencyError(reason, remedy=remedy, path=path)
    published = [torch.from_numpy(array.copy()) for array in joblib.load(io.BytesIO(content))]
    orders = {4: (3, 2, 0, 1), 2: (1, 0)}
    with torch.inference_mode(False), torch.no_grad():
        for own, array in zip(network.parameters(), published, strict=True):
            own.copy_(array.permute(orders[array.ndim]) if array.ndim in orders else array.ravel())


def published_network(name: str) -> nn.Module:
    """P-, R- or O-Net ("pnet", "rnet", "onet") with its published weights, ready to use."""
    network = _NETWORKS[name]()
    load_published(network, name)
    network.to(memory_format=torch.channels_last)  # twice as fast on a CPU
    return network.eval().requires_grad_(False)


def graph(name: str) -> bytes:
    """The ONNX form of a published network: any number of pictures, P-Net's of any size."""
    network, side = published_network(name), {"pnet": 25, "rnet": 24, "onet": 48}[name]
    example = torch.zeros(2, side, side, 3)
    outputs = ["scores", "shifts", "landmarks"][: len(network(example))]
    dynamic: dict[str, dict[int, str]] = {one: {0: "pictures"} for one in ("pictures", *outputs)}
    if name == "pnet":
        dynamic["pictures"] |= {1: "height", 2: "width"}
        dynamic["scores"] |= {1: "rows", 2: "columns"}
        dynamic["shifts"] |= {2: "rows", 3: "columns"}
    return to_onnx(network, [example], ["pictures"], outputs, dynamic)


class _HalvingPool(nn.Module):
    """``nn.MaxPool2d(2, 2, ceil_mode=True)``, five times as fast on a CPU: it keeps no indices."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():  # where the sizes must stay free
            return F.max_pool2d(x, 2, 2, ceil_mode=True)
        if x.shape[2] % 2:
            x = torch.cat([x, x[:, :, -1:]], dim=2)
        if x.shape[3] % 2:
            x = torch.cat([x, x[:, :, :, -1:]], dim=3)
        x = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
        return torch.maximum(x[..., ::2], x[..., 1::2])


def _probability(face: Tensor) -> Tensor:
    """Softmax over the two channels no face and face, of which the second is taken."""
    return torch.sigmoid(face[:, 1] - face[:, 0])


def _convolution(inputs: int, outputs: int, size: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, size), nn.PReLU(outputs)


_NETWORKS = {"pnet": ProposalNet, "rnet": refinement_net, "onet": output_net}
