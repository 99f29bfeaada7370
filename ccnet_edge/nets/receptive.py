"""How far a pixel of the logits looks: the halo that tiles need to give what the whole gives."""

from __future__ import annotations

from ccnet_edge.spec.network import NetworkSpec


def receptive_field(spec: NetworkSpec) -> int:
    """Input pixels beyond an output pixel, to either side, that can change it (an upper bound).

    Per node: the jump (input pixels a step), and the reach in input pixels. A k×k convolution
    adds k // 2 jumps; pooling by s adds (s − 1) jumps, and the jump grows s-fold; a transposed
    convolution divides it, its outputs reading one position whose pixels lie up to jump − 1 away.
    """
    jump: dict[str, int] = {}
    reach: dict[str, int] = {}
    for node in spec.nodes:
        step = jump[node.inputs[0]] if node.inputs else 1
        far = max((reach[name] for name in node.inputs), default=0)
        if node.op == "maxpool":
            jump[node.name], reach[node.name] = step * node.stride, far + (node.kernel - 1) * step
        elif node.op == "upconv":
            finer = step // node.stride
            jump[node.name], reach[node.name] = finer, far + step - finer
        else:
            around = (node.kernel // 2) * step
            jump[node.name], reach[node.name] = step * node.stride, far + around
    return reach[spec.nodes[-1].name]
