"""Where training runs: processor or accelerator, alone or as one of torchrun's processes."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, distributed

from ccnet_edge.errors import UsageError

# torch has no public question for this; where a version lacks these, float32 stays.
_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """This process's device and its place among `processes`.

    `half` is the type of mixed precision where it pays, None where it does not: bfloat16 on
    CUDA, and on processors that multiply it in hardware, where convolutions of 4 to 64 channels
    take half the time. Without that hardware it is slower than float32.
    """

    device: torch.device
    half: torch.dtype | None
    rank: int = 0
    processes: int = 1

    @property
    def first(self) -> bool:
        """This process evaluates, writes files and reports."""
        return self.rank == 0

    def average(self, tensors: list[Tensor]) -> None:
        """Replace every tensor by its mean over all processes; one transfer for all of them."""
        if self.processes == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.processes
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def agree(self, number: int) -> int:
        """The first process's number, in every process."""
        if self.processes == 1:
            return number
        shared = torch.tensor([number], dtype=torch.int64, device=self.device)
        distributed.broadcast(shared, src=0)
        return int(shared.item())


def find_place(device: str) -> Place:
    """The place for `device`; "auto" takes CUDA, then Apple's GPU, then the processor.

    Under torchrun (WORLD_SIZE above 1) this joins the group of processes: NCCL with a GPU each
    on CUDA, else gloo.

    Raises:
        UsageError: a device that does not exist, or that this machine does not have.
    """
    kind = _kind(device)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        return Place(device=torch.device(kind), half=_half(kind))
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device(kind, local) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(place)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Place(device=place, half=_half(kind), rank=rank, processes=processes)


def _kind(device: str) -> str:
    if device not in get_args(Device):
        raise UsageError(f"a device of {', '.join(get_args(Device))} was wanted, found {device!r}")
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return next(kind for kind, found in there.items() if found)
    if not there[device]:
        found = ", ".join(kind for kind, present in there.items() if present)
        raise UsageError(
            f"this machine has no {device} device that torch can use",
            hint=f"there is: {found}; or leave it to --device auto",
        )
    return device


def _half(kind: str) -> torch.dtype | None:
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    if kind == "cpu" and any(getattr(torch.cpu, name, bool)() for name in _BFLOAT16):
        return torch.bfloat16
    return None
