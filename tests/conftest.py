"""What tests of every part share."""

from collections.abc import Callable
from pathlib import Path

import pytest

import ccnet_edge

REAL_DATA = Path(ccnet_edge.__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set by name; the test skips where it is not beside the checkout."""

    def folder(name: str) -> Path:
        path = REAL_DATA / name
        if not path.is_dir():
            pytest.skip(f"the real data set {name} is not at {path}")
        return path

    return folder
