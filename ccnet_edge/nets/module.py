"""The torch reader of a NetworkSpec: one module a node, run in the spec's order."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ccnet_edge.errors import unknown_key
from ccnet_edge.nets.ops import OPS
from ccnet_edge.spec.network import NetworkSpec, Node


class SpecModule(nn.Module):
    """A NetworkSpec that computes; `spec` is what it was built from."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.blocks = nn.ModuleDict()
        channels: dict[str, int] = {}
        for node in spec.nodes:
            self.blocks[_key(node)] = _build(node, tuple(channels[name] for name in node.inputs))
            channels[node.name] = node.width or sum(channels[name] for name in node.inputs)
        self._dies_at = _last_readers(spec)

    def forward(self, x: Tensor) -> Tensor:
        """Image [N, C, H, W] → logits [N, outputs, H, W]; H, W multiples of the output stride."""
        live: dict[str, Tensor] = {}
        for node in self.spec.nodes:
            inputs = [live[name] for name in node.inputs] or [x]
            live[node.name] = self.block(node)(*inputs)
            for name in self._dies_at.get(node.name, ()):
                del live[name]
        return live[self.spec.nodes[-1].name]

    def block(self, node: Node) -> nn.Module:
        """The module of a node."""
        return self.blocks[_key(node)]


def build_module(spec: NetworkSpec, *, seed: int = 0) -> SpecModule:
    """A module of `spec` with He-initialised weights, a function of `seed` alone.

    Its weights go by the nodes' names: `blocks.<node>.conv.weight`.

    Raises:
        UsageError: an operator that `OPS` does not have.
    """
    with torch.random.fork_rng(devices=[]):
        module = SpecModule(spec)
    _initialise(module, torch.Generator().manual_seed(seed))
    return module


def _build(node: Node, channels: tuple[int, ...]) -> nn.Module:
    if node.op not in OPS:
        raise unknown_key("operator", node.op, OPS)
    return OPS[node.op](channels, node)


def _key(node: Node) -> str:
    """The node's name as torch allows it: a dot would be a path into a submodule."""
    return node.name.replace(".", "_")


def _last_readers(spec: NetworkSpec) -> dict[str, tuple[str, ...]]:
    """Node → the tensors that nothing after it reads, so that inference can let go of them."""
    reader = {name: node.name for node in spec.nodes for name in node.inputs}
    dies: dict[str, tuple[str, ...]] = {}
    for name, last in reader.items():
        dies[last] = (*dies.get(last, ()), name)
    return dies


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """He et al. 2015: normal with variance 2 / fan-in; biases zero.

    A transposed convolution with stride = kernel gives each output one input position, so its
    fan-in is its input channels alone; torch's own rule would take output channels · kernel².
    """
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            fan_in = part.in_channels
            if isinstance(part, nn.Conv2d):
                fan_in = part.weight[0].numel()
            nn.init.normal_(part.weight, std=(2.0 / fan_in) ** 0.5, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
