"""Exports and pipelines that were broken on purpose: the gate of parity catches every one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ccnet_edge.errors import ParityError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.target import Precision
from ccnet_edge.verify import Predictor, follow, limits_for, prove_parity, saved
from tests.verify.faults.graphs import GRAPHS
from tests.verify.faults.pipelines import PIPELINES
from tests.verify.faults.rounding import ROUNDING, half, int8
from tests.verify.faults.sound import Answer, Sound, make_sound

FAULTS: dict[str, Callable[[Sound], Answer]] = {**PIPELINES, **GRAPHS}
# Those that hardly touch these masks, or make them no worse: their logits give them away, the
# gates of masks may not. That is why what ships in fp16 or int8 comes after its export in fp32.
SUBTLE = {
    "a sign flipped",
    "activation left out",
    "channels reordered",
    "kernels flipped",
    "padding off by one",
    "pooled by the mean",
    "resized by aligned corners",
    "the head's bias left out",
    "threshold on the logit",
    "upsampling kernel transposed",
}
NOT_FINITE = "not finite"


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """The trained network, once a session."""
    return make_sound(tmp_path_factory.mktemp("sound"))


def hop_to(sound: Sound, answer: Answer) -> Hop | None:
    """From the trained network to something that answers; None where it is refused at once."""
    chain = (
        saved(sound.logits, name="torch", precision="fp32"),
        Predictor(name="broken", precision="fp32", answer=answer),
    )
    try:
        (hop,) = follow(chain, sound.examples, classes=sound.record.classes)
    except ParityError as error:
        if NOT_FINITE not in error.message:
            raise
        return None
    return hop


def failed(hop: Hop | None, precision: Precision) -> tuple[str, ...]:
    """The clauses that a hop fails by where it is judged as one of `precision`."""
    if hop is None:
        return (NOT_FINITE,)
    judged = replace(hop, precision=precision, limits=limits_for(precision))
    return tuple(clause.name for clause in judged.clauses if not clause.passed)


def test_the_trained_network_finds_vessels(sound: Sound) -> None:
    hop = hop_to(sound, lambda example: sound.logits[example.name])
    assert hop is not None
    assert hop.before.dice is not None
    assert hop.before.dice > 0.8


def test_a_sound_export_raises_no_alarm(sound: Sound) -> None:
    hop = hop_to(sound, lambda example: sound.predict(example.x))
    assert failed(hop, "fp32") == failed(hop, "fp16") == failed(hop, "int8") == ()


def test_fp16_and_int8_done_right_raise_no_alarm_and_are_no_fp32(sound: Sound) -> None:
    for made in (half, int8):
        hop = hop_to(sound, made(sound))
        assert failed(hop, "fp16") == failed(hop, "int8") == ()
        assert "relative error" in failed(hop, "fp32")


def test_int8_is_judged_after_an_export_in_fp32_and_against_it(sound: Sound) -> None:
    shipped = Predictor(name="ours int8", precision="int8", answer=int8(sound))
    report = prove_parity(sound.folder, (shipped,), sound.dataset, SessionOptions())
    exported, rounded = report.hops
    assert (exported.reference, exported.candidate) == ("torch", "onnx fp32")
    assert (rounded.baseline, rounded.before) == ("onnx fp32", exported.after)
    assert report.passed
    assert report.relative_error == exported.relative_error


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_broken_export_is_caught(sound: Sound, name: str) -> None:
    hop = hop_to(sound, FAULTS[name](sound))
    assert failed(hop, "fp32")
    if name not in SUBTLE:
        assert failed(hop, "int8")


@pytest.mark.parametrize("name", sorted(ROUNDING))
def test_rounding_gone_wrong_is_caught(sound: Sound, name: str) -> None:
    assert failed(hop_to(sound, ROUNDING[name](sound)), "int8")
