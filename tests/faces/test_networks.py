import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from telltrace.backends import BACKENDS, BackendName
from telltrace.errors import DependencyError
from telltrace.faces.detect import _runner
from telltrace.faces.networks import (
    ProposalNet,
    _HalvingPool,
    load_published,
    output_net,
    refinement_net,
)


@pytest.mark.parametrize("size", [(12, 12), (13, 20), (21, 17)])
def test_halving_is_max_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    expected = F.max_pool2d(x, 2, 2, ceil_mode=True)
    torch.testing.assert_close(_HalvingPool()(x), expected, rtol=0, atol=0)


def test_shapes() -> None:
    scores, boxes = ProposalNet()(torch.zeros(2, 12, 33, 3))
    assert (scores.shape, boxes.shape) == ((2, 1, 12), (2, 4, 1, 12))
    assert [x.shape for x in refinement_net()(torch.zeros(5, 24, 24, 3))] == [(5,), (5, 4)]
    assert [x.shape for x in output_net()(torch.zeros(5, 48, 48, 3))] == [(5,), (5, 4), (5, 10)]


@pytest.mark.parametrize(
    ("network", "name"),
    [(ProposalNet(), "pnet"), (refinement_net(), "rnet"), (output_net(), "onet")],
)
def test_published_weights_fill_every_parameter(network: nn.Module, name: str) -> None:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.inference_mode():
        load_published(network, name)
    assert not any(p.is_inference() for p in network.parameters())
    same = [k for k, v in network.state_dict().items() if torch.equal(v, before[k])]
    assert not same


def test_missing_weights_name_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DependencyError, match=r"pnet\.lz4: .* Run: pip install mtcnn"):
        load_published(ProposalNet(), "pnet", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="Run: pip install mtcnn"):
        load_published(ProposalNet(), "pnet")


def test_other_weights_are_not_even_opened(tmp_path: Path) -> None:
    trap = b"cposix\nsystem\n(S'touch " + bytes(tmp_path / "sprung") + b"'\ntR."  # a pickle
    (tmp_path / "pnet.lz4").write_bytes(trap)
    with pytest.raises(ValueError, match=r"not the weights of mtcnn 1\.0\.0"):
        load_published(ProposalNet(), "pnet", tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_every_backend_computes_the_same(
    backend: BackendName, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(BACKENDS[backend])
    monkeypatch.setenv("TELLTRACE_CACHE", str(tmp_path))
    runner, other = (_runner(name, one, "cpu") for one in (backend, "torch"))
    rng = np.random.default_rng(0)
    side = {"rnet": 24, "onet": 48}.get(name)
    for shape in [(3, side or 30, side or 41), (1, side or 17, side or 12)]:
        pixels = rng.uniform(-1, 1, (*shape, 3)).astype(np.float32)
        found, expected = runner(pixels), other(pixels)
        assert len(found) == len(expected) == (3 if name == "onet" else 2)
        for one, two in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-5)
    assert [path.suffix for path in tmp_path.iterdir()] == [".onnx"]
