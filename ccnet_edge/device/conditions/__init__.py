"""Clocks, temperatures, throttling, energy and other load, read from the system's own files.

Everything is read below a root, which is `/` but in tests; what a system does not show is said to
be missing, never guessed. A kind is one file: it finds what there is once, and gives `Gauge`s,
`Sign`s or a meter that `watch` reads at every look.
"""
