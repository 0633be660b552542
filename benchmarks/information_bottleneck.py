"""What does a training step of the information bottleneck cost, and where does sharing help?

Compared in one run, the variants taking turns: a plain reading of the published structure (one
head after the other, the whole objective once for each label of the mixup, one Sinkhorn after
the other, biases and classifiers that never learn) and ours; then ours with its work shared
further: all blocks as one vectorised network, heads side by side in one product, and images
with their channels last. On a CPU the time is that of this process alone, so that a busy
machine says the same. A lead smaller than the spread is printed as a tie.

    python benchmarks/information_bottleneck.py --backbone resnet34 --batch 256 --size 224
"""

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from telltrace.losses import Information
from telltrace.models.information_bottleneck import InformationBottleneckNet, Verdicts, ib

Step = Callable[[], object]
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
SHARE = 0.7
"""What a mixed image keeps of itself; the rest is its neighbour's."""


class PlainNet(InformationBottleneckNet):
    """As published: biases before normalisations, and a classifier on every block, unused."""

    def __init__(self, backbone: str) -> None:
        blocks = [timm.create_model(backbone, num_classes=0) for _ in range(4)]
        width = int(getattr(blocks[0], "head_hidden_size", None) or blocks[0].num_features)
        super().__init__(blocks, width)
        for i in (0, 4):
            linear = self.bottleneck[i]
            self.bottleneck[i] = nn.Linear(linear.in_features, linear.out_features)
        self.unused = nn.ModuleList(nn.Linear(width, 1000) for _ in blocks)


class VectorisedNet(InformationBottleneckNet):
    """All blocks as one network whose every weight has one axis more."""

    def stack(self) -> "VectorisedNet":
        self.skeleton = [self.blocks[0]]  # in a list, so that it registers no parameters
        weights, buffers = stack_module_state(list(self.blocks))
        self.names = list(weights)
        self.stacked = nn.ParameterList([w.detach().requires_grad_() for w in weights.values()])
        self.statistics = buffers
        self.blocks = nn.ModuleList()
        return self

    def evidence(self, image: Tensor) -> list[Tensor]:
        def one(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
            return functional_call(self.skeleton[0], (weights, buffers), (image,))

        weights = dict(zip(self.names, self.stacked, strict=True))
        return list(torch.vmap(one, randomness="different")(weights, self.statistics))


class SideBySideNet(InformationBottleneckNet):
    """All but the fused head in one batched product, a slice of it for each block."""

    def verdicts(self, image: Tensor) -> Verdicts:
        f = torch.stack(self.evidence(image))
        n, _, width = f.shape
        joint = self.joint_head.weight.unflatten(1, (n, width))
        rest = torch.stack([h.weight for h in self.without_heads]).unflatten(2, (n - 1, width))
        without = f.new_zeros(n, len(joint), n, width)
        others = torch.tensor([[j for j in range(n) if j != i] for i in range(n)])
        index = others[:, None, :, None].expand_as(rest).to(f.device)
        without = without.scatter(2, index, rest)
        heads = torch.cat([joint[None], without]).flatten(0, 1)  # (n + 1) K, n, D
        logits = torch.bmm(f, heads.permute(1, 2, 0)).sum(0).unflatten(1, (n + 1, -1))
        bias = torch.stack([self.joint_head.bias, *(h.bias for h in self.without_heads)])
        logits = (logits + bias).movedim(1, 0)
        fused = self.fused_head(self.bottleneck(f.movedim(0, 1).flatten(1)))
        return Verdicts(fused, logits[0], logits[1:])


def sinkhorn(cost: Tensor) -> Tensor:
    """Transport cost by the published iterations, (N, N) to a scalar."""
    eps, log = 0.01, torch.tensor(1 / len(cost) + 1e-8).log().item()
    u = v = cost.new_zeros(len(cost))
    for _ in range(100):
        before = u
        plan = ((u[:, None] + v - cost) / eps).exp()
        u = u + eps * (log - (plan.sum(1) + 1e-6).log())
        plan = ((u[:, None] + v - cost) / eps).exp()
        v = v + eps * (log - (plan.sum(0) + 1e-6).log())
        if (u - before).detach().abs().sum() < 0.1:
            break
    return (((u[:, None] + v - cost) / eps).exp() * cost).sum()


def plain_loss(measure: str) -> Loss:
    """The published objective, one term after the other; equal scales."""

    def distance(reference: Tensor, answer: Tensor) -> Tensor:
        p, log_q = (answer / 1.5).softmax(1), (reference / 1.5).softmax(1).log()
        if measure == "kl":
            return F.kl_div(log_q, p, reduction="batchmean")
        return sinkhorn((log_q[:, None] - p).square().sum(-1))

    def criterion(fused: Tensor, joint: Tensor, without: Tensor, labels: Tensor) -> Tensor:
        loss = F.cross_entropy(fused, labels) + F.cross_entropy(joint, labels)
        local = 0.0
        for answer in without:
            loss = loss + F.cross_entropy(answer, labels)
            local = local + distance(joint.detach(), answer)
        return loss + distance(joint.detach(), fused) + torch.exp(-local)

    def mixed(fused: Tensor, joint: Tensor, without: Tensor, labels: Tensor) -> Tensor:
        first = criterion(fused, joint, without, labels)
        second = criterion(fused, joint, without, labels.roll(1))
        return SHARE * first + (1 - SHARE) * second

    return mixed


def our_loss(measure: str, device: torch.device) -> Loss:
    objective = Information(measure=measure, balance="none").to(device)

    def mixed(fused: Tensor, joint: Tensor, without: Tensor, labels: Tensor) -> Tensor:
        own = F.one_hot(labels, 2).float()
        return objective.total(fused, joint, without, SHARE * own + (1 - SHARE) * own.roll(1, 0))

    return mixed


def training_step(net: InformationBottleneckNet, loss: Loss, images: Tensor) -> Step:
    labels = torch.arange(len(images), device=images.device) % 2
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-6)
    net.train()

    def step() -> None:
        optimizer.zero_grad()
        loss(*net.verdicts(images), labels).backward()
        optimizer.step()

    return step


def loss_alone(loss: Loss, heads: list[Tensor]) -> Step:
    labels = torch.arange(heads[0].shape[0], device=heads[0].device) % 2
    return lambda: loss(*heads, labels).backward()


def in_turns(steps: dict[str, Step], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Milliseconds of each step in each round, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    for turn in range(rounds + 1):
        for name, step in steps.items():
            start = clock()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                times[name].append((clock() - start) * 1e3)
    return times


def report(title: str, times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Print medians and spreads against the first row."""
    print(f"\n{title}")
    rows, first = {}, next(iter(times))
    for name, values in times.items():
        low, middle, high = np.percentile(values, [25, 50, 75])
        rows[name] = {"median_ms": float(middle), "iqr_ms": float(high - low)}
        gap = rows[first]["median_ms"] - middle
        tie = abs(gap) <= max(rows[name]["iqr_ms"], rows[first]["iqr_ms"])
        verdict = (
            "" if name == first else "tie" if tie else f"{rows[first]['median_ms'] / middle:.2f} x"
        )
        print(f"  {name:44} {middle:10.2f} ±{high - low:8.2f} ms   {verdict}")
    return rows


def networks(backbone: str, device: torch.device) -> dict[str, InformationBottleneckNet]:
    ours = ib(backbone=backbone)
    blocks, width = list(ours.blocks), ours.fused_head[1].in_features
    fresh = [timm.create_model(backbone, num_classes=0) for _ in range(8)]
    nets = {
        "published structure": PlainNet(backbone),
        "ours": InformationBottleneckNet(blocks, width),
        "ours, heads side by side": SideBySideNet(fresh[:4], width),
        "ours, channels last": ib(backbone=backbone).to(memory_format=torch.channels_last),
        "ours, blocks vectorised": VectorisedNet(fresh[4:], width).to(device).stack(),
    }
    return {name: net.to(device) for name, net in nets.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--backbone", default="mobilenetv3_small_100")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    machine = f"{args.device} {platform.machine()}, {args.threads} threads"
    print(f"torch {torch.__version__}, {machine}, commit {commit.stdout.strip()}")
    ours = our_loss("kl", args.device)
    images = torch.randn(args.batch, 3, args.size, args.size, device=args.device)
    steps = {
        name: training_step(
            net,
            plain_loss("kl") if name == "published structure" else ours,
            images.contiguous(memory_format=torch.channels_last) if "last" in name else images,
        )
        for name, net in networks(args.backbone, args.device).items()
    }
    title = f"training step, {args.backbone}, {args.batch} images of {args.size} pixels, KL"
    results = {title: report(title, in_turns(steps, args.rounds, args.device))}

    heads = [
        torch.randn(s, device=args.device, requires_grad=True)
        for s in ((256, 2), (256, 2), (4, 256, 2))
    ]
    for measure in ("kl", "wasserstein"):
        losses: dict[str, Loss] = {
            "published structure": plain_loss(measure),
            "ours": our_loss(measure, args.device),
        }
        alone = {name: loss_alone(loss, heads) for name, loss in losses.items()}
        title = f"objective alone, forward and backward, 256 images, {measure}"
        results[title] = report(title, in_turns(alone, min(3, args.rounds), args.device))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
