"""Every detector by name. A new detector is a new file and one new line of :data:`DETECTORS`.

The files are imported when a detector is built: what is listed before is read from their text,
because importing torch takes seconds.
"""

import ast
import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telltrace.errors import OptionError
from telltrace.plugins import Registry

if TYPE_CHECKING:
    from torch import nn

    Build = Callable[..., nn.Module]
    """``(options) -> network`` of (B, 3, H, W) images to (B, 2) logits."""


class Builder:
    """A function or class, ``path``, in a file of this room, and the arguments that are no options.

    These are the first ones and others by name; the rest are options with a default, a literal.
    ``defaults`` are those that differ from the file's.
    """

    def __init__(
        self, path: str, *given: Any, defaults: dict[str, Any] | None = None, **fixed: Any
    ) -> None:
        self.file, _, self.name = path.partition(".")
        self.given, self.fixed, self.defaults = given, fixed, defaults or {}

    def __call__(self, **options: Any) -> "nn.Module":
        build = getattr(import_module(f".{self.file}", __package__), self.name)
        return build(*self.given, **self.fixed, **{**self.defaults, **options})

    @property
    def origin(self) -> tuple[str, str]:
        """What the file says as ``FAMILY, PAPER``."""
        for node in _parsed(self.file).body:
            if isinstance(node, ast.Assign) and "FAMILY, PAPER" in ast.unparse(node.targets[0]):
                family, paper = ast.literal_eval(node.value)
                return family, paper
        return self.name, ""

    @property
    def options(self) -> dict[str, Any]:
        """Names and defaults of the options."""
        (found,) = (n for n in _parsed(self.file).body if getattr(n, "name", "") == self.name)
        if isinstance(found, ast.ClassDef):
            (found,) = (n for n in found.body if getattr(n, "name", "") == "__init__")
        assert isinstance(found, ast.FunctionDef)
        args, count = found.args, len(found.args.defaults)
        names = [*args.args[len(args.args) - count :], *args.kwonlyargs]
        defaults = [*args.defaults, *args.kw_defaults]
        literal = {
            name.arg: ast.literal_eval(default)
            for name, default in zip(names, defaults, strict=True)
            if default and name.arg not in self.fixed
        }
        return literal | self.defaults


@cache
def _parsed(file: str) -> ast.Module:
    return ast.parse(Path(__file__).with_name(f"{file}.py").read_text(encoding="utf-8"))


_IB, _SFI = "information_bottleneck.ib", "sficonv.space_frequency"
_OWN: dict[str, "Build"] = {
    "amtennet": Builder("amtennet.AMTENnet"),
    "blend_lite": Builder("blend_map.BlendLite"),
    "blend_map": Builder("blend_map.BlendMap"),
    "efficientnet_b4": Builder(
        "plain.timm_detector",
        "tf_efficientnet_b4",
        image_size=None,
        defaults={"drop_rate": 0.4, "drop_path_rate": 0.2},
    ),
    "efficientnet_b4_380": Builder("efficientnet.EfficientNetB4"),
    "f3net": Builder("f3net.F3Net"),
    "f3net_fad": Builder("f3net.F3NetFAD"),
    "ib": Builder(_IB),
    "ib_efficientnet_b0": Builder(
        _IB, backbone="tf_efficientnet_b0", backbone_options=None, defaults={"drop_path_rate": 0.2}
    ),
    "ib_mobilenet": Builder(
        _IB, backbone="mobilenetv1_100", backbone_options={"act_layer": "relu"}, drop_path_rate=None
    ),
    "ib_resnet34": Builder(
        _IB, backbone="resnet34", backbone_options={"zero_init_last": False}, drop_path_rate=None
    ),
    "m2tr": Builder("m2tr.M2TR"),
    "meso4": Builder("meso.MesoNet", 0),
    "meso_inception4": Builder("meso.MesoNet", 2),
    "mobilenet": Builder("mobilenet.MobileNet", form=None),
    "multi_task": Builder("multi_task.MultiTask"),
    "recce": Builder("recce.RECCE"),
    **{f"resnet{n}": Builder("resnet.ResNet", n, form=None) for n in (26, 50, 101, 152)},
    "sfi_mobilenet": Builder(_SFI, "mobilenet", ()),
    **{f"sfi_resnet{n}": Builder(_SFI, "resnet", (n,)) for n in (26, 50, 101, 152)},
    **{f"sfi_vgg{n}": Builder(_SFI, "vgg", (n,)) for n in (13, 16, 19)},
    "spsl": Builder("spsl.SPSL"),
    "two_stream_xception": Builder("two_stream.TwoStreamXception"),
    "ucf": Builder("ucf.UCF"),
    **{f"vgg{n}": Builder("vgg.VGG", n, form=None) for n in (13, 16, 19)},
    "vit": Builder("vit.vision_transformer"),
    "xception": Builder("xception.Xception"),
}
DETECTORS: Registry["Build"] = Registry("detectors", Callable, _OWN)
"""Builders by name, also those of plug-ins. A file may say the ``FAMILY`` of its detectors and
their ``PAPER``; the network's class may name its ``objectives`` (see :mod:`telltrace.losses`): the
first trains it.
"""

PREFIXES = {
    "timm:": "plain.timm_detector",
    "sfi:": "plain.sfi_detector",
    "ln_tuned:": "ln_tuned.LayerNormTuned",
    "external:": "external.External",
}
"""Builders of whatever the name behind the prefix stands for, to timm or to the user."""

RENAMED: dict[str, Callable[[bool], dict[str, Any]]] = {
    "released": lambda value: {"reference_compatible": value},
    "frozen": lambda value: {"traces": "constant" if value else "constrained"},
}
"""What options of earlier versions are called now; checkpoints hold them."""


def create_detector(name: str, **options: Any) -> "nn.Module":
    """Build a detector, with its builder's options, with freshly initialised weights.

    ``name`` is a key of :data:`DETECTORS`, or timm's name of a network behind ``timm:``, ``sfi:``,
    which converts it to its space-frequency form, or ``ln_tuned:``, which trains its LayerNorms;
    or ``external:module:function``, which calls that function for a network.

    Raises:
        OptionError: If there is no such detector or option; the message names those there are.
    """
    build = _builder(name)
    for old in RENAMED.keys() & options.keys():
        options |= RENAMED[old](options.pop(old))
    known = default_options(name)
    unknown = [option for option in options if option not in known]
    if unknown:
        raise OptionError(
            f"{name} has no option {', '.join(map(repr, unknown))}. It has: {', '.join(known)}."
        )
    for option, value in options.items():
        _check_kind(name, option, value, known[option])
    return build(**options)


def _check_kind(name: str, option: str, value: Any, default: Any) -> None:
    """Refuse, by an OptionError, a value of another kind than the default, and fewer than 1 class.

    A default of None, or of no single value, says nothing.
    """
    kinds: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float)}
    odd = isinstance(value, bool) and type(default) in (int, float)
    fits = value is None or (isinstance(value, kinds.get(type(default), (object,))) and not odd)
    if not fits or (option == "num_classes" and value < 1):
        raise OptionError(f"{name}: {option} must be a value such as {default!r}, got {value!r}")


def default_options(name: str) -> dict[str, Any]:
    """Names and defaults of a detector's options."""
    build = _builder(name)
    if isinstance(build, Builder):
        return build.options
    return {p.name: p.default for p in inspect.signature(build).parameters.values()}


def options_for_size(name: str, options: Mapping[str, Any], image_size: int) -> dict[str, Any]:
    """The options of a detector that is to read images of a size, a side in pixels.

    Only networks of a fixed size are told, of another than their own, unless ``options`` do.

    Examples:
        >>> options_for_size("meso4", {}, 64), options_for_size("xception", {}, 64)
        ({'image_size': 64}, {})
    """
    own = default_options(name).get("image_size")
    sized = {} if own in (None, image_size) else {"image_size": image_size}
    return {**sized, **options}


def _builder(name: str) -> "Build":
    prefix, colon, rest = name.partition(":")
    if prefix + colon in PREFIXES:
        return Builder(PREFIXES[prefix + colon], rest)
    if name not in DETECTORS:
        close = difflib.get_close_matches(name, DETECTORS)
        there = "`telltrace detectors` lists them; timm:NAME and sfi:NAME take networks of timm."
        remedy = f"Did you mean {', '.join(close)}?" if close else there
        raise OptionError(f"No detector is named {name!r}", remedy=remedy)
    return DETECTORS[name]


class DetectorInfo(NamedTuple):
    """What can be said about a detector before it is built."""

    name: str
    family: str
    paper: str
    """Who published it; empty where its file does not say."""

    @property
    def options(self) -> dict[str, Any]:
        """Its options and their defaults."""
        return default_options(self.name)


def list_detectors(family: str | None = None) -> list[DetectorInfo]:
    """Every detector, or those of one family such as ``"sfi"``, by name.

    Raises:
        OptionError: If there is no such family.

    Examples:
        >>> [d.name for d in list_detectors("sfi")][:2]
        ['sfi_mobilenet', 'sfi_resnet101']
    """
    rows = [
        DetectorInfo(name, *getattr(build, "origin", (name, "")))
        for name, build in sorted(DETECTORS.items())
    ]
    if family is None:
        return rows
    chosen = [row for row in rows if row.family == family]
    if not chosen:
        families = ", ".join(sorted({row.family for row in rows}))
        raise OptionError(f"No detector is of family {family!r}; there are {families}.")
    return chosen
