"""Data: which media there are, how they are split, and how crops become batches."""
