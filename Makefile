# One command sets up, one shows, one tests; CI runs the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo install test lint format docs bench versions clean help

help:
	@echo "make demo     compare four methods on real digits at unseen angles; writes ./demo"
	@echo "make test     run the tests"
	@echo "make install  .venv with every extra and the development tools"
	@echo "make lint     ruff, mypy and the import contracts"
	@echo "make format   ruff's formatter and safe fixes"
	@echo "make docs     build the documentation into ./site"
	@echo "make bench    time steps, fit() and benchmark data; writes results/benchmarks"
	@echo "make versions try the wheel in empty environments, with the lowest versions and with the newest"
	@echo "make clean    remove everything that these commands made"

demo: $(VENV)/core-installed
	$(BIN)/crossgrad compare digits --output demo

install: $(VENV)/all-installed

test: $(VENV)/all-installed
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/all-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/all-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/all-installed
	$(BIN)/mkdocs build --strict  # --quiet would not see the warnings that strict refuses

bench: $(VENV)/all-installed
	$(BIN)/python benchmarks/step.py --json results/benchmarks/step.json
	$(BIN)/python benchmarks/fit.py --json results/benchmarks/fit.json
	$(BIN)/python benchmarks/input_conv.py --json results/benchmarks/input_conv.json
	$(BIN)/python benchmarks/methods.py --json results/benchmarks/methods.json
	$(BIN)/python benchmarks/processes.py --json results/benchmarks/processes.json
	$(BIN)/python benchmarks/data.py --json results/benchmarks/data.json
	$(BIN)/python benchmarks/large_data.py --json results/benchmarks/large_data.json

versions: $(VENV)/all-installed
	$(BIN)/python benchmarks/versions.py --json results/benchmarks/versions.json

clean:
	rm -rf $(VENV) demo site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/python-checked:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "crossgrad needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Creating $(VENV) and installing; this takes a few minutes the first time."
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/core-installed: $(VENV)/python-checked pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/all-installed: $(VENV)/python-checked pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/core-installed
