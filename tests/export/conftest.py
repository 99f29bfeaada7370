"""What tests of every format share."""

from collections.abc import Iterator

import pytest

from tests.export.networks import translated_once


@pytest.fixture(scope="module", autouse=True)
def _translated() -> Iterator[None]:
    """Each network is translated once."""
    with translated_once():
        yield
