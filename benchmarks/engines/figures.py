"""What results/engines.json holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines.client import Client, EngineError
from benchmarks.engines.contest import Missing, Row
from benchmarks.engines.setups import SETUPS


@dataclass(frozen=True, kw_only=True)
class EngineAbout:
    """An engine that is installed.

    Attributes:
        versions: (distribution, version) of the runtime and of what converts for it.
        files: (name, bytes) of what has to be on a device beside the model, without Python.
        disk_bytes: their sum.
    """

    name: str
    label: str
    versions: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, int], ...]
    disk_bytes: int


@dataclass(frozen=True, kw_only=True)
class EngineFigures:
    """All engines on all networks; `over_first` is over the first contender of its case."""

    rounds: int
    engines: tuple[EngineAbout, ...]
    rows: tuple[Row, ...]
    missing: tuple[Missing, ...]


def about(engine: str, *, log: Path) -> EngineAbout | Missing:
    """Versions and bytes of an engine, or why there are none."""
    try:
        with Client(engine, log=log) as client:
            versions, files = client.about()
    except EngineError as error:
        return Missing(contender=engine, network="", size=0, stage="start", reason=str(error))
    return EngineAbout(
        name=engine,
        label=SETUPS[engine].label,
        versions=tuple(sorted(versions.items())),
        files=tuple(sorted(files.items())),
        disk_bytes=sum(files.values()),
    )
