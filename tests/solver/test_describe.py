"""The text of a plan: whole, where nothing in it depends on a measured memory model."""

import pytest

from ccnet_edge.cost import engine_memory
from ccnet_edge.solver import describe, solve
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation, Limits

# Figures are checked by other tests; here is what a person reads.
WHOLE = """\
unet, layerwise plan (paper formulation)
input 1 x 512 x 512, 64 bits; preset cc21 for F1: CC21 (ACM JETC 2021, arXiv:2107.02927), Table 3

scale       C  base  continuous  channels  weights  predicted loss
input  0.1518    64       19.62        19   14,630           8.08%
/2     0.0857   128       19.20        19   18,069           7.91%
/4     0.0655   256       24.97        24   27,720           8.00%
/8     0.0496   512       30.11        30   42,960           7.88%
/16    0.0375  1024       34.35        34   19,584           7.89%

estimates                   this plan         base network       uniform
channels               19-19-24-30-34  64-128-256-512-1024  4-8-16-32-64
weights                       122,963           31,023,744       121,224
log θ                           5.090                7.492         5.084
disk                           984 kB               248 MB        970 kB
network's peak memory       152.9 MiB            748.7 MiB      32.9 MiB
values held (θ_mem)        34,164,819          190,669,440    10,344,840
process RAM                 not known            not known     not known
multiply-adds                  5.25 G                192 G       0.761 G
latency                     not known            not known     not known
predicted relative F1           91.9%               100.0%         81.5%
  90% interval                ± 11.8%               ± 0.0%       ± 13.3%
inside the limits                 yes                   no           yes

binding limit: disk
limits: disk 1 MB
accuracy: predicted, not verified: no base network's score is known; uncalibrated: preset cc21 has \
a J of its own"""


@pytest.fixture(autouse=True)
def _no_memory_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_memory, "MODELS", {})


def test_a_plan_reads_like_this(
    unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation
) -> None:
    solution = solve(
        unet,
        lymph,
        cc21,
        Limits(disk_bytes=10**6),
        height=512,
        width=512,
        bits=64,
        formulation="paper",
    )
    assert describe(solution) == WHOLE


def test_the_last_lines_name_what_was_not_checked_and_the_base(
    unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation
) -> None:
    limits = Limits(ram_bytes=10**8, latency_ms=5.0, min_relative_accuracy=0.95)
    text = describe(
        solve(
            unet, lymph, cc21, limits, height=64, width=64, base_accuracy=0.8644, minimise="memory"
        )
    )
    lines = text.splitlines()
    assert "binding limit: accuracy floor" in lines
    assert "limits: ram 100 MB, latency 5 ms, accuracy 95.0% of the base; least memory" in lines
    assert (
        "NOT CHECKED: latency and memory of the process: "
        "no memory model of the engine, or no speed of the device, is known" in lines
    )
    assert "accuracy: predicted from a base of 0.8644, not measured" in text
    assert any(line.startswith("predicted F1  ") for line in lines)


def test_a_calibrated_preset_is_called_calibrated(
    unet: NetworkSpec, lymph: ImageComplexity
) -> None:
    preset = Degradation(
        preset="ours",
        architecture="unet",
        metric="f1",
        slope=0.4,
        intercept=0.01,
        omega=None,
        definition="drive-v1-0",
        calibrated=True,
        source="a calibration",
        base_accuracy=0.81,
    )
    text = describe(solve(unet, lymph, preset, Limits(disk_bytes=10**6), height=64, width=64))
    assert text.endswith(
        "from a base of 0.8100, not measured; calibrated with this J, "
        "and preset ours has no residuals to make an interval of"
    )
