"""Laws of a child: what it answers arrives whole, and however it ends is an error that says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_edge.errors import BundleRefusedError, CcnetError, DeviceError
from ccnet_edge.isolated import Child

Start = Callable[..., Child]


def test_words_and_bytes_come_back_as_they_were_sent(start: Start) -> None:
    content = os.urandom(3_000_000)  # many times what a pipe holds
    with start() as child:
        for payload in (b"", content, memoryview(content)[5:]):
            reply = child.ask("echo", payload, say=["ä", 1, None])
            assert reply.fields == {"said": ["ä", 1, None]}
            assert bytes(reply.payload) == bytes(payload)


def test_an_error_of_ours_is_the_same_error_here(start: Start) -> None:
    with start() as child:
        with pytest.raises(BundleRefusedError, match=r"^a model was wanted$") as error:
            child.ask("refuse")
        assert error.value.hint == "export it again"
        assert child.ask("echo", say="still there").fields["said"] == "still there"


def test_another_error_names_its_kind(start: Start) -> None:
    with (
        start(failure=DeviceError) as child,
        pytest.raises(DeviceError, match="failed: ValueError: seven is odd"),
    ):
        child.ask("fail")


def test_what_libraries_print_is_no_answer(start: Start) -> None:
    with start() as child:
        assert child.ask("chatter").fields == {}
        assert child.ask("echo", say=1).fields == {"said": 1}


def test_a_child_that_is_killed_is_explained_with_its_last_words(start: Start) -> None:
    with (
        start(failure=DeviceError) as child,
        pytest.raises(
            DeviceError, match=r"killed by signal 9 while asked to die(.|\n)*last words"
        ) as e,
    ):
        child.ask("die")
    assert "out of memory" in e.value.hint


def test_of_much_that_was_said_the_end_is_shown(start: Start) -> None:
    with start() as child, pytest.raises(CcnetError, match="ended with 3") as error:
        child.ask("leave")
    assert "line 9999" in error.value.message
    assert "line 9000" not in error.value.message


def test_a_child_that_hangs_is_ended_in_time(start: Start) -> None:
    began = time.monotonic()
    with start() as child:
        with pytest.raises(CcnetError, match=r"longer than 0\.3 s to hang"):
            child.ask("hang", timeout_s=0.3)
        with pytest.raises(CcnetError, match="was closed"):
            child.ask("echo", say=1)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("how", "said"), [("babble", "a line of JSON was wanted"), ("cut", "100 bytes were announced")]
)
def test_a_child_that_speaks_another_language_is_ended(start: Start, how: str, said: str) -> None:
    with start(how) as child, pytest.raises(CcnetError, match=f"no words of ours: {said}"):
        child.ask("echo", say=1)


def test_an_interpreter_that_is_missing_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"the engine did not start: .*absent: No such file"):
        Child(tmp_path / "absent", "module", what="the engine", failure=DeviceError)


def test_a_child_sees_this_package_and_nothing_beside_it(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with start() as child:
        paths = child.ask("paths").fields["paths"]
        (ours,) = (path for path in paths if "sources" in path)
        assert [path.name for path in Path(ours).iterdir()] == ["ccnet_edge"]
        assert str(tmp_path) not in paths


def test_closing_ends_the_process(start: Start) -> None:
    child = start()
    pid = child.ask("paths").fields["pid"]
    assert pid == child.pid
    child.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
