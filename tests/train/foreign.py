"""A U-Net as others write it: their names, and biases before batch normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (3, 5, 6, 7, 9)
# Ours → theirs.
STAGES = {
    "encoder0": "inc", "encoder1": "down1", "encoder2": "down2", "encoder3": "down3",
    "bottleneck": "down4", "decoder3": "up1", "decoder2": "up2", "decoder1": "up3",
    "decoder0": "up4",
}  # fmt: skip
PARTS = {"conv1.conv": 0, "conv1.norm": 1, "conv2.conv": 3, "conv2.norm": 4}


def renames() -> dict[str, str]:
    """What a person would write to have it adopted."""
    found = {
        f"{ours}_{part}": f"{theirs}.pair.{number}"
        for ours, theirs in STAGES.items()
        for part, number in PARTS.items()
    }
    ups = {f"{ours}_up": f"{theirs}.up" for ours, theirs in STAGES.items() if "up" in theirs}
    return found | ups | {"head": "out"}


class Stage(nn.Module):
    """Twice convolution, normalisation, rectifier; where it goes up, from the stage below too."""

    def __init__(self, channels: int, width: int, below: int = 0) -> None:
        super().__init__()
        if below:
            self.up = nn.ConvTranspose2d(below, width, 2, 2)
        self.pair = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor, below: Tensor | None = None) -> Tensor:
        """[N, C, H, W] → [N, width, H, W]."""
        joined = x if below is None else torch.cat([x, self.up(below)], dim=1)
        answer: Tensor = self.pair(joined)
        return answer


class ForeignUNet(nn.Module):
    """For three channels and two classes; its statistics are those of some images."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        inputs = (3, *WIDTHS)
        names = list(STAGES.values())
        for scale, width in enumerate(WIDTHS):
            self.add_module(names[scale], Stage(inputs[scale], width))
        for scale in (3, 2, 1, 0):
            width = WIDTHS[scale]
            self.add_module(names[8 - scale], Stage(2 * width, width, below=WIDTHS[scale + 1]))
        self.out = nn.Conv2d(WIDTHS[0], 1, 1)
        for _ in range(3):
            self(torch.randn(2, 3, 32, 32))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] → [N, 1, H, W]; H and W multiples of 16."""
        names = list(STAGES.values())
        seen = [self.get_submodule(names[0])(x)]
        for name in names[1:5]:
            pooled = nn.functional.max_pool2d(seen[-1], 2)
            seen.append(self.get_submodule(name)(pooled))
        y = seen.pop()
        for name in names[5:]:
            y = self.get_submodule(name)(seen.pop(), y)
        logits: Tensor = self.out(y)
        return logits
