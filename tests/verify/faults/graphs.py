"""Faults in the exported network itself: its weights, its wiring, its padding."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper
from torch import nn

from ccnet_edge.train import torch_predict
from tests.verify.faults.sound import Answer, Sound, run

Weights = NDArray[np.float32]


def padding_off_by_one(sound: Sound) -> Answer:
    """All of a convolution's padding after the image, none before."""
    model = sound.graph()
    (pads,) = (a for a in _nodes(model, "Conv")[1].attribute if a.name == "pads")
    assert list(pads.ints) == [1, 1, 1, 1]
    pads.ints[:] = [0, 0, 2, 2]
    return _answers(model)


def stale_statistics(sound: Sound) -> Answer:
    """Batch normalisation with the statistics of before the training."""
    module = sound.network()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
    predict = torch_predict(module)
    return lambda example: predict(example.x)


def width_rounded_down(sound: Sound) -> Answer:
    """A channel too few in the first convolution: its last one is gone."""

    def without_the_last(weight: Weights) -> Weights:
        return np.concatenate([weight[:-1], np.zeros_like(weight[-1:])])

    model = sound.graph()
    for name in _nodes(model, "Conv")[0].input[1:]:
        change(model, [name], without_the_last)
    return _answers(model)


def channels_reordered(sound: Sound) -> Answer:
    """A convolution's channels stored one further, their readers as before."""
    model = sound.graph()
    change(model, _nodes(model, "Conv")[1].input[1:], lambda weight: np.roll(weight, 1, axis=0))
    return _answers(model)


def kernels_flipped(sound: Sound) -> Answer:
    """Convolution in the mathematician's sense, where networks correlate."""
    model = sound.graph()
    names = [node.input[1] for node in _nodes(model, "Conv")]
    change(model, names, lambda weight: weight[..., ::-1, ::-1])
    return _answers(model)


def skip_joined_the_other_way(sound: Sound) -> Answer:
    """The decoder's half before the encoder's; both are as wide."""
    model = sound.graph()
    (join,) = _nodes(model, "Concat")
    join.input[:] = list(join.input)[::-1]
    return _answers(model)


def upsampling_kernel_transposed(sound: Sound) -> Answer:
    """A transposed convolution's 2×2 kernels stored column by column."""
    model = sound.graph()
    names = [node.input[1] for node in _nodes(model, "ConvTranspose")]
    change(model, names, lambda weight: np.swapaxes(weight, 2, 3))
    return _answers(model)


def activation_left_out(sound: Sound) -> Answer:
    """One ReLU that was taken for part of the operator before it."""
    model = sound.graph()
    relu = _nodes(model, "Relu")[1]
    relu.op_type = "Identity"
    return _answers(model)


def pooling_by_the_mean(sound: Sound) -> Answer:
    """Average in place of maximum pooling."""
    model = sound.graph()
    (pool,) = _nodes(model, "MaxPool")
    kept = [a for a in pool.attribute if a.name in ("kernel_shape", "strides", "pads")]
    mean = helper.make_node("AveragePool", pool.input, pool.output)
    mean.attribute.extend(kept)
    pool.CopyFrom(mean)
    return _answers(model)


def bias_left_out(sound: Sound) -> Answer:
    """The head's bias, without which every logit is moved by the same."""
    model = sound.graph()
    change(model, [_nodes(model, "Conv")[-1].input[2]], np.zeros_like)
    return _answers(model)


def bit_flipped_high(sound: Sound) -> Answer:
    """The highest bit of one weight's exponent: 2¹²⁸ times as much of what was under 1."""
    return _with_a_bit_flipped(sound, 30)


def sign_flipped(sound: Sound) -> Answer:
    """The sign of one weight."""
    return _with_a_bit_flipped(sound, 31)


def _with_a_bit_flipped(sound: Sound, bit: int) -> Answer:
    def flipped(weight: Weights) -> Weights:
        bits = weight.copy().view(np.uint32)
        bits.flat[np.where(weight < 1, weight, 0).argmax()] ^= np.uint32(1 << bit)
        return bits.view(np.float32)

    model = sound.graph()
    change(model, [_nodes(model, "Conv")[1].input[1]], flipped)
    return _answers(model)


def _answers(model: ModelProto) -> Answer:
    predict = run(model.SerializeToString())
    return lambda example: predict(example.x)


def _nodes(model: ModelProto, kind: str) -> list[NodeProto]:
    return [node for node in model.graph.node if node.op_type == kind]


def change(model: ModelProto, names: Iterable[str], change: Callable[[Weights], Weights]) -> None:
    """Replace the weights of these names by what `change` makes of them."""
    wanted = set(names)
    for weight in model.graph.initializer:
        if weight.name in wanted:
            changed = np.ascontiguousarray(change(numpy_helper.to_array(weight)))
            weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
            wanted.remove(weight.name)
    assert not wanted


GRAPHS: dict[str, Callable[[Sound], Answer]] = {
    "padding off by one": padding_off_by_one,
    "stale batch-norm statistics": stale_statistics,
    "a channel rounded away": width_rounded_down,
    "channels reordered": channels_reordered,
    "kernels flipped": kernels_flipped,
    "skip joined the other way": skip_joined_the_other_way,
    "upsampling kernel transposed": upsampling_kernel_transposed,
    "activation left out": activation_left_out,
    "pooled by the mean": pooling_by_the_mean,
    "the head's bias left out": bias_left_out,
    "a bit flipped high": bit_flipped_high,
    "a sign flipped": sign_flipped,
}
