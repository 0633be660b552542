"""The same network on every backend, and which of them is taken."""

import gc
import mmap
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from telltrace.backends import (
    choose_backend,
    choose_device,
    installed,
    open_runner,
    openvino_runner,
    prepared,
    to_onnx,
    torch_runner,
)
from telltrace.backends.runners import MANY
from telltrace.checkpoint import BUNDLED, load_detector, resolve_backend
from telltrace.errors import DependencyError, OptionError, OutputError

GRAPHS = [pytest.param(name, marks=pytest.mark.skipif(find_spec(module) is None, reason=why))
          for name, module, why in (
              ("onnx", "onnxruntime", "ONNX Runtime is not installed"),
              ("openvino", "openvino", "OpenVINO is not installed"))]  # fmt: skip


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval()


@pytest.fixture(scope="module")
def graph(network: nn.Module) -> bytes:
    example = [torch.zeros(2, 3, 12, 12)]
    return to_onnx(network, example, ["images"], ["maps"], {"images": {0: "n"}, "maps": {0: "n"}})


@pytest.mark.parametrize("backend", GRAPHS)
def test_every_backend_gives_what_torch_gives(
    backend: str, network: nn.Module, graph: bytes, tmp_path: Path
) -> None:
    (tmp_path / "graph.onnx").write_bytes(graph)
    runners = [open_runner(graph, backend), open_runner(tmp_path / "graph.onnx", backend)]  # type: ignore[arg-type]
    for count in (1, 5):  # the number of images is free
        images = np.random.default_rng(count).standard_normal((count, 3, 12, 12), np.float32)
        (expected,) = torch_runner(network)(images)
        for runner in runners:
            assert runner.backend == backend
            (found,) = runner(images)
            np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_item_gets_the_same_numbers_alone_and_among_many(graph: bytes, threads: int) -> None:
    images = np.random.default_rng(7).standard_normal((21, 3, 12, 12), np.float32)
    one_by_one, many = (openvino_runner(graph, threads=threads) for _ in range(2))
    alone = np.concatenate([one_by_one(image[None])[0] for image in images])
    one_by_one.settle(images[:3])  # too few to compare on
    assert one_by_one._several is None
    for _ in range(2 * MANY // len(images)):  # the graph for several is compiled on the way
        (found,) = many(images)
        assert np.array_equal(found, alone)
    assert many._several is not None
    assert many(images[:0])[0].shape == (0, *alone.shape[1:])


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_face_gets_the_same_score_alone_and_among_many(precision: str) -> None:
    crops = np.random.default_rng(7).integers(0, 256, (MANY + 3, 192, 192, 3), np.uint8)
    detector = load_detector(precision=precision, backend="openvino")  # type: ignore[arg-type]
    scores, maps = detector.members[0].judge(crops)
    assert maps is not None
    for number in (0, 5, MANY + 2):
        score, [own] = detector.members[0].judge(crops[number : number + 1])  # type: ignore[misc]
        assert score[0] == scores[number]
        assert np.array_equal(own, maps[number])


@pytest.mark.parametrize("backend", GRAPHS)
def test_threads_may_share_a_runner(backend: str, network: nn.Module, graph: bytes) -> None:
    runner, torch_one = open_runner(graph, backend), torch_runner(network)  # type: ignore[arg-type]
    many = [np.full((9, 3, 12, 12), value, np.float32) for value in np.linspace(-2, 2, 48)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(runner, many))
    for images, (maps,) in zip(many, found, strict=True):
        np.testing.assert_allclose(maps, torch_one(images)[0], atol=1e-5)


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_signals_find_their_stack_when_graphs_are_gone(graph: bytes) -> None:
    handled: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: handled.append(number))
    runners = [open_runner(graph, "openvino") for _ in range(2)]
    try:
        while runners:
            del runners[0]  # the older first: the younger would bring its stack back
            gc.collect()
        regions = [mmap.mmap(-1, size) for size in (4096, 8192, 12288, 16384, 32768) * 20]
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled == [signal.SIGUSR1]
    assert not any(region[:].strip(b"\0") for region in regions)


PINNED = """
import os, sys, threading
from pathlib import Path
import numpy as np
from telltrace.backends import openvino_runner

run = openvino_runner(Path(sys.argv[1]), threads=1)
images, found, done = np.zeros((512, 3, 12, 12), np.float32), set(), threading.Event()
def watch():
    while not done.is_set():
        found.update(len(os.sched_getaffinity(int(task))) for task in os.listdir("/proc/self/task"))
watcher = threading.Thread(target=watch)
watcher.start()
for _ in range(20):
    run(images)
done.set()
watcher.join()
assert found
print(*found, len(os.sched_getaffinity(0)))
"""


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="affinities are read as Linux shows them")
def test_workers_are_not_bound_to_the_same_processor(graph: bytes, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph)
    command = [sys.executable, "-c", PINNED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(set(done.stdout.split())) == 1, "a thread has fewer processors than the process"


def test_torch_computes_what_the_network_is_now_and_leaves_its_mode() -> None:
    network = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.9)).train()
    runner = torch_runner(network)
    with torch.no_grad():
        network[0].weight.fill_(1.0)  # type: ignore[union-attr]
        network[0].bias.fill_(0.5)  # type: ignore[union-attr]
    assert runner(np.ones((1, 2), np.float32))[0].tolist() == [[2.5]]
    assert network.training


def test_auto_takes_the_first_that_is_installed() -> None:
    assert choose_backend() == installed()[0]
    assert installed()[-1] == "torch"


def test_backends_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="one of auto, openvino, onnx, torch, got 'tensorrt'"):
        choose_backend("tensorrt")
    monkeypatch.setattr("telltrace.backends.choice.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"pip install 'telltrace\[onnx\]'"):
        choose_backend("onnx")


@pytest.mark.parametrize(
    ("backend", "device", "precision", "said"),
    [
        ("onnx", "cuda", "float32", "on the processor, not on cuda"),
        ("onnx", "cpu", "bfloat16", "does not compute in bfloat16"),
    ],
)
def test_what_a_backend_cannot_do(backend: str, device: str, precision: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        resolve_backend(BUNDLED, device, precision, backend)  # type: ignore[arg-type]


def test_a_file_is_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLTRACE_CACHE", str(tmp_path / "deep" / "cache"))
    path = prepared("graph.onnx", lambda: b"one")
    assert prepared("graph.onnx", lambda: b"two") == path
    assert path.read_bytes() == b"one"


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="ONNX Runtime is not installed")
class TestPrepared:
    """The graph of the detector in the package."""

    def test_one_that_is_damaged_is_made_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TELLTRACE_CACHE", str(tmp_path))
        crops = np.random.default_rng(0).integers(0, 256, (2, 192, 192, 3), np.uint8)
        expected = load_detector(backend="torch").score_resized(crops)
        for _ in range(2):
            detector = load_detector(backend="onnx")
            assert detector.backend == "onnx"
            np.testing.assert_allclose(detector.score_resized(crops), expected, atol=1e-4)
            (graph,) = tmp_path.glob("*.onnx")
            graph.write_bytes(graph.read_bytes()[:1000])

    def test_a_cache_that_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("TELLTRACE_CACHE", str(tmp_path / "file" / "below"))
        assert load_detector().backend == "torch"
        with pytest.raises(OutputError, match="file"):
            load_detector(backend="onnx")


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="ONNX Runtime is not installed")
def test_auto_falls_back_where_a_runtime_cannot_compute_a_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(name: str, *rest: object) -> None:
        raise OutputError("cannot compute this graph", path=name)

    monkeypatch.setattr("telltrace.checkpoint.loading.prepared_runner", fail)
    assert load_detector().backend == "torch"
    with pytest.raises(OutputError, match="cannot compute"):
        load_detector(backend="onnx")


def test_whoever_changes_the_network_changes_the_scores() -> None:
    detector = load_detector()
    crops = np.random.default_rng(1).integers(0, 256, (2, 192, 192, 3), np.uint8)
    before = detector.score_resized(crops)
    with torch.no_grad():
        detector.network.head.verdict.weight.zero_()  # type: ignore[union-attr, operator]
    assert detector.backend == "torch"
    assert not np.allclose(detector.score_resized(crops), before)


def test_no_gpu_is_an_error_only_where_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telltrace.backends.choice._has_gpu", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    with pytest.raises(OptionError, match="No CUDA device"):
        choose_device("cuda")


def test_scoring_leaves_every_part_of_a_network_in_its_mode() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2).eval(), nn.Dropout(0.5)).train()
    network[0].eval()  # frozen, as fine-tuning does
    torch_runner(network)(np.ones((3, 2), np.float32))
    assert [part.training for part in network.modules()] == [True, False, True]
    detector = load_detector()
    crops = np.zeros((1, 192, 192, 3), np.uint8)
    detector.network.eval()
    detector.score_resized(crops)
    assert not any(part.training for part in detector.network.modules())


def test_a_backend_of_the_processor_needs_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telltrace.backends.choice._has_gpu", lambda: True)
    assert choose_device("auto") == "cuda"
    assert choose_device("auto", "onnx") == "cpu"


def test_a_graph_needs_its_package(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLTRACE_CACHE", str(tmp_path))
    monkeypatch.setattr("telltrace.backends.onnx_form.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"telltrace\[onnx\]"):
        to_onnx(network, [torch.zeros(1, 3, 12, 12)], ["images"], ["maps"], {})
    assert load_detector().backend == "torch"
