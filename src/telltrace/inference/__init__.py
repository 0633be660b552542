"""Inference: a checkpoint and media in, scores and verdicts out."""
