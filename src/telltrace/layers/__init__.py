"""Layers: what a network is made of. They import nothing but torch."""
