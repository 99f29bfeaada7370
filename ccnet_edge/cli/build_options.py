"""The options of `build` that are its own, and the request that all of its options make."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from click.core import ParameterSource

from ccnet_edge.cli.console import say
from ccnet_edge.cli.data_options import DatasetRequest
from ccnet_edge.cli.limit_options import LimitRequest
from ccnet_edge.cli.option_values import Option, collected, parse_seconds, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.cli.plan_options import PlanRequest
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.build import WantedPrecision
from ccnet_edge.spec.progress import Progress

if TYPE_CHECKING:
    from ccnet_edge.compiler import GivenNetwork
    from ccnet_edge.dataset import SegmentationDataset
    from ccnet_edge.spec.build import BuildRequest

F = TypeVar("F", bound=Callable[..., Any])

BUILDS = Path("build")
# Parameter → option of what a network that is there already settles.
SETTLED = {
    "arch": "--arch",
    "device": "--device",
    "formulation": "--formulation",
    "minimise": "--minimise",
    "multiplier_name": "--multiplier",
    "recipe": "--recipe",
    "seed": "--seed",
    "size": "--size",
    "steps": "--steps",
    "time_limit": "--time-limit",
    "train_base": "--train-base",
}
SAMPLE = "cells"


@dataclass(frozen=True, kw_only=True)
class BuildChoices:
    """How the network is trained and measured, and where everything goes."""

    sample: str | None
    size: tuple[int, int] | None
    recipe: str | None
    steps: int | None
    time_limit: float | None
    seed: int
    device: str
    train_base: bool
    host: str | None
    version: int
    strict: bool
    precision: WantedPrecision
    trained: Path | None
    out: Path | None

    def plan(self, plan: PlanRequest) -> PlanRequest:
        """The plan that was asked for, with the architecture of a network that is there already.

        Raises:
            UsageError: options of training beside --trained.
        """
        if self.trained is None:
            return plan
        context = click.get_current_context()
        given = [
            option for name, option in SETTLED.items()
            if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        ]  # fmt: skip
        if given:
            raise UsageError(
                f"{', '.join(given)}: nothing is planned and trained with --trained",
                hint="leave it out: the network that is there settles it",
            )
        from ccnet_edge.export import trained_folder
        from ccnet_edge.train.state import read_record

        record = read_record(trained_folder(self.trained))
        return replace(plan, arch=record.network.architecture)

    def given(self, dataset: SegmentationDataset) -> GivenNetwork | None:
        """The network of --trained, None where there is none."""
        if self.trained is None:
            return None
        from ccnet_edge.compiler import open_given

        return open_given(self.trained, dataset)

    def check(self, limits: LimitRequest, plan: PlanRequest, *, data: Path | None) -> None:
        """Refuse what cannot be meant before any image is read.

        Raises:
            UsageError: no target, or names that nothing has.
        """
        profile = limits.profile()
        if profile is None:
            raise UsageError(
                "--target was wanted: the device that the bundle is for",
                hint="ccnet-edge targets list shows the known ones; a .toml file of your own does",
            )
        if data is not None and self.sample is not None:
            raise UsageError(
                f"--data and --sample exclude each other, found {data} and {self.sample}"
            )
        base = plan.base(channels=1, classes=2)
        plan.degradation(limits.metric)
        plan.engine_for(profile)
        limits.limits(profile, formulation=plan.formulation)
        from ccnet_edge.bench import host_of, parse_host
        from ccnet_edge.cost.shapes import check_image_size
        from ccnet_edge.train import find_recipe
        from ccnet_edge.train.places import find_place

        parse_host(self.host or host_of(profile))
        find_recipe(self.recipe or "default")
        find_place(self.device)
        if self.size is not None:
            check_image_size(base, height=self.size[0], width=self.size[1])

    @contextmanager
    def dataset(self, request: DatasetRequest, progress: Progress) -> Iterator[SegmentationDataset]:
        """The data that was asked for, or the built-in sample's, generated for as long as needed.

        The same kind of sample has the same bytes wherever and whenever it is generated.
        """
        if request.data is not None:
            yield request.open(progress)
            return
        from ccnet_edge.dataset.samples import write_samples

        kind = self.sample or SAMPLE
        say(f"no --data: using the built-in sample data ({kind})")
        with tempfile.TemporaryDirectory(prefix="ccnet-") as aside:
            folder = write_samples(Path(aside) / kind, kind=kind)
            yield request.open_at(folder, progress)

    def request(
        self,
        dataset: SegmentationDataset,
        limits: LimitRequest,
        plan: PlanRequest,
        *,
        built_in: bool,
    ) -> BuildRequest:
        """What `build` is asked for, the target's defaults filled in.

        Args:
            built_in: the data set is the built-in sample's, for which the quick recipe is made.

        Raises:
            UsageError: options that do not go together.
        """
        from ccnet_edge.bench import host_of
        from ccnet_edge.compiler import summarise_data
        from ccnet_edge.complexity import fitting_size
        from ccnet_edge.spec.build import BuildRequest

        profile = limits.profile()
        assert profile is not None  # `check` has refused
        degradation = plan.degradation(limits.metric)
        known = limits.base_accuracy or degradation.base_accuracy
        height, width = self.size or fitting_size(dataset)
        asked = self.size is not None or self.trained is not None
        if max(dataset.typical_size()) > max(height, width) and not asked:
            say(
                f"note: images of typically {'×'.join(map(str, dataset.typical_size()))} pixels "
                f"(height × width) become {height}×{width}; --size chooses another input"
            )
        return BuildRequest(
            profile=profile,
            data=summarise_data(dataset),
            architecture=plan.arch,
            degradation=degradation,
            limits=limits.limits(
                profile,
                formulation=plan.formulation,
                base_known=self.train_base or known is not None,
            ),
            multiplier=plan.multiplier(degradation),
            formulation=plan.formulation,
            minimise=plan.minimise,
            height=height,
            width=width,
            recipe=self.recipe or ("quick" if built_in else "default"),
            steps=self.steps,
            time_limit_s=self.time_limit,
            seed=self.seed,
            device=self.device,
            train_base=self.train_base,
            base_accuracy=limits.base_accuracy,
            floor=limits.floor,
            host=self.host or host_of(profile),
            engine=plan.engine_for(profile),
            version=self.version,
            strict=self.strict,
            precision=self.precision,
            force=plan.force,
        )

    def folder(self, request: BuildRequest) -> Path:
        """The build directory: as given, else named after data and target."""
        return self.out or BUILDS / f"{request.data.name}-{request.profile.name}"


def build_options(command: F) -> F:
    """Give `command` the options of `BuildChoices` as its keyword `choices`."""
    return collected(command, "choices", BuildChoices, _BUILD_OPTIONS)


_BUILD_OPTIONS: dict[str, Option] = {
    "sample": click.option(
        "--sample",
        type=click.Choice(["cells", "lesion", "vessels"]),
        help="Built-in data to use where there is no --data.  [default: cells]",
    ),
    "size": parsed("--size", parse_size, "HxW", "Network input in pixels: 512 or 384x512."),
    "recipe": click.option(
        "--recipe", help="default, quick or paper.  [default: default; for built-in data: quick]"
    ),
    "steps": click.option("--steps", type=click.IntRange(1), help="In place of the recipe's."),
    "time_limit": parsed(
        "--time-limit", parse_seconds, "TIME", "As many steps as fit into 90s, 12min or 1h."
    ),
    "seed": click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    "device": click.option(
        "--device", default="auto", show_default=True, help="To train on: auto, cpu, cuda or mps."
    ),
    "train_base": click.option(
        "--train-base", is_flag=True, help="Train the base network too, to measure against it."
    ),
    "host": click.option(
        "--host",
        help="Where latency and memory are measured: local or ssh://user@device[:port].  "
        "[default: what the target's profile says, else local]",
    ),
    "version": click.option(
        "--bundle-version",
        "version",
        type=click.IntRange(0, 10**18 - 1),
        default=0,
        show_default=True,
        help="Counts upwards, so that devices can refuse an older bundle.",
    ),
    "trained": click.option(
        "--trained",
        type=click.Path(path_type=Path),
        help="A network that is there already, in place of a plan: a build, or what train or "
        "adopt left.",
    ),
    "precision": click.option(
        "--precision",
        type=click.Choice(get_args(WantedPrecision)),
        default="fp32",
        show_default=True,
        help="Of what ships; auto: the fastest whose masks are as good, by measuring.",
    ),
    "strict": click.option(
        "--strict", is_flag=True, help="fp16 and int8 keep 99.9 % of the fp32 Dice, not 99 %."
    ),
    "out": click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path),
        help="The build directory.  [default: build/DATA-TARGET]",
    ),
}
