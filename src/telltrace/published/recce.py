"""DeepfakeBench's RECCE, in."""

from .layout import benchmark
from .xception import rename

_PARTS = {
    "head.": "fc.",
    "decoder1.0.": "decoder1.",
    "decoder1.1.body.": "decoder2.rep.",
    "decoder2.0.": "decoder3.",
    "decoder2.1.body.": "decoder4.rep.",
    "decoder3.0.": "decoder5.",
    "decoder3.1.": "decoder6.0.",
    "attention.places.": "attention.gated.",
    "attention.amplify.": "attention.h.",
    "reasoning.embed.": "reasoning.va_embedding.",
    "reasoning.coarse.embed.": "reasoning.vb_embedding.",
    "reasoning.coarse.gate.": "reasoning.va_gated_b.0.",
    "reasoning.coarse.compare.": "reasoning.reweight_ab.0.",
    "reasoning.fine.embed.": "reasoning.vc_embedding.",
    "reasoning.fine.gate.": "reasoning.va_gated_c.0.",
    "reasoning.fine.compare.": "reasoning.reweight_ac.0.",
    "reasoning.project.": "reasoning.reproject.",
}


def _rename(name: str) -> str:
    theirs = rename("encoder.", _PARTS, name)
    return f"model.{theirs.replace('.depthwise.', '.conv1.')}"


RECCE = benchmark(
    "RECCE",
    describe=lambda _: ("recce", {}),
    ignored=("backbone.", "model.encoder.fc."),
    rename=_rename,
)
"""It carries a whole Xception, ``backbone``, that nothing reads."""
