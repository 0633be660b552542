"""Judge a detector by the scores it wrote. Imports no torch."""
