"""Bundles: what reaches the device, written deterministically and refused unless whole."""

from ccnet_edge.device.bundle.read import Bundle, is_archive, open_bundle
from ccnet_edge.device.bundle.trust import Trust

__all__ = ["Bundle", "Trust", "is_archive", "open_bundle"]
