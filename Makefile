# Needs Python >= 3.11 and make; everything else is installed into $(VENV) on first use.
PYTHON ?= python3
VENV   ?= .venv
EXTRAS ?= dev
ARGS   ?=
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Published fits on data that may not be copied; the tests that need them skip without.
ifeq ($(origin MIXEXP_REFERENCE),undefined)
ifneq ($(wildcard ../shared/reference/.),)
export MIXEXP_REFERENCE := $(CURDIR)/../shared/reference
endif
endif

.DEFAULT_GOAL := help
.PHONY: help rates reproduce report theory coverage glome test test-slow lint docs notebooks linkcheck wheel-check bench bench-check bench-peers clean

help:  ## show this list
	@echo 'usage: make TARGET [ARGS="..."] [PYTHON=python3.12] [VENV=.venv] [EXTRAS=dev]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

theory: $(STAMP)  ## the theory checked: exponents, counterexamples, polynomial systems (no simulation)
	$(BIN)/python -m experiments.theory $(ARGS)

rates: $(STAMP)  ## convergence rates of the softmax-gated Gaussian model: table and figure (3 minutes)
	$(BIN)/python -m experiments run p0_exact p0_over_one $(ARGS)

reproduce: $(STAMP)  ## every claim at full size in at most 90 minutes, resumable (QUICK=1: at most 6 minutes)
	$(BIN)/python -m experiments run $(if $(QUICK),--quick --time-limit 5,--full --time-limit 85) $(ARGS)

report: $(STAMP)  ## the report of every claim from the committed tables
	$(BIN)/python -m experiments report --full $(ARGS)

coverage: $(STAMP)  ## how often 95 % intervals cover, 500 replicates a cell (20 minutes)
	$(BIN)/python -m experiments.coverage $(ARGS)

glome: $(STAMP)  ## the published GLoME study in 40 minutes (QUICK=1: 2 minutes, FULL=1: 6 hours)
	$(BIN)/python -m experiments.glome $(if $(QUICK),--quick) $(if $(FULL),--full) $(ARGS)

test: $(STAMP)  ## fast tests and documentation examples, on all processors
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

test-slow: $(STAMP)  ## statistical tests marked slow
	$(BIN)/python -m pytest -q -m slow $(ARGS)

lint: $(STAMP)  ## ruff, formatting, types, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mixexp
	$(BIN)/codespell

docs: $(STAMP)  ## the documentation site, without a network: docs/_build/html/index.html
	$(BIN)/sphinx-build -W --keep-going -q -j 2 -b html docs docs/_build/html $(ARGS)
	$(BIN)/python -m tests.docs.site docs/_build/html

notebooks: $(STAMP)  ## run the scripts in notebooks/ and write the .ipynb beside them (ARGS=02: only some)
	$(BIN)/python notebooks/build.py $(ARGS)

linkcheck: $(STAMP)  ## every external link of the documentation, which needs a network
	$(BIN)/sphinx-build -q -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck $(ARGS)

wheel-check: $(STAMP)  ## build the wheel, install it in a clean environment, run the README from there
	$(BIN)/python -m pytest -q -m "slow or not slow" tests/test_wheel.py tests/test_packaging.py $(ARGS)

bench: $(STAMP)  ## timings, recorded; fails where a ratio got 25 % worse than in the last record
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-check: $(STAMP)  ## stable ratios in 2 minutes, not recorded; fails where one got twice as bad
	$(BIN)/python -m benchmarks.run --quick --stable --check --tolerance 1 $(ARGS)

bench-peers: $(STAMP)  ## other packages on the same data: docs/peers.md, 15 minutes (QUICK=1: a minute)
	$(BIN)/python -m benchmarks.peers --install $(if $(QUICK),--quick) $(ARGS)

clean:  ## remove environments and all caches (study results stay)
	@if test -f $(VENV)/pyvenv.cfg; then rm -rf $(VENV); fi
	rm -rf .venv-peers .venv-peers-newer
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov build dist docs/_build
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# uv is several times faster; pip does the same where uv, or the index it looks at, is missing.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	    echo "error: $(PYTHON) not found; install Python >= 3.11 or name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	    "error: mixexp needs Python >= 3.11, $(PYTHON) is %d.%d; name a newer one: make PYTHON=python3.12" \
	    % tuple(sys.version_info[:2]))'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@echo 'installing mixexp[$(EXTRAS)] into $(VENV)'
	@pip="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; \
	 { $$pip uv && $(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(BIN)/python \
	        -c constraints.txt -e '.[$(EXTRAS)]'; } \
	 || { echo 'uv failed, using pip' >&2; $$pip -c constraints.txt -e '.[$(EXTRAS)]'; }
	@touch $@
