"""Faces: media in, frames and cropped faces out."""
