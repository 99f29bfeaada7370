"""A device over adb: Android's, or an embedded Linux that has its daemon.

By Google's own client. `adb shell` of a device since Android 7 gives exit codes and keeps the
streams apart (`shell_v2`); an older one does neither and is refused. Files go by `push` and
`pull`, which have a protocol of their own.
"""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.bench.failures import link_failure, script_failure
from ccnet_edge.bench.link import Said, converse, marked
from ccnet_edge.errors import DeviceError

# What the client says where the device's shell is older than its option -T.
OLD_SHELL = "PTY args"


class AdbLink:
    """See `Link`; `serial` is what `adb devices` calls the device."""

    # Android's for its shell, then any other system's.
    folders = ("/data/local/tmp/ccnet-edge", '"${TMPDIR:-/tmp}/ccnet-edge-$(id -u)"')

    def __init__(self, serial: str) -> None:
        self._serial = serial

    @property
    def name(self) -> str:
        """The URL that `parse_host` takes."""
        return f"adb://{self._serial}"

    def call(self, script: str, *, what: str, timeout_s: float, stdin: Path | None = None) -> Said:
        """See `Link.call`."""
        told = marked(script)
        words = ["shell", "-T", told.command]
        code, out, err = self._adb(words, what=what, timeout_s=timeout_s, stdin=stdin)
        said = told.read(out, err)
        if said.code is not None:
            return said
        if OLD_SHELL in err:
            raise DeviceError(
                f"{what}: the device's shell gives no exit codes",
                hint="a device of Android 7 or newer is wanted, or one that ssh reaches",
            )
        raise link_failure(what, code, err or out.decode(errors="replace"))

    def push(self, file: Path, to: str, *, what: str, timeout_s: float) -> None:
        """See `Link.push`."""
        self._carry(["push", str(file), to], what=what, timeout_s=timeout_s)

    def pull(self, folder: str, to: Path, *, what: str, timeout_s: float) -> None:
        """See `Link.pull`: a folder that does not exist here gets what is in the one there."""
        self._carry(["pull", folder, str(to)], what=what, timeout_s=timeout_s)

    def close(self) -> None:
        """Nothing is held: adb's own server keeps the connection."""

    def _carry(self, words: list[str], *, what: str, timeout_s: float) -> None:
        code, out, err = self._adb(words, what=what, timeout_s=timeout_s)
        if code:
            raise script_failure(what, Said(code=code, out=out, text=err))

    def _adb(
        self, words: list[str], *, what: str, timeout_s: float, stdin: Path | None = None
    ) -> tuple[int, bytes, str]:
        client = ["adb", "-s", self._serial, *words]
        try:
            return converse(client, what=what, timeout_s=timeout_s, stdin=stdin)
        except FileNotFoundError as error:
            raise DeviceError(
                f"{what}: Android's adb was wanted, found none on this machine",
                hint="install adb (Debian: apt install adb)",
            ) from error
