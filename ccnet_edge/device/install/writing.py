"""Writing an installer, of either kind, where bundles are built."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.device.bundle.pyz import installer_pyz
from ccnet_edge.device.install.script import installer_script
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial


def write_installer(
    out: Path,
    keys: tuple[bytes, ...],
    *,
    root: str,
    disk_bytes: int | None,
    python: str | None = None,
    shell: bool = False,
    test: str | None = None,
) -> Path:
    """Write the installer to `out`, which anybody may run.

    Args:
        out: the file.
        keys: public keys, 32 bytes each; a script takes one.
        root: the folder on the device that it installs to.
        disk_bytes: what both slots may take there; None for no limit but the disk's.
        python: the device's interpreter that has the runtime's packages.
        shell: a shell script, for devices without Python.
        test: of a script, what decides whether a bundle works.

    Raises:
        UsageError: options that do not go together.
    """
    if not shell:
        if test is not None:
            raise UsageError("--test goes with --shell: the other installer runs the self-test")
        content = installer_pyz(keys, root=root, disk_bytes=disk_bytes, python=python)
    elif python is not None:
        raise UsageError("--shell is for devices without Python, and --python names one")
    elif len(keys) != 1:
        raise UsageError(f"--shell takes one key, found {len(keys)}")
    else:
        content = installer_script(keys[0], root=root, disk_bytes=disk_bytes, test=test or "")
    serial.write_bytes(out, content)
    out.chmod(0o755)
    return out
