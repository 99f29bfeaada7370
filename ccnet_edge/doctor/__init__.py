"""What works on this machine, what is missing, and the command that installs it."""

from __future__ import annotations

from collections.abc import Iterable

from ccnet_edge import __version__
from ccnet_edge.doctor.describe import describe, describe_section
from ccnet_edge.doctor.environments import install
from ccnet_edge.doctor.machine import SECTIONS
from ccnet_edge.doctor.targets import check_target, require_buildable
from ccnet_edge.spec.doctor import Diagnosis, Section
from ccnet_edge.spec.target import DeviceProfile

__all__ = ["describe", "describe_section", "diagnose", "install", "require_buildable"]


def diagnose(profiles: Iterable[DeviceProfile]) -> Diagnosis:
    """What works here, and what can be made here and run there for each of `profiles`.

    Nothing is changed, and nothing outside of this machine is asked.
    """
    return Diagnosis(
        version=__version__,
        sections=tuple(
            Section(title=title, findings=tuple(check())) for title, check in SECTIONS.items()
        ),
        targets=tuple(map(check_target, profiles)),
    )
