"""Pixels: reading, resizing, preprocessing with its exact inverse, tiling, overlays."""
