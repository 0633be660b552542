"""EfficientNets as efficientnet_pytorch names them, which most published detectors build on."""

B0 = (1, 2, 2, 3, 3, 4, 1)
B4 = (2, 4, 4, 6, 6, 8, 2)
"""Blocks in each stage; efficientnet_pytorch counts them in one row."""

_ENDS = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
_FIRST = {"bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
"""In the first stage, whose blocks expand nothing."""
_LATER = {"conv_pw": "_expand_conv", "bn1": "_bn0", "bn2": "_bn1"}
_LATER |= {"conv_pwl": "_project_conv", "bn3": "_bn2"}
_ALL = {"conv_dw": "_depthwise_conv"}
_ALL |= {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}


def pytorch_name(name: str, depths: tuple[int, ...]) -> str:
    """What efficientnet_pytorch calls a tensor that timm calls ``name``.

    Examples:
        >>> pytorch_name("blocks.1.0.se.conv_reduce.bias", B0)
        '_blocks.1._se_reduce.bias'
    """
    module, leaf = name.rsplit(".", 1)
    if not module.startswith("blocks."):
        return f"{_ENDS[module]}.{leaf}"
    _, stage, block, layer = module.split(".", 3)
    names = _ALL | (_LATER if int(stage) else _FIRST)
    return f"_blocks.{sum(depths[: int(stage)]) + int(block)}.{names[layer]}.{leaf}"
