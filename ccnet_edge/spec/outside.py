"""A network that was not trained here: what its file holds, and what was said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.spec.artifact import Preprocessing

StatedBy = Literal["options", "metadata"]


@dataclass(frozen=True, kw_only=True)
class OutsideModel:
    """What is known of a network from elsewhere; of its data, training and accuracy nothing is.

    `source` is the file that it came in and `sha256` that file's hash; `producer` is what the file
    says made it, empty where it does not. `classes` names every class, background first.
    `stated_by` tells whether `preprocessing` and `classes` were given by a person who packed it or
    took it in, or read from the file's own metadata. `original` is the file that it was taken in
    from, with its hash, where that was another.
    """

    source: str
    sha256: str
    producer: str
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    stated_by: StatedBy
    original: str = ""
