"""The plain vision transformer, of any width and depth."""

from functools import partial
from typing import Literal

from torch import nn

FAMILY, PAPER = "vit", "Dosovitskiy et al., ICLR 2021"


def vision_transformer(
    *,
    num_classes: int = 2,
    image_size: int = 224,
    patch_size: int = 16,
    width: int = 192,
    depth: int = 12,
    heads: int = 3,
    hidden: int = 768,
    qkv_bias: bool = True,
    epsilon: float = 1e-6,
    activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "gelu",
    pool: Literal["token", "mean"] = "token",
) -> nn.Module:
    """ViT-Ti/16 or, by its options, any other: (B, 3, H, W) to (B, num_classes) logits.

    Args:
        num_classes: K; 2 for real and fake.
        image_size: Side of the image, in pixels.
        patch_size: Side of a patch.
        width: Features of a patch.
        depth: Layers.
        heads: Heads of each attention.
        hidden: Features inside each layer's perceptron.
        qkv_bias: Whether queries, keys and values have biases.
        epsilon: What LayerNorms add to the variance: 1e-6 in timm, 1e-12 in Hugging Face's.
        activation: The perceptrons' own; "gelu_tanh" is GELU's approximation.
        pool: What the classifier reads: the class token, or the mean of the patches, without one.

    References:
        Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, equations 1 to 4.
    """
    from timm.layers import GELUTanh, QuickGELU  # here: timm takes seconds to import
    from timm.models.vision_transformer import VisionTransformer

    network: nn.Module = VisionTransformer(
        img_size=image_size, patch_size=patch_size, num_classes=num_classes, embed_dim=width,
        depth=depth, num_heads=heads, mlp_ratio=(hidden + 0.5) / width, qkv_bias=qkv_bias,
        norm_layer=partial(nn.LayerNorm, eps=epsilon),
        act_layer={"gelu": nn.GELU, "gelu_tanh": GELUTanh, "quick_gelu": QuickGELU}[activation],
        class_token=pool == "token", global_pool="token" if pool == "token" else "avg",
        fc_norm=False,
    )  # fmt: skip
    return network
