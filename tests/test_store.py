from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_edge.errors import UsageError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.store import DryStore, NotMadeError, Store


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


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "home" / ".config.1.old"
    theirs.mkdir(parents=True)
    with pytest.raises(UsageError, match="holds files that are no build's"), Store(tmp_path).lock():
        pass
    assert theirs.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(UsageError, match="found a file"), Store(tmp_path / "file").lock():
        pass


def test_only_what_a_killed_process_wrote_aside_is_removed(tmp_path: Path) -> None:
    with Store(tmp_path).lock():
        pass
    for name in (".plan.json.17.part", "train/.weights.safetensors.17.part", ".bundle.17.old"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    kept = [".notes.part", ".backup.old", "train/notes.17.part", "a/b/.deep.17.part"]
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"theirs")
    with Store(tmp_path).lock():
        found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {".lock", *kept}


def test_a_value_that_is_not_to_be_kept_is_made_again(tmp_path: Path) -> None:
    make, store = Maker(), Store(tmp_path)
    for calls in (1, 2):
        store.value("tune", SessionOptions, (), make, keep=lambda _: False)
        assert make.calls == calls


def test_a_dry_store_reads_what_is_done_and_writes_nothing(tmp_path: Path) -> None:
    Store(tmp_path).value("tune", SessionOptions, (1,), Maker(3))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    dry, never = DryStore(tmp_path, in_memory=("plan",)), Maker()
    assert dry.value("tune", SessionOptions, (1,), never).threads == 3
    assert dry.value("plan", SessionOptions, (1,), Maker(5)).threads == 5
    for inputs in ((2,), ()):
        with pytest.raises(NotMadeError):
            dry.value("tune", SessionOptions, inputs, never)
    assert (never.calls, dry.found) == (0, ["tune"])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
