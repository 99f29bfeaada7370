"""The words of the device wing's command line, each command's and their meaning."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from ccnet_edge import __version__
from ccnet_edge.device.trt_main import add_commands
from ccnet_edge.errors import UsageError
from ccnet_edge.units import parse_bytes

# What a command does with the words that it was given.
Command = Callable[[argparse.Namespace], None]


def make_parser(does: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Of the wing's command line; a command's function stands under its name in `does`."""
    parser = argparse.ArgumentParser(
        prog="ccnet-device", description="Run and check a segmentation bundle on this device."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (line, add) in COMMANDS.items():
        one = commands.add_parser(name, help=line)
        add(one)
        one.set_defaults(command=does[name])
    add_commands(commands)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a folder or archive")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="files or folders")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the masks")
    parser.add_argument("--overlay", action="store_true", help="draw masks over the images too")
    parser.add_argument(
        "--tiled", action="store_true", help="keep the training images' scale, tile by tile"
    )
    _add_trust(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a folder or archive")
    parser.add_argument(
        "--on-target", action="store_true", help="this machine is the device it is for"
    )
    parser.add_argument(
        "--require-target", action="store_true", help="exit 8 for limits not judged on the target"
    )
    parser.add_argument("--no-measure", action="store_true", help="only files and golden output")
    parser.add_argument("--inferences", type=_positive, default=100, metavar="N")
    parser.add_argument("--samples", type=_positive, default=None, metavar="N")
    parser.add_argument("--time-limit", type=float, default=60.0, metavar="SECONDS")
    _add_trust(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", type=Path, metavar="FILE", help="demand this key's signature")
    parser.add_argument("--signature", type=Path, metavar="FILE", help="default: BUNDLE.sig")


def _add_prove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a folder or archive")
    parser.add_argument(
        "--ram", type=_bytes, metavar="SIZE", help="the limit; default: the bundle's own budget"
    )
    parser.add_argument("--inferences", type=_positive, default=1000, metavar="N")
    _add_trust(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_latency(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--warm-up", type=int, default=10, metavar="N")
    parser.add_argument("--samples", type=_positive, default=None, metavar="N")
    parser.add_argument("--duration", type=float, default=None, metavar="SECONDS")
    parser.add_argument("--time-limit", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--no-watch", action="store_true", help="do not look at the machine")


def _add_memory(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--inferences", type=_positive, default=100, metavar="N")


def _add_against(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pair", type=Path, metavar="PAIR", help="two models, as bench packs them")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of who begins")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file (.onnx)")
    parser.add_argument("--shape", type=_shape, required=True, metavar="1,C,H,W")
    parser.add_argument("--options", default="{}", metavar="JSON", help="of the engine")


def _bytes(text: str) -> int:
    try:
        return parse_bytes(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"a number of at least 1 was wanted, found {text}")
    return number


def _shape(text: str) -> tuple[int, ...]:
    shape = tuple(_positive(part) for part in text.split(","))
    if len(shape) != 4:
        raise argparse.ArgumentTypeError(f"four numbers were wanted, found {text!r}")
    return shape


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pid", type=int, required=True, help="of the process that is measured")


# Command → what it does in a line, and what adds its words.
COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("segment images with a bundle", _add_run),
    "verify": ("check a bundle on this machine", _add_verify),
    "prove": ("run a bundle under a memory limit", _add_prove),
    "latency": ("time a model file; prints JSON", _add_latency),
    "memory": ("peak memory of a model file; prints JSON", _add_memory),
    "worker": ("infer in turn with another process", _add_model),
    "against": ("compare two models; prints JSON", _add_against),
    "watch": ("look at the machine beside a process; prints JSON", _add_watch),
    "environment": ("this machine and versions as JSON", lambda _: None),
}
