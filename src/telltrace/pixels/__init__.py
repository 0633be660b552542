"""What happens to the pixels of a picture: geometry, light and colour, coding, augmentation."""
