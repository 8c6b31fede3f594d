# Two commands: `make lab` opens the notebooks in JupyterLab (PORT=8890 chooses the port),
# `make test` runs every check. Each makes .venv first, and installs again only when
# pyproject.toml has changed since. TORCH=cpu installs PyTorch's build without a GPU's
# libraries, which are several GB. CONTRIBUTING.md lists the others.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest
# A worker per core; the long tests start first, and idle workers take over what is left.
UNITS := $(PYTEST) -n auto --maxprocesses 4 --dist worksteal
# Two JupyterLabs side by side. In a browser every notebook is executed, so that the units need not do it again.
PAGES := $(PYTEST) -n 2 --dist loadscope
BROWSER := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

ifeq ($(TORCH),cpu)
    INDEX := --extra-index-url https://download.pytorch.org/whl/cpu
else ifneq ($(TORCH),)
    $(error TORCH is cpu, or left out: $(TORCH) is neither)
endif
# One call, so that torch and torchvision fit. --editable: a change in the checkout counts at once.
INSTALL = $(BIN)/python -m pip install $(INDEX) --editable

.PHONY: lab check test test-quick test-all site slides

lab: .venv/.lab-installed
	$(BIN)/cltutor lab $(if $(PORT),--port $(PORT))

check: .venv/.test-installed
	@status=0; \
	$(BIN)/ruff check || status=1; \
	$(BIN)/ruff format --check || status=1; \
	$(BIN)/mypy || status=1; \
	exit $$status

test: .venv/.test-installed
	@# All of it, whatever fails first. Pages have the machine to themselves.
	@status=0; \
	$(MAKE) --no-print-directory check || status=1; \
	$(UNITS) -m "not browser and not long$(if $(BROWSER), and not notebook)" || status=1; \
	$(PAGES) -m "browser and not long" || status=1; \
	exit $$status

test-quick: .venv/.test-installed
	$(UNITS) -m "not browser and not notebook and not long" tests/losses tests/importance tests/memory tests/recipe

test-all: test
	$(PYTEST) -m "long or notebook"
	CLTUTOR_RESULTS=build/results $(BIN)/python benchmarks/kill.py
	CLTUTOR_RESULTS=build/results $(BIN)/python benchmarks/soak.py
	CLTUTOR_RESULTS=build/results $(BIN)/python benchmarks/latency.py

site: .venv/.site-installed
	$(BIN)/python docs/site/build.py

slides: .venv/.lab-installed
	$(BIN)/python docs/slides.py build/slides $(or $(NOTEBOOK),$(wildcard notebooks/*.ipynb))

.venv/.lab-installed: pyproject.toml | $(BIN)/pip
	$(INSTALL) .
	@touch $@

.venv/.test-installed: pyproject.toml | $(BIN)/pip
	$(INSTALL) ".[test]"
	@touch $@ .venv/.lab-installed

.venv/.site-installed: pyproject.toml | $(BIN)/pip
	$(INSTALL) ".[docs]"
	@touch $@ .venv/.lab-installed

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'cltutor needs Python 3.11 or newer, and "$(PYTHON)" is not: try PYTHON=python3.12 with the same command.' >&2; \
	    exit 1; }
	$(PYTHON) -m venv .venv
