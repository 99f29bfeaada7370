"""A network that is trained already: the build of another device's, `train`'s, or one adopted.

It takes the place of the plan that would be solved for and of its training; what comes after is
the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_edge.compiler import stages
from ccnet_edge.compiler.request import Site
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.export import TRAINED, TRAINING, trained_folder
from ccnet_edge.solver import assess
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildRequest
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained
from ccnet_edge.train.state import REQUEST, WEIGHTS
from ccnet_edge.train.state import Request as Trained


@dataclass(frozen=True, kw_only=True)
class GivenNetwork:
    """The folder that training left, and its record as this build's data set sees it."""

    folder: Path
    record: TrainedNetwork

    def request(self, request: BuildRequest) -> BuildRequest:
        """The request with what the network settles."""
        record = self.record
        return replace(
            request,
            trained=record.weights_sha256,
            architecture=record.network.architecture,
            data=replace(request.data, channels=record.network.in_channels),  # converted
            height=record.preprocessing.height,
            width=record.preprocessing.width,
            recipe=record.recipe,
            steps=record.steps,
            seed=record.seed,
        )


def open_given(path: Path, dataset: SegmentationDataset) -> GivenNetwork:
    """The trained network in the folder `path`, or in a build directory, for `dataset`.

    Raises:
        DataError: nothing is trained there, or its weights are not the record's.
        UsageError: images of other depth, or other classes, than the data set has.
    """
    folder = trained_folder(path)
    record, _ = load_trained(folder)
    if record.classes != dataset.classes:
        raise UsageError(
            f"--trained: {path} is for the classes {', '.join(record.classes)}, {dataset.name} has "
            f"{', '.join(dataset.classes)}",
            hint="say which mask values they are: --classes "
            + ",".join(f"{name}=VALUE" for name in record.classes),
        )
    if record.preprocessing.maximum != dataset.maximum:
        raise UsageError(
            f"--trained: {path} is for samples from 0 to {record.preprocessing.maximum:.0f}, those "
            f"of {dataset.name} go to {dataset.maximum:.0f}"
        )
    learned = _trained_on(folder)
    if not record.source and learned != dataset.fingerprint:
        other = f"other data than {dataset.name}" if learned else "data that is not known"
        record = replace(record, source=f"a training on {other}")
    return GivenNetwork(folder=folder, record=record)


def plan_network(
    site: Site, given: GivenNetwork | None, complexity: ImageComplexity, known: float | None
) -> Solution:
    """The plan, or what one would say of a network that is given.

    `known` is the uncompressed network's accuracy.
    """
    if given is None:
        return stages.solve_plan(site, complexity, known)
    request = site.request
    network = given.record.network
    inputs = (
        site.base, network, complexity, request.degradation, request.limits, request.profile,
        request.engine, known, request.force,
    )  # fmt: skip
    return site.store.value(
        "plan",
        Solution,
        inputs,
        lambda: assess(
            site.base,
            network,
            complexity,
            request.degradation,
            request.limits,
            height=request.height,
            width=request.width,
            engine=request.engine,
            profile=request.profile,
            base_accuracy=known,
            force=request.force,
        ),
    )


def trained_network(site: Site, given: GivenNetwork | None, solution: Solution) -> TrainedNetwork:
    """The plan's network, trained; or the given one's files where training would have left them."""
    if given is None:
        return stages.train_network(site, solution.network)
    out = site.folder / TRAINING

    def make() -> None:
        serial.write_bytes(out / WEIGHTS, (given.folder / WEIGHTS).read_bytes())
        if (given.folder / REQUEST).is_file():
            # Says what it was trained on, to a build that is given this one.
            serial.write_bytes(out / REQUEST, (given.folder / REQUEST).read_bytes())
        serial.save(given.record, out / TRAINED)

    files = (f"{TRAINING}/{WEIGHTS}", f"{TRAINING}/{TRAINED}")
    site.store.files(TRAINING, (given.record,), files, make)
    return given.record


def _trained_on(folder: Path) -> str:
    """The fingerprint of the data that it was trained on; empty where nothing says."""
    try:
        return serial.load(Trained, folder / REQUEST).data
    except ConfigError:
        return ""
