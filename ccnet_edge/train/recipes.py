"""How networks are trained: recipes as values, in a table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from ccnet_edge.errors import UsageError, unknown_key
from ccnet_edge.spec import serial


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of a patch; every strength 0 or False leaves it out.

    `contrast` and `brightness` are half-widths, in standard deviations of the data set's
    samples: x → x · (1 + c) + b, per patch. `colour` is brightness drawn per channel. `zoom`
    is the half-width of log2 of an enlargement and `turn` that of a rotation in degrees, both of
    a share `warped` of the patches.
    """

    flips: bool = True
    quarter_turns: bool = True
    contrast: float = 0.0
    brightness: float = 0.0
    colour: float = 0.0
    zoom: float = 0.0
    turn: float = 0.0
    warped: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe. `patch` is in pixels, `learning_rate` the schedule's peak.

    `warm_up` is the share of steps over which the rate rises. `balanced` is the share of
    patches centred on a pixel of a class drawn evenly from those of the image, the rest lie
    anywhere. `average_steps` is the time constant, in steps, of the exponential average of
    the weights, 0 for none. `mixed` allows mixed precision where it pays. `evaluations` is how
    often the validation split is looked at.
    """

    name: str
    steps: int
    batch: int
    patch: int
    optimiser: Literal["adam", "adamw"]
    learning_rate: float
    beta2: float
    epsilon: float
    weight_decay: float
    schedule: Literal["constant", "one-cycle"]
    warm_up: float
    loss: Literal["cross-entropy", "dice+cross-entropy"]
    balanced: float
    average_steps: int
    mixed: bool
    evaluations: int
    augmentation: Augmentation

    def __post_init__(self) -> None:
        for field in ("steps", "batch", "patch", "evaluations"):
            if getattr(self, field) < 1:
                raise UsageError(
                    f"recipe {self.name}: {field} of at least 1 wanted, "
                    f"found {getattr(self, field)}"
                )


DEFAULT = Recipe(
    name="default",
    steps=2000,
    batch=16,
    patch=128,
    optimiser="adamw",
    learning_rate=1e-2,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=1e-2,
    schedule="one-cycle",
    warm_up=0.1,
    loss="dice+cross-entropy",
    balanced=0.5,
    average_steps=100,
    mixed=True,
    evaluations=20,
    augmentation=Augmentation(contrast=0.4, brightness=0.4, colour=0.3),
)

# For small images of the size of the built-in samples: a minute on two cores.
QUICK = replace(
    DEFAULT,
    name="quick",
    steps=250,
    batch=8,
    patch=64,
    average_steps=25,
    evaluations=10,
    augmentation=Augmentation(contrast=0.2, brightness=0.2, colour=0.1),
)

# CC21 section 5.3. Its 3000 epochs as steps, for 20 images of 512²: an epoch is as many
# patches as cover the images once, 320 of 128², 20 batches of 16.
# NOTE: "rotations" is read as quarter turns; other angles would need a resampling and a fill
# that the paper does not give. It names no batch size either.
PAPER = Recipe(
    name="paper",
    steps=60_000,
    batch=16,
    patch=128,
    optimiser="adam",
    learning_rate=2e-5,
    beta2=0.999,
    epsilon=1e-10,
    weight_decay=0.0,
    schedule="constant",
    warm_up=0.0,
    loss="cross-entropy",
    balanced=0.0,
    average_steps=0,
    mixed=False,
    evaluations=60,
    augmentation=Augmentation(),
)

# For sweeps of many networks over many data sets at 256 pixels: five minutes on one core for a
# U-Net of base width 16, half a minute for one of width 4.
SWEEP = replace(
    DEFAULT, name="sweep", steps=800, batch=8, patch=96, average_steps=50, evaluations=10
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (DEFAULT, PAPER, QUICK, SWEEP)}


def identity(recipe: Recipe) -> str:
    """The recipe's name with a hash of its values: what a result depends on."""
    return f"{recipe.name}-{hashlib.sha256(serial.to_json(recipe).encode()).hexdigest()[:12]}"


def find_recipe(recipe: Recipe | str) -> Recipe:
    """The recipe itself, or the one of `RECIPES` with that name.

    Raises:
        UsageError: no recipe of that name.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise unknown_key("recipe", recipe, RECIPES)
    return RECIPES[recipe]
