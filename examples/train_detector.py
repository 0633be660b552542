"""From a folder with real/ and fake/ to a detector and its figures.

python examples/train_detector.py MEDIA OUT [IMAGE_SIZE EPOCHS]
"""

import sys
from pathlib import Path

import telltrace
from telltrace.evaluation import render
from telltrace.training import DataConfig, OptimConfig


def main(media: Path, out: Path, image_size: int = 128, epochs: int = 20) -> None:
    """Each step goes on where it was, if it is called again."""
    crops = out / "crops"
    found = telltrace.prepare(media, out=crops, protocol="by-identity")
    print(f"{len(found.manifest)} faces of {found.manifest.video.nunique()} media")
    checkpoint = telltrace.train(
        manifest=[crops / "manifest.csv"],
        out=out / "run",
        detector="sfi_mobilenet",
        data=DataConfig(image_size=image_size, batch_size=8, augmentation="robust"),
        optim=OptimConfig(epochs=epochs),
    )
    detector = telltrace.load_detector(checkpoint)
    scores = telltrace.predict(crops / "manifest.csv", detector=detector, split="test")
    print(render(telltrace.evaluate(scores)))
    print(f"telltrace scan FILE --checkpoint {checkpoint}")


if __name__ == "__main__":
    media, out, *numbers = sys.argv[1:]
    main(Path(media), Path(out), *map(int, numbers))
