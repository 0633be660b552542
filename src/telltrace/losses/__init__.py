"""Losses: pure functions first, modules where they learn. They import nothing but torch."""
