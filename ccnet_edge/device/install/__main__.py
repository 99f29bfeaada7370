"""The installer's command line: `python3 ccnet-install.pyz install|status|rollback|check`.

argparse only. The keys, the folder and the limit are pinned when the file is written; options
can say another folder, but no other key.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from ccnet_edge import __version__
from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.bundle.signature import fingerprint
from ccnet_edge.device.install import child
from ccnet_edge.device.install.install import Judge, Outcome, Policy, check, install, rollback
from ccnet_edge.device.install.root import Root
from ccnet_edge.device.install.status import describe, status
from ccnet_edge.errors import CcnetError
from ccnet_edge.spec import serial

TIMEOUT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """What was decided when the installer was written.

    `python` is the interpreter that has the runtime's packages; None for the installer's own.
    """

    keys: tuple[bytes, ...]
    root: str
    disk_bytes: int | None
    python: str | None


def main(pinned: Pinned, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command; errors of ours become a message, a hint and their exit code."""
    options = _parser(pinned).parse_args(arguments)
    try:
        options.command(pinned, options)
    except CcnetError as error:
        sys.stderr.write(f"error: {error}\n")
        if error.hint:
            sys.stderr.write(f"hint:  {error.hint}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or options.root}: {error.strerror}\n")
        sys.exit(7)
    sys.exit(0)


def _install(pinned: Pinned, options: argparse.Namespace) -> None:
    trust = Trust(keys=pinned.keys, signature=options.signature)
    policy = Policy(
        downgrade=options.allow_downgrade,
        rename=options.allow_other_name,
        disk_bytes=pinned.disk_bytes,
    )
    health = _health(options) if options.health else None
    done = install(
        _root(pinned, options),
        options.bundle,
        trust,
        policy=policy,
        test=_test(options),
        health=health,
    )
    _print(done, options)


def _rollback(pinned: Pinned, options: argparse.Namespace) -> None:
    _print(rollback(_root(pinned, options), test=_test(options)), options)


def _check(pinned: Pinned, options: argparse.Namespace) -> None:
    _print(check(_root(pinned, options), test=_test(options)), options)


def _status(pinned: Pinned, options: argparse.Namespace) -> None:
    found = status(_root(pinned, options), limit_bytes=pinned.disk_bytes)
    sys.stdout.write(serial.to_json(found) if options.json else describe(found) + "\n")
    found.check()


def _root(pinned: Pinned, options: argparse.Namespace) -> Root:
    return Root(options.root, Trust(keys=pinned.keys))


def _test(options: argparse.Namespace) -> Judge:
    return partial(child.self_test, python=options.python, timeout_s=options.timeout)


def _health(options: argparse.Namespace) -> Judge:
    command = shlex.split(options.health)

    def judge(bundle: Path) -> None:
        child.run([*command, str(bundle)], what="the health check", timeout_s=options.timeout)

    return judge


def _print(done: Outcome, options: argparse.Namespace) -> None:
    if done.note:
        sys.stderr.write(f"warning: {done.note}\n")
    line = f"{done.did}: {done.name} version {done.version} in slot {done.slot}\n"
    sys.stdout.write(serial.to_json(done) if options.json else line)


def _parser(pinned: Pinned) -> argparse.ArgumentParser:
    trusted = ", ".join(fingerprint(key) for key in pinned.keys)
    parser = argparse.ArgumentParser(
        prog="ccnet-install",
        description="Install bundles that are signed by a pinned key.",
        epilog=f"Trusted: {trusted}",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("install", help="check a bundle, test it, and let it run")
    new.add_argument("bundle", type=Path, metavar="BUNDLE", help="an archive, image or folder")
    new.add_argument("--signature", type=Path, metavar="FILE", help="default: BUNDLE.sig")
    new.add_argument("--allow-downgrade", action="store_true", help="take an older version")
    new.add_argument("--allow-other-name", action="store_true", help="take another network")
    new.add_argument(
        "--health",
        metavar="COMMAND",
        help="run after the switch with the bundle's folder; if it fails, the old version is back",
    )
    _add_common(new, pinned, tests=True).set_defaults(command=_install)
    back = commands.add_parser("rollback", help="let the version before run again")
    _add_common(back, pinned, tests=True).set_defaults(command=_rollback)
    start = commands.add_parser("check", help="on start: the running version works, or go back")
    _add_common(start, pinned, tests=True).set_defaults(command=_check)
    show = commands.add_parser("status", help="what is installed; exit code 0 if it is whole")
    _add_common(show, pinned, tests=False).set_defaults(command=_status)
    return parser


def _add_common(
    parser: argparse.ArgumentParser, pinned: Pinned, *, tests: bool
) -> argparse.ArgumentParser:
    parser.add_argument(
        "--root", type=Path, default=Path(pinned.root), help=f"default: {pinned.root}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    if tests:
        python = pinned.python or sys.executable
        parser.add_argument(
            "--python",
            default=python,
            metavar="FILE",
            help=f"that has the runtime's packages; default: {python}",
        )
        parser.add_argument(
            "--timeout", type=float, default=TIMEOUT_S, metavar="SECONDS", help="for each test"
        )
    return parser
