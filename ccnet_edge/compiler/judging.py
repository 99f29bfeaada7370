"""The stages of a build that judge what ships: its masks, its scores, its memory and time."""

from __future__ import annotations

from dataclasses import replace

from ccnet_edge import verify
from ccnet_edge.bench import BenchReport, LocalHost, Subject, counts_as_target, run_bench
from ccnet_edge.compiler.compare import compare_with_trained
from ccnet_edge.compiler.request import Site
from ccnet_edge.compiler.stages import here, local_options
from ccnet_edge.device.backends import runnable
from ccnet_edge.device.gates import place
from ccnet_edge.device.package import measured_of, measured_path
from ccnet_edge.export import TRAINING
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.report import Evaluation, ParityReport
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import evaluate
from ccnet_edge.verify import open_predict, open_shipped, parity_gate

# A busy machine makes the median drift: so many runs are given the chance to be valid.
BENCH_ATTEMPTS = 3


def prove_parity(
    site: Site, trained: TrainedNetwork, artifact: Artifact, options: SessionOptions
) -> ParityReport:
    """Every hop from the trained network to the file that ships, over real test images."""
    strict = site.request.strict

    def make() -> ParityReport:
        with open_shipped(site.model, runnable(options), artifact.precision) as shipped:
            return verify.prove_parity(
                site.folder / TRAINING,
                (shipped,),
                site.dataset,
                runnable(options),
                strict=strict,
                progress=site.progress,
            )

    inputs = (trained, artifact, options, site.request.data.fingerprint, strict, here())
    return site.store.value("parity", ParityReport, inputs, make)


def score_shipped(
    site: Site,
    trained: TrainedNetwork,
    evaluation: Evaluation,
    artifact: Artifact,
    options: SessionOptions,
) -> Evaluation:
    """Scores of what ships on the test split: the trained network's own where it is in fp32."""
    if artifact.precision == "fp32":
        return evaluation

    def make() -> Evaluation:
        with open_predict(site.model, runnable(options)) as predict:
            return evaluate(
                predict,
                site.dataset,
                split="test",
                preprocessing=trained.preprocessing,
                classes=trained.classes,
                progress=site.progress,
            )

    inputs = (artifact, options, site.request.data.fingerprint, here())
    return site.store.value("shipped", Evaluation, inputs, make)


def run_benchmark(site: Site, artifact: Artifact, options: SessionOptions) -> BenchReport:
    """Memory and latency on the host; times that are not valid are taken again, now and later."""
    request = site.request
    subject = Subject(
        name=request.data.name,
        model=site.model,
        options=local_options(site, options),
        shape=site.shape,
        target=request.profile,
        ram_bytes=request.limits.ram_bytes,
        latency_ms=request.limits.latency_ms,
    )
    own = subject.options.engine == options.engine
    on_target = own and counts_as_target(site.host, subject)

    def make() -> BenchReport:
        for _ in range(BENCH_ATTEMPTS):
            report = run_bench(subject, site.host, on_target=on_target, progress=site.progress)
            if report.latency.valid:
                break
        return report

    inputs = (artifact, options, request.limits, request.profile, request.host)
    return site.store.value(
        "bench", BenchReport, (*inputs, here()), make, keep=lambda found: found.latency.valid
    )


def follow_to_device(site: Site, summary: BuildSummary) -> BuildSummary:
    """The summary with one hop more, where the host is a device: its masks of the test images.

    The bundle's own runtime makes them there. What comes of it stands in `measured.json` too, not
    in the bundle that it is about.
    """
    if isinstance(site.host, LocalHost):
        return summary
    archive, request = site.folder / summary.archive, site.request

    def make() -> ParityReport:
        return compare_with_trained(
            archive,
            site.folder,
            site.dataset,
            host=site.host,
            precision=summary.artifacts[0].precision,
            strict=request.strict,
            progress=site.progress,
        )

    asked = (request.data.fingerprint, request.strict, request.host)
    inputs = (summary.archive_sha256, *asked, here())
    report = site.store.value("device-parity", ParityReport, inputs, make)
    judged = parity_gate(report, where=place(summary.environment))
    gates = tuple(judged if gate.name == judged.name else gate for gate in summary.gates)
    measured = measured_of(archive, summary.archive_sha256)
    if measured is not None and measured.gates != gates:
        serial.save(replace(measured, gates=gates), measured_path(archive))
    return replace(summary, parity=report, gates=gates)
