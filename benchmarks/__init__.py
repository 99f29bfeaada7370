"""Measurements that back the figures in the README: one module a subject, run by `python -m`."""
