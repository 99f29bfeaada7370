"""The measures there are, by their field in a result."""

from __future__ import annotations

from ccnet_edge.complexity.density import foreground_density
from ccnet_edge.complexity.jpeg import jpeg_complexity
from ccnet_edge.complexity.view import Measure

MEASURES: dict[str, Measure] = {
    "b": foreground_density,
    "j": jpeg_complexity,
}
