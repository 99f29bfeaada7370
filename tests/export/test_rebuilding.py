"""The network that converters in isolated environments rebuild is the one that was trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.converters.rebuilding import rebuild
from ccnet_edge.spec import serial
from ccnet_edge.spec.conversion import NETWORK, WEIGHTS
from ccnet_edge.train import load_trained
from ccnet_edge.train.state import WEIGHTS as TRAINED_WEIGHTS
from tests.export.networks import CLASSIFIERS, write_trained


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_folding_normalisations_changes_no_answer(architecture: str, tmp_path: Path) -> None:
    base = ARCHITECTURES[architecture](3, 1)
    spec = base.with_widths((2, 3, 3, 4, 4, 4)[: base.scales])
    trained = write_trained(tmp_path / "trained", spec)
    _, module = load_trained(trained)
    given = tmp_path / "given"
    serial.save(spec, given / NETWORK)
    (given / WEIGHTS).write_bytes((trained / TRAINED_WEIGHTS).read_bytes())
    rebuilt = rebuild(given)
    height, width = spec.input_size(32, 48)
    x = torch.randn((1, 3, height, width), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, found = module(x), rebuilt(x)
    assert (found - wanted).abs().max() <= 3e-5 * wanted.abs().max()
    folded = not any(isinstance(part, nn.BatchNorm2d) for part in rebuilt.modules())
    assert folded or architecture in CLASSIFIERS
