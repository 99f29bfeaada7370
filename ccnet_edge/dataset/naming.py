"""Names of files: the order that people expect, and which masks belong to which image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import commonprefix

Tokens = tuple[str, ...]


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sorting key by which `2` stands before `10`."""
    parts = re.split(r"(\d+)", name.casefold())
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return key, name


def natural_sorted(names: Iterable[str]) -> list[str]:
    """`names` in natural order."""
    return sorted(names, key=natural_key)


def common_folder(names: Iterable[str]) -> str:
    """The folder that all names lie in, with its slash; empty where there is none."""
    common = commonprefix(list(names))  # noqa: RUF071 - cut at a slash below
    return common[: common.rfind("/") + 1]


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Which of the other files belong to each image, and which to none."""

    matches: dict[str, tuple[str, ...]]
    unmatched: tuple[str, ...]


def pair(images: Sequence[str], others: Sequence[str]) -> Pairing:
    """Match names without file suffix: `21_training` with `21_manual1`.

    A mask with an image's very name is its. For the rest names are split into words: a mask
    belongs to the image whose words it starts with, the longest such (`Image_01L` and
    `Image_01L_1stHO`; `benign (25)` with `benign (25)_mask` and `benign (25)_mask_1`). Where
    that leaves images without a mask, the images' last words (`training`) or the first word
    of all images and all masks (`img_7`, `gt_7`) are left out, in the way that pairs the most.

    NOTE: a number is never left out on either side, nor an image's word with one in it:
    `img_1_2_mask` is not `img_1`'s mask, and `p1_t2_mask` is not `p1_t1`'s.
    """
    taken = set(images)
    exact = [name for name in others if name in taken]
    rest = [name for name in others if name not in taken]
    left = [name for name in images if name not in set(exact)] or list(images)
    best = max(_attempts(left, rest), key=len, default={}) if rest else {}
    matches: dict[str, list[str]] = {name: [] for name in images}
    for name in exact:
        matches[name].append(name)
    for other in natural_sorted(best):
        matches[best[other]].append(other)
    return Pairing(
        matches={name: tuple(found) for name, found in matches.items()},
        unmatched=tuple(natural_sorted(name for name in rest if name not in best)),
    )


def _attempts(images: Sequence[str], others: Sequence[str]) -> Iterable[dict[str, str]]:
    """Other → image, one dictionary for each way of leaving words out."""
    image_words = {name: _words(name) for name in images}
    other_words = {name: _words(name) for name in others}
    for lead in (0, 1):
        if lead and not (_same_lead(image_words.values()) and _same_lead(other_words.values())):
            return
        for trail in (0, 1, 2):
            keys = _keys(image_words, lead, trail)
            if keys is not None:
                owners = {name: _owner(words[lead:], keys) for name, words in other_words.items()}
                yield {name: owner for name, owner in owners.items() if owner is not None}


def _words(name: str) -> Tokens:
    return tuple(re.findall(r"[^\W_]+", name.casefold()))


def _same_lead(names: Iterable[Tokens]) -> bool:
    leads = {words[:1] for words in names}
    return len(leads) == 1 and all(lead and not lead[0].isdecimal() for lead in leads)


def _keys(names: dict[str, Tokens], lead: int, trail: int) -> dict[Tokens, str] | None:
    """Words that are left → image; None where two images would have the same."""
    keys: dict[Tokens, str] = {}
    for name, words in names.items():
        end = len(words) - trail
        if re.search(r"\d", "".join(words[end:])) or end <= lead:
            return None
        keys[words[lead:end]] = name
    return keys if len(keys) == len(names) else None


def _owner(words: Tokens, keys: dict[Tokens, str]) -> str | None:
    """The image whose words `words` starts with, the longest; the next word is no number."""
    for length in range(len(words), 0, -1):
        if words[:length] in keys:
            more = words[length:]
            return None if more and more[0].isdecimal() else keys[words[:length]]
    return None
