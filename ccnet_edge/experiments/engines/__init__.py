"""Where a sweep's trials are made: a file an engine, a row in `sweep.ENGINES`."""
