"""`build_engine.sh`: the engine without Python, for devices whose own is too old for our runtime.

POSIX sh and trtexec alone. The same options as `command`, chosen by the version that trtexec
names; the engine goes to a folder that only the user can write, with the hashes beside it.
"""

from __future__ import annotations

import shlex

from ccnet_edge.device.tensorrt import command, versions
from ccnet_edge.device.tensorrt.int8_cache import cache_header, cache_lines
from ccnet_edge.device.tensorrt.versions import Version
from ccnet_edge.spec.tensorrt import EngineRecipe

SCRIPT = "build_engine.sh"
# Where JetPack and NVIDIA's archives put it.
TRTEXEC_PLACES = ("/usr/src/tensorrt/bin/trtexec", "/opt/tensorrt/bin/trtexec")
# One version of every set of options that `command` knows, oldest first.
STEPS: tuple[Version, ...] = ((8, 0, 0), (8, 4, 0), (8, 6, 0), (10, 0, 0), (11, 0, 0))

HEAD = """\
#!/bin/sh
# Builds the TensorRT engine of {model} for this very device, with trtexec.
# Usage: sh build_engine.sh [FOLDER FOR THE ENGINE]   (TRTEXEC=/path/to/trtexec to choose it)
# An engine belongs to one GPU and one version of TensorRT: never copy it to another device.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
model="$here"/{model}
out=${{1:-"${{XDG_CACHE_HOME:-$HOME/.cache}}/ccnet-edge/tensorrt-sh"}}
fail() {{ echo "error: $1" >&2; exit 7; }}

trtexec=${{TRTEXEC:-$(command -v trtexec || true)}}
for place in {places}; do
    [ -n "$trtexec" ] || [ ! -x "$place" ] || trtexec=$place
done
[ -n "$trtexec" ] || fail "trtexec was wanted, found none; apt install tensorrt, or set TRTEXEC"
[ -f "$model" ] || fail "$model is missing"
found=$(sha256sum "$model" | cut -d" " -f1)
[ "$found" = {sha256} ] || {{
    echo "error: $model has SHA-256 $found, {sha256} was wanted: it was changed" >&2; exit 9; }}

banner=$("$trtexec" --help 2>&1 | head -n 40 || true)
version=$(printf '%s\\n' "$banner" | sed -n 's/.*\\[TensorRT v\\([0-9]*\\)\\].*/\\1/p' | head -n 1)
[ -n "$version" ] || fail "$trtexec does not say which TensorRT it is of"
mkdir -p "$out"
chmod 700 "$out"
"""

TAIL = """\
rm -f "$out/engine.part"
echo "building with $trtexec of TensorRT $version; this takes minutes" >&2
status=0
"$trtexec" --onnx="$model" --saveEngine="$out/engine.part" \\
    --timingCacheFile="$out/timing.$version.cache" "$@" >"$out/trtexec.log" 2>&1 || status=$?
if [ "$status" -ne 0 ] || [ ! -s "$out/engine.part" ]; then
    tail -n 20 "$out/trtexec.log" >&2
    fail "trtexec ended with $status and left no engine; its log is $out/trtexec.log"
fi
mv "$out/engine.part" "$out/engine.plan"
sha256sum "$out/engine.plan" | cut -d" " -f1 >"$out/engine.sha256"
printf 'model %s\\ntensorrt %s\\n' {sha256} "$version" >"$out/engine.made-for"
echo "$out/engine.plan"
echo "note: its output is not checked by this script: compare it with golden/ before you use it" >&2
"""


def build_script(recipe: EngineRecipe, *, model: str, sha256: str) -> str:
    """The script's text.

    Args:
        recipe: the model's.
        model: its file's name, beside the script.
        sha256: of the model; another file is refused.
    """
    places = " ".join(TRTEXEC_PLACES)
    head = HEAD.format(model=shlex.quote(model), places=places, sha256=sha256)
    cache = _cache(recipe) if recipe.scales else ""
    return head + cache + _choice(recipe) + TAIL.format(sha256=sha256)


def _choice(recipe: EngineRecipe) -> str:
    """A shell conditional from the newest version of `STEPS` to the oldest."""
    lines = []
    for number, step in enumerate(reversed(STEPS)):
        word = "elif" if number else "if"
        lines.append(f'{word} [ "$version" -ge {versions.number_of(step)} ]; then')
        lines += [f"    {line}" for line in _options(recipe, step)]
    return "\n".join([*lines, "else", '    fail "TensorRT 8 or newer was wanted"', "fi", ""])


def _options(recipe: EngineRecipe, step: Version) -> list[str]:
    refused = f"fail {shlex.quote(command.prepared(recipe))}"
    if step[0] not in recipe.majors:
        return [refused]
    options = [
        *command.precision_options(recipe, step),
        *command.workspace_options(recipe, step),
        *command.profile_options(recipe),
        command.stop_option(step),
    ]
    words = [shlex.quote(option) for option in options]
    if recipe.scales:
        words += ["--int8", '"--calib=$out/int8.cache"']
    oldest = versions.number_of(command.oldest(recipe, step[0]))
    return [f'[ "$version" -ge {oldest} ] || {refused}', f"set -- {' '.join(words)}"]


def _cache(recipe: EngineRecipe) -> str:
    """The header by the version that is there, the scales as they are."""
    header = cache_header("$version")
    return (
        f'{{ echo "{header}"; cat <<\'SCALES\'; }} >"$out/int8.cache"\n'
        f"{cache_lines(recipe.scales)}SCALES\n"
    )
