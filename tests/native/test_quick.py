"""What every run checks of the C side, in seconds: the other tests of it are slow ones."""

import pytest

from tests.native.builds import make, program
from tests.native.networks import seeded_case
from tests.native.test_against_torch import check
from tests.native.test_memory_bounds import CASES, SIDES, drive, hashes


@pytest.mark.parametrize("seed", [748, 785])
def test_a_random_networks_logits_are_torchs_on_every_instruction_set(seed: int) -> None:
    check(seeded_case(seed, cells=2), seed=seed)


def test_no_byte_beside_what_was_given_is_touched_and_all_ways_give_the_same_bits() -> None:
    made = make(CASES["16x16"])
    binary = program(made, "drive", level="-O0").name
    (out,) = {drive(made, binary, side) for side in SIDES}
    assert all(len(ways) == 1 for ways in hashes(out).values())
