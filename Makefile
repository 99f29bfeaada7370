# Both commands need nothing but Python 3.11 or newer: they make their own environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo

.PHONY: demo test test-native test-device test-engines check lock clean

demo: $(VENV)/.installed
	$(BIN)/ccnet-edge build --target jetson -o $(DEMO)

test: check
	$(BIN)/pytest --numprocesses auto --dist loadfile

# What compiles networks, for every machine that has a compiler here, and drives a browser.
test-native: $(VENV)/.installed
	$(BIN)/pytest --numprocesses auto --dist loadfile -m 'native and not slow'

# What needs a device: an sshd on loopback, and an aarch64 one that is emulated.
test-device: $(VENV)/.installed
	$(BIN)/pytest --numprocesses auto --dist loadfile -m '(ssh or arm64) and not native and not slow'

# LiteRT, ExecuTorch and ncnn, each in an environment of its own, which takes minutes to make once;
# every architecture is exported to each.
test-engines: $(VENV)/.installed
	$(BIN)/ccnet-edge doctor --install litert --install executorch --install ncnn
	$(BIN)/pytest --numprocesses auto --dist loadfile -m engines

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ccnet-edge needs Python 3.11 or newer, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[build,dev]'
	touch $@

# Pins what is installed now; torch stays without its local build label and without a hash, so
# that the CPU build serves wherever it is provided.
lock: $(VENV)/.installed
	$(BIN)/pip freeze --exclude-editable --exclude ccnet-edge | sed 's/+cpu$$//' > constraints.txt.part
	mv constraints.txt.part constraints.txt

clean:
	rm -rf $(VENV) build dist
