"""Laws of keys: never readable by others, never replaced, and only what was meant signs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccnet_edge.errors import UsageError
from ccnet_edge.signing import check_private, make_keys


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Several umasks, one of which hides nothing."""
    old = os.umask(request.param)
    yield
    os.umask(old)


def test_a_private_key_is_its_owners_alone_from_the_moment_it_is_there(
    umask: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    original = os.fdopen

    def opened(descriptor: int, mode: str) -> object:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        assert os.fstat(descriptor).st_size == 0
        return original(descriptor, mode)

    monkeypatch.setattr(os, "fdopen", opened)
    make_keys(tmp_path / "key.pem")
    assert modes[0] == 0o600
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["key.pem", "key.pem.pub"])
def test_a_key_that_is_there_is_not_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        make_keys(tmp_path / "key.pem")
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_key_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is there already"):
        make_keys(tmp_path / "key.pem")
    assert not (tmp_path / "elsewhere").exists()


def test_a_passphrase_opens_what_it_closed_and_nothing_else_does(tmp_path: Path) -> None:
    make_keys(tmp_path / "key.pem", passphrase=b"correct horse")
    assert b"ENCRYPTED" in (tmp_path / "key.pem").read_bytes()
    check_private(tmp_path / "key.pem", b"correct horse")
    with pytest.raises(UsageError, match="the passphrase is wrong"):
        check_private(tmp_path / "key.pem", b"wrong")
    with pytest.raises(UsageError, match="needs its passphrase"):
        check_private(tmp_path / "key.pem", None)
    make_keys(tmp_path / "open.pem")
    with pytest.raises(UsageError, match="has no passphrase"):
        check_private(tmp_path / "open.pem", b"x")


def test_a_key_of_another_kind_is_said(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    content = X25519PrivateKey.generate().private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(UsageError, match="found another kind of key"):
        check_private(tmp_path / "key.pem", None)
