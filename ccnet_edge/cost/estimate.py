"""The estimate of a network: size, memory, work and time, computed and never measured."""

from __future__ import annotations

import math

from ccnet_edge.cost import engine_memory
from ccnet_edge.cost.counts import (
    graph_nodes,
    macs,
    parameters,
    stored_values,
    values_per_scale,
    weights,
)
from ccnet_edge.cost.engine_memory.model import Forecast
from ccnet_edge.cost.memory import plan_memory
from ccnet_edge.cost.ops import find_op
from ccnet_edge.native.footprint import footprint, least_disk_bytes, least_ram_bytes
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.plan import Estimate
from ccnet_edge.spec.target import DeviceProfile, Precision

# Bytes of an ONNX file of ours that are not values: header and metadata, a node with its names and
# shapes, and what metadata holds of an input channel (mean, deviation) and of a class (its name).
# Upper bounds for float32 files, which a test compares with real exports: those need about 6 kB.
GRAPH_BYTES = 1_200
NODE_BYTES, CONVOLUTION_BYTES = 100, 320
# A convolution's name stands four times in the file: with its weights, its bias, and their readers.
NAME_BYTES, SHORT_NAME = 4, 14
CHANNEL_BYTES = 48
CLASS_BYTES = 64
# The same of a node in formats that say more of each; a U-Net's need about 850 and 720.
OTHER_GRAPH_BYTES = 2_500
NODE_BYTES_OF = {"executorch": 800, "litert": 900}
# The engine whose memory and files are known before they exist, in fp32.
NATIVE, NATIVE_BITS = "native", 32
# Bits of a value → precision of the file; the papers' 64 bits are no precision of an engine.
PRECISIONS: dict[int, Precision] = {8: "int8", 16: "fp16", 32: "fp32"}


def estimate(
    spec: NetworkSpec,
    *,
    height: int,
    width: int,
    bits: int = 32,
    engine: str = "onnxruntime",
    profile: DeviceProfile | None = None,
    ram_limit: int | None = None,
    disk_limit: int | None = None,
) -> Estimate:
    """What `spec` costs at `height` × `width` with values of `bits` bits.

    `latency_ms` needs a profile that says how fast the device is, `ram_bytes` a memory model
    of the engine; each is None without. The native engine's memory and file depend on the limits
    that it is built for: it is built the fastest way inside of them.

    Raises:
        UsageError: a size that the network's output stride does not divide.
    """
    disk: int
    ram: Forecast | None
    if engine == NATIVE and bits == NATIVE_BITS:
        built = footprint(
            spec, height=height, width=width, ram_limit=ram_limit, disk_limit=disk_limit
        )
        disk, ram = built.disk_bytes, _exactly(built.ram_bytes)
    else:
        disk = disk_bytes(engine, spec, height=height, width=width, bits=bits)
        ram = process_memory(
            engine, spec, height=height, width=width, bits=bits, machine=machine_of(profile)
        )
    plan = plan_memory(spec, height=height, width=width, bits=bits)
    count = weights(spec)
    work = macs(spec, height=height, width=width)
    return Estimate(
        height=height,
        width=width,
        bits=bits,
        weights=count,
        parameters=parameters(spec),
        log_theta=math.log10(count),
        held_values=sum(values_per_scale(spec, height=height, width=width)),
        macs=work,
        disk_bytes=disk,
        peak_activation_bytes=plan.arena_bytes,
        memory_bytes=weight_bytes(spec, bits=bits) + plan.arena_bytes,
        ram_bytes=ram.peak_bytes if ram is not None else None,
        latency_ms=latency_ms(work, profile),
        ram_least_bytes=ram.least_bytes if ram is not None else None,
        ram_most_bytes=ram.most_bytes if ram is not None else None,
        ram_note=ram.note if ram is not None else "",
    )


def weight_bytes(spec: NetworkSpec, *, bits: int) -> int:
    """Bytes of every stored value at `bits` bits each."""
    return -(-stored_values(spec) * bits // 8)


def onnx_bytes(spec: NetworkSpec, *, bits: int, node_bytes: int | None = None) -> int:
    """An upper bound of the exported file's bytes: values, graph and metadata.

    Args:
        node_bytes: of a node of the graph, in other formats than ONNX.
    """
    if node_bytes is None:
        graph = GRAPH_BYTES + sum(_node_bytes(node) for node in spec.nodes)
    else:
        graph = OTHER_GRAPH_BYTES + node_bytes * graph_nodes(spec)
    described = CHANNEL_BYTES * spec.in_channels + CLASS_BYTES * (spec.outputs + 1)
    return weight_bytes(spec, bits=bits) + graph + described


def _node_bytes(node: Node) -> int:
    op = find_op(node)
    if not op.convolves:
        return NODE_BYTES * op.nodes
    longer = max(0, len(node.name) - SHORT_NAME)
    return CONVOLUTION_BYTES + NAME_BYTES * longer + NODE_BYTES * (op.nodes - 1)


def latency_ms(work: int, profile: DeviceProfile | None) -> float | None:
    """Multiply-adds over the device's estimated rate; None where no rate is known."""
    if profile is None or profile.gmacs_per_s is None:
        return None
    return work / (profile.gmacs_per_s * 1e9) * 1e3


def disk_bytes(engine: str, spec: NetworkSpec, *, height: int, width: int, bits: int) -> int:
    """An upper bound of the bytes of the least file that ships, in the engine's format."""
    if engine == NATIVE and bits == NATIVE_BITS:
        return least_disk_bytes(spec, height=height, width=width)
    return onnx_bytes(spec, bits=bits, node_bytes=NODE_BYTES_OF.get(engine))


def process_memory(
    engine: str,
    spec: NetworkSpec,
    *,
    height: int,
    width: int,
    bits: int = 32,
    machine: str | None = None,
) -> Forecast | None:
    """The peak of a process that runs `spec` on `engine`; None where no model exists.

    The native engine's is the least that it can be built for, and exact.

    Args:
        engine: the inference engine.
        spec: the network.
        height: of its input.
        width: of its input.
        bits: of a value.
        machine: the target's instruction set; None for that of the measured points.
    """
    if engine == NATIVE:
        return _exactly(least_ram_bytes(spec, height=height, width=width))
    if engine not in engine_memory.MODELS:
        return None
    return engine_memory.forecast(
        spec,
        height=height,
        width=width,
        precision=PRECISIONS.get(bits, "fp32"),
        options=engine_memory.standing(engine),
        machine=machine,
    )


def machine_of(profile: DeviceProfile | None) -> str | None:
    """The instruction set of a target, where one is known."""
    return profile.instruction_set if profile is not None else None


def _exactly(size_bytes: int) -> Forecast:
    return Forecast(peak_bytes=size_bytes, least_bytes=size_bytes, most_bytes=size_bytes)
