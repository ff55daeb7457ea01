# make demo | test | check | bench | docs: each sets up what it needs in .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/cpu.txt
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test test-slow test-thorough check bench docs clean

help:
	@echo "make demo    ask a rendered RGB-D scene, look at the answer      (out/demo)"
	@echo "make test    the default test suite, offline, about five minutes"
	@echo "make check   ruff and pyright"
	@echo "make bench   the benchmarks, one after the other                  (out/bench)"
	@echo "make docs    the documentation as a site                         (out/site)"
	@echo "make test-slow | test-thorough    the rest of the tests; more examples per law"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.model: pyproject.toml constraints/cpu.txt | $(VENV)/bin/python
	$(PIP) -e ".[model]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints/cpu.txt | $(VENV)/bin/python
	$(PIP) -e ".[dev]"
	@touch $@ $(VENV)/.model

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e ".[docs]"
	@touch $@

demo: $(VENV)/.model
	$(BIN)/n3d demo --out out/demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

test-thorough: $(VENV)/.dev
	N3D_HYPOTHESIS=thorough $(BIN)/python -m pytest -n 2 -m "slow or not slow"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(VENV)/.dev
	mkdir -p out/bench
	for f in benchmarks/*.py; do $(BIN)/python $$f --json out/bench/$$(basename $$f .py).json || exit 1; done

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict --quiet
	@echo "open out/site/index.html"

clean:
	rm -rf $(VENV) out build dist
