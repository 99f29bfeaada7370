"""What a build works with: the request, the data, the folder's stages and the host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.architectures import base_network
from ccnet_edge.bench import Host, parse_host
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.degradation import calibrated_base
from ccnet_edge.export import FILES, FORMATS, check_network, check_options, check_tools
from ccnet_edge.spec.build import BuildRequest, DataSummary
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import Progress
from ccnet_edge.store import Store
from ccnet_edge.train import find_recipe
from ccnet_edge.train.material import check_fit
from ccnet_edge.train.places import find_place


@dataclass(frozen=True, kw_only=True)
class Site:
    """A build's request with everything that its stages need to carry it out."""

    request: BuildRequest
    dataset: SegmentationDataset
    store: Store
    host: Host
    progress: Progress

    @property
    def folder(self) -> Path:
        """The build directory."""
        return self.store.folder

    @property
    def model(self) -> Path:
        """The file that ships."""
        return self.folder / FILES[FORMATS[self.request.engine]]

    @property
    def base(self) -> NetworkSpec:
        """The uncompressed network, which accuracy is relative to."""
        data = self.request.data
        full = base_network(
            self.request.architecture, channels=data.channels, classes=len(data.classes)
        )
        return calibrated_base(full, self.request.degradation)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images at the network, in pixels."""
        return self.request.height, self.request.width

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The network's input, [1, C, H, W]."""
        return (1, self.request.data.channels, *self.base.input_size(*self.size))


def open_site(
    request: BuildRequest, dataset: SegmentationDataset, folder: Path, *, progress: Progress
) -> Site:
    """The site of a build in `folder`, after everything that can be refused at once was.

    Raises:
        UsageError: an unknown architecture, recipe or host, a size that the network does not
            take, a device that torch does not have.
        DataError: no training images.
        MissingExtraError: what writes the target's format is not installed.
    """
    site = Site(
        request=request,
        dataset=dataset,
        store=Store(folder),
        host=parse_host(request.host),
        progress=progress,
    )
    check_network(FORMATS[request.engine], site.base)
    check_tools(FORMATS[request.engine], request.profile.instruction_set)
    if request.precision != "auto":
        calibrated = request.precision == "int8"
        check_options(
            FORMATS[request.engine], request.precision, dynamic=False, calibrated=calibrated
        )
    if request.trained is None:
        find_recipe(request.recipe)
    find_place(request.device)
    check_fit(site.base, dataset, height=request.height, width=request.width)
    return site


def check_host(site: Site) -> None:
    """Find out before hours of training what would fail after them, unless all is measured.

    Raises:
        DeviceError: the host is not reached, is not of the target's kind, or lacks something.
    """
    if site.store.receipt("bench") is None:
        site.host.check(site.request.profile, engine=site.request.engine)


def summarise_data(dataset: SegmentationDataset) -> DataSummary:
    """What a build's request says of its data set."""
    return DataSummary(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        classes=dataset.classes,
        channels=dataset.channels,
        train=len(dataset.train),
        validation=len(dataset.validation),
        test=len(dataset.test),
        skipped=dataset.skipped,
    )
