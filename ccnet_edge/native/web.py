"""The network as a page: one folder that any web server gives out and a browser keeps offline."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from ccnet_edge.device.imaging.overlay import COLOURS
from ccnet_edge.errors import ConfigError
from ccnet_edge.native import WEIGHTS, Subject, Weights, emit_files
from ccnet_edge.native.lower import Choices, keep_skips, lower, skips_of
from ccnet_edge.native.planner import RECOMPUTED, EnginePlan, evaluate
from ccnet_edge.native.wasm import STACK_BYTES, build_modules
from ccnet_edge.spec.network import NetworkSpec

INDEX, WORKER, MANIFEST, KEEPER = "index.html", "worker.js", "manifest.webmanifest", "sw.js"
PLAIN = ("icon.svg", "page.js", WORKER)
# All of the page but its weights, at most; a test holds it.
PAGE_BYTES = 100_000
# WebAssembly's memory comes in pages; beside the network it holds the stack and constants.
MEMORY_PAGE = 65_536
CONSTANTS_BYTES = 32_768
BLACK = (0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows beside its network's result."""

    subject: Subject
    title: str
    network: str


def emit_page(page: Page, weights: Weights) -> dict[str, bytes]:
    """Name → content of the folder; equal networks and compilers give equal bytes.

    Raises:
        ConfigError: the network takes neither colour nor grey.
        MissingExtraError: clang or wasm-ld is not installed.
        DataError: weights are missing, or not of this network's shapes.
    """
    channels = page.subject.preprocessing.channels
    if channels not in (1, 3):
        raise ConfigError(
            f"browsers give pictures of 3 channels, or of 1 as grey; the network takes {channels}",
            hint="export --format c and feed it from a program of yours",
        )
    sources = emit_files(page.subject, weights)
    found = {WEIGHTS: sources[WEIGHTS], **build_modules(sources)}
    found |= {name: _template(name).encode() for name in PLAIN}
    found |= {MANIFEST: _manifest(page), INDEX: _index(page)}
    return found | {KEEPER: _keeper(found)}


def plan_page(
    network: NetworkSpec,
    *,
    height: int,
    width: int,
    limit_bytes: int | None = None,
    weights_limit: int | None = None,
) -> EnginePlan:
    """The fastest choices whose module's memory and weights fit; the least memory where none do.

    Raises:
        ConfigError: a size or an operator's shape that the engine does not have.
    """
    found = [
        evaluate(network, height=height, width=width, choices=choices)
        for choices in _candidates(network, height=height, width=width)
    ]
    for plan in found:
        if (limit_bytes is None or memory_bytes(plan) <= limit_bytes) and (
            weights_limit is None or plan.weights_bytes <= weights_limit
        ):
            return plan
    return min(found, key=memory_bytes)


def memory_bytes(plan: EnginePlan) -> int:
    """The module's memory: stack, constants, arena, weights, a float32 image and the mask."""
    image = plan.program.ops[0]
    pixels = image.height * image.width
    network = plan.layout.arena_bytes + plan.weights_bytes + pixels * (4 * image.channels + 1)
    return -(-(STACK_BYTES + CONSTANTS_BYTES + network) // MEMORY_PAGE) * MEMORY_PAGE


def _candidates(network: NetworkSpec, *, height: int, width: int) -> Iterator[Choices]:
    """The fastest first.

    NOTE: without fused multiply-adds the direct convolution is bound by its arithmetic, and
    F(2×2, 3×3) is faster at every scale (benchmarks/web.py).
    """
    direct = lower(network, height=height, width=width)
    pairs = frozenset(op.name for op in direct.ops if op.takes_pairs)
    skips = skips_of(network)
    for winograd in (pairs, frozenset[str]()):
        for again in range(min(RECOMPUTED, len(skips)) + 1):
            yield Choices(skips=keep_skips(skips, again=again), winograd=winograd)


def facts(page: Page) -> dict[str, object]:
    """What the page's scripts have to know."""
    pre = page.subject.preprocessing
    colours = [BLACK, *(COLOURS[k % len(COLOURS)] for k in range(len(page.subject.classes) - 1))]
    return {
        "channels": pre.channels,
        "classes": [
            {"colour": colour, "name": name}
            for name, colour in zip(page.subject.classes, colours, strict=True)
        ],
        "height": pre.height,
        "inputHeight": pre.input_size[0],
        "inputWidth": pre.input_size[1],
        "mean": pre.mean,
        "outputs": page.subject.outputs,
        "resize": pre.resize,
        "std": pre.std,
        "width": pre.width,
    }


def _template(name: str) -> str:
    return (files("ccnet_edge.native") / "page" / name).read_text(encoding="utf-8")


def _index(page: Page) -> bytes:
    pre = page.subject.preprocessing
    # In a script no "<" may stand, or a class could end it.
    data = json.dumps(facts(page), ensure_ascii=False).replace("<", "\\u003c")
    values = {
        "FACTS": data,
        "HEIGHT": str(pre.height),
        "NETWORK": html.escape(page.network),
        "TITLE": html.escape(page.title),
        "WIDTH": str(pre.width),
    }
    return _filled(INDEX, values).encode()


def _filled(name: str, values: Mapping[str, str]) -> str:
    """A file of page/ with every @NAME@ in it replaced, once."""
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], _template(name))


def _manifest(page: Page) -> bytes:
    icon = {"purpose": "any", "sizes": "any", "src": "icon.svg", "type": "image/svg+xml"}
    described = {
        "background_color": "#f6f7f5",
        "display": "standalone",
        "icons": [icon],
        "lang": "en",
        "name": page.title,
        "scope": "./",
        "short_name": page.title,
        "start_url": "./",
        "theme_color": "#0b5f73",
    }
    return json.dumps(described, ensure_ascii=False, indent=1).encode()


def _keeper(found: Mapping[str, bytes]) -> bytes:
    """The service worker: every file's hash, and the hash of these as the version."""
    hashes = {name: hashlib.sha256(found[name]).hexdigest() for name in sorted(found)}
    listed = json.dumps(hashes, indent=1)
    version = hashlib.sha256(listed.encode()).hexdigest()[:16]
    return _filled(KEEPER, {"FILES": listed, "VERSION": version}).encode()
