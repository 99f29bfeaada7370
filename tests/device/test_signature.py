"""Laws of signatures: who signed is known, before anything else of a bundle is read."""

from __future__ import annotations

import base64
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ccnet_edge.device.bundle import Trust, open_bundle
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.signature import HEAD, fingerprint, read_keys
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.signing import KeyPair, make_keys, sign_bundle
from ccnet_edge.spec.bundle import PackedAs


@pytest.fixture
def keys(tmp_path: Path) -> KeyPair:
    """A key pair."""
    return make_keys(tmp_path / "keys" / "key.pem")


@pytest.fixture
def trust(keys: KeyPair) -> Trust:
    """Its public key is trusted."""
    return Trust(keys=read_keys(Path(keys.public)))


@pytest.fixture
def signed(archive: Path, keys: KeyPair) -> Path:
    """An archive with its signature beside it."""
    sign_bundle(archive, Path(keys.private))
    return archive


def refused(path: Path, trust: Trust, match: str) -> None:
    with pytest.raises(BundleRefusedError, match=match) as caught:
        open_bundle(path, trust)
    assert caught.value.exit_code == 9


@pytest.mark.parametrize("kind", ["zip", "tar", "oci", "dir"])
def test_what_was_signed_opens_and_says_who_signed(
    kind: PackedAs, bundle: Path, keys: KeyPair, trust: Trust, tmp_path: Path
) -> None:
    out = tmp_path / "packed"
    write_archive(bundle, out, packed_as=kind)
    made = sign_bundle(out, Path(keys.private))
    assert Path(made.signature) == tmp_path / "packed.sig"
    opened = open_bundle(out, trust)
    assert opened.signed_by == keys.fingerprint == fingerprint(trust.keys[0])
    assert open_bundle(out).signed_by is None


def test_an_unpacked_bundle_is_checked_with_its_archives_signature(
    bundle: Path, signed: Path, trust: Trust
) -> None:
    there = Trust(keys=trust.keys, signature=signed.with_name("bundle.zip.sig"))
    assert open_bundle(bundle, there).signed_by
    with (bundle / "README.md").open("a") as readme:
        readme.write("more")
    refused(bundle, there, r"README\.md")


def test_a_bundle_that_nobody_signed_is_refused(archive: Path, trust: Trust) -> None:
    refused(archive, trust, r"bundle\.zip\.sig: a signature was wanted, found none")


def test_a_bundle_that_somebody_else_signed_is_refused(signed: Path, tmp_path: Path) -> None:
    other = make_keys(tmp_path / "other.pem")
    refused(signed, Trust(keys=read_keys(Path(other.public))), "a signature of the key .* was want")


def test_a_signature_that_names_a_trusted_key_and_is_anothers_is_refused(
    signed: Path, trust: Trust, tmp_path: Path
) -> None:
    other = make_keys(tmp_path / "other.pem")
    sig = signed.with_name("bundle.zip.sig")
    mine = sig.read_text().splitlines(keepends=True)
    sign_bundle(signed, Path(other.private))
    theirs = sig.read_text().splitlines(keepends=True)
    sig.write_text("".join([*mine[:-1], theirs[-1]]))
    refused(signed, trust, "the signature is not the key's that it names")


def test_any_key_of_several_will_do(signed: Path, keys: KeyPair, tmp_path: Path) -> None:
    make_keys(tmp_path / "keys" / "second.pem")
    trusted = read_keys(tmp_path / "keys")
    assert len(trusted) == 2
    assert open_bundle(signed, Trust(keys=trusted)).signed_by == keys.fingerprint


def test_another_bundle_of_the_same_maker_is_not_this_one(
    parts: BundleParts, signed: Path, keys: KeyPair, trust: Trust, tmp_path: Path
) -> None:
    from dataclasses import replace

    write_bundle(replace(parts, name="another"), tmp_path / "another")
    write_archive(tmp_path / "another", tmp_path / "another.zip")
    shutil.copy(signed.with_name("bundle.zip.sig"), tmp_path / "another.zip.sig")
    refused(tmp_path / "another.zip", trust, "found another: .* bytes of SHA-256")


def test_the_signature_is_checked_before_the_archive_is_parsed(
    signed: Path, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that no parser has seen yet are refused for what they are not: signed."""
    import ccnet_edge.device.bundle.listing as listing

    def parsed(path: Path) -> None:
        raise AssertionError(f"{path} was parsed")

    monkeypatch.setattr(listing, "bundle_files", parsed)
    with signed.open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff\xff")
    refused(signed, trust, "found another")


def test_a_flipped_byte_of_the_signature_is_found(signed: Path, trust: Trust) -> None:
    sig = signed.with_name("bundle.zip.sig")
    content = sig.read_bytes()
    chance = random.Random(3)
    for at in range(chance.randrange(3), len(content), 3):
        change = chance.randrange(1, 256)
        sig.write_bytes(content[:at] + bytes([content[at] ^ change]) + content[at + 1 :])
        with pytest.raises(BundleRefusedError):
            open_bundle(signed, trust)
    for other in (content[:-1], content + b"\n", b"", content * 2, content.replace(b"\n", b"\r\n")):
        sig.write_bytes(other)
        refused(signed, trust, "is not a bundle's signature")


def test_the_last_letter_of_a_signature_has_one_form(signed: Path, trust: Trust) -> None:
    """Base64 of 64 bytes has four bits to spare, which a decoder leaves out."""
    sig = signed.with_name("bundle.zip.sig")
    content = sig.read_bytes()
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = letters[letters.index(content[-4]) ^ 1]
    assert base64.b64decode(content[-5:-4] + b"AA" + bytes([spare])) is not None
    sig.write_bytes(content[:-4] + bytes([spare]) + content[-3:])
    refused(signed, trust, "is not a bundle's signature")


def test_openssl_agrees(signed: Path, keys: KeyPair, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    text = signed.with_name("bundle.zip.sig").read_bytes()
    message, _, last = text.rpartition(b"signature ")
    assert message.startswith(HEAD.encode())
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(base64.b64decode(last))
    subprocess.run(
        [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", keys.public, "-rawin",
         "-in", "message", "-sigfile", "signature"],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_what_is_no_public_key_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_bytes(content)
    with pytest.raises(UsageError, match="an Ed25519 public key in PEM was wanted"):
        read_keys(tmp_path / "key.pub")


def test_a_private_key_given_for_a_public_one_is_said(keys: KeyPair) -> None:
    with pytest.raises(UsageError) as caught:
        read_keys(Path(keys.private))
    assert "ends in .pub beside the private key" in caught.value.hint
