"""What happens to the pixels of a picture: geometry, light and colour, coding, augmentation."""

from typing import Final

LUMA: Final = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness (ITU-R BT.601)."""
