"""How complex images are, per scale: J (JPEG), B (foreground density) and their mix JB."""

from ccnet_edge.complexity.definitions import DEFAULT_DEFINITION, DEFINITIONS, find_definition
from ccnet_edge.complexity.measures import MEASURES
from ccnet_edge.complexity.measuring import fitting_size, image_figures, measure

__all__ = [
    "DEFAULT_DEFINITION",
    "DEFINITIONS",
    "MEASURES",
    "find_definition",
    "fitting_size",
    "image_figures",
    "measure",
]
