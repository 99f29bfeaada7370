"""What a run works with and never changes: pictures, preprocessing, patches, validation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ccnet_edge.cost.shapes import check_image_size
from ccnet_edge.dataset import SegmentationDataset, spread
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec, outputs_for
from ccnet_edge.spec.progress import Progress
from ccnet_edge.train.patches import PatchSource
from ccnet_edge.train.pictures import Pictures, channel_statistics, network_size, own_size
from ccnet_edge.train.places import Place
from ccnet_edge.train.recipes import Recipe

# Images that training looks at between its steps: enough to tell checkpoints apart.
_VALIDATION_IMAGES = 32


@dataclass(frozen=True, kw_only=True)
class Material:
    """The inputs of a run's steps and evaluations."""

    recipe: Recipe
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    patches: PatchSource
    validation: Pictures


def check_fit(spec: NetworkSpec, dataset: SegmentationDataset, *, height: int, width: int) -> None:
    """Refuse a network that cannot be trained on the data set.

    Raises:
        UsageError: a size that the network does not take, or other classes than its outputs.
        DataError: no training images.
    """
    check_image_size(spec, height=height, width=width)
    outputs = outputs_for(len(dataset.classes))
    if spec.outputs != outputs:
        raise UsageError(
            f"{dataset.name} has {len(dataset.classes)} classes, which take {outputs} outputs; "
            f"the network has {spec.outputs}",
            hint=f"plan the network with outputs={outputs}",
        )
    if not dataset.train:
        raise DataError(f"{dataset.name}: the train split has no images")


def gather(
    spec: NetworkSpec,
    dataset: SegmentationDataset,
    recipe: Recipe,
    place: Place,
    *,
    height: int,
    width: int,
    seed: int,
    progress: Progress,
) -> Material:
    """Read the training and validation images and fit the normalisation to the former."""
    channels = spec.in_channels
    blank = Preprocessing(
        height=height,
        width=width,
        channels=channels,
        maximum=dataset.maximum,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        multiple=spec.output_stride,
    )
    pictures = Pictures(
        dataset.train, lambda sample: network_size(dataset, sample, blank), progress=progress
    )
    mean, std = channel_statistics(pictures, dataset.maximum)
    preprocessing = replace(blank, mean=mean, std=std)
    patch = min(recipe.patch, height, width) // spec.output_stride * spec.output_stride
    if recipe.batch % place.processes:
        raise UsageError(
            f"{place.processes} processes cannot share a batch of {recipe.batch} patches evenly",
            hint=f"start a number of processes that divides {recipe.batch}",
        )
    return Material(
        recipe=recipe,
        preprocessing=preprocessing,
        classes=dataset.classes,
        patches=PatchSource(
            pictures,
            recipe,
            preprocessing,
            size=max(patch, spec.output_stride),
            seed=seed,
            share=(place.rank, place.processes),
        ),
        validation=Pictures(
            spread(dataset.validation, _VALIDATION_IMAGES),
            lambda sample: own_size(dataset, sample, preprocessing),
        ),
    )
