# Two commands: `make lab` opens the notebooks in JupyterLab (PORT=8890 chooses the port),
# `make test` runs every check. Each makes .venv first, and installs again only when
# pyproject.toml has changed since.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: lab test

lab: .venv/.lab-installed
	$(BIN)/cltutor lab $(if $(PORT),--port $(PORT))

test: .venv/.test-installed
	@# All of it, whatever fails first. Pages have the machine to themselves.
	status=0; \
	$(BIN)/ruff check || status=1; \
	$(BIN)/ruff format --check || status=1; \
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 -m "not browser" || status=1; \
	$(BIN)/pytest -m browser || status=1; \
	exit $$status

# --editable: a change in the checkout counts at once. One call, so that torch and torchvision fit.
.venv/.lab-installed: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --editable .
	@touch $@

.venv/.test-installed: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --editable ".[test]"
	@touch $@ .venv/.lab-installed

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'cltutor needs Python 3.11 or newer, and "$(PYTHON)" is not: try PYTHON=python3.12 with the same command.' >&2; \
	    exit 1; }
	$(PYTHON) -m venv .venv
