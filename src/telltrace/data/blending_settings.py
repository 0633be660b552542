"""How blends are drawn: which regions, how strong each mismatch, and the way from easy to hard."""

from dataclasses import dataclass

from ..errors import OptionError

#: Every region that may be pasted, with how often it is drawn.
FREQUENCIES: dict[str, float] = {
    "face": 3,
    "brows_to_chin": 3,
    "inner": 3,
    "lower": 2,
    "mouth": 1.5,
    "eyes": 1,
    "eye": 0.5,
    "nose": 0.5,
    "left": 0.5,
    "right": 0.5,
    "ellipse": 1,
}


@dataclass(frozen=True)
class BlendSettings:
    """How blends are drawn; a strength of 0 switches a step off and 1 is the default amount.

    Args:
        regions: Regions to draw from, a subset of `FREQUENCIES`.
        colour: Strength of the colour mismatch between the two layers.
        detail: Strength of the mismatch in sharpness, resolution, grain and compression.
        motion: Strength of the displacement and deformation of the pasted layer.
        border: Widest blur of the mask's border, as a share of the crop.
        ratios: Opacities of the pasted layer, drawn evenly.
        partner: Probability that a similar face is pasted where one is given.
        misfit: Largest mean distance between the landmarks of the two faces, laid over one
            another, in eye distances; a face that is turned another way is not pasted.
        frame: Strength of the flip, zoom, shift and turn that real and fake share.
        decay: Strength of the colour, blur, grain and compression that real and fake share.
        visible: Smallest mean change inside the mask, in grey levels; fainter blends are redrawn.
    """

    regions: tuple[str, ...] = tuple(FREQUENCIES)
    colour: float = 1.0
    detail: float = 1.0
    motion: float = 1.0
    border: float = 0.05
    ratios: tuple[float, ...] = (0.5, 0.75, 1.0, 1.0, 1.0)
    partner: float = 0.25
    misfit: float = 0.15
    frame: float = 1.0
    decay: float = 1.0
    visible: float = 2.0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.regions) - set(FREQUENCIES))
        if unknown or not self.regions:
            raise OptionError(
                f"regions must be some of {sorted(FREQUENCIES)}, got {list(self.regions)}."
            )


def settings_at(progress: float) -> BlendSettings:
    """How to draw on the way from blends that are plain to see, at 0, to the usual ones, at 1.

    A network that starts from nothing learns little from blends that it cannot see.
    """
    easy = 1 - min(1.0, max(0.0, progress))
    return BlendSettings(
        colour=1 + 2 * easy,
        detail=1 + easy,
        motion=1 + easy,
        decay=1 - easy,
        visible=2 + 10 * easy,
        ratios=(1.0,) if easy > 0.4 else BlendSettings.ratios,
    )
