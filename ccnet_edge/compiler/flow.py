"""The flow on one page: measure, solve, train, export, prove, benchmark, package."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ccnet_edge.compiler import finish, judging, stages
from ccnet_edge.compiler.given import GivenNetwork, plan_network, trained_network
from ccnet_edge.compiler.proof import prove_memory
from ccnet_edge.compiler.request import Site, check_host, open_site
from ccnet_edge.compiler.tuning import tune_options
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.judgement import ERRORS, gate_line
from ccnet_edge.device.package import SUMMARY
from ccnet_edge.errors import InvalidMeasurementError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildRequest, BuildSummary
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.verify import check_budgets


def build(
    request: BuildRequest,
    dataset: SegmentationDataset,
    folder: Path,
    *,
    given: GivenNetwork | None = None,
    progress: Progress = silent,
) -> BuildSummary:
    """Everything, into `folder`; what was done there before for the same inputs is not repeated.

    A network that is `given` takes the place of a plan's, and of its training.

    A missed gate is no error here: the bundle is then marked unfit, and `check_build` raises.

    Raises:
        UsageError: a request that cannot be met, or another build in the folder.
        InfeasibleError: no network fits the limits.
        DeviceError: the host cannot do its part, which is found out first; or it failed.
    """
    site = open_site(request, dataset, folder, progress=progress)
    with site.store.lock(), closing(site.host):
        check_host(site)
        complexity = stages.measure_complexity(site)
        held_out, base = stages.score_base(site) if request.train_base else (None, None)
        known = stages.base_accuracy(site, held_out)
        solution = plan_network(site, given, complexity, known)
        trained = trained_network(site, given, solution)
        evaluation = stages.score(site, "evaluation", trained)
        chosen = stages.choose_precision(site, trained)
        artifact = stages.export_model(site, trained, chosen)
        tuned = tune_options(site, artifact)
        parity = judging.prove_parity(site, trained, artifact, tuned.options)
        evaluation = judging.score_shipped(site, trained, evaluation, artifact, tuned.options)
        bench = judging.run_benchmark(site, artifact, tuned.options)
        proof = prove_memory(site, artifact, tuned.options)
        gates = check_budgets(
            artifact=artifact,
            limits=request.limits,
            parity=parity,
            memory=bench.memory,
            latency=bench.latency,
            on_target=bench.on_target,
            evaluation=evaluation,
            metric=request.metric,
            floor=request.floor,
            base_accuracy=stages.base_accuracy(site, base),
        )
        summary = BuildSummary(
            request=request,
            complexity=complexity,
            solution=solution,
            trained=trained,
            evaluation=evaluation,
            base_evaluation=base,
            artifacts=(artifact,),
            parity=parity,
            options=tuned.options,
            tried=tuned.tried,
            memory=bench.memory,
            latency=bench.latency,
            gates=gates,
            on_target=bench.on_target,
            environment=bench.memory.environment,
            archive="",
            archive_sha256="",
            archive_bytes=0,
            times=(),
            precision=chosen,
            samples=None if trained.source else stages.advise_samples(site, solution),
            proof=proof,
        )
        summary = finish.package(site, summary)
        examples = finish.draw_examples(site, artifact, summary)
        summary = _keep(site, summary, examples)
        followed = judging.follow_to_device(site, summary)
        return summary if followed is summary else _keep(site, followed, examples)


def _keep(site: Site, summary: BuildSummary, examples: tuple[Path, ...]) -> BuildSummary:
    """Write the summary and its page, with the times of all stages so far."""
    summary = replace(summary, times=finish.stage_times(site))
    serial.save(summary, site.folder / SUMMARY)
    finish.write_page(site.folder, summary, examples)
    return summary


def read_build(folder: Path) -> tuple[BuildSummary, Path]:
    """A finished build's summary with what was measured since, and its page, written anew.

    Raises:
        UsageError: the folder holds no finished build.
    """
    if not (folder / SUMMARY).is_file():
        raise UsageError(
            f"{folder}: a finished build was wanted, its {SUMMARY} is missing",
            hint="run ccnet-edge build first, or again to finish it",
        )
    summary = finish.with_measured(folder, serial.load(BuildSummary, folder / SUMMARY))
    return summary, finish.write_page(folder, summary, finish.find_examples(folder))


def check_build(summary: BuildSummary, *, require_target: bool = False) -> None:
    """Raise for the worst of what a build found.

    Args:
        require_target: a limit that only the target can judge, and has not, is an error too.

    Raises:
        ParityError: the exported network is not the trained one.
        BudgetExceededError: the file or the process's memory is over its limit.
        LatencyMissedError: the p90 is over its limit.
        AccuracyBelowFloorError: the measured score is under the floor.
        InvalidMeasurementError: the times that were taken on the target are not valid, or a
            limit had to be judged there and was not.
    """
    where = summary.archive
    for gate in summary.gates:
        if gate.status == "failed":
            raise ERRORS[gate.name](
                f"{where}: {gate_line(gate)}",
                hint="the bundle does not fit: change the limits, or train longer",
            )
    if summary.on_target and not summary.latency.valid:
        raise InvalidMeasurementError(
            f"{where}: the latency is no valid measurement: {'; '.join(summary.latency.problems)}",
            hint="quiet the machine and give the same command again: it measures again",
        )
    for gate in summary.gates:
        if require_target and gate.status == "not verified on target":
            raise InvalidMeasurementError(
                f"{where}: {gate_line(gate)}",
                hint="measure on the device: ccnet-edge bench BUILD --host ssh://user@device "
                "--record, or build with --host",
            )
