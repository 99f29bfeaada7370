"""What a thread waited for a processor, as the system counts it."""

from pathlib import Path

from ccnet_edge.device.waiting import Waiting


def test_it_is_the_second_figure_of_schedstat(tmp_path: Path) -> None:
    schedstat = tmp_path / "schedstat"
    schedstat.write_text("5000 700 12\n")
    waiting = Waiting(schedstat)
    assert waiting.counted
    assert waiting.so_far_ns() == 700
    schedstat.write_text("9000 950 13\n")
    assert waiting.so_far_ns() == 950
    waiting.close()
    assert (waiting.counted, waiting.so_far_ns()) == (False, 0)


def test_a_system_that_does_not_count_is_told_from_one_where_nothing_waited(
    tmp_path: Path,
) -> None:
    schedstat = tmp_path / "schedstat"
    assert not Waiting(schedstat).counted
    for content in ("0 0 0\n", "", "no figures\n"):
        schedstat.write_text(content)
        assert not Waiting(schedstat).counted
    schedstat.write_text("5000 0 1\n")
    assert Waiting(schedstat).counted
