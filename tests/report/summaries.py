"""A build's summary as a value, without a build."""

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.spec.artifact import Artifact, Preprocessing, SessionOptions
from ccnet_edge.spec.build import BuildRequest, BuildSummary, DataSummary, StageTime, TriedOptions
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.plan import (
    Alternative,
    Degradation,
    Estimate,
    Limits,
    Prediction,
    ScalePlan,
    Solution,
)
from ccnet_edge.spec.report import (
    ClassScores,
    Evaluation,
    Gate,
    LatencyReport,
    MemoryReport,
    ParityReport,
    Percentile,
    Scores,
)
from ccnet_edge.spec.training import CurvePoint, TrainedNetwork
from ccnet_edge.targets import load_profile
from tests.spec.values import ENVIRONMENT

WIDTHS = (20, 19, 25, 29, 33)
J = (0.0362, 0.0303, 0.0284, 0.0269, 0.0255)
GATES = (
    Gate(name="disk", status="passed", measured=489e3, limit=1e6, unit="bytes", where="this file"),
    Gate(
        name="latency",
        status="not verified on target",
        measured=41.2,
        limit=33.0,
        unit="ms",
        where="a processor",
    ),
)


def solution() -> Solution:
    base = ARCHITECTURES["unet"](in_channels=3, outputs=1)
    estimate = Estimate(
        height=512,
        width=512,
        bits=32,
        weights=123_139,
        parameters=124_000,
        log_theta=5.0904,
        held_values=1,
        macs=5_750_000_000,
        disk_bytes=496_000,
        peak_activation_bytes=60_000_000,
        memory_bytes=60_500_000,
        ram_bytes=380_000_000,
        latency_ms=None,
    )
    return Solution(
        network=base.with_widths(WIDTHS),
        formulation="exact",
        multiplier="layerwise",
        degradation=Degradation(
            preset="cc21",
            architecture="unet",
            metric="f1",
            slope=0.437,
            intercept=0.0103,
            omega=None,
            definition=None,
            calibrated=False,
            source="CC21 Table 3",
        ),
        limits=Limits(disk_bytes=1_000_000),
        scales=tuple(
            ScalePlan(
                complexity=c,
                base_channels=b,
                continuous_channels=float(w),
                channels=w,
                weights=10,
                loss=0.03,
            )
            for c, b, w in zip(J, base.widths, WIDTHS, strict=True)
        ),
        estimate=estimate,
        predicted=Prediction(
            metric="f1", relative=0.943, base=None, absolute=None, calibrated=False
        ),
        binding=("disk",),
        alternatives=(
            Alternative(
                name="base",
                widths=base.widths,
                estimate=estimate,
                relative_accuracy=1.0,
                fits=False,
            ),
        ),
    )


def scores(f1: float) -> Scores:
    figures = {
        "f1": f1,
        "jaccard": 0.69,
        "sensitivity": 0.8,
        "specificity": 0.98,
        "accuracy": 0.96,
        "auc": 0.98,
    }
    return Scores(pixels=100, iu=0.8, classes=(ClassScores(name="vessel", **figures),), **figures)


def summary(gates: tuple[Gate, ...] = GATES, problems: tuple[str, ...] = ()) -> BuildSummary:
    plan = solution()
    return BuildSummary(
        request=BuildRequest(
            profile=load_profile("jetson"),
            data=DataSummary(
                name="<drive> & co",
                fingerprint="f" * 64,
                classes=("background", "vessel"),
                channels=3,
                train=16,
                validation=4,
                test=20,
                skipped=("broken.png",),
            ),
            architecture="unet",
            degradation=plan.degradation,
            limits=plan.limits,
            multiplier="layerwise",
            formulation="exact",
            minimise="disk",
            height=512,
            width=512,
            recipe="default",
            steps=None,
            time_limit_s=None,
            seed=0,
            device="cpu",
            train_base=False,
            base_accuracy=None,
            floor=None,
            host="local",
        ),
        complexity=ImageComplexity.given(J),
        solution=plan,
        trained=TrainedNetwork(
            network=plan.network,
            preprocessing=Preprocessing(
                height=512, width=512, channels=3, maximum=255.0, mean=(0.5,) * 3, std=(0.2,) * 3
            ),
            classes=("background", "vessel"),
            recipe="default",
            seed=0,
            steps=100,
            best_step=100,
            device="cpu",
            curve=(
                CurvePoint(step=50, loss=0.5, validation_f1=None, learning_rate=1e-3),
                CurvePoint(step=100, loss=0.3, validation_f1=0.79, learning_rate=1e-4),
            ),
            weights_sha256="a" * 64,
        ),
        evaluation=Evaluation(
            split="test",
            height=512,
            width=512,
            pooled=scores(0.806),
            images=(),
            human=scores(0.788),
        ),
        base_evaluation=None,
        artifacts=(
            Artifact(
                format="onnx",
                precision="fp32",
                file="model.onnx",
                size_bytes=489_000,
                sha256="b" * 64,
                opset=20,
                shape=(1, 3, 512, 512),
            ),
        ),
        parity=ParityReport(
            images=20,
            relative_error=2e-7,
            relative_error_limit=1e-5,
            flipped_share=0.0,
            flipped_share_limit=1e-6,
        ),
        options=SessionOptions(),
        tried=(TriedOptions(options=SessionOptions(), peak_bytes=380_000_000, p50_ms=40.1),),
        memory=MemoryReport(
            peak_bytes=380_000_000,
            base_bytes=46_000_000,
            inferences=100,
            environment=ENVIRONMENT,
        ),
        latency=LatencyReport(
            load_ms=20.0,
            first_ms=60.0,
            warm_up=10,
            samples_ms=(40.0, 41.2) * 32,
            percentiles=(
                Percentile(rank=50.0, value_ms=40.1, needs=2),
                Percentile(rank=90.0, value_ms=41.2, needs=64),
                Percentile(rank=99.0, value_ms=None, needs=662),
            ),
            drift=0.0,
            problems=problems,
            environment=ENVIRONMENT,
        ),
        gates=gates,
        on_target=False,
        environment=ENVIRONMENT,
        archive="drive-jetson-orin-nano.zip",
        archive_sha256="c" * 64,
        archive_bytes=700_000,
        times=(StageTime(stage="train", seconds=300.0),),
    )
