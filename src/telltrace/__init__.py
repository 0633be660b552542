"""telltrace: tell whether a face in a picture or video was forged."""

__version__ = "0.1.0"
