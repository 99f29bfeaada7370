"""Bundles: what reaches the device, written deterministically and refused unless whole."""

from ccnet_edge.device.bundle.read import Bundle, is_archive, open_bundle

__all__ = ["Bundle", "is_archive", "open_bundle"]
