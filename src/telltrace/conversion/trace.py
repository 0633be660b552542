"""Tracing a network into a graph in which every step knows what it gives for an example image.

`torch.fx` alone stops at any decision that depends on a size. Here each proxy carries the value it
has for one example, so that such decisions are taken as it takes them; sizes that are merely
computed with stay part of the graph.
"""

import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from telltrace.errors import OptionError

OUT_OF_PLACE: dict[Any, Any] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


def _change_by(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Records a change in place, which a plain proxy would take for a new tensor."""
    return lambda *args: args[0].tracer.create_proxy("call_function", operation, args, {})


class Valued(fx.Proxy):
    """A proxy that knows its value for the example."""

    @property
    def example(self) -> Any:
        return self.node.meta["value"]

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(self.example, name)):
            return fx.proxy.Attribute(self, name)
        return self.tracer.create_proxy("call_function", getattr, (self, name), {})

    def __len__(self) -> int:
        return len(self.example)

    __iadd__, __isub__, __imul__, __itruediv__ = map(_change_by, OUT_OF_PLACE)
    __setitem__ = _change_by(operator.setitem)

    def __index__(self) -> int:
        return int(self.example)

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.example)

    def __contains__(self, item: Any) -> bool:
        return item in self.example


class ExampleTracer(fx.Tracer):
    """Traces one network on one example; whatever holds no 2-D convolution is one step."""

    def __init__(self, example: Tensor) -> None:
        super().__init__()
        self._example = example
        self._running = False
        self.culprit: str | None = None
        """Module in which tracing stopped."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d) or not has_convolution(m)

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        """One image; every other argument of the network keeps its default."""
        return root_fn, [self.root, self.create_proxy("placeholder", "image", (), {})]

    def create_proxy(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Proxy:
        proxy = super().create_proxy(kind, target, *args, **kwargs)
        node, self._running = proxy.node, True
        try:
            if node.op == "placeholder":
                node.meta["value"] = self._example
            elif node.op != "get_attr":
                step = (node.op, node.target, node.args, node.kwargs)
                node.meta["value"] = run(self.root, *step, self._known)
            self._known(node)
        finally:
            self._running = False
        return proxy

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return Valued(node, self)

    def to_bool(self, obj: fx.Proxy) -> bool:
        return bool(obj.node.meta["value"])

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        assert isinstance(obj, Valued)
        return (obj[i] for i in range(len(obj)))  # type: ignore[index]

    def keys(self, obj: fx.Proxy) -> Any:
        return obj.node.meta["value"].keys()

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._running:
            return forward(*args, **kwargs)
        try:
            return super().call_module(m, forward, args, kwargs)
        except Exception:
            if self.culprit is None:
                self.culprit = f"{self.path_of_module(m)} ({type(m).__name__})"
            raise

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        if self._running:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def _known(self, node: fx.Node) -> Any:
        if node.op == "get_attr" and "value" not in node.meta:
            node.meta["value"] = operator.attrgetter(str(node.target))(self.root)
        return node.meta["value"]


def run(
    root: nn.Module, kind: str, target: Any, args: Any, kwargs: Any, value: Callable[[fx.Node], Any]
) -> Any:
    """Do what a step of a graph of ``root`` does, on the values of its inputs."""
    args, kwargs = fx.map_arg((args, kwargs), value)
    with torch.no_grad():
        if kind == "call_module":
            return root.get_submodule(target)(*args, **kwargs)
        if kind == "call_method":
            return getattr(args[0], target)(*args[1:], **kwargs)
        return target(*args, **kwargs)


def has_convolution(module: nn.Module) -> bool:
    """Whether ``module`` is or holds a 2-D convolution."""
    return any(isinstance(part, nn.Conv2d) for part in module.modules())


def example_image(model: nn.Module, image_size: int | None) -> Tensor:
    """An image such as ``model`` was made for, on its device and in its precision."""
    config = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None) or {}
    own = config.get("input_size", (3, 224, 224))[1:]
    sides = own if image_size is None else (image_size, image_size)
    first = next(part for part in model.modules() if isinstance(part, nn.Conv2d))
    shape = (1, first.in_channels, *sides)
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return image.to(first.weight.device, first.weight.dtype)


def trace(model: nn.Module, example: Tensor) -> fx.GraphModule:
    """Trace ``model`` in evaluation mode, which it is left in; nodes know their values.

    If it cannot be traced an OptionError names the module where it stopped.
    """
    tracer = ExampleTracer(example)
    try:
        with torch.no_grad():
            graph = tracer.trace(model.eval())
    except Exception as error:
        where = tracer.culprit or type(model).__name__
        given = ", ".join(list(inspect.signature(model.forward).parameters)[1:])
        hint = f" (forward also takes {given}, which keep their defaults)" if given else ""
        raise OptionError(
            f"{where} cannot be traced for an image of shape {tuple(example.shape)}{hint}: "
            f"{type(error).__name__}: {error}. Give an image_size it accepts, or rewrite its "
            "forward without Python control flow over the values of tensors."
        ) from error
    traced = fx.GraphModule(model, graph, class_name=type(model).__name__)
    _pass_on_changes(traced)
    return traced


def changes_in_place(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether ``node`` writes into its first input."""
    if node.op == "call_module":
        return bool(getattr(traced.get_submodule(str(node.target)), "inplace", False))
    if node.op == "call_method":
        return str(node.target).endswith("_")
    if node.op != "call_function" or not callable(node.target):
        return False
    if node.target in OUT_OF_PLACE or node.target is operator.setitem:
        return True
    asked = any(node.kwargs.get(name) is True for name in ("inplace", "_in_place"))
    return asked or node.target.__name__.endswith("_") or node.args[1:] == (True,)


def _pass_on_changes(traced: fx.GraphModule) -> None:
    """Let steps behind a change in place read what it gives, not what it was given."""
    place = {node: i for i, node in enumerate(traced.graph.nodes)}
    for node in traced.graph.nodes:
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or not changes_in_place(traced, node):
            continue
        if node.meta["value"] is source.meta.get("value"):
            for user in list(source.users):
                if place[user] > place[node]:
                    user.replace_input_with(source, node)


def before_any(graph: fx.Graph, chosen: set[fx.Node]) -> set[fx.Node]:
    """Nodes before at least one of ``chosen``, themselves not counted unless another follows."""
    found: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        if any(user in chosen or user in found for user in node.users):
            found.add(node)
    return found
