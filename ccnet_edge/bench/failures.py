"""What devices and links say when something is wrong, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence

from ccnet_edge.bench.link import Said
from ccnet_edge.device.said import read_failure
from ccnet_edge.errors import DeviceError

KILLED_HINT = "signal 9 is most often the system being out of memory; try a smaller network"
# What a shell says of a command that signal n ended.
SIGNALLED = 128
NOT_FOUND, NOT_EXECUTABLE = 127, 126
# Lines of OpenSSH that frame a warning, and no more.
FRAME = "@"

# What a client of a link says, in lower case → what to do about it; the first that fits.
HINTS = (
    ("could not resolve hostname", "check the device's name, or give its address"),
    ("connection refused", "is sshd running on the device, and is the port right?"),
    ("connection timed out", "is the device on, and in the same network?"),
    ("no route to host", "is the device on, and in the same network?"),
    (
        "identification has changed",
        (
            "another device answers under this name, or this one was set up anew: only if you "
            "know why, forget the old key with `ssh-keygen -R NAME`, then connect once by hand"
        ),
    ),
    (
        "host key verification failed",
        "connect once by hand with ssh, to check the device's key",
    ),
    ("permission denied (", "put your key there (ssh-copy-id); a password cannot be typed here"),
    ("too many authentication", "name the key for this device in ~/.ssh/config (IdentityFile)"),
    ("device unauthorized", "allow this computer on the device's screen"),
    ("device offline", "plug the cable in again; is the device on?"),
    ("device '", "`adb devices` lists the serial numbers of what is connected"),
)
# What a script's commands say → what to do about it.
ROOM = "make room on the device, or name another folder there: …?folder=/mnt/data after its name"
PLACE = "name a folder there that can be written to: …?folder=/mnt/data after the device's name"
SCRIPT_HINTS = (
    ("no space left", ROOM),
    ("disk quota exceeded", ROOM),
    ("read-only file system", PLACE),
    ("permission denied", PLACE),
    ("sha256sum: not found", "install coreutils or busybox on the device: a copy is checked there"),
    ("tar: not found", "install tar or busybox on the device"),
)
CUT = "the connection was lost; nothing was installed there: give the same command again"


def link_failure(what: str, code: int, text: str) -> DeviceError:
    """The error for a client of a link that ended with `code` before the script did."""
    said = _plain(text)
    hint = _hint(said, HINTS) or CUT
    return DeviceError(f"{what} failed: {said or f'the link ended with {code}'}", hint=hint)


def script_failure(what: str, said: Said) -> DeviceError:
    """The error for a script of ours that failed on the device."""
    text = _plain(said.text) or _plain(said.out.decode(errors="replace"))
    return DeviceError(
        f"{what} failed: {text or f'the device ended it with {said.code}'}",
        hint=_hint(text, SCRIPT_HINTS),
    )


def device_failure(what: str, code: int, text: str) -> DeviceError:
    """The error for a command of the device wing that failed: its own message and hint."""
    if code > SIGNALLED:
        return DeviceError(f"{what} was killed by signal {code - SIGNALLED}", hint=KILLED_HINT)
    said, hint = read_failure(text)
    if any(line.startswith("Traceback") for line in said):
        # Its last line is what it is about.
        said = said[-1:]
    about = "\n".join(said) or "it said nothing"
    return DeviceError(
        f"{what} ended with {code}: {about}", hint=hint or _hint(about, SCRIPT_HINTS)
    )


def _hint(text: str, table: Sequence[tuple[str, str]]) -> str:
    return next((hint for said, hint in table if said in text.lower()), "")


def _plain(text: str) -> str:
    """What was said without frames, in one paragraph."""
    lines = (line.strip() for line in text.splitlines())
    return "; ".join(line.strip(FRAME + " ") for line in lines if line.strip(FRAME + " "))
