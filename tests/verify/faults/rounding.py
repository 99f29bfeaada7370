"""The network in int8 and fp16, done right, and faults that only rounding can have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ccnet_edge.export.calibrate import calibrate
from ccnet_edge.export.native import fold
from ccnet_edge.native.int8 import in_int8
from ccnet_edge.native.ir import RowProgram
from ccnet_edge.native.lower import lower
from ccnet_edge.native.quantise import Quantised, quantise
from tests.native.integers import integer_logits
from tests.verify.faults.graphs import change
from tests.verify.faults.sound import SIZE, Answer, Logits, Sound, run


def int8(sound: Sound) -> Answer:
    """The integers of our own engine, calibrated on training images."""
    return _answers(*_calibrated(sound))


def zero_points_lost(sound: Sound) -> Answer:
    """The same, with bytes read as if 0 stood for 0 everywhere."""
    program, quantised = _calibrated(sound)
    zeros = tuple(np.zeros_like(zero) for zero in quantised.zeros)
    return _answers(program, replace(quantised, zeros=zeros))


def calibrated_on_noise(sound: Sound) -> Answer:
    """The same, calibrated on faint noise."""
    shape = (1, 3, SIZE, SIZE)
    generator = np.random.default_rng(0)
    noise = [generator.normal(0, 0.05, shape).astype(np.float32) for _ in range(4)]
    return _answers(*_quantised(sound, noise))


def calibrated_without_normalisation(sound: Sound) -> Answer:
    """The same, calibrated on training images of another scale."""
    return _answers(*_quantised(sound, [x / np.float32(255) for x in sound.calibration()]))


@functools.cache
def _calibrated(sound: Sound) -> tuple[RowProgram, Quantised]:
    return _quantised(sound, sound.calibration())


def _quantised(sound: Sound, inputs: Sequence[Logits]) -> tuple[RowProgram, Quantised]:
    """The network's integer program, scaled by `inputs`."""
    program = in_int8(lower(sound.record.network, height=SIZE, width=SIZE))
    seen = calibrate(sound.module, inputs)
    return program, quantise(program, fold(sound.module), seen, sound.record.preprocessing)


def _answers(program: RowProgram, quantised: Quantised) -> Answer:
    return lambda example: integer_logits(program, quantised, example.x)


def half(sound: Sound) -> Answer:
    """The export with weights and images rounded to fp16, as its tensors are."""

    def rounded(values: Logits) -> Logits:
        return values.astype(np.float16).astype(np.float32)

    model = sound.graph()
    change(model, [weight.name for weight in model.graph.initializer if len(weight.dims)], rounded)
    predict = run(model.SerializeToString())
    return lambda example: rounded(predict(rounded(example.x)))


ROUNDING: dict[str, Callable[[Sound], Answer]] = {
    "calibrated on noise": calibrated_on_noise,
    "calibrated without normalisation": calibrated_without_normalisation,
    "zero points lost": zero_points_lost,
}
