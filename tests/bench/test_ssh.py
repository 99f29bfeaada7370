"""A real sshd on loopback: what works over it, and every fault that a device or network has."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.bench import RemoteHost, host_of, open_host, parse_host, peak_memory
from ccnet_edge.bench.facts import read_facts
from ccnet_edge.bench.hosts import Host
from ccnet_edge.device.bundle.write import write_bundle
from ccnet_edge.device.cgroup import memory_group
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.errors import DeviceError, InvalidMeasurementError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.targets import load_profile
from tests.bench.conftest import parts
from tests.bench.models import SHAPE
from tests.bench.sshd import Sshd, free_port
from tests.conftest import Call

pytestmark = pytest.mark.ssh

# Bytes: Python alone needs some ten million, ONNX Runtime more than thirty.
OUT_OF_MEMORY = 20_000_000
# A Python that says its version, and what else it does as a shell script.
PYTHON = 'if [ "$1" = -c ]; then echo {version}; exit 0; fi\n{script}'
ECHO = 'shift; echo "$@"'


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A file of two megabytes."""
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) * 8192)
    return path


@pytest.fixture
def here() -> DeviceProfile:
    """A device that has this machine's instruction set."""
    return replace(load_profile("jetson"), instruction_set=instruction_set())


def stub(sshd: Sshd, script: str = ECHO, version: str = "3.11") -> None:
    """A python3 there that is a shell script."""
    sshd.program("python3", PYTHON.format(version=version, script=script))


def left(sshd: Sshd) -> list[Path]:
    """Everything that lies in the place there."""
    return sorted(path for path in sshd.place.rglob("*") if path.is_file() or "run." in path.name)


def eventually(true: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Whether it becomes true."""
    until = time.monotonic() + within_s
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return true()


def refused(host: Host, model: Path, words: str) -> DeviceError:
    """The error of a run, which says `words`."""
    with pytest.raises(DeviceError, match=words) as error:
        host.run("memory", model, [])
    assert error.value.exit_code == 7
    assert host.name in error.value.message
    host.close()
    return error.value


def works(url: str, model: Path) -> None:
    """A run ends well and leaves nothing."""
    with open_host(url) as host:
        assert host.run("memory", model, ["--inferences", "3"]).endswith("--inferences 3\n")


def measured(host: Host, model: Path) -> int:
    """The peak memory there of a small model, in bytes."""
    return peak_memory(host, model, SessionOptions(), shape=SHAPE, inferences=1).peak_bytes


def ended_well(code: int, err: str) -> bool:
    """Measured and judged, or measured while the machine that tests was too busy to judge."""
    return code == 0 or (code == 8 and "limit" in err.splitlines()[-2])


# ---- what works ---------------------------------------------------------------------------------


def test_a_bundle_is_verified_and_measured_there_by_its_own_runtime(
    sshd: Sshd, cli: Call, model: Path, tmp_path: Path, here: DeviceProfile
) -> None:
    folder = tmp_path / "build" / "bundle"
    write_bundle(replace(parts(model), target=here), folder)
    few = ("--samples", "64", "--inferences", "2")
    code, out, err = cli("verify", folder, "--host", sshd.url, *few)
    assert err.startswith(f"verify    0/1  on {sshd.url}\nverify    1/1\n")
    assert ended_well(code, err)
    assert "bundle    cells-jetson, version 0\n" in out
    assert "identical to the bit" in out
    assert out.splitlines()[-1].endswith("is the target")
    assert "passed" in next(line for line in out.splitlines() if line.startswith("ram "))
    assert left(sshd) == []
    code, out, err = cli("bench", folder, "--host", sshd.url, "--samples", "64", "--keep")
    assert ended_well(code, err)
    assert f"host      {sshd.url}: " in out
    assert {path.name for path in left(sshd)} == {"ccnet-device.pyz", "model.onnx"}


def test_what_is_there_is_not_copied_again_and_what_was_changed_is(sshd: Sshd, big: Path) -> None:
    stub(sshd)
    with open_host(sshd.url, keep=True) as host:
        for _ in range(2):
            host.run("memory", big, [])
    kept = {path: path.stat().st_ino for path in left(sshd)}
    assert {path.name for path in kept} == {"ccnet-device.pyz", "model.onnx"}
    with open_host(sshd.url, keep=True) as host:
        host.run("memory", big, [])
    assert {path: path.stat().st_ino for path in left(sshd)} == kept
    copied = next(path for path in kept if path.name == "model.onnx")
    copied.write_bytes(b"another")
    with open_host(sshd.url, keep=True) as host:
        host.run("memory", big, [])
    assert copied.read_bytes() == big.read_bytes()


def test_files_go_there_and_a_folder_comes_back(sshd: Sshd, big: Path, tmp_path: Path) -> None:
    stub(sshd, 'shift; echo said; mkdir out; cat "$3" > out/mask.png; echo "$@"')
    image = tmp_path / "a strange; name.png"
    image.write_bytes(b"pixels")
    with open_host(sshd.url) as host:
        text = host.run("run", big, [image, "--json"], out=tmp_path / "masks")
    assert text.startswith("said\nrun ")
    assert text.endswith("a_strange__name.png --json -o out\n")
    assert (tmp_path / "masks" / "mask.png").read_bytes() == b"pixels"
    assert left(sshd) == []


def test_a_greeting_of_the_login_shell_does_not_confuse(sshd: Sshd, big: Path) -> None:
    stub(sshd)
    sshd.stop()
    sshd.settings = 'ForceCommand echo Welcome to the device!; eval "$SSH_ORIGINAL_COMMAND"\n'
    sshd.start()
    works(sshd.url, big)


def test_one_connection_serves_for_everything(sshd: Sshd, big: Path) -> None:
    stub(sshd)
    works(sshd.url, big)
    log = (sshd.folder / "log").read_text()
    assert log.count("Accepted publickey") == 1


def test_a_profile_comes_from_the_device(sshd: Sshd, cli: Call, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    sshd.program("python3", f'exec "{sys.executable}" -S "$@"')
    code, out, err = cli("targets", "probe", sshd.url, "-o", path)
    assert (code, out) == (0, f"{path}\n"), err
    assert host_of(load_profile(str(path))) == sshd.url
    assert "no package of ours" in path.read_text()
    assert left(sshd) == []


def test_images_are_segmented_there_and_their_masks_are_those_of_this_machine(
    sshd: Sshd, cli: Call, archive: Path, tmp_path: Path
) -> None:
    images: list[Path] = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        pixels = np.random.default_rng(len(images)).integers(0, 256, (40, 50, 3), np.uint8)
        images.append(tmp_path / folder / "näme.png")
        Image.fromarray(pixels).save(images[-1])
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    there, here = tmp_path / "there", tmp_path / "here"
    code, out, err = cli("run", archive, *images, bad, "-o", there, "--host", sshd.url)
    assert code == 2
    assert "1 of 3 images could not be segmented" in err
    assert f"{bad}: not a readable PNG" in err
    names = [path.name for path in sorted(there.iterdir())]
    assert len(names) == 2
    assert out.splitlines()[0].startswith(f"{there}/")
    assert cli("run", archive, *images, "-o", here).code == 0
    assert names == [path.name for path in sorted(here.iterdir())]
    for name in names:
        assert (there / name).read_bytes() == (here / name).read_bytes()
    assert left(sshd) == []


def test_busybox_is_enough_on_the_device(sshd: Sshd, big: Path, tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed: apt install busybox-static")
    for name in subprocess.check_output([busybox, "--list"], text=True).split():
        (sshd.folder / "bin" / name).symlink_to(busybox)
    stub(sshd, 'shift; mkdir out; cp "$2" out/mask.png; echo "$@"')
    with open_host(sshd.url) as host:
        host.run("run", big, [], out=tmp_path / "masks")
    assert (tmp_path / "masks" / "mask.png").read_bytes() == big.read_bytes()
    assert left(sshd) == []
    stub(sshd, f"sleep 300 & echo $$ $! > {sshd.folder}/pids; wait")
    refused(parse_host(f"{sshd.url}?timeout=2s"), big, "took longer than 2 s")
    assert eventually(lambda: not running(sshd.folder / "pids"))
    assert eventually(lambda: left(sshd) == []), left(sshd)
    with open_host(sshd.url) as host:
        assert isinstance(host, RemoteHost)
        assert read_facts(host.facts(), where="busybox").memory_bytes > 0


# ---- connections --------------------------------------------------------------------------------


def test_a_host_that_nobody_knows(sshd: Sshd, big: Path) -> None:
    (sshd.folder / "known_hosts").unlink()
    error = refused(parse_host(sshd.url), big, "Host key verification failed")
    assert "connect once by hand" in error.hint


def test_a_host_key_that_changed(sshd: Sshd, big: Path) -> None:
    sshd.stop()
    sshd.new_key("host")
    sshd.start()
    error = refused(parse_host(sshd.url), big, "REMOTE HOST IDENTIFICATION HAS CHANGED")
    assert "ssh-keygen -R" in error.hint
    assert "@@@" not in error.message
    assert "\n" not in error.message


def test_a_key_that_is_not_accepted(sshd: Sshd, big: Path) -> None:
    (sshd.folder / "authorized_keys").write_text("")
    error = refused(parse_host(sshd.url), big, r"Permission denied \(publickey\)")
    assert "ssh-copy-id" in error.hint


def test_a_port_where_nobody_listens(sshd: Sshd, big: Path) -> None:
    sshd.stop()
    error = refused(parse_host(sshd.url), big, "Connection refused")
    assert "is sshd running" in error.hint


def test_a_connection_that_is_cut_in_mid_copy_leaves_nothing_and_a_rerun_completes(
    sshd: Sshd, big: Path
) -> None:
    stub(sshd)
    with cutting(sshd, after_bytes=1_000_000) as port:
        url = sshd.url.replace(str(sshd.port), str(port))
        error = refused(parse_host(url), big, "copying model.onnx to ")
    assert "give the same command again" in error.hint
    assert eventually(lambda: left(sshd) == []), left(sshd)
    works(sshd.url, big)


def test_a_connection_that_is_cut_at_work_ends_the_work(sshd: Sshd, big: Path) -> None:
    stub(sshd, f"sleep 300 & echo $$ $! > {sshd.folder}/pids; wait")
    host = parse_host(sshd.url)
    cut = threading.Thread(target=when_there, args=(sshd.folder / "pids", sshd.cut))
    cut.start()
    error = refused(host, big, "memory of .* failed")
    cut.join()
    assert "give the same command again" in error.hint
    assert eventually(lambda: not running(sshd.folder / "pids"))
    assert eventually(lambda: [p.name for p in left(sshd) if "run." in p.name] == [])
    stub(sshd)
    works(sshd.url, big)


# ---- the device ---------------------------------------------------------------------------------


def test_work_that_hangs_is_stopped_there_too(sshd: Sshd, big: Path) -> None:
    stub(sshd, f"sleep 300 & echo $$ $! > {sshd.folder}/pids; wait")
    error = refused(parse_host(f"{sshd.url}?timeout=2s"), big, "took longer than 2 s")
    assert "timeout=2h" in error.hint
    assert eventually(lambda: not running(sshd.folder / "pids"))
    assert eventually(lambda: left(sshd) == []), left(sshd)
    stub(sshd)
    works(sshd.url, big)


def test_work_that_is_killed_from_outside(sshd: Sshd, big: Path) -> None:
    stub(sshd, "kill -9 $$")
    error = refused(parse_host(sshd.url), big, "was killed by signal 9")
    assert "out of memory" in error.hint
    assert left(sshd) == []


def test_work_that_is_killed_by_the_systems_own_out_of_memory_killer(
    sshd: Sshd, model: Path
) -> None:
    """The device's Python is in a control group that is too small for it; the rerun has room."""
    with ExitStack() as stack:
        try:
            group = stack.enter_context(memory_group(OUT_OF_MEMORY))
        except InvalidMeasurementError as error:
            pytest.skip(error.message)
        join = f'if [ "$1" != -c ]; then echo $$ > {group.folder}/cgroup.procs; fi'
        sshd.program("python3", f'{join}\nexec "{sys.executable}" "$@"')
        with open_host(sshd.url) as host:
            with pytest.raises(DeviceError, match="was killed by signal 9") as killed:
                measured(host, model)
            assert group.kills >= 1
        assert killed.value.exit_code == 7
        assert "out of memory" in killed.value.hint
        assert left(sshd) == []
    sshd.program("python3", f'exec "{sys.executable}" "$@"')
    with open_host(sshd.url) as host:
        assert measured(host, model) > OUT_OF_MEMORY
    assert left(sshd) == []


def test_a_device_without_python(sshd: Sshd, big: Path) -> None:
    error = refused(parse_host(f"{sshd.url}?python=python3.99"), big, "python3.99: not found")
    assert "install Python 3.10" in error.hint
    assert "?python=" in error.hint
    assert left(sshd) == []


def test_a_device_whose_python_is_too_old(sshd: Sshd, big: Path) -> None:
    stub(sshd, version="3.8")
    error = refused(parse_host(sshd.url), big, "3.10 or newer was wanted, found 3.8")
    assert "install Python 3.10" in error.hint
    assert left(sshd) == []


def test_a_device_without_the_packages(sshd: Sshd, here: DeviceProfile) -> None:
    said = "echo \"ModuleNotFoundError: No module named 'numpy'\" >&2; exit 1"
    sshd.program("python3", f'case "$2" in *version*) echo 3.11;; *) {said};; esac')
    host = parse_host(sshd.url)
    with pytest.raises(DeviceError, match="No module named 'numpy'") as error:
        host.check(here, engine="onnxruntime")
    assert "-m pip install numpy" in error.value.hint
    host.close()


def test_a_device_of_another_architecture_is_not_the_target(
    sshd: Sshd, cli: Call, archive: Path
) -> None:
    sshd.program("uname", "echo riscv64")
    code, out, err = cli("verify", archive, "--host", sshd.url)
    assert (code, out) == (7, "")
    assert "has the instruction set riscv64, but NVIDIA Jetson Orin Nano 8GB has aarch64" in err
    assert "targets probe" in err
    assert left(sshd) == []


def test_a_home_that_cannot_be_written_to_and_no_other_place(sshd: Sshd, big: Path) -> None:
    sshd.stop()
    sshd.environment["XDG_CACHE_HOME"] = "/proc/none"
    sshd.start()
    stub(sshd, 'echo "$0"; shift; echo "$@"')
    works(sshd.url, big)
    sshd.stop()
    sshd.environment["TMPDIR"] = "/proc/none"
    sshd.start()
    error = refused(parse_host(sshd.url), big, "cannot write to: /proc/none/ccnet-edge")
    assert "?folder=" in error.hint
    works(f"{sshd.url}?folder={sshd.folder}/elsewhere", big)
    assert not (sshd.folder / "elsewhere").exists()


def test_a_disk_that_is_full(sshd: Sshd, big: Path, tmp_path: Path) -> None:
    stub(sshd)
    with small_disk(tmp_path / "disk") as folder:
        error = refused(parse_host(f"{sshd.url}?folder={folder}/x"), big, "No space left on device")
        assert "make room" in error.hint
        assert list(folder.rglob("*.*")) == []
    works(sshd.url, big)


def test_a_copy_that_arrives_damaged_is_not_used(sshd: Sshd, big: Path) -> None:
    stub(sshd)
    damage = sshd.program("sha256sum", f"cat > /dev/null; echo {'0' * 64}")
    error = refused(parse_host(sshd.url), big, "what arrived is not what was sent")
    assert "storage sound" in error.hint
    assert left(sshd) == []
    damage.unlink()
    works(sshd.url, big)


def test_a_link_in_place_of_our_folder_is_not_followed(sshd: Sshd, big: Path) -> None:
    stub(sshd)
    (sshd.folder / "theirs").mkdir()
    sshd.place.parent.mkdir(parents=True)
    sshd.place.symlink_to(sshd.folder / "theirs")
    works(sshd.url, big)
    assert list((sshd.folder / "theirs").iterdir()) == []


# ---- helpers ------------------------------------------------------------------------------------


def running(pids: Path) -> bool:
    """One of the processes is alive."""
    numbers = pids.read_text().split()
    return any(Path(f"/proc/{number}").exists() for number in numbers)


def when_there(path: Path, then: Callable[[], None]) -> None:
    """Do something once a file is there and holds a line."""
    assert eventually(lambda: path.is_file() and path.read_text().endswith("\n"))
    then()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of one megabyte; skips where none can be mounted."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small file system can be mounted here: that takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def cutting(sshd: Sshd, *, after_bytes: int) -> Iterator[int]:
    """The port of a proxy that drops the connection after so many bytes to the device."""
    port = free_port()
    sshd.known(port)
    listening = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        while True:
            try:
                near = listening.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", sshd.port))
            threading.Thread(target=pump, args=(far, near, None), daemon=True).start()
            threading.Thread(target=pump, args=(near, far, after_bytes), daemon=True).start()

    def pump(source: socket.socket, to: socket.socket, limit: int | None) -> None:
        passed = 0
        with source, to:
            while limit is None or passed < limit:
                try:
                    piece = source.recv(16_384)
                    to.sendall(piece)
                except OSError:
                    return
                passed += len(piece)
                if not piece:
                    return
            for end in (source, to):
                end.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
