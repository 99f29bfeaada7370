"""The tensors of a checkpoint from elsewhere: read as what they may be, and named as ours are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from ccnet_edge.errors import DataError

MAX_BYTES = 2**30
# What the names of our tensors begin with.
PREFIX = "blocks."
# Files of torch.save begin with a zip's or a pickle's first bytes.
PICKLES = (b"PK\x03\x04", b"\x80\x02")
# Channels, or taps of a kernel, that a layer may have.
MOST = 65_536
# What weights may be stored in.
STORED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Tensors that an error names.
NAMED = 4


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in the safetensors file at `path`.

    Raises:
        DataError: it is none, or too large.
    """
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: a safetensors file of at most {MAX_BYTES} bytes was wanted")
    content = path.read_bytes()
    if content.startswith(PICKLES):
        raise DataError(
            f"{path}: a safetensors file was wanted, found one of torch.save, which can run code "
            "when it is read",
            hint="where you trust it: safetensors.torch.save_file(torch.load(FILE, "
            "weights_only=True), 'weights.safetensors')",
        )
    try:
        found = load_tensors(content)
    except (KeyError, SafetensorError, ValueError) as error:
        raise DataError(f"{path}: a safetensors file was wanted: {error}") from error
    for name, value in found.items():
        if not value.numel() or max(value.shape, default=1) > MOST:
            raise DataError(f"{path}: {name} has the shape {list(value.shape)}, which no layer has")
    return found


def renamed(found: dict[str, Tensor], rename: Mapping[str, str], path: Path) -> dict[str, Tensor]:
    """The tensors under our names: of the rules that a name begins with, the longest.

    Raises:
        DataError: two would have one name, or a rule is for none.
    """
    rules = {theirs: ours for ours, theirs in rename.items() if theirs}
    found_as: dict[str, Tensor] = {}
    for name, value in found.items():
        fitting = [old for old in rules if name == old or name.startswith(f"{old}.")]
        old = max(fitting, key=len, default=None)
        ours = name if old is None else f"{rules[old]}{name[len(old) :]}".strip(".")
        ours = ours if ours.startswith(PREFIX) else f"{PREFIX}{ours}"
        if ours in found_as:
            raise DataError(f"{path}: two of its tensors would be named {ours}")
        found_as[ours] = value
    unused = [old for old in rules if not any(n == old or n.startswith(f"{old}.") for n in found)]
    if unused:
        raise DataError(
            f"{path}: no tensor's name begins with {', '.join(unused[:NAMED])}, which is to be "
            "renamed",
            hint=f"its tensors: {listed(found)}",
        )
    return found_as


def without_biases(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Biases of convolutions before batch normalisation taken from its mean instead."""
    given = dict(found)
    for name in found:
        mean = f"{name.removesuffix('.conv.bias')}.norm.running_mean"
        bias = name.endswith(".conv.bias") and name not in wanted and mean in found
        if bias and found[mean].shape == found[name].shape and found[name].dtype in STORED:
            given[mean] = found[mean].double() - given.pop(name).double()
    return given


def modules(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """What the tensors' names have before their last dot, each once."""
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in tensors))


def counted(name: str) -> list[tuple[int, str]]:
    """To sort names by, with the numbers in them as people count."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def listed(tensors: Mapping[str, Tensor]) -> str:
    """The first few names with their shapes, and how many more there are."""
    named = [f"{name} {list(value.shape)}" for name, value in list(tensors.items())[:NAMED]]
    more = [f"{len(tensors) - NAMED} more"] if len(tensors) > NAMED else []
    return ", ".join([*named, *more])
