"""Dataset layouts: one function each, a folder in and a manifest out."""
