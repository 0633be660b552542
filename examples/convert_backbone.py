"""A network of timm in its space-frequency form: what it costs, and that it learns.

python examples/convert_backbone.py [NAME]
"""

import sys

import timm
import torch

import telltrace
from telltrace.models.complexity import complexity


def main(name: str = "mobilenetv3_small_050") -> None:
    """Convert it, compare the costs, and take one step of training."""
    torch.manual_seed(0)
    size = 96
    vanilla = timm.create_model(name, num_classes=2)
    network = telltrace.convert(vanilla, alpha=0.5, beta=0.5, image_size=size)
    for title, one in (("vanilla", vanilla), ("space-frequency", network)):
        cost = complexity(one, size)
        print(f"{title:16}{cost.parameters / 1e6:7.2f} M {cost.executed_macs / 1e6:8.1f} MMac")
    images, labels = torch.rand(4, 3, size, size), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for step in range(3):
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        print(f"step {step}: loss {loss.item():.3f}")
    print(f"telltrace train --detector sfi:{name} --options.beta 0.5 --manifest ... --out ...")


if __name__ == "__main__":
    main(*sys.argv[1:2])
