"""A device at the other end of a link: the wing and what it is about are copied, and run there."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ccnet_edge.bench.facts import ASK, DISTRIBUTIONS
from ccnet_edge.bench.facts import PACKAGES as ASK_PACKAGES
from ccnet_edge.bench.failures import device_failure, script_failure
from ccnet_edge.bench.hosts import DONE, TIMEOUT_S, Word
from ccnet_edge.bench.link import Link, Said
from ccnet_edge.bench.place import NO_PLACE, Place
from ccnet_edge.bench.place import TIMEOUT_S as SHORT_S
from ccnet_edge.bench.shell_wing import answer, needs_no_python
from ccnet_edge.device.bundle.pyz import build_pyz
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.bundle import RUNTIME_FILE
from ccnet_edge.spec.target import DeviceProfile

OLDEST = (3, 10)
# What has to be imported there: by every engine, and by one.
PACKAGES = ("numpy", "PIL")
MODULES = {"onnxruntime": (*PACKAGES, "onnxruntime")}
# Importing ONNX Runtime is enough for it to report, see `ccnet_edge`.
QUIET = "ORT_DISABLE_TELEMETRY=1"
HAS_WING = f"import sys, {', '.join(PACKAGES)}; sys.exit(sys.version_info < {OLDEST})"
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
# A command in a process group of its own and in a new folder. Standard input is the link: when
# it ends, because somebody gave up or a cable was pulled, the whole group is killed. The
# folder is removed in any case, except where what is in it is wanted: a shell that cannot say
# "Killed" to anybody must not die of it.
RUN = """\
umask 077
run=$(mktemp -d {place}/run.XXXXXX) && cd "$run" || exit {no_place}
exec 3<&0
own=$(command -v setsid)
$own {command} </dev/null & job=$!
trap '' PIPE
{{ cat <&3; kill -9 -$job || kill -9 $job; }} >/dev/null 2>&1 & lease=$!
wait $job; code=$?
kill $lease 2>/dev/null
cd / && {after}
exit $code
"""
REMOVE = 'rm -rf "$run"'
# The last line of what is printed names the folder.
HAND_OVER = """printf '\\n%s' "$run" """


class RemoteHost:
    """A device; see `Host`. Where there is no Python, the native engine's own program runs.

    Args:
        link: to the device.
        python: the command there that starts Python 3.10 or newer with the wing's packages.
        folder: where files are kept there; None for the link's own choice.
        timeout_s: that a command of the wing may take.
    """

    def __init__(
        self,
        link: Link,
        *,
        python: str = "python3",
        folder: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._link = link
        self._python = python
        self._place = Place(link, folder=folder)
        self._timeout_s = timeout_s
        self._wing: bytes | None = None
        self._version = ""
        self._has_wing: bool | None = None

    @property
    def name(self) -> str:
        """The URL of the device."""
        return self._link.name

    @property
    def python(self) -> str:
        """The command there that starts Python."""
        return self._python

    @property
    def folder(self) -> str:
        """Where files are kept there."""
        return self._place.open().folder

    @property
    def machine(self) -> str:
        """The device's instruction set, as targets call it."""
        return self._place.open().machine

    def facts(self) -> str:
        """What the device says of itself; see `read_facts`.

        Raises:
            DeviceError: it was not reached.
        """
        script = ASK.format(
            folder=shlex.quote(self.folder),
            python=shlex.quote(self._python),
            packages=shlex.quote(ASK_PACKAGES),
            distributions=" ".join(DISTRIBUTIONS),
        )
        return self.shell(script, what=f"asking {self.name}")

    def shell(self, script: str, *, what: str) -> str:
        """What a script of the device's shell prints.

        Raises:
            DeviceError: the device was not reached, or the script failed.
        """
        said = self._link.call(script, what=what, timeout_s=SHORT_S)
        if said.code:
            raise script_failure(what, said)
        return said.out.decode(errors="replace")

    def use(self, runtime: bytes) -> None:
        """Run this .pyz, a bundle's own, in place of this version's."""
        self._wing = runtime

    def run(
        self,
        command: str,
        model: Path,
        arguments: Sequence[Word] = (),
        *,
        out: Path | None = None,
        results: Collection[int] = DONE,
    ) -> str:
        """See `Host.run`."""
        if self._without_python(model):
            return answer(self, command, model, [str(word) for word in arguments], out=out)
        self._check_python()
        what = f"{command} of {model} on {self.name}"
        there = [self.send(a) if isinstance(a, Path) else a for a in (model, *arguments)]
        words = [self._python, self._send_wing(), command, *there, *(["-o", "out"] if out else [])]
        said = self.start(words, what=what, out=out, results=results)
        text = said.out.decode(errors="replace")
        if said.code not in results or (said.code and not text.strip()):
            raise device_failure(what, said.code or 0, said.text)
        return text

    def send(self, file: Path, *, once: bool = False) -> str:
        """The path there of a file, copied if it is not there; see `Place.send`."""
        return self._place.send(file, once=once)

    def start(
        self,
        words: Sequence[str],
        *,
        what: str,
        out: Path | None = None,
        results: Collection[int] = DONE,
    ) -> Said:
        """Run a command there in a new folder, which is removed; it ends when the link does.

        Args:
            words: the command.
            what: for messages.
            out: gets what the command wrote into the folder `out` in its own.
            results: exit codes with which it may have written something.

        Raises:
            DeviceError: the link failed, or there was nothing to bring back.
        """
        script = RUN.format(
            place=shlex.quote(self.folder),
            command=shlex.join(words),
            after=HAND_OVER if out else REMOVE,
            no_place=NO_PLACE,
        )
        said = self._link.call(script, what=what, timeout_s=self._timeout_s)
        if said.code == NO_PLACE:
            raise script_failure(what, said)
        if out is None:
            return said
        text, _, run = said.out.rpartition(b"\n")
        folder = run.decode(errors="replace")
        try:
            if said.code in results:
                self._link.pull(f"{folder}/out", out, what=what, timeout_s=self._timeout_s)
        finally:
            with suppress(DeviceError):
                self._link.call(f"rm -rf {shlex.quote(folder)}", what=what, timeout_s=SHORT_S)
        return replace(said, out=text)

    def check(self, target: DeviceProfile, *, engine: str) -> None:
        """See `Host.check`."""
        self.check_machine(target)
        if engine == "native":
            # Its program takes no Python.
            return
        self._check_python()
        modules = ", ".join(MODULES.get(engine, PACKAGES))
        script = f"{QUIET} {shlex.quote(self._python)} -c {shlex.quote(f'import {modules}')}"
        what = f"importing {modules} on {self.name}"
        said = self._link.call(script, what=what, timeout_s=SHORT_S)
        if said.code:
            raise DeviceError(
                f"{what} failed: {(said.text.strip().splitlines() or ['it said nothing'])[-1]}",
                hint=f"there: {self._python} -m pip install numpy Pillow onnxruntime; or name a "
                "Python that has them: …?python=/home/me/venv/bin/python after the device's name",
            )

    def check_machine(self, target: DeviceProfile) -> None:
        """Refuse a device that cannot be the target.

        Raises:
            DeviceError: it has another instruction set.
        """
        found = self.machine
        if found != target.instruction_set:
            raise DeviceError(
                f"{self.name} has the instruction set {found}, but {target.title} has "
                f"{target.instruction_set}",
                hint="name the right device, or build for this one: `ccnet-edge targets probe "
                f"{self.name} -o mine.toml` describes it",
            )

    def close(self, *, keep: bool = False) -> None:
        """See `Host.close`."""
        self._place.close(keep=keep)
        self._link.close()

    def _without_python(self, model: Path) -> bool:
        """The model needs none, and there is none that runs the wing; found out once."""
        if not needs_no_python(model):
            return False
        if self._has_wing is None:
            script = f"{shlex.quote(self._python)} -c {shlex.quote(HAS_WING)}"
            said = self._link.call(script, what=f"asking {self.name}", timeout_s=SHORT_S)
            self._has_wing = said.code == 0
        return not self._has_wing

    def _check_python(self) -> None:
        """Refuse a device whose Python is missing or too old, before anything is copied.

        Raises:
            DeviceError: it is.
        """
        if self._version:
            return
        what = f"starting {self._python} on {self.name}"
        script = f"{shlex.quote(self._python)} -c {shlex.quote(VERSION)}"
        said = self._link.call(script, what=what, timeout_s=SHORT_S)
        version = said.out.decode(errors="replace").strip()
        hint = (
            "install Python 3.10 or newer on the device, or name one that is there: "
            "…?python=/usr/bin/python3.11 after its name"
        )
        if said.code:
            lines = said.text.strip().splitlines() or ["it said nothing"]
            raise DeviceError(f"{what} failed: {lines[0]}", hint=hint)
        numbers = version.split(".")
        if len(numbers) != 2 or tuple(map(int, numbers)) < OLDEST:
            raise DeviceError(f"{what}: 3.10 or newer was wanted, found {version}", hint=hint)
        self._version = version

    def _send_wing(self) -> str:
        with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
            wing = Path(folder) / RUNTIME_FILE
            wing.write_bytes(self._wing or build_pyz())
            return self._place.send(wing)
