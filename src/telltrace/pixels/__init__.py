"""What happens to the pixels of a picture: geometry, light and colour, coding, augmentation."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) RGB, or (H, W)."""

LUMA: Final = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness (ITU-R BT.601)."""
