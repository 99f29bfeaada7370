"""What a data set's number of images means for a network of some size ([G22])."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ccnet_edge.cost import parameters
from ccnet_edge.degradation.surface import COLLAPSED, PARAMETERS, is_outside, relative_dice
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.samples import Expected, SampleAdvice, SampleGrid

# The side of [G22]'s patches in pixels.
PATCH = 51
# Of the images that there are: what fewer or more would do.
SHARES = (0.25, 0.5, 1.0, 2.0, 4.0)


def advise(
    network: NetworkSpec,
    *,
    images: int,
    height: int,
    width: int,
    pruned: float = 0.0,
    curve: SampleGrid | None = None,
) -> SampleAdvice:
    """What `images` training images of `height` × `width` pixels are for `network`.

    Args:
        network: as it is trained, or as pruning leaves it.
        images: of the training split.
        height: of the network's input, in pixels.
        width: the same.
        pruned: the share of parameters pruned away after training, 0 for none.
        curve: measured here by `samples --measure` on the same data.

    Raises:
        UsageError: no images, or a share that is none.
    """
    if images < 1:
        raise UsageError(f"at least one training image was wanted, found {images}")
    if not 0 <= pruned < 1:
        raise UsageError(f"a pruned share from 0 to below 1 was wanted, found {pruned:g}")
    left = parameters(network)
    counts = sorted({max(1, round(images * share)) for share in SHARES})
    expected = tuple(_expected(n, left, height, width, pruned, curve) for n in counts)
    found = SampleAdvice(
        images=images,
        pixels=images * height * width,
        patches=patches_of(images, height, width),
        parameters=left,
        pruned=pruned,
        expected=expected,
        warning="",
    )
    return _warned(found)


def describe_line(found: SampleAdvice) -> str:
    """The advice in a line, for a build's summary."""
    now = found.now
    text = f"{found.images} images, r {now.r_patches:.2g} to {now.r_pixels:.3g}"
    if found.warning:
        return f"{text}; WARNING: see ccnet-edge samples"
    return f"{text}: {_range(now)} of Dice (G22)"


def describe_advice(found: SampleAdvice) -> str:
    """The advice for people, a line a number of images."""
    pixels, patches = f"{found.pixels:,} labelled pixels", f"{found.patches:,} patches"
    pruned = f", {found.pruned:.0%} were pruned away" if found.pruned else ""
    measured = f"{'F1 measured here':>20}" if any(e.measured for e in found.expected) else ""
    lines = [
        f"{found.images} training images are {pixels}, or {patches} of {PATCH} × {PATCH} apart",
        f"the network has {found.parameters:,} parameters{pruned}",
        "r = samples a parameter lies between the two ways to count; Dice is what Götz et al. 2022",
        "measured of two pixel classifiers, relative to plenty of samples  [published]",
        "",
        f"{'images':>8}{'r by pixels':>14}{'by patches':>13}{'Dice kept':>18}{measured}",
    ]
    for each in found.expected:
        here = "" if each.measured is None else f"{each.measured:>20.4f}"
        mark = "  <- these" if each.images == found.images else ""
        beyond = "  beyond what was measured" if each.outside else ""
        lines.append(
            f"{each.images:>8}{each.r_pixels:>14.3g}{each.r_patches:>13.2g}"
            f"{_range(each):>18}{here}{beyond}{mark}"
        )
    if found.warning:
        lines += ["", f"WARNING: {found.warning}"]
    return "\n".join(lines)


def _range(each: Expected) -> str:
    return f"{each.lowest:.0%} to {each.highest:.0%}"


def _expected(
    images: int, left: int, height: int, width: int, pruned: float, curve: SampleGrid | None
) -> Expected:
    r_patches = patches_of(images, height, width) / left
    kept = [relative_dice(network, pruned=pruned, r=r_patches) for network in PARAMETERS]
    return Expected(
        images=images,
        r_pixels=images * height * width / left,
        r_patches=r_patches,
        lowest=min(kept),
        highest=max(kept),
        outside=is_outside(pruned=pruned, r=r_patches),
        measured=None if curve is None else measured_f1(curve, images=images, pruned=pruned),
    )


def measured_f1(curve: SampleGrid, *, images: int, pruned: float) -> float | None:
    """The mean F1 at so many images and the nearest pruned share, linear in their logarithm.

    None outside of what was measured.
    """
    shares = {cell.pruned for cell in curve.cells}
    nearest = min(shares, key=lambda share: abs(share - pruned))
    counts = sorted({cell.images for cell in curve.cells if cell.pruned == nearest})
    if not counts[0] <= images <= counts[-1]:
        return None
    means = [
        _mean([c.f1 for c in curve.cells if (c.images, c.pruned) == (n, nearest)]) for n in counts
    ]
    for left, right, low, high in zip(counts, counts[1:], means, means[1:], strict=False):
        if left <= images <= right:
            share = math.log(images / left) / math.log(right / left)
            return low + share * (high - low)
    return means[0]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def patches_of(images: int, height: int, width: int) -> int:
    """Patches that do not overlap in so many images."""
    return images * max(1, round(height * width / PATCH**2))


def _warned(found: SampleAdvice) -> SampleAdvice:
    now = found.now
    if now.lowest < COLLAPSED:
        return replace(
            found,
            warning=f"at {now.r_patches:.2g} patches a parameter and {found.pruned:.0%} pruned "
            "away, networks of Götz et al. 2022 collapsed to all background: prune less, or train "
            "a network of this size from scratch",
        )
    return found
