from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_edge.errors import UsageError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.store import Store


class Maker:
    """Makes a value and counts how often."""

    def __init__(self, threads: int = 1) -> None:
        self.calls = 0
        self.threads = threads

    def __call__(self) -> SessionOptions:
        self.calls += 1
        return SessionOptions(threads=self.threads)


def test_a_second_run_with_equal_inputs_makes_nothing(tmp_path: Path) -> None:
    make = Maker()
    store = Store(tmp_path)
    first = store.value("tune", SessionOptions, ("a", 1), make)
    assert Store(tmp_path).value("tune", SessionOptions, ("a", 1), make) == first
    assert make.calls == 1


def test_a_changed_input_makes_the_stage_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.value("tune", SessionOptions, (SessionOptions(threads=1),), Maker(1))
    value = store.value("tune", SessionOptions, (SessionOptions(threads=2),), Maker(2))
    assert value.threads == 2


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace("1", "3"))


@pytest.mark.parametrize("damage", [Path.unlink, _edit])
def test_a_changed_or_missing_output_makes_the_stage_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    make = Maker()
    store = Store(tmp_path)
    store.value("tune", SessionOptions, (), make)
    damage(tmp_path / "tune.json")
    assert store.value("tune", SessionOptions, (), make) == SessionOptions()
    assert make.calls == 2


def test_a_stage_that_was_cut_off_leaves_no_receipt(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def killed() -> None:
        (tmp_path / "model.onnx").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.files("export", (), ("model.onnx",), killed)
    assert not store.done("export", ())
    assert store.files("export", (), ("model.onnx",), lambda: None)


def test_a_folder_is_built_in_by_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        Store(tmp_path).lock(),
        pytest.raises(UsageError, match="another process is building here"),
        Store(tmp_path).lock(),
    ):
        pass
    with Store(tmp_path).lock():
        pass
