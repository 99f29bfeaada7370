"""What a run leaves on disk while it is under way, and at its end: safetensors and JSON."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ccnet_edge.errors import ConfigError, DataError
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.training import CurvePoint, TrainedNetwork

WEIGHTS, TRAINED, REQUEST, TIMING = (
    "weights.safetensors",
    "trained.json",
    "request.json",
    "timing.json",
)
RESUME = "resume.safetensors"
_NOTE = "ccnet-edge"


@dataclass(frozen=True, kw_only=True)
class Request:
    """All that a run's result depends on; equal requests on one machine give equal weights.

    `initial` is the SHA-256 of the weights file that it begins with, None for fresh weights.
    """

    network: NetworkSpec
    data: str
    height: int
    width: int
    recipe: str
    seed: int
    steps: int | None
    time_limit_s: float | None
    device: str
    processes: int
    initial: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a run is: `step` steps of `steps` taken, and what it has seen.

    `loss_sum` is over the steps since the last evaluation, `seconds_at` the wall time at each
    point of the curve, and `seconds` that of the run so far, kills left out.
    """

    request: Request
    step: int
    steps: int
    loss_sum: float
    curve: tuple[CurvePoint, ...]
    best_step: int
    best_f1: float
    seconds_at: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long a run took, in seconds of wall time; not part of its result."""

    seconds: float
    steps: int
    steps_per_s: float
    threads: int
    seconds_at: tuple[float, ...]


def save_resume(folder: Path, state: RunState, tensors: dict[str, Tensor]) -> None:
    """Write state and tensors as one file, so that they are of the same step."""
    content = save_tensors(_plain(tensors), metadata={_NOTE: serial.to_json(state)})
    serial.write_bytes(folder / RESUME, content)


def load_resume(folder: Path, request: Request) -> tuple[RunState, dict[str, Tensor]] | None:
    """The state of an unfinished run of the same request, or None where there is none."""
    path = folder / RESUME
    try:
        with safe_open(path, framework="pt") as file:
            note = (file.metadata() or {}).get(_NOTE, "")
            state = serial.from_json(RunState, note, where=str(path))
            if state.request != request:
                return None
            return state, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError, ConfigError):
        return None


def save_trained(folder: Path, trained: TrainedNetwork, request: Request, weights: bytes) -> None:
    """Write the result; trained.json comes last and says that all of it is there."""
    serial.write_bytes(folder / WEIGHTS, weights)
    serial.save(request, folder / REQUEST)
    serial.save(trained, folder / TRAINED)
    (folder / RESUME).unlink(missing_ok=True)


def load_finished(folder: Path, request: Request) -> TrainedNetwork | None:
    """The result of a finished run of the same request, whole; else None."""
    try:
        if serial.load(Request, folder / REQUEST) != request:
            return None
        trained = serial.load(TrainedNetwork, folder / TRAINED)
        whole = serial.file_sha256(folder / WEIGHTS) == trained.weights_sha256
        return trained if whole else None
    except (ConfigError, OSError):
        return None


def weights_bytes(weights: dict[str, Tensor]) -> bytes:
    """A state dict as a safetensors file: the same weights give the same bytes."""
    return save_tensors(_plain(weights))


def read_weights(path: Path, spec: NetworkSpec) -> dict[str, Tensor]:
    """The weights of a network of `spec` in the file at `path`, as training leaves them.

    Raises:
        DataError: it cannot be read, or holds other tensors than the network's.
    """
    try:
        found = load_tensors(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: weights as safetensors were wanted: {error}") from error
    wanted = {name: value.shape for name, value in build_module(spec).state_dict().items()}
    shapes = {name: value.shape for name, value in found.items()}
    wrong = [name for name in sorted(wanted | shapes) if wanted.get(name) != shapes.get(name)]
    if wrong:
        raise DataError(
            f"{path}: the weights of a {spec.architecture} of widths {list(spec.widths)} were "
            f"wanted, {len(wrong)} of its tensors are missing or others, {wrong[0]} among them",
            hint="give the weights of a network with the same nodes and channels",
        )
    return found


def read_record(folder: Path) -> TrainedNetwork:
    """The record that `train` left in `folder`.

    Raises:
        DataError: nothing was trained there.
    """
    if not (folder / TRAINED).is_file():
        raise DataError(
            f"{folder}: no trained network here ({TRAINED} is missing)",
            hint="train it first: ccnet-edge train -o FOLDER",
        )
    return serial.load(TrainedNetwork, folder / TRAINED)


def load_trained(folder: Path) -> tuple[TrainedNetwork, SpecModule]:
    """What `train` left in `folder`: the record, and the network ready to infer.

    Raises:
        DataError: nothing was trained there, or its weights are not the record's.
    """
    trained = read_record(folder)
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise DataError(f"{folder / WEIGHTS}: could not be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != trained.weights_sha256:
        raise DataError(
            f"{folder / WEIGHTS}: these are not the weights that {TRAINED} records",
            hint="the file was changed or is of another run: train again",
        )
    module = build_module(trained.network)
    module.load_state_dict(load_tensors(content))
    return trained, module.eval()


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as safetensors takes them: on the processor, in the usual order, unshared."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        for name, value in sorted(tensors.items())
    }
