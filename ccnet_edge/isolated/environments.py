"""Which environments there are, where each lies, and whether it is there."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sysconfig
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import ccnet_edge
from ccnet_edge.errors import MissingExtraError, unknown_key

CACHE = "CCNET_EDGE_CACHE"
# Written last, inside of an environment: what it was made from.
MARKER = "ccnet-edge.json"
GB, MB = 10**9, 10**6


@dataclass(frozen=True, kw_only=True)
class Row:
    """What an environment is for.

    Attributes:
        title: for people.
        module: what is imported to run models; where it is importable at once, as on a device
            that has nothing else to do, no environment is needed to run them.
        distribution: what `pip install` calls it.
        does: what the environment is needed for.
        size_bytes: on disk, about; for x86-64.
    """

    title: str
    module: str
    distribution: str
    does: str
    size_bytes: int


ENVIRONMENTS = {
    "executorch": Row(
        title="ExecuTorch with XNNPACK",
        module="executorch",
        distribution="executorch",
        does="writes .pte files and runs them",
        size_bytes=1_600 * MB,
    ),
    "litert": Row(
        title="LiteRT with XNNPACK",
        module="ai_edge_litert",
        distribution="ai-edge-litert",
        does="writes .tflite files and runs them",
        size_bytes=2_200 * MB,
    ),
    "ncnn": Row(
        title="ncnn",
        module="ncnn",
        distribution="ncnn",
        does="writes ncnn's files and runs them",
        size_bytes=250 * MB,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment as this Python would make it, made or not.

    `requirements` is the locked list: `name==version` with hashes; what has none is what may be
    another build than the index's, such as torch for processors.
    """

    name: str
    requirements: str
    size_bytes: int = 0
    modules: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where it lies: another list, or another Python, is another folder."""
        made_of = f"{self.requirements}\n{sysconfig.get_config_var('SOABI')}"
        digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
        return cache_folder() / "envs" / f"{self.name}-{digest}"

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    def is_made(self) -> bool:
        """It is there, whole as far as a look at its files shows."""
        return (self.folder / MARKER).is_file() and self.interpreter.exists()

    @property
    def pin(self) -> str:
        """`name==version` of the package that runs models, for a device to install."""
        wanted = f"{ENVIRONMENTS[self.name].distribution}=="
        pins = (line.split()[0] for line in self.requirements.splitlines() if line)
        return next(pin for pin in pins if pin.startswith(wanted))

    @property
    def command(self) -> str:
        """What a person types to have it made."""
        return f"ccnet-edge doctor --install {self.name}"

    def require(self, wanted: str) -> Path:
        """The interpreter, for what is `wanted`.

        Raises:
            MissingExtraError: it is not made; with the command that makes it.
        """
        if not self.is_made():
            raise MissingExtraError(
                f"{wanted} needs the isolated environment {self.name}, which is not installed",
                hint=self.command,
            )
        return self.interpreter


def find_environment(name: str) -> Environment:
    """The environment called `name`, whether it is made or not.

    Raises:
        UsageError: no such environment.
        MissingExtraError: its locked list is not here, as in a bundle's runtime.
    """
    if name not in ENVIRONMENTS:
        raise unknown_key("isolated environment", name, ENVIRONMENTS)
    row = ENVIRONMENTS[name]
    locked = resources.files("ccnet_edge.isolated") / "requirements" / f"{name}.txt"
    if not locked.is_file():
        raise MissingExtraError(
            f"{row.title} is not installed for this Python", hint=f"pip install {row.distribution}"
        )
    return Environment(
        name=name,
        requirements=locked.read_text(encoding="utf-8"),
        size_bytes=row.size_bytes,
        modules=(row.module,),
    )


def importable(name: str) -> bool:
    """Whether this very Python can run models of the engine `name`, without an environment."""
    return importlib.util.find_spec(ENVIRONMENTS[name].module) is not None


def cache_folder() -> Path:
    """$CCNET_EDGE_CACHE, else `ccnet-edge` in the user's cache folder."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ccnet-edge"


def sources_path() -> Path:
    """What another Python has on its path to find this very ccnet-edge, and nothing beside it.

    NOTE: an installed package lies among all others of its environment, which must not come
    before those of the isolated one: hence a folder with nothing but a link to it.
    """
    package = Path(ccnet_edge.__file__).parent
    if package.parent.is_file():  # a .pyz
        return package.parent
    digest = hashlib.sha256(str(package).encode()).hexdigest()[:16]
    link = cache_folder() / "sources" / digest / package.name
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = link.with_name(f".{package.name}.{os.getpid()}")
        aside.symlink_to(package)
        aside.replace(link)
    return link.parent
