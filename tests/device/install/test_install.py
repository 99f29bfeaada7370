"""Laws of the installer: a whole version always runs, and only what was signed gets that far."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.device.install.install import Policy, check, rollback
from ccnet_edge.device.install.status import describe, status
from ccnet_edge.errors import BudgetExceededError, BundleRefusedError, DeviceError
from ccnet_edge.signing import make_keys, sign_bundle
from ccnet_edge.units import format_bytes
from tests.device.install.conftest import Device, Versions, nothing


def refuse(_: Path) -> None:
    raise DeviceError("it does not work")


def test_a_version_is_installed_then_the_next_beside_it(device: Device, version: Versions) -> None:
    first = device.install(version(1))
    assert (first.did, first.slot, device.running()) == ("installed", "a", 1)
    second = device.install(version(2))
    assert (second.slot, device.running()) == ("b", 2)
    assert device.install(version(3)).slot == "a"
    assert (device.running(), device.root.open("b").version) == (3, 2)


def test_the_link_leads_to_the_bundle(device: Device, version: Versions) -> None:
    device.install(version(1))
    current = device.root.folder / "current"
    assert str(current.readlink()) == "slots/a/bundle"
    assert (current / "model.onnx").is_file()


def test_the_same_again_does_nothing(device: Device, version: Versions) -> None:
    device.install(version(1))
    before = (device.root.folder / "slots" / "a").stat().st_ino
    again = device.install(version(1), test=refuse)
    assert again.did == "already installed"
    assert (device.root.folder / "slots" / "a").stat().st_ino == before
    assert not device.root.filled("b")


@pytest.mark.parametrize("kind", ["tar", "oci", "dir"])
def test_every_kind_of_bundle_installs(
    kind: str, device: Device, version: Versions, tmp_path: Path
) -> None:
    from ccnet_edge.device.bundle.pack import write_archive

    write_archive(version(1), tmp_path / "packed", packed_as=kind)  # type: ignore[arg-type]
    sign_bundle(tmp_path / "packed", tmp_path / "key.pem")
    device.install(tmp_path / "packed")
    assert device.running() == 1


def test_an_older_version_is_refused_unless_told(device: Device, version: Versions) -> None:
    device.install(version(2))
    with pytest.raises(BundleRefusedError, match="version 2 runs, version 1 is older") as caught:
        device.install(version(1))
    assert "--allow-downgrade" in caught.value.hint
    assert (device.running(), device.root.filled("b")) == (2, False)
    device.policy = Policy(downgrade=True)
    device.install(version(1))
    assert device.running() == 1


def test_another_network_is_refused_unless_told(device: Device, version: Versions) -> None:
    device.install(version(1))
    with pytest.raises(BundleRefusedError, match="a version of cells-local was wanted"):
        device.install(version(2, name="other"))
    device.policy = Policy(rename=True)
    device.install(version(2, name="other"))
    assert device.running() == 2


def test_a_bundle_for_another_machine_is_refused(
    device: Device, version: Versions, parts: BundleParts
) -> None:
    target = replace(parts.target, instruction_set="riscv64")
    with pytest.raises(BundleRefusedError, match="found one for riscv64"):
        device.install(version(1, target=target))
    assert device.root.active() is None


def test_nothing_is_written_of_a_bundle_that_is_not_signed_or_changed(
    device: Device, version: Versions, tmp_path: Path
) -> None:
    archive = version(1)
    content = archive.read_bytes()
    archive.write_bytes(content[:9000] + b"!" + content[9001:])
    with pytest.raises(BundleRefusedError, match="found another"):
        device.install(archive)
    archive.write_bytes(content)
    sign_bundle(archive, Path(make_keys(tmp_path / "thief.pem").private))
    with pytest.raises(BundleRefusedError, match="a signature of the key"):
        device.install(archive)
    archive.with_name(f"{archive.name}.sig").unlink()
    with pytest.raises(BundleRefusedError, match="found none"):
        device.install(archive)
    assert list((device.root.folder / "slots").iterdir()) == []


def test_what_fails_its_test_is_removed_and_the_old_version_runs_on(
    device: Device, version: Versions
) -> None:
    device.install(version(1))
    with pytest.raises(DeviceError, match="does not work"):
        device.install(version(2), test=refuse)
    assert (device.running(), device.root.filled("b")) == (1, False)


def test_what_fails_its_health_check_goes_back_by_itself(device: Device, version: Versions) -> None:
    device.install(version(1))
    seen: list[int] = []

    def health(bundle: Path) -> None:
        assert bundle == device.root.path("b")
        seen.append(device.running())
        raise DeviceError("the application does not start")

    with pytest.raises(DeviceError, match="went back to slot a: the application does not start"):
        device.install(version(2), health=health)
    assert seen == [2]
    assert (device.running(), device.root.filled("b"), device.root.trial()) == (1, False, None)
    device.install(version(2), health=nothing)
    assert (device.running(), device.root.trial()) == (2, None)


def test_a_switch_that_nobody_confirmed_is_undone(device: Device, version: Versions) -> None:
    """The power goes while the health check runs."""
    device.install(version(1))

    def health(bundle: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        device.install(version(2), health=health)
    assert device.running() == 2
    assert status(device.root, limit_bytes=None).unconfirmed
    assert check(device.root, test=nothing).version == 1
    assert (device.running(), device.root.trial()) == (1, None)


def test_rollback_lets_the_version_before_run_if_it_works(
    device: Device, version: Versions
) -> None:
    with pytest.raises(DeviceError, match="nothing is installed"):
        rollback(device.root, test=nothing)
    device.install(version(1))
    with pytest.raises(DeviceError, match="no version to go back to"):
        rollback(device.root, test=nothing)
    device.install(version(2))
    with pytest.raises(DeviceError, match="does not work"):
        rollback(device.root, test=refuse)
    assert device.running() == 2
    assert rollback(device.root, test=nothing).version == 1
    assert device.running() == 1
    assert rollback(device.root, test=nothing).version == 2


def test_the_check_on_start_goes_back_from_a_damaged_version(
    device: Device, version: Versions
) -> None:
    device.install(version(1))
    device.install(version(2))
    assert check(device.root, test=nothing).did == "healthy"
    with (device.root.path("b") / "model.onnx").open("ab") as model:
        model.write(b"\0")
    found = status(device.root, limit_bytes=None)
    assert "slot b    runs  damaged" in describe(found)
    with pytest.raises(BundleRefusedError, match="is not whole"):
        found.check()
    gone = check(device.root, test=nothing)
    assert (gone.did, gone.version, device.running()) == ("went back", 1, 1)
    assert "model.onnx" in gone.note
    (device.root.path("a") / "README.md").unlink()
    with pytest.raises(DeviceError, match=r"neither version works.*README\.md"):
        check(device.root, test=nothing)


def test_a_damaged_version_is_replaced_by_any_that_is_whole(
    device: Device, version: Versions
) -> None:
    device.install(version(5))
    (device.root.path("a") / "model.onnx").unlink()
    device.install(version(1))
    assert device.running() == 1


def test_both_slots_count_against_the_disk(device: Device, version: Versions) -> None:
    one = version(1)
    device.install(one)
    size = device.root.size("a")
    assert size >= one.stat().st_size
    device.policy = Policy(disk_bytes=size * 3 // 2)
    with pytest.raises(BudgetExceededError, match="both versions would take") as caught:
        device.install(version(2))
    assert caught.value.exit_code == 4
    assert (device.running(), device.root.filled("b")) == (1, False)
    device.policy = Policy(disk_bytes=size * 3)
    device.install(version(2))
    found = status(device.root, limit_bytes=size * 3)
    assert found.size_bytes == size + device.root.size("b")
    assert f"of {format_bytes(size * 3)}, " in describe(found)


def test_a_full_disk_is_said_before_anything_is_written(
    device: Device, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=10**6, used=10**6, free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BudgetExceededError, match="of disk were wanted"):
        device.install(version(1))
    assert list((device.root.folder / "slots").iterdir()) == []


def test_two_installers_do_not_meet(device: Device, version: Versions) -> None:
    archive = version(1)
    with device.root.lock(), pytest.raises(DeviceError, match="another installer"):
        device.install(archive)


def test_a_link_that_is_not_the_installers_is_left_alone(device: Device, version: Versions) -> None:
    device.root.folder.mkdir()
    (device.root.folder / "current").symlink_to("/etc")
    with pytest.raises(DeviceError, match="which is no slot"):
        device.install(version(1))
    assert str((device.root.folder / "current").readlink()) == "/etc"
