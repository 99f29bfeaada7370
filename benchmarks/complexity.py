"""How near J comes to the papers' figures, definition by definition, on the data there is.

    python -m benchmarks.complexity

The rows are CC21's Table 1, whose definition of J is not published. DRIVE and CHASE_DB1 are the
papers' sets; of ISIC 2017 there is a subset of small files, which are smooth ones, and BUSI
stands in for lymph node ultrasound that is not public: neither has to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.protocol import write_result
from ccnet_edge.complexity import DEFINITIONS, image_figures
from ccnet_edge.complexity.encoder import encoder_identity
from ccnet_edge.device.imaging.read import read_image
from ccnet_edge.spec.complexity import JpegDefinition

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of CC21's Table 1, and the data set that it is compared on."""

    published: str
    name: str
    size: int
    j: tuple[float, ...]
    same_data: bool


ROWS = (
    Row(
        published="DRIVE",
        name="drive",
        size=512,
        j=(0.0362, 0.0303, 0.0284, 0.0269, 0.0255),
        same_data=True,
    ),
    Row(
        published="CHASE_DB1",
        name="chase_db1",
        size=976,
        j=(0.2826, 0.2204, 0.1971, 0.1789, 0.1636),
        same_data=True,
    ),
    Row(
        published="melanoma",
        name="isic2017",
        size=320,
        j=(0.0642, 0.0459, 0.0361, 0.0296, 0.0250),
        same_data=False,
    ),
    Row(
        published="lymph node",
        name="busi",
        size=224,
        j=(0.1518, 0.0857, 0.0655, 0.0496, 0.0375),
        same_data=False,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """Mean J by scale by one definition, and its ratio to the published one."""

    definition: str
    j: tuple[float, ...]
    ratio: tuple[float, ...]
    furthest: float


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A row with what each definition gives on `images` training images."""

    row: Row
    images: int
    found: tuple[Nearness, ...]


@dataclass(frozen=True, kw_only=True)
class ComplexityFigures:
    """All rows."""

    encoder: str
    rows: tuple[Compared, ...]


def main() -> None:
    """Compare all rows and write results/complexity.json."""
    figures = ComplexityFigures(
        encoder=encoder_identity(), rows=tuple(_compared(row) for row in ROWS)
    )
    print(write_result("complexity", figures))


def _compared(row: Row) -> Compared:
    folder = DATA / row.name
    lines = (folder / "train.txt").read_text().splitlines()
    paths = [folder / line.split("\t")[0] for line in lines if line]
    return Compared(
        row=row,
        images=len(paths),
        found=tuple(_nearness(row, paths, each) for each in DEFINITIONS.values()),
    )


def _nearness(row: Row, paths: list[Path], definition: JpegDefinition) -> Nearness:
    figures = [
        image_figures(read_image(path), definition, height=row.size, width=row.size)
        for path in paths
    ]
    j = tuple(fmean(image[s] for image in figures) for s in range(len(row.j)))
    ratio = tuple(mine / published for mine, published in zip(j, row.j, strict=True))
    return Nearness(
        definition=definition.identity,
        j=j,
        ratio=ratio,
        furthest=max(abs(each - 1) for each in ratio),
    )


if __name__ == "__main__":
    main()
