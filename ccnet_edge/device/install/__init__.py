"""The installer: put on a device first, with the keys that it trusts, to take in later bundles.

Standard library alone. It checks a bundle's signature with the keys that are pinned in it, before
it reads anything else, and runs no code of a bundle that did not pass. Two slots hold the running
version and the one before; the link `current` says which one runs, and is replaced in one step.
"""
