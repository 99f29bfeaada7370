"""A training run in a process of its own, to be killed or started by torchrun.

    python worker.py DATA OUT [--die-at STEP] [--batch N]

Prints the weights' hash; saves its state after every step.
"""

import argparse
import os
import signal
from dataclasses import replace
from pathlib import Path

import torch

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.dataset import open_dataset
from ccnet_edge.train import RECIPES, train
from ccnet_edge.train import run as run_module

torch.set_num_threads(1)
run_module._SAVE_EVERY_S, run_module._SAVE_SHARE = 0.0, 1e9

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path)
parser.add_argument("out", type=Path)
parser.add_argument("--die-at", type=int, default=0)
parser.add_argument("--batch", type=int, default=2)
arguments = parser.parse_args()


def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
    if stage == "train" and done == arguments.die_at:
        os.kill(os.getpid(), signal.SIGKILL)


dataset = open_dataset(arguments.data)
recipe = replace(
    RECIPES["default"], name="short", steps=6, batch=arguments.batch, patch=32, evaluations=2
)
trained = train(
    ARCHITECTURES["unet"](in_channels=dataset.channels).with_widths((2, 2, 3, 3, 4)),
    dataset,
    height=32,
    width=32,
    recipe=recipe,
    out=arguments.out,
    device="cpu",
    progress=progress,
)
# One write a process: two that print at a time may share a line.
os.write(1, f"{trained.weights_sha256}\n".encode())
