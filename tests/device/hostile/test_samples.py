"""Every sample of the hostile folder is refused with exit code 9 and its own reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.oci import ImageFacts
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.errors import BundleRefusedError
from tests.device.hostile.samples import write_samples


@pytest.fixture
def facts(bundle: Path) -> ImageFacts:
    """What an image of the bundle says of it."""
    listing = open_bundle(bundle).listing
    return ImageFacts(
        name=listing.name, version=listing.version, instruction_set=listing.instruction_set
    )


def test_every_hostile_sample_is_refused_for_its_own_reason(
    archive: Path, facts: ImageFacts, tmp_path: Path
) -> None:
    samples = write_samples(archive, tmp_path / "samples", facts)
    assert len(samples) >= 90
    for path, reason in samples.items():
        with pytest.raises(BundleRefusedError) as caught:
            open_bundle(path)
        assert caught.value.exit_code == 9, path.name
        assert re.search(reason, caught.value.message), (path.name, caught.value.message)
        assert str(tmp_path) in caught.value.message, path.name


def test_the_samples_are_the_same_every_time(
    archive: Path, facts: ImageFacts, tmp_path: Path
) -> None:
    one = write_samples(archive, tmp_path / "one", facts)
    two = write_samples(archive, tmp_path / "two", facts)
    for first, second in zip(one, two, strict=True):
        if first.is_file():
            assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kind", ["zip", "tar", "oci", "dir"])
def test_what_the_samples_are_made_from_is_whole(kind: str, bundle: Path, tmp_path: Path) -> None:
    from ccnet_edge.spec.bundle import PackedAs

    packed: PackedAs = kind  # type: ignore[assignment]
    out = tmp_path / "packed"
    write_archive(bundle, out, packed_as=packed)
    opened, original = open_bundle(out), open_bundle(bundle)
    assert opened.manifest == original.manifest
    for file in original.manifest.files:
        assert opened.read(file.file) == original.read(file.file)
