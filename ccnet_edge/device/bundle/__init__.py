"""Bundles: what reaches the device, written deterministically and refused unless whole."""
