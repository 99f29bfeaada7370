"""What `train` reads from its options: widths, a time, and the network with its input size."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.architectures import base_network
from ccnet_edge.cli.console import say
from ccnet_edge.complexity import fitting_size
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import PlanDocument, Solution

# What a build directory calls its plan.
PLAN = "plan.json"


def parse_widths(text: str) -> tuple[int, ...]:
    """Channels by scale in a text such as `4,8,16,32,65`.

    Raises:
        UsageError: something else.
    """
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"channels by scale as 4,8,16,32,65 were wanted, found {text!r}")
    return tuple(int(part) for part in parts)


def find_network(
    plan: Path | None,
    widths: tuple[int, ...] | None,
    architecture: str,
    size: tuple[int, int] | None,
    dataset: SegmentationDataset,
) -> tuple[NetworkSpec, tuple[int, int]]:
    """The network to train, and its input size: as given, the plan's, or what fits the images.

    Raises:
        UsageError: both a plan and widths, or neither; an unknown architecture.
        ConfigError: a plan that cannot be read, widths that the architecture does not take.
    """
    if (plan is None) == (widths is None):
        found = "neither" if plan is None else "both"
        raise UsageError(
            f"a plan or --widths was wanted, found {found}",
            hint="ccnet-edge train plan.json -o OUT, or ccnet-edge train --widths 4,8,16,32,65 …",
        )
    if plan is not None:
        network, planned_size = _planned(plan)
    else:
        assert widths is not None
        network, planned_size = _of_widths(architecture, widths, dataset), None
    if network.in_channels != dataset.channels:
        say(
            f"note: the network takes {network.in_channels} channels, the images have "
            f"{dataset.channels}; they are converted, here and on the device"
        )
    return network, size or planned_size or fitting_size(dataset)


def _planned(path: Path) -> tuple[NetworkSpec, tuple[int, int]]:
    """Network and size of the plan that `plan` wrote (-o) or printed (--json), or of a build."""
    file = path / PLAN if path.is_dir() else path
    try:
        solution = serial.load(Solution, file)
    except ConfigError as error:
        try:
            solution = serial.load(PlanDocument, file).solution
        except ConfigError:
            raise ConfigError(
                f"a plan was wanted: {error.message}",
                hint="write one with: ccnet-edge plan … -o plan.json",
            ) from error
    return solution.network, (solution.estimate.height, solution.estimate.width)


def _of_widths(
    architecture: str, widths: tuple[int, ...], dataset: SegmentationDataset
) -> NetworkSpec:
    base = base_network(architecture, channels=dataset.channels, classes=len(dataset.classes))
    return base.with_widths(widths)
