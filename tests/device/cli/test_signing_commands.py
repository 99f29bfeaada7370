"""Transcripts of `ccnet-edge keygen`, `sign` and `verify --key`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.install.child import self_test
from ccnet_edge.errors import DeviceError
from tests.conftest import Call


def test_keygen_sign_and_verify_from_the_command_line(
    cli: Call, archive: Path, tmp_path: Path
) -> None:
    code, out, _ = cli("keygen", tmp_path / "key.pem")
    assert code == 0
    private, public, fingerprint = (line.split()[-1] for line in out.splitlines())
    assert (private, public) == (f"{tmp_path}/key.pem", f"{tmp_path}/key.pem.pub")

    code, out, _ = cli("sign", archive, "--key", private)
    assert code == 0
    assert out == f"{archive}.sig  cells-local version 0, signed by {fingerprint}\n"

    code, out, _ = cli("verify", archive, "--key", public, "--no-measure")
    assert code == 0
    assert f"signed    by the key {fingerprint}\n" in out

    with archive.open("r+b") as file:
        file.seek(7000)
        file.write(b"\0\1\2")
    code, out, err = cli("verify", archive, "--key", public, "--no-measure")
    assert (code, out) == (9, "")
    assert "the bundle that" in err
    assert "found another" in err


def test_sign_with_a_passphrase_from_a_file_or_the_environment(
    cli: Call, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words").write_text("correct horse\nnot this line\n")
    key = tmp_path / "key.pem"
    assert cli("keygen", key, "--passphrase-file", tmp_path / "words").code == 0
    code, _, err = cli("sign", archive, "--key", key)
    assert code == 2
    assert "needs its passphrase" in err
    assert cli("sign", archive, "--key", key, "--passphrase-file", tmp_path / "words").code == 0
    monkeypatch.setenv("CCNET_PASSPHRASE", "correct horse")
    assert cli("sign", archive, "--key", key).code == 0


def test_verify_of_a_signature_needs_a_key(cli: Call, archive: Path) -> None:
    code, _, err = cli("verify", archive, "--signature", archive)
    assert code == 2
    assert "--signature needs --key" in err


def test_package_signs_what_it_packs(
    cli: Call, bundle: Path, write_summary: Callable[[Path], Path], tmp_path: Path
) -> None:
    build = write_summary(bundle.parent)
    assert cli("keygen", tmp_path / "key.pem").code == 0
    for kind, name in (("tar", "cells-local.tar"), ("oci", "cells-local-oci"), ("dir", "copy")):
        out = tmp_path / name
        code, stdout, stderr = cli(
            "package", build, "--format", kind, "-o", out, "--sign", tmp_path / "key.pem"
        )
        assert code == 0
        assert stdout.startswith(f"{out}  ")
        assert f"wrote {out}.sig" in stderr
        assert cli("verify", out, "--key", tmp_path / "key.pem.pub", "--no-measure").code == 0


def test_package_replaces_no_folder_of_somebody(
    cli: Call, bundle: Path, write_summary: Callable[[Path], Path], tmp_path: Path
) -> None:
    build = write_summary(bundle.parent)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"mine")
    for kind in ("zip", "tar", "oci", "dir"):
        code, _, stderr = cli("package", build, "--format", kind, "-o", tmp_path / "photos")
        assert code == 2
        assert "found a folder" in stderr or "they are not replaced" in stderr
    code, _, stderr = cli("package", build, "--format", "dir", "-o", bundle)
    assert code == 2
    assert "is the bundle itself" in stderr
    assert (tmp_path / "photos" / "one.jpg").read_bytes() == b"mine"


def test_installer_writes_a_program_that_trusts_the_key(
    cli: Call, archive: Path, tmp_path: Path
) -> None:
    fingerprint = cli("keygen", tmp_path / "key.pem").out.split()[-1]
    assert cli("sign", archive, "--key", tmp_path / "key.pem").code == 0
    out, root = tmp_path / "install.pyz", tmp_path / "root"
    options = ("--key", tmp_path / "key.pem.pub", "--root", root, "--disk", "200kB")
    code, stdout, _ = cli("installer", *options, "--python", sys.executable, "-o", out)
    assert (code, stdout) == (0, f"{out}  trusts {fingerprint}\n")
    assert os.access(out, os.X_OK)
    # Isolated, and without what is installed: the standard library has to do.
    start = [sys.executable, "-I", "-S", str(out)]
    shown = subprocess.run([*start, "--help"], capture_output=True, text=True, check=True)
    assert f"Trusted: {fingerprint}" in shown.stdout
    done = subprocess.run(
        [*start, "install", str(archive)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "at most 200 kB were allowed" in done.stderr


def test_installer_needs_a_public_key(cli: Call, tmp_path: Path) -> None:
    cli("keygen", tmp_path / "key.pem")
    code, _, stderr = cli("installer", "--key", tmp_path / "key.pem", "-o", tmp_path / "x")
    assert code == 2
    assert "an Ed25519 public key in PEM was wanted" in stderr
    assert not (tmp_path / "x").exists()


def test_installer_writes_a_shell_script_too(cli: Call, tmp_path: Path) -> None:
    cli("keygen", tmp_path / "key.pem")
    out = tmp_path / "install.sh"
    options = ("--key", tmp_path / "key.pem.pub", "--root", tmp_path / "root", "--test", "true")
    assert cli("installer", *options, "--shell", "-o", out).code == 0
    done = subprocess.run(["sh", str(out), "status"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "slot a          empty\nslot b          empty\n")


def test_what_missed_its_limits_is_signed_only_where_that_is_said(
    cli: Call, parts: BundleParts, tmp_path: Path
) -> None:
    gates = tuple(replace(g, status="failed") if g.name == "ram" else g for g in parts.gates)
    write_bundle(replace(parts, gates=gates), tmp_path / "unfit")
    assert cli("keygen", tmp_path / "key.pem").code == 0
    code, _, stderr = cli("sign", tmp_path / "unfit", "--key", tmp_path / "key.pem")
    assert code == 2
    assert "is marked UNFIT, it missed ram: it is not signed" in stderr
    assert not (tmp_path / "unfit.sig").exists()
    code, _, _ = cli("sign", tmp_path / "unfit", "--key", tmp_path / "key.pem", "--allow-unfit")
    assert code == 0
    # Signed or not, it fails its self-test on the device.
    with pytest.raises(DeviceError, match="UNFIT since it was built"):
        self_test(tmp_path / "unfit", python=sys.executable, timeout_s=120)
