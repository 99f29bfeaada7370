"""What tests of the runner share."""

from pathlib import Path

import pytest

from tests.native.running import Runner, built


@pytest.fixture(params=[1, 2, 3, 4], ids="C={}".format)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    """The runners of networks for images of one to four channels."""
    return Runner(*built(request.param), tmp_path)


@pytest.fixture
def colour(tmp_path: Path) -> Runner:
    """The runner of the network for colour images."""
    return Runner(*built(3), tmp_path)
