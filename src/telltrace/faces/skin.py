"""Skin tone by the colour of the cheeks in a picture: a proxy, which light and cameras move."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .detect import Face

TONES: Final = (
    (55.0, "very light"),
    (41.0, "light"),
    (28.0, "intermediate"),
    (10.0, "tan"),
    (-30.0, "brown"),
    (-90.0, "dark"),
)
"""Groups by the angle from which they begin, in degrees: Del Bino and Bernerd, "Variations in skin
colour and the biological consequences of ultraviolet radiation exposure", Br. J. Dermatol. 2013."""

PATCH: Final = 0.15
"""Half the side of the square on each cheek, in distances of the eyes."""


def typology_angle(image: NDArray[np.uint8], face: Face) -> float | None:
    """Individual typology angle in degrees, higher is lighter, of a face in (H, W, 3) of RGB.

    ``atan((L* - 50) / b*)`` of the median colour of both cheeks, halfway from eye to mouth corner.
    None where no cheek lies in the picture. It is that of the pixels: the same person is darker in
    the shade.

    References:
        Chardon et al., "Skin colour typology and suntanning pathways", Int. J. Cosmet. Sci. 1991.
    """
    points = np.asarray(face.landmarks, np.float64)
    reach = PATCH * float(np.hypot(*(points[1] - points[0])))
    patches = []
    for eye, mouth in ((0, 3), (1, 4)):
        x, y = (points[eye] + points[mouth]) / 2 + (points[eye] - points[mouth]) * [0.3, 0]
        rows, columns = (
            slice(max(0, round(c - reach)), max(0, round(c + reach) + 1)) for c in (y, x)
        )
        patches.append(image[rows, columns].reshape(-1, 3))
    cheeks = np.concatenate(patches)
    if not len(cheeks):
        return None
    colours = cv2.cvtColor(cheeks[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    lightness, _, yellow = (float(np.median(channel)) for channel in np.asarray(colours).T)
    return float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1e-6))))


def tone(angle: float) -> str:
    """The group of an angle.

    Examples:
        >>> tone(60), tone(35), tone(-45)
        ('very light', 'intermediate', 'dark')
    """
    return next(name for least, name in TONES if angle > least or least == TONES[-1][0])
