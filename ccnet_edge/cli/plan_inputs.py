"""What `plan` reads from its options: figures, an input size, a measured complexity."""

from __future__ import annotations

import re
from pathlib import Path

from ccnet_edge.cli.console import say
from ccnet_edge.cli.limit_options import LimitRequest
from ccnet_edge.cli.plan_options import PlanRequest
from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity

_FIGURES = re.compile(r"[0-9.eE+\-\s,]+")


def parse_figures(text: str) -> tuple[float, ...]:
    """Numbers from 0 to 1 in a text such as `0.15,0.09`.

    Raises:
        UsageError: something else.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"numbers separated by commas were wanted, found {text!r}") from error
    if not all(0 <= figure <= 1 for figure in found):
        raise UsageError(f"numbers from 0 to 1 were wanted, found {text!r}")
    return found


def parse_size(text: str) -> tuple[int, int]:
    """Height and width in pixels in a text such as `512` or `384x512`.

    Raises:
        UsageError: something else.
    """
    match = re.fullmatch(r"(\d+)(?:[xX×](\d+))?", text)
    if match is None:
        raise UsageError(f"pixels as 512 or 384x512 were wanted, found {text!r}")
    return int(match[1]), int(match[2] or match[1])


def read_complexity(
    text: str, density: tuple[float, ...] | None, *, size: tuple[int, int] | None
) -> ImageComplexity:
    """Complexity from figures (`0.15,0.09`), a JSON file that `measure` wrote, or a build folder.

    Says so where it was measured at another size than the network will see.

    Raises:
        ConfigError: no such file, or not a complexity.
        UsageError: figures for J and B that are not as many, or B with a measured file.
    """
    if _FIGURES.fullmatch(text):
        return _given(parse_figures(text), density)
    path = Path(text)
    path = path / "complexity.json" if path.is_dir() else path
    if not path.is_file():
        raise ConfigError(
            f"--complexity: figures or a file were wanted, found {text!r}, which is neither",
            hint="write figures as 0.15,0.09,0.07,0.05,0.04, or run `ccnet-edge measure` first",
        )
    if density is not None:
        raise UsageError(f"--foreground-density was given, and {path} has its own")
    found = serial.load(ImageComplexity, path)
    if size is not None and found.height is not None and (found.height, found.width) != size:
        say(
            f"note: complexity was measured at {found.height}x{found.width}, the plan is for "
            f"{size[0]}x{size[1]}; J moves with the size, so measure at the network's"
        )
    return found


def check_floor(limits: LimitRequest, plan: PlanRequest) -> None:
    """Raise UsageError for an absolute floor without the base network's accuracy.

    Before anything is trained, a plan predicts accuracy relative to the base network alone.
    """
    known = limits.base_accuracy or plan.degradation(limits.metric).base_accuracy
    if limits.floor is not None and known is None:
        metric = limits.metric
        raise UsageError(
            f"--min-{metric} {limits.floor:g} needs the base network's {metric.upper()}, "
            "which is not known",
            hint=f"give --base-{metric}, or a relative floor with --min-accuracy",
        )


def _given(j: tuple[float, ...], b: tuple[float, ...] | None) -> ImageComplexity:
    if min(j) <= 0:
        raise UsageError(f"--complexity: J is above 0, found {min(j):g}")
    if b is not None and len(b) != len(j):
        raise UsageError(
            f"--foreground-density: {len(j)} figures were wanted, as many as --complexity has, "
            f"found {len(b)}"
        )
    return ImageComplexity.given(j, b)
