"""A bundle as a value: what its manifest holds, and what was measured of it beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec.artifact import Artifact, Preprocessing, SessionOptions
from ccnet_edge.spec.build import DataSummary
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import outputs_for
from ccnet_edge.spec.outside import OutsideModel
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.report import (
    Environment,
    Evaluation,
    Gate,
    LatencyReport,
    MemoryReport,
    ParityReport,
)
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.spec.training import TrainedNetwork

# Version of the bundle's layout: raised when an older runtime could not read it.
BUNDLE_FORMAT = 3
# What a bundle is handed on as: one file, an OCI image layout, or a folder.
PackedAs = Literal["zip", "tar", "oci", "dir"]
MANIFEST = "manifest.json"
# Every file's hash and the manifest's own, as `sha256sum -c` reads them.
SUMS = "SHA256SUMS"
# The runtime's file in a bundle.
RUNTIME_FILE = "ccnet-device.pyz"
# Where a build directory keeps its bundle: such a directory is taken for the bundle in it.
BUNDLE_FOLDER = "bundle"

# NOTE: a golden output is checked across processors. Engines add in another order on another
# instruction set, with other graph optimisations or thread counts, which moves float32 logits by
# 1e-7 to 1e-5 of the largest one (4e-7, no pixel flipped: a U-Net on DRIVE at 512², Cortex-A72
# emulated against AVX-512); a wrong weight, preprocessing step or damaged file moves them by 1e-2
# and more. 1e-3 stands between, with room on both sides. A pixel's class changes where its logits
# are nearly equal, which that rounding decides for far less than one in ten thousand.
GOLDEN_ERROR_LIMIT = 1e-3
GOLDEN_FLIPPED_LIMIT = 1e-4

# Sizes that no network for a small device has; more is refused before memory is asked for.
MAX_INPUT_PIXELS = 8192 * 8192
MAX_CHANNELS = 256


@dataclass(frozen=True, kw_only=True)
class BundleFile:
    """A file of a bundle, by its path in it with forward slashes."""

    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Golden:
    """An image and what the network answered to it on the machine that made the bundle.

    `image` is a PNG, [H, W] × `channels`; other than 1 × 8, 1 × 16 or 3 × 8 bits it holds the
    channels one below another, grey. `labels` is a PNG of class indices at the network's input
    size. `logits` holds every `step`-th logit in both directions as raw little-endian float32,
    [outputs, ⌈h / step⌉, ⌈w / step⌉]; `logits_sha256` is the hash of all of them in that form,
    equal only on the same kind of processor, and `largest_logit` the largest |logit|.
    """

    image: str
    channels: int
    labels: str
    logits: str
    outputs: int
    step: int
    logits_sha256: str
    largest_logit: float
    relative_error_limit: float = GOLDEN_ERROR_LIMIT
    flipped_share_limit: float = GOLDEN_FLIPPED_LIMIT


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about a bundle that equal builds agree on; `files` lists all other files.

    `gates` are the limits and whether they were met. What a machine's clock or memory gave
    (`measured` of ram and latency) is left out of them, and so are the training curve, and
    scores and complexity of single images: those are in `measured.json` and the build's
    report. `train_height` and `train_width` are the typical size of the training images
    before they became the network's input, in pixels; None where it is not known. `version`
    counts upwards as its maker says, so that a device can refuse an older one; 0 where nobody
    said one. `data`, `solution`, `complexity`, `trained`, `evaluation` and `parity` are of a
    network that was trained here; of another they are all None, and `outside` tells what is known.

    Raises:
        ConfigError: parts that contradict each other.
    """

    format: int
    name: str
    tool: str
    fit: bool
    target: DeviceProfile
    data: DataSummary | None
    solution: Solution | None
    complexity: ImageComplexity | None
    trained: TrainedNetwork | None
    evaluation: Evaluation | None
    parity: ParityReport | None
    artifact: Artifact
    options: SessionOptions
    gates: tuple[Gate, ...]
    train_height: int | None
    train_width: int | None
    golden: Golden
    versions: tuple[tuple[str, str], ...]
    files: tuple[BundleFile, ...]
    version: int = 0
    outside: OutsideModel | None = None

    def __post_init__(self) -> None:
        if self.version < 0:
            raise ConfigError(f"a version of at least 0 was wanted, found {self.version}")
        if self.fit != all(gate.status != "failed" for gate in self.gates):
            raise ConfigError(f"fit is {self.fit}, which the gates contradict")
        self._check_origin()
        pre, outputs, classes = self.preprocessing, self.golden.outputs, len(self.classes)
        # Elsewhere two classes may have a logit each, too.
        if outputs != outputs_for(classes) and not (self.outside and outputs == classes):
            raise ConfigError(f"{outputs} outputs do not make {classes} classes")
        if not (0 < pre.channels <= MAX_CHANNELS and len(pre.mean) == len(pre.std) == pre.channels):
            raise ConfigError(
                f"{pre.channels} channels, but {len(pre.mean)} means and {len(pre.std)} deviations"
            )
        if not all(math.isfinite(m) and s > 0 for m, s in zip(pre.mean, pre.std, strict=True)):
            raise ConfigError(f"means {pre.mean} and deviations {pre.std} cannot normalise")
        if min(pre.height, pre.width) < 1 or pre.height * pre.width > MAX_INPUT_PIXELS:
            raise ConfigError(f"an input of {pre.height} × {pre.width} pixels is not possible")
        if self.golden.step < 1 or not self.golden.largest_logit > 0:
            raise ConfigError("the golden output has no logits to compare")

    def _check_origin(self) -> None:
        made = (self.data, self.solution, self.complexity, self.evaluation, self.parity)
        here = {part is not None for part in (self.trained, *made)}
        if here != {self.outside is None}:
            raise ConfigError(
                "all of data, solution, complexity, trained, evaluation and parity, or outside "
                "alone was wanted"
            )

    @property
    def origin(self) -> TrainedNetwork | OutsideModel:
        """The network as it was trained here, or as it came from elsewhere."""
        origin = self.trained or self.outside
        assert origin is not None
        return origin

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the network's input."""
        return self.origin.preprocessing

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class, background first."""
        return self.origin.classes

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that make the bundle unfit."""
        return tuple(gate for gate in self.gates if gate.status == "failed")

    @property
    def not_verified(self) -> tuple[Gate, ...]:
        """The gates that only the target itself can decide, and has not yet."""
        return tuple(gate for gate in self.gates if gate.status == "not verified on target")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The network's input, [1, C, H, W]."""
        pre = self.preprocessing
        return (1, pre.channels, *pre.input_size)


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What was measured of a bundle: `measured.json` beside the archive, never inside it.

    `archive_sha256` names the archive that it is about.
    """

    archive: str
    archive_sha256: str
    archive_bytes: int
    memory: MemoryReport | None
    latency: LatencyReport | None
    gates: tuple[Gate, ...]
    environment: Environment


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found of a bundle on this machine.

    `golden` compares the golden image's output here with the recorded one, `identical` says
    whether its logits are the same to the last bit. `on_target` says whether this machine
    counts as the bundle's target. `gates` are of what was found here, `recorded` the manifest's,
    of when it was built. `memory` and `latency` are None where they were not measured.
    `signed_by` is the fingerprint of the key that signed it, None where none was demanded.
    `engine` is what ran, and `fallback` says why it is not the bundle's own; empty where it is.
    """

    bundle: str
    name: str
    fit: bool
    files: int
    golden: ParityReport
    identical: bool
    target: str
    on_target: bool
    gates: tuple[Gate, ...]
    recorded: tuple[Gate, ...]
    memory: MemoryReport | None
    latency: LatencyReport | None
    environment: Environment
    version: int = 0
    signed_by: str | None = None
    engine: str = ""
    fallback: str = ""
