"""Where a comparison's systems are made: its terms, data and plans, and training on equal terms.

Protocol: every system has the same training time in all. One that is a network of its own trains
from scratch for all of it. One that is made out of a trained network (pruned, merged) has half of
it for that network, and the other half to fine-tune what is left; quantisation comes after all
of it and needs none. Networks that several systems begin with are trained once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safetensors.torch import save as save_tensors

from ccnet_edge.architectures import at_base_width, base_network
from ccnet_edge.cost.estimate import onnx_bytes
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import InfeasibleError
from ccnet_edge.experiments.trial import run_trial, trial_folder
from ccnet_edge.nets import SpecModule
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.systems import Terms
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train import Recipe, load_trained
from ccnet_edge.train.state import WEIGHTS
from ccnet_edge.units import format_bytes

Part = Literal["whole", "first half", "second half"]
_BITS = 32
# Multipliers are looked for in steps of this.
_FINENESS = 1 / 1024


@dataclass(frozen=True, kw_only=True)
class Shop:
    """All that a system is made from; `work` is where trials and systems are kept."""

    terms: Terms
    dataset: SegmentationDataset
    recipe: Recipe
    work: Path
    progress: Progress = silent

    def network(self, widths: tuple[int, ...], architecture: str | None = None) -> NetworkSpec:
        """The architecture at `widths`; None for that of the terms."""
        return self.uncompressed(architecture or self.terms.architecture).with_widths(widths)

    def uncompressed(self, architecture: str) -> NetworkSpec:
        """The network of `architecture` for this data, at the base width of the terms."""
        channels, classes = self.dataset.channels, len(self.dataset.classes)
        found = base_network(architecture, channels=channels, classes=classes)
        return at_base_width(found, self.terms.base[0])

    def train(
        self, network: NetworkSpec, part: Part = "whole", *, initial: Path | None = None
    ) -> Trained:
        """Train `network` for a part of the time that every system has."""
        terms, first = self.terms, part == "first half"
        steps, limit = terms.steps, terms.time_limit_s
        if part != "whole":
            whole = steps if steps is not None or limit is not None else self.recipe.steps
            steps = None if whole is None else max(1, whole // 2 if first else whole - whole // 2)
            limit = None if limit is None else limit / 2
        result = run_trial(
            network,
            self.dataset,
            height=terms.height,
            width=terms.width,
            recipe=self.recipe,
            work=self.work,
            seed=terms.seed,
            steps=steps,
            time_limit_s=limit,
            device=terms.device,
            initial=initial,
            progress=self.progress,
        )
        return Trained(folder=trial_folder(self.work, result.trial), result=result)

    def fine_tune(
        self, network: NetworkSpec, compress: Callable[[SpecModule], SpecModule], folder: Path
    ) -> Made:
        """Train `network` for half of the time, compress it, and train for the other half.

        What `compress` gave is kept in `folder`, so that a comparison that was killed goes on with
        the same weights.
        """
        first = self.train(network, "first half")
        spec_file, weights_file = folder / "compressed.json", folder / WEIGHTS
        if not spec_file.is_file():
            compressed = compress(load_trained(first.folder)[1])
            tensors = {k: v.contiguous() for k, v in sorted(compressed.state_dict().items())}
            serial.write_bytes(weights_file, save_tensors(tensors))
            serial.save(compressed.spec, spec_file)
        spec = serial.load(NetworkSpec, spec_file)
        second = self.train(spec, "second half", initial=weights_file)
        return Made(network=spec, trained=second.folder, runs=(first.result, second.result))

    def from_scratch(self, network: NetworkSpec) -> Made:
        """Train `network` for all of the time."""
        trained = self.train(network)
        return Made(network=network, trained=trained.folder, runs=(trained.result,))

    def widest(self, base: NetworkSpec) -> NetworkSpec:
        """`base` thinned by the largest multiplier whose ONNX file keeps the budget.

        Raises:
            InfeasibleError: one channel in every scale is over it.
        """

        def thinned(step: int) -> NetworkSpec:
            alpha = step * _FINENESS
            return base.with_widths(tuple(max(1, int(alpha * width)) for width in base.widths))

        budget = self.terms.budget_bytes
        if (least := onnx_bytes(thinned(0), bits=_BITS)) > budget:
            raise InfeasibleError(
                f"a {base.architecture} of {format_bytes(budget)} was wanted, one channel in "
                f"every scale takes {format_bytes(least)}",
                hint="give a larger --budget",
            )
        low, high = 0, round(1 / _FINENESS)
        while low < high:
            middle = -(-(low + high) // 2)
            fits = onnx_bytes(thinned(middle), bits=_BITS) <= budget
            low, high = (middle, high) if fits else (low, middle - 1)
        return thinned(low)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trial, and the folder where it is."""

    folder: Path
    result: TrialResult


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished network: `trained` is the folder that training left, `runs` all training.

    `convert` makes the file that ships out of the exported ONNX file, and says what it did to it;
    None where that ships as it is.
    """

    network: NetworkSpec
    trained: Path
    runs: tuple[TrialResult, ...]
    convert: Callable[[Path, Path], str] | None = None
