import pytest

from ccnet_edge import units
from ccnet_edge.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [("1MB", 10**6), ("1MiB", 2**20), ("0.5 kB", 500), ("300B", 300), ("2GiB", 2**31)],
)
def test_megabytes_are_powers_of_ten_and_mebibytes_powers_of_two(text: str, size: int) -> None:
    assert units.parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "1", "MB", "1 mb", "-1MB", "1e6B", "nanMB", "1MB2"])
def test_a_size_without_number_or_known_unit_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(UsageError, match="kB, MB, GB") as caught:
        units.parse_bytes(text)
    assert "1MB" in caught.value.hint


@pytest.mark.parametrize(("text", "ms"), [("33ms", 33.0), ("0.5s", 500.0), ("2min", 120e3)])
def test_times_are_milliseconds(text: str, ms: float) -> None:
    assert units.parse_ms(text) == ms


@pytest.mark.parametrize(("text", "share"), [("95%", 0.95), ("0.95", 0.95), ("100 %", 1.0)])
def test_a_share_is_written_as_percent_or_fraction(text: str, share: float) -> None:
    assert units.parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["95", "101%", "x", "5ms", "-0.1"])
def test_a_share_outside_zero_and_one_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="share"):
        units.parse_share(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(999, "999 B"), (999_600, "1 MB"), (487_123, "487 kB"), (1_000_000, "1 MB"), (0, "0 B")],
)
def test_sizes_are_shown_with_three_figures(size: int, text: str) -> None:
    assert units.format_bytes(size) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(0.4123, "0.412 ms"), (33.14, "33.1 ms"), (2400, "2.4 s"), (210e3, "3.5 min")]
)
def test_times_are_shown_in_the_unit_a_person_would_use(ms: float, text: str) -> None:
    assert units.format_ms(ms) == text
