"""The command line: each command is a file, imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from ccnet_edge import __version__
from ccnet_edge.errors import CcnetError, MissingExtraError, UsageError

# Name → (module, one line of help). The line stands here so that `--help` imports no command.
COMMANDS = {
    "adopt": ("adopt", "Take in a network that was trained elsewhere."),
    "bench": ("bench", "Measure latency and memory of a build or bundle."),
    "build": ("build", "Everything: from images and a device's name to a bundle that fits."),
    "calibrate": ("calibrate", "Measure how fast accuracy falls with size, on several data sets."),
    "compare": ("compare", "Compare systems on the same data, budget and training time."),
    "doctor": ("doctor", "Show what works here and for each target; install what is missing."),
    "export": ("export", "Write a trained network as an artefact."),
    "gain": ("gain", "Say what thinning saves at a share of the base network's accuracy."),
    "installer": ("installer", "Write the program that installs signed bundles on a device."),
    "keygen": ("keygen", "Make a key pair to sign bundles with."),
    "measure": ("measure", "Measure how complex the images of a data set are, per scale."),
    "package": ("package", "Pack a finished build: an archive, a container image or a folder."),
    "parity": ("parity", "Compare a model file's masks with the trained network's and the truth."),
    "plan": ("plan", "Solve for the network widths that the limits allow."),
    "prove": ("prove", "Run a bundle under a memory limit that the system enforces."),
    "report": ("report", "Show a build's summary and write its report.html."),
    "run": ("run", "Segment images with a bundle."),
    "samples": ("samples", "Are there enough training images for a network?"),
    "sample-data": ("sample_data", "Write the built-in sample data to a folder."),
    "schema": ("schema", "Print the JSON Schema of a document."),
    "sensitivity": ("sensitivity", "Prune a trained network's layers at random, one by one."),
    "sign": ("sign", "Sign a bundle."),
    "targets": ("targets", "List, show and check device profiles, or probe a device for one."),
    "train": ("train", "Train the network of a plan."),
    "verify": ("verify", "Check a bundle's signature, hashes, golden output and budgets."),
}


# What only the extra `build` installs.
EXTRA_MODULES = (
    "cyclonedx",
    "jinja2",
    "matplotlib",
    "onnx",
    "onnxscript",
    "safetensors",
    "scipy",
    "skimage",
    "torch",
)


class LazyGroup(click.Group):
    """A group that knows its commands by `COMMANDS` and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command `cmd_name`, imported now; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ccnet_edge.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their one line each, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(COMMANDS.items())])


EXIT_CODES = """\b
Exit codes:
  0  done, every gate passed        5  parity failed
  1  internal error, please report  6  latency objective missed
  2  usage or data error            7  device unreachable or failed
  3  infeasible: no network fits    8  measurement not valid
  4  a budget was exceeded          9  bundle refused
  10 accuracy below the floor
"""


@click.command(cls=LazyGroup, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="ccnet-edge")
def group() -> None:
    """From biomedical images with masks and a device's limits to a network that fits."""


def main() -> NoReturn:
    """Run the command line; errors of ours become a message, a hint and their exit code."""
    from ccnet_edge.cli.console import show_log

    show_log()
    try:
        group.main(prog_name="ccnet-edge", standalone_mode=True)
    except CcnetError as error:
        _fail(error)
    except ModuleNotFoundError as error:
        if error.name not in EXTRA_MODULES:
            raise
        _fail(
            MissingExtraError(
                f"this command needs {error.name}, which is not installed",
                hint="pip install 'ccnet-edge[build]'",
            )
        )
    except OSError as error:
        if error.filename is None:
            raise
        _fail(UsageError(f"{error.filename}: {error.strerror}"))
    except Exception as error:  # noqa: BLE001
        import traceback

        traceback.print_exc()
        click.echo(f"error: internal error: {type(error).__name__}: {error}", err=True)
        click.echo("hint:  this is a fault of ours: please report the lines above", err=True)
        sys.exit(1)
    sys.exit(0)


def _fail(error: CcnetError) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"hint:  {error.hint}", err=True)
    sys.exit(error.exit_code)
