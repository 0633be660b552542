"""A detector of your own in one file: scan with it, save it, load it again.

python examples/own_detector.py PICTURE CHECKPOINT
"""

import os
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

import telltrace
from telltrace.checkpoint import ALLOWED, Card, Detector, save_checkpoint
from telltrace.data.transforms import Preprocessing


class Redness(nn.Module):
    """(B, 3, H, W) images to (B, 2) logits, real first: the redder a face, the more forged."""

    def forward(self, images: Tensor) -> Tensor:
        red, _, blue = images.mean((2, 3)).unbind(1)
        return torch.stack([blue, red], 1)


def main(picture: str, checkpoint: str) -> None:
    """The card says how faces are cut and where the network is; the file holds both."""
    name = f"{Path(__file__).stem}:Redness"
    card = Card(detector=f"external:{name}", preprocessing=Preprocessing(image_size=64))
    detector = Detector(Redness(), card)
    print(telltrace.Scanner(detector).scan(picture))
    save_checkpoint(Path(checkpoint), detector.network, card)
    os.environ[ALLOWED] = name  # a checkpoint may call only the functions that you allow
    print(telltrace.Scanner(checkpoint).scan(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
