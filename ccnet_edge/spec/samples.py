"""Training samples against a network's size ([G22]): what a plan has, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.report import Environment


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What so many training images let one expect.

    `r_pixels` and `r_patches` are samples a parameter, see `SampleAdvice`. `lowest` and `highest`
    bound the Dice relative to that of plenty of samples, over the two networks of the measured
    surface at `r_patches`; where that lies outside of the surface, the surface's end was taken,
    and `outside` says so. `measured` is the F1 that a learning curve measured here gives.
    """

    images: int
    r_pixels: float
    r_patches: float
    lowest: float
    highest: float
    outside: bool
    measured: float | None = None


@dataclass(frozen=True, kw_only=True)
class SampleAdvice:
    """How a data set's training images stand to a network's parameters.

    [G22] counts a labelled pixel with the patch around it as a sample. So many labelled pixels
    there are here, `pixels`; but neighbours are nearly the same patch, so beside them stand
    `patches`, of 51 × 51 pixels without overlap. r = N_tr / N_p lies between the two. `pruned` is
    the share of parameters that were pruned away after training, 0 for a network that is trained
    from scratch at its own size. `warning` says where a network is likely to collapse.
    """

    images: int
    pixels: int
    patches: int
    parameters: int
    pruned: float
    expected: tuple[Expected, ...]
    warning: str

    @property
    def now(self) -> Expected:
        """What is expected of all images."""
        return next(each for each in self.expected if each.images == self.images)


@dataclass(frozen=True, kw_only=True)
class SampleCell:
    """One measurement: so many images, a share of parameters pruned away, one seed.

    `parameters` are what was left, `r` the patches a parameter; scores are of the test images.
    `seconds` is all training.
    """

    images: int
    pruned: float
    seed: int
    parameters: int
    r: float
    f1: float
    sensitivity: float
    specificity: float
    accuracy: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PrunedSize:
    """What pruning saves (G22 Table 8): time and disk, of the unpruned network's."""

    pruned: float
    parameters: int
    disk_bytes: int
    latency_ms: float
    disk_share: float
    latency_share: float


@dataclass(frozen=True, kw_only=True)
class SampleGrid:
    """A surface measured here, with the subsets that it was measured on.

    `subsets` names the training images in the order in which they were taken: the first n are
    the subset of n, so each contains the smaller ones. `information` is the mutual information
    between brightness and label in each subset that was used, over that of all images.
    """

    data: str
    height: int
    width: int
    widths: tuple[int, ...]
    recipe: str
    subsets: tuple[str, ...]
    information: tuple[tuple[int, float], ...]
    cells: tuple[SampleCell, ...]
    sizes: tuple[PrunedSize, ...]
    environment: Environment
