"""Networks as values: a file an architecture, each a function to its base `NetworkSpec`."""

from __future__ import annotations

from typing import Protocol

from ccnet_edge.architectures.cumedvision import cumedvision
from ccnet_edge.architectures.dccn import dccn
from ccnet_edge.architectures.dcnn import dcnn
from ccnet_edge.architectures.fcn import fcn
from ccnet_edge.architectures.mobileunet import mobileunet
from ccnet_edge.architectures.resunet import resunet
from ccnet_edge.architectures.squeezeunet import squeezeunet
from ccnet_edge.architectures.ucunet import ucunet
from ccnet_edge.architectures.unet import unet
from ccnet_edge.errors import unknown_key
from ccnet_edge.spec.network import NetworkSpec, outputs_for


class Architecture(Protocol):
    """Makes the uncompressed network for an image of `in_channels` and `outputs` logits."""

    def __call__(self, in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
        """The network at its base widths."""


ARCHITECTURES: dict[str, Architecture] = {
    "cumedvision": cumedvision,
    "dccn": dccn,
    "dcnn": dcnn,
    "fcn": fcn,
    "mobileunet": mobileunet,
    "resunet": resunet,
    "squeezeunet": squeezeunet,
    "ucunet": ucunet,
    "unet": unet,
}


def find_architecture(name: str) -> Architecture:
    """The architecture called `name`.

    Raises:
        UsageError: no such architecture; the message lists the known ones.
    """
    if name not in ARCHITECTURES:
        raise unknown_key("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]


def base_network(name: str, *, channels: int, classes: int) -> NetworkSpec:
    """The uncompressed network of architecture `name` for images of `channels` and `classes`.

    Raises:
        UsageError: no such architecture.
    """
    return find_architecture(name)(in_channels=channels, outputs=outputs_for(classes))


def at_base_width(network: NetworkSpec, base_width: int) -> NetworkSpec:
    """The network whose finest scale has `base_width` channels, the others in proportion."""
    alpha = base_width / network.widths[0]
    return network.with_widths(tuple(max(1, round(alpha * width)) for width in network.widths))
