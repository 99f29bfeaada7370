"""What training leaves behind: the network, its preprocessing, the recipe and the curve."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One evaluation during training; `validation_f1` is pooled over the validation split."""

    step: int
    loss: float
    validation_f1: float | None
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A trained network: everything that its weights file does not hold.

    `weights_sha256` is the hash of `weights.safetensors` beside it. `classes` names every
    class, background first. `best_step` is the step whose weights were kept, chosen on the
    validation split. Equal inputs, seed and machine give an equal object. `source` names where
    it came from where it was not trained on the data at hand; then recipe and steps are those of
    elsewhere, "elsewhere" and 0 where nothing is known.
    """

    network: NetworkSpec
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    recipe: str
    seed: int
    steps: int
    best_step: int
    device: str
    curve: tuple[CurvePoint, ...]
    weights_sha256: str
    source: str = ""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The network's input, [1, C, H, W]."""
        return (1, self.network.in_channels, *self.preprocessing.input_size)
