"""The licences of everything in a bundle and of what it needs on a device, as packages state them.

Nothing is guessed: what a package does not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

from ccnet_edge import __version__
from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.spec.bundle import RUNTIME_FILE

OUR_LICENCE = "Apache-2.0"
UNKNOWN = "unknown"
CLASSIFIER = "License :: "
# A longer License field is a licence's text, not its name.
LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True)
class Package:
    """A distribution as it is installed here, and the licence that it says it has.

    `expression` is an SPDX expression where it gives one, `name` what it says instead; `source`
    is the metadata field that says so. `files` are the licence texts that it ships.
    """

    name: str
    version: str
    expression: str | None
    licence: str
    source: str
    files: tuple[str, ...]


def closure(names: Iterable[str]) -> tuple[Package, ...]:
    """The distributions of `names` and all that they need, that are installed here, by name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, Package] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        key = canonicalize_name(name)
        if key in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            found[key] = _missing(name)
            continue
        found[key] = _package(distribution)
        requirements = map(Requirement, distribution.requires or ())
        wanted += [r.name for r in requirements if r.marker is None or r.marker.evaluate()]
    return tuple(found[key] for key in sorted(found))


def describe_licences(parts: BundleParts, packages: Iterable[Package]) -> str:
    """The report, as Markdown."""
    native = parts.artifact.format == "native"
    model = (
        f"| `{parts.artifact.file}` | the trained weights: not stated{_owner(parts)}"
        + (f"; the C source and programs beside them: {OUR_LICENCE}" if native else "")
        + f" | {_terms(parts)} |"
    )
    needed = "\n".join(
        f"| {p.name} | {p.version} | {p.licence} | {p.source} | {len(p.files) or '–'} |"
        for p in packages
    )
    return f"""\
# Licences of {parts.name}

## In the bundle

| file | licence | note |
|---|---|---|
{model}
| `{RUNTIME_FILE}` | {OUR_LICENCE} | ccnet-edge {__version__}; its text is in `LICENSE` |
| `golden/` | not stated: {_image(parts)} |
| everything else | {OUR_LICENCE} | written by ccnet-edge |

## Needed on the device, and not in the bundle

As the versions that the bundle was checked with say themselves; another version may differ, and
a package may bring libraries with licences of their own, whose texts it ships.

| package | version | licence | stated in | texts |
|---|---|---|---|---|
{needed}

“{UNKNOWN}” means that the package does not say.
"""


def _owner(parts: BundleParts) -> str:
    return "" if parts.outside else ", they are yours"


def _terms(parts: BundleParts) -> str:
    if parts.data is None:
        return "not trained here: ask who made it"
    return f"trained on the data set “{parts.data.name}”, whose terms may bind them"


def _image(parts: BundleParts) -> str:
    if parts.data is None:
        return "the image that was given | its terms are its owner's"
    return f"an image of “{parts.data.name}” | its terms are the data set's"


def _package(distribution: metadata.Distribution) -> Package:
    expression, licence, source = _stated(distribution.metadata)
    return Package(
        name=distribution.metadata["Name"],
        version=distribution.version,
        expression=expression,
        licence=licence,
        source=source,
        files=tuple(distribution.metadata.get_all("License-File") or ()),
    )


def _missing(name: str) -> Package:
    return Package(
        name=name,
        version=UNKNOWN,
        expression=None,
        licence=UNKNOWN,
        source="not installed where the bundle was made",
        files=(),
    )


def _stated(fields: metadata.PackageMetadata) -> tuple[str | None, str, str]:
    """SPDX expression, licence in the package's own words, and where it says so."""
    expression = (fields.get_all("License-Expression") or [None])[0]
    if expression:
        return expression, expression, "License-Expression"
    named = (fields.get_all("License") or [""])[0].strip()
    if named and "\n" not in named and len(named) <= LONGEST_NAME:
        return None, named, "License"
    classifiers = [
        line.split(" :: ")[-1]
        for line in fields.get_all("Classifier") or ()
        if line.startswith(CLASSIFIER)
    ]
    if classifiers:
        return None, ", ".join(classifiers), "Classifier"
    return None, UNKNOWN, "nothing"
