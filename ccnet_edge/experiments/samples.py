"""How many images a pruned network needs, measured: pretrain, prune by L1, fine-tune ([G22])."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save as save_tensors

from ccnet_edge.cost import parameters
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.degradation.sample_advice import patches_of
from ccnet_edge.device.environment import environment
from ccnet_edge.errors import UsageError
from ccnet_edge.experiments.pruning import keep_share, l1_scores, remove_filters
from ccnet_edge.experiments.subsets import (
    joint_histogram,
    mutual_information,
    nested_order,
    subset,
)
from ccnet_edge.experiments.trial import run_trial, trial_folder
from ccnet_edge.export import export
from ccnet_edge.nets import SpecModule
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.samples import PrunedSize, SampleCell, SampleGrid
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train import Recipe, find_recipe, load_trained
from ccnet_edge.train.recipes import identity
from ccnet_edge.train.state import WEIGHTS
from ccnet_edge.verify.meter import turns_ms

SPEC = "spec.json"


@dataclass(frozen=True, kw_only=True)
class GridRequest:
    """What to measure: `images` and `pruned` shares of parameters, each pair with every seed.

    The two protocols of [G22] are two ways to read the grid: with N_tr from the full network the
    images of a row stay, with N_tr = r · N_p from the pruned one they fall with its parameters.
    """

    network: NetworkSpec
    height: int
    width: int
    images: tuple[int, ...]
    pruned: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)
    recipe: str = "sweep"
    steps: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if 0.0 not in self.pruned or not all(0 <= share < 1 for share in self.pruned):
            raise UsageError(
                "shares to prune from 0 to below 1 were wanted, 0 among them, found "
                f"{', '.join(f'{share:g}' for share in self.pruned)}"
            )
        if not self.images or not self.seeds:
            raise UsageError("at least one number of images and one seed were wanted")


def measure_grid(
    request: GridRequest,
    dataset: SegmentationDataset,
    *,
    work: Path,
    progress: Progress = silent,
) -> SampleGrid:
    """Train, prune and fine-tune over the grid; what `work` holds already is not made again.

    A network is trained on the subset for all of the recipe's steps, pruned to the share, and
    fine-tuned on the same subset for half as many; the unpruned one is fine-tuned as well.

    Raises:
        UsageError: more images than there are.
    """
    order = nested_order(dataset)
    lab = _Lab(request=request, recipe=find_recipe(request.recipe), work=work, progress=progress)
    cells: list[SampleCell] = []
    plan = [(n, seed) for n in sorted(set(request.images)) for seed in request.seeds]
    parts = {n: subset(dataset, order, n) for n in request.images}
    for done, (count, seed) in enumerate(plan):
        progress("samples", done=done, total=len(plan), note=f"{count} images, seed {seed}")
        cells += lab.column(parts[count], count, seed)
    progress("samples", done=len(plan), total=len(plan))
    joints = [joint_histogram(dataset, sample) for sample in order]
    whole = mutual_information(sum(joints[1:], joints[0]))
    return SampleGrid(
        data=dataset.name,
        height=request.height,
        width=request.width,
        widths=request.network.widths,
        recipe=identity(lab.recipe),
        subsets=tuple(sample.name for sample in order),
        information=tuple(
            (n, mutual_information(sum(joints[1:n], joints[0])) / whole if whole else 1.0)
            for n in sorted(set(request.images))
        ),
        cells=tuple(cells),
        sizes=lab.sizes(parts[max(request.images)]),
        environment=environment(),
    )


def prune_by_parameters(module: SpecModule, share: float) -> SpecModule:
    """The network without the filters of least L1 norm, so that `share` of its parameters go.

    The same share of filters goes from every layer, no more than it takes.
    """
    if share == 0:
        return module
    wanted = (1 - share) * parameters(module.spec)
    scores = l1_scores(module)
    low, high = 0.0, 1.0
    found = remove_filters(module, keep_share(module, scores, low))
    for _ in range(12):
        middle = (low + high) / 2
        smaller = remove_filters(module, keep_share(module, scores, middle))
        if parameters(smaller.spec) <= wanted:
            low, found = middle, smaller
        else:
            high = middle
    return found


@dataclass(frozen=True, kw_only=True)
class _Lab:
    """Where the grid's networks are trained and pruned."""

    request: GridRequest
    recipe: Recipe
    work: Path
    progress: Progress

    @property
    def steps(self) -> int:
        return self.request.steps or self.recipe.steps

    def column(self, part: SegmentationDataset, count: int, seed: int) -> list[SampleCell]:
        """The cells of one subset and seed, which share their unpruned network."""
        first = self._train(part, self.request.network, seed, self.steps)
        return [
            self._cell(first, self._fine_tuned(part, first, share), share, count)
            for share in sorted(set(self.request.pruned))
        ]

    def sizes(self, part: SegmentationDataset) -> tuple[PrunedSize, ...]:
        """Disk and time of a network of each share, exported and in turns ([G22] Table 8)."""
        first = self._train(part, self.request.network, self.request.seeds[0], self.steps)
        shares = sorted(set(self.request.pruned))
        tuned = [self._fine_tuned(part, first, share) for share in shares]
        size = self.request.network.input_size(self.request.height, self.request.width)
        with tempfile.TemporaryDirectory(prefix="ccnet-") as aside:
            files = [Path(aside) / f"{share:g}.onnx" for share in shares]
            for each, path in zip(tuned, files, strict=True):
                export("onnx", trial_folder(self.work, each.trial), path)
            disks = [path.stat().st_size for path in files]
            taken = turns_ms(
                [(path, SessionOptions()) for path in files],
                (1, self.request.network.in_channels, *size),
            )
        times = [statistics.median(each) for each in taken]
        return tuple(
            PrunedSize(
                pruned=share,
                parameters=parameters(each.trial.network),
                disk_bytes=disk,
                latency_ms=time,
                disk_share=disk / disks[0],
                latency_share=time / times[0],
            )
            for share, each, disk, time in zip(shares, tuned, disks, times, strict=True)
        )

    def _cell(
        self, first: TrialResult, second: TrialResult, share: float, count: int
    ) -> SampleCell:
        left, scores = parameters(second.trial.network), second.test.pooled
        return SampleCell(
            images=count,
            pruned=share,
            seed=second.trial.seed,
            parameters=left,
            r=patches_of(count, self.request.height, self.request.width) / left,
            f1=second.f1,
            sensitivity=scores.sensitivity or 0.0,
            specificity=scores.specificity or 0.0,
            accuracy=scores.accuracy or 0.0,
            seconds=first.seconds + second.seconds,
        )

    def _fine_tuned(
        self, part: SegmentationDataset, first: TrialResult, share: float
    ) -> TrialResult:
        """The pruned network, trained on for half as long; pruned once."""
        trained = trial_folder(self.work, first.trial)
        folder = trained / f"pruned-{share:g}"
        if not (folder / SPEC).is_file():
            smaller = prune_by_parameters(load_trained(trained)[1], share)
            tensors = {name: value.contiguous() for name, value in smaller.state_dict().items()}
            serial.write_bytes(folder / WEIGHTS, save_tensors(dict(sorted(tensors.items()))))
            serial.save(smaller.spec, folder / SPEC)
        spec, half = serial.load(NetworkSpec, folder / SPEC), max(1, self.steps // 2)
        return self._train(part, spec, first.trial.seed, half, initial=folder / WEIGHTS)

    def _train(
        self,
        part: SegmentationDataset,
        network: NetworkSpec,
        seed: int,
        steps: int,
        *,
        initial: Path | None = None,
    ) -> TrialResult:
        return run_trial(
            network,
            part,
            height=self.request.height,
            width=self.request.width,
            recipe=self.recipe,
            work=self.work,
            seed=seed,
            steps=steps,
            device=self.request.device,
            initial=initial,
            progress=self.progress,
        )
