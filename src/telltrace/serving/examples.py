"""Pictures to try the service with: a portrait of a dependency's, and one that is drawn."""

from importlib.util import find_spec
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 480
TITLES: Final = {
    "astronaut": "A portrait (NASA, public domain)",
    "landscape": "A drawing without a face",
}


def titles() -> dict[str, str]:
    """What each example shows, by its name; the portrait is there where scikit-image is."""
    return {k: v for k, v in TITLES.items() if k != "astronaut" or find_spec("skimage")}


def picture(name: str) -> bytes:
    """An example as a JPEG, or a KeyError for an unknown name."""
    if name not in titles():
        raise KeyError(name)
    content = BytesIO()
    (_landscape() if name == "landscape" else _astronaut()).save(content, "JPEG", quality=92)
    return content.getvalue()


def _astronaut() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]


def _landscape() -> Image.Image:
    """A house below hills and a sun."""
    sky = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    scene = Image.merge(
        "RGB", [sky.point(lambda v, low=low: low + v // 3) for low in (120, 160, 170)]
    )
    draw = ImageDraw.Draw(scene)
    draw.ellipse((470, 50, 550, 130), fill="#ffd76a")
    draw.ellipse((-200, 260, 420, 700), fill="#7fa65a")
    draw.ellipse((220, 300, 900, 760), fill="#5f8a4a")
    draw.rectangle((250, 290, 370, 380), fill="#d9b38c")
    draw.polygon([(235, 292), (310, 230), (385, 292)], fill="#8c4a3a")
    draw.rectangle((298, 335, 325, 380), fill="#5a3a2a")
    return scene
