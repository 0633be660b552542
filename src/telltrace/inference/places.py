"""Where in a face the detector sees a paste: a small map that a verdict carries."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from telltrace.faces.turned import Point

SIDE: Final = 16
"""Places in a row or column, at most: finer maps are averaged."""


@dataclass(frozen=True)
class PlaceMap:
    """Probability, in 8 bits, that each place of a face was pasted in, as the detector sees it."""

    width: int
    height: int
    values: bytes
    """Row by row from the left top: 0 to 255 for probabilities of 0 to 1."""
    corners: tuple[Point, ...] = ()
    """Of the area that the map covers, (x, y) in pixels of the frame, from the left top of the face
    with the clock; some may lie outside of the frame. None for a map of several frames."""

    @property
    def places(self) -> NDArray[np.uint8]:
        """The values as a table, (height, width)."""
        return np.frombuffer(self.values, np.uint8).reshape(self.height, self.width)

    @classmethod
    def of(cls, places: NDArray[np.floating], corners: Sequence[Point] = ()) -> Self:
        """The map of probabilities (H, W)."""
        height, width = (min(side, SIDE) for side in places.shape)
        small = cv2.resize(places, (width, height), interpolation=cv2.INTER_AREA)
        values = np.rint(small * 255).astype(np.uint8)
        return cls(width, height, values.tobytes(), tuple((x, y) for x, y in corners))

    def to_dict(self) -> dict[str, Any]:
        """Plain data: values in base64, corners, if there are any, to a tenth of a pixel."""
        values = base64.b64encode(self.values).decode()
        plain = {"width": self.width, "height": self.height, "values": values}
        corners = [[round(x, 1), round(y, 1)] for x, y in self.corners]
        return {**plain, "corners": corners} if corners else plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Read back plain data; values that are not as many as the places are a ValueError."""
        values = base64.b64decode(plain["values"], validate=True)
        width, height = int(plain["width"]), int(plain["height"])
        if len(values) != width * height:
            raise ValueError(f"A map of {width} x {height} places has {len(values)} values.")
        return cls(width, height, values, tuple((x, y) for x, y in plain.get("corners", ())))


def mean_map(maps: Iterable[PlaceMap | None]) -> PlaceMap | None:
    """The mean of the maps that are there, which has no corners; None of none."""
    tables = [one.places for one in maps if one is not None]
    return PlaceMap.of(np.mean(tables, axis=0) / 255) if tables else None
