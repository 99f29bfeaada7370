"""A build's own proof of its memory budget, where this machine lets a limit be set."""

from __future__ import annotations

from ccnet_edge.bench import LocalHost
from ccnet_edge.compiler.request import Site
from ccnet_edge.compiler.stages import here
from ccnet_edge.device.proof import prove_model
from ccnet_edge.errors import InvalidMeasurementError
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.report import RamProof

# `ccnet-edge prove` runs a thousand; a build has other things to do.
INFERENCES = 100


def prove_memory(site: Site, artifact: Artifact, options: SessionOptions) -> RamProof | None:
    """Inferences of what ships, held to the budget on this machine.

    None without a budget, with the device elsewhere, or where no limit can be set. It is no gate:
    what counts is the target, and memory is measured there.
    """
    limit = site.request.limits.ram_bytes
    if limit is None or not isinstance(site.host, LocalHost):
        return None

    def make() -> RamProof:
        return prove_model(
            site.model,
            options,
            shape=site.shape,
            limit_bytes=int(limit),
            inferences=INFERENCES,
            progress=site.progress,
        )

    try:
        return site.store.value("proof", RamProof, (artifact, options, limit, here()), make)
    except InvalidMeasurementError:
        return None
