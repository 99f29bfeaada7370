"""Image complexity as it was measured, with the definition that gives it its meaning."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial


@dataclass(frozen=True, kw_only=True)
class JpegDefinition:
    """What J means: CC21 eq. 1 leaves all of this open, and J moves by up to 1.6× with it.

    `colour` says how more or fewer than three channels are coded, `sixteen_bit` how samples
    of more than 8 bits become 8. `unit` and `per` are numerator and denominator: bytes (or
    bits) of the JPEG file per pixel (H·W) or per sample (H·W·channels).
    """

    name: str
    version: int
    quality: int
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"]
    colour: Literal["as-is", "grey"]
    sixteen_bit: Literal["divide-by-257", "stretch"]
    unit: Literal["bytes", "bits"]
    per: Literal["pixel", "sample"]
    resize: Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
    down: Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
    up: Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]

    @property
    def identity(self) -> str:
        """Name, version and a hash of every field: equal only for equal definitions."""
        digest = hashlib.sha256(serial.to_json(self).encode()).hexdigest()[:8]
        return f"{self.name}-v{self.version}-{digest}"


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over images with the half-width of its 95 % interval (Student's t).

    `half_width` is None for a single image or a figure that was given and not measured.
    """

    value: float
    half_width: float | None


@dataclass(frozen=True, kw_only=True)
class ScaleComplexity:
    """One scale: J, and B (foreground density), None where no masks were measured."""

    j: Mean
    b: Mean | None


@dataclass(frozen=True, kw_only=True)
class ImageFigures:
    """J and B per scale of one image."""

    name: str
    j: tuple[float, ...]
    b: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class JointComplexity:
    """JB = ωJ + (1 − ω)B per scale, the mean over images (CC21, section 2.1)."""

    omega: float
    scales: tuple[Mean, ...]


@dataclass(frozen=True, kw_only=True)
class ImageComplexity:
    """Complexity of a data set's training images at `height` × `width`, finest scale first.

    `definition` and `encoder` are None where the figures were given and not measured.
    `joint` is JB for the ω that was asked for, None where none was.
    """

    definition: JpegDefinition | None
    encoder: str | None
    height: int | None
    width: int | None
    images: int
    scales: tuple[ScaleComplexity, ...]
    per_image: tuple[ImageFigures, ...] = ()
    joint: JointComplexity | None = None

    def j(self) -> tuple[float, ...]:
        """Mean J per scale."""
        return tuple(scale.j.value for scale in self.scales)

    def jb(self, omega: float) -> tuple[float, ...]:
        """JB = ωJ + (1 − ω)B per scale (CC21, section 2.1).

        Raises:
            ConfigError: B was not measured or given.
        """
        densities = [scale.b.value for scale in self.scales if scale.b is not None]
        if len(densities) != len(self.scales):
            raise ConfigError(
                "JB needs the foreground density B of every scale, and it is not known",
                hint="measure a data set with masks, or give --foreground-density",
            )
        return tuple(omega * j + (1 - omega) * b for j, b in zip(self.j(), densities, strict=True))

    @staticmethod
    def given(j: tuple[float, ...], b: tuple[float, ...] | None = None) -> ImageComplexity:
        """Figures that a person gave, one a scale."""
        scales = tuple(
            ScaleComplexity(
                j=Mean(value=value, half_width=None),
                b=Mean(value=b[i], half_width=None) if b is not None else None,
            )
            for i, value in enumerate(j)
        )
        return ImageComplexity(
            definition=None, encoder=None, height=None, width=None, images=0, scales=scales
        )
