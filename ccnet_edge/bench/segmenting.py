"""Segmenting images with a bundle on a host: by its own runtime, the masks are brought back."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ccnet_edge.bench.hosts import Host
from ccnet_edge.bench.protocol import printed
from ccnet_edge.bench.verifying import packed
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.run import RunReport
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.bundle import RUNTIME_FILE


def segment_on(host: Host, path: Path, images: Sequence[Path], out: Path) -> tuple[Path, ...]:
    """The masks of `images`, in their order, as the bundle at `path` answers on the host.

    Args:
        host: where.
        path: a folder, archive or build directory.
        images: files, no two with the same content.
        out: a folder for the masks, which is not there yet.

    Raises:
        BundleRefusedError: the bundle is refused here, before anything is copied.
        DeviceError: the host was not reached, is not of the target's kind, or failed.
    """
    bundle = open_bundle(path)
    host.use(bundle.read(RUNTIME_FILE))
    host.check(bundle.manifest.target, engine=bundle.manifest.options.engine)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        archive = packed(bundle, Path(folder))
        text = host.run("run", archive, [*images, "--json"], out=out)
    report = printed(text, RunReport, host, "run")
    names = [PurePosixPath(item.mask).name for item in report.images if item.mask is not None]
    masks = tuple(out / name for name in names)
    lost = [mask for mask in masks if not mask.is_file()]
    if len(masks) != len(images) or lost:
        raise DeviceError(
            f"{host.name}: masks of {len(images)} images were wanted, found "
            f"{len(masks) - len(lost)}",
            hint="two images with the same content are one there: remove the copy",
        )
    return masks
