"""Options about a network that was not trained here: the file, and what nobody can guess of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccnet_edge.cli.console import say
from ccnet_edge.cli.option_values import Option, collected, parse_figures, parse_names, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.errors import UsageError

if TYPE_CHECKING:
    from ccnet_edge.export.outside_image import Resize
    from ccnet_edge.spec.bundle import Measurements, PackedAs

path_type = click.Path(path_type=Path)


@dataclass(frozen=True, kw_only=True)
class OutsideOptions:
    """What was given of an ONNX file from elsewhere; all None (version 0) where none is packed."""

    onnx: Path | None
    target: str | None
    image: Path | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    classes: tuple[str, ...] | None
    size: tuple[int, int] | None
    resize: Resize | None
    bundle_version: int | None

    def package(
        self, build: Path | None, out: Path | None, *, packed_as: PackedAs
    ) -> tuple[Path, Measurements]:
        """Pack the ONNX file, or the finished build in `build`.

        Raises:
            UsageError: both or none of them, or options that are missing or for the other.
        """
        if (build is None) == (self.onnx is None):
            raise UsageError("one of BUILD_DIR and --onnx was wanted, found both or none")
        if build is not None:
            from ccnet_edge.device.package import package_build

            self._check_unused()
            return package_build(build, out, packed_as=packed_as)
        return self._package_outside(out, packed_as)

    def _package_outside(self, out: Path | None, packed_as: PackedAs) -> tuple[Path, Measurements]:
        from ccnet_edge.compiler.outside import OutsideRequest, package_outside
        from ccnet_edge.export.outside_image import Stated
        from ccnet_edge.targets import load_profile

        if self.onnx is None or self.target is None or self.image is None:
            raise UsageError("--onnx needs --target, and --image: one that it is for, as a check")
        stated = Stated(
            mean=self.mean,
            std=self.std,
            classes=self.classes,
            size=self.size,
            resize=self.resize,
        )
        request = OutsideRequest(
            model=self.onnx,
            target=load_profile(self.target),
            image=self.image,
            stated=stated,
            version=self.bundle_version or 0,
        )
        return package_outside(request, out, packed_as=packed_as, note=say)

    def _check_unused(self) -> None:
        given = [name for name, value in vars(self).items() if value is not None]
        if given:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"{names}: for --onnx alone; a build knows it")


def outside_options(command: Any) -> Any:
    """Give `command` the options of `OutsideOptions` as its keyword `outside`."""
    return collected(command, "outside", OutsideOptions, _OPTIONS)


_OPTIONS: dict[str, Option] = {
    "onnx": click.option("--onnx", type=path_type, help="An ONNX file that was not trained here."),
    "target": click.option("--target", help="The device that it is for."),
    "image": click.option("--image", type=path_type, help="An image that it is for: the golden."),
    "mean": parsed("--mean", parse_figures, "M,…", "Of samples from 0 to 1, one a channel."),
    "std": parsed("--std", parse_figures, "S,…", "Their deviations, likewise."),
    "classes": parsed("--classes", parse_names, "A,B,…", "Names of all classes, background first."),
    "size": parsed("--size", parse_size, "HxW", "Its input, where the file leaves it open."),
    "resize": click.option(
        "--resize", type=click.Choice(["box", "bilinear"]), help="To that size.  [default: box]"
    ),
    "bundle_version": click.option(
        "--bundle-version", type=click.IntRange(min=0), help="Counts upwards; devices refuse older."
    ),
}
