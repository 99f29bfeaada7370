"""Images that claim to be larger than what is read are refused before a pixel is decoded."""

import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
from PIL import ImageFile

from ccnet_edge.device.imaging import read
from ccnet_edge.device.imaging.read import MAX_PIXELS, read_image, read_mask
from ccnet_edge.errors import DataError
from tests.dataset.making import folders, noise, opened, png, save

LIMIT = r"an image of at most \d+ (pixels|samples) was wanted, found "


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever decodes pixels in a test with this fixture fails."""

    def load(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", load)


def lying_png(path: Path, width: int, height: int) -> Path:
    path.write_bytes(png(width, height, 8, zlib.compress(b"\0" * 1000)))
    return path


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("reader", [read_image, read_mask])
@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_000, 9_000), (2**31 - 1, 1)])
def test_a_header_that_claims_more_pixels_than_the_limit_is_refused(
    tmp_path: Path, reader: Callable[[Path], object], width: int, height: int
) -> None:
    assert width * height > MAX_PIXELS
    path = lying_png(tmp_path / "bomb.png", width, height)
    with pytest.raises(DataError, match=f"bomb.png: {LIMIT}") as caught:
        reader(path)
    assert caught.value.hint == "cut large images into tiles"


@pytest.mark.usefixtures("undecoded")
def test_the_limit_does_not_need_warnings_to_be_errors(tmp_path: Path) -> None:
    path = lying_png(tmp_path / "bomb.png", 10_000, 9_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match=f"{MAX_PIXELS} pixels was wanted, found 9000 × 10000"):
            read_image(path)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp"])
def test_the_limit_is_that_of_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"image.{suffix}"
    save(path, noise(0, 3))
    monkeypatch.setattr(read, "MAX_PIXELS", 319)
    with pytest.raises(DataError, match="at most 319 pixels was wanted, found 16 × 20"):
        read_image(path)


@pytest.mark.usefixtures("undecoded")
def test_the_limit_is_that_of_many_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, noise(0, 5), photometric="minisblack", planarconfig="contig")
    monkeypatch.setattr(read, "MAX_PIXELS", 399)
    with pytest.raises(DataError, match="at most 1596 samples was wanted, found 16 × 20 × 5"):
        read_image(path)


def test_a_header_that_claims_more_than_the_data_has_is_truncated(tmp_path: Path) -> None:
    path = lying_png(tmp_path / "liar.png", 300, 300)
    with pytest.raises(DataError, match=r"liar\.png: damaged or truncated"):
        read_image(path)


def test_a_bomb_is_one_problem_of_the_data_set(tmp_path: Path) -> None:
    folders(tmp_path, "abcd")
    path = lying_png(tmp_path / "images" / "b.png", 50_000, 50_000)
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    (found,) = caught.value.problems
    assert found.startswith(f"{path}: an image of at most {MAX_PIXELS} pixels was wanted")
    assert len(opened(tmp_path, skip_bad=True).samples) == 3
