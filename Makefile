# make bench | bench-quick | bench-peers | test | test-fast | test-index | axe | report | published | compare | calibrate | asv | speed | check | setup | clean
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
OUT := reports/out
export EQUIBENCH_CACHE := $(CURDIR)/.cache

.PHONY: help setup bench bench-quick bench-peers report published test lint types test-fast test-index axe check compare calibrate asv speed clean

help:
	@echo "make bench        measure and write $(OUT)/index.html: every operation once, and the headline in"
	@echo "                  four or five rounds of fresh processes; with an NVIDIA GPU the profile gpu, on it"
	@echo "make bench-quick  the same in a few minutes"
	@echo "make bench-peers  install other packages too, and compare with them: an hour or more"
	@echo "make report       build the page again from what was measured"
	@echo "make published    build the checked-in pages again from their rows"
	@echo "make test         run the tests, the linter, the type checker"
	@echo "make test-fast    the tests that are not marked slow"
	@echo "make test-index   ask the package index whether what is pinned for CUDA is still there"
	@echo "make axe          fetch axe-core for the tests of accessibility (MPL-2.0: not kept here)"
	@echo "make check        check implementations: make check NAME=clebsch_gordan, or NAME=my_file.py"
	@echo "make compare      two revisions in turn: make compare A=HEAD~1 [B=.] [SELECT=gaunt.torch_grid]"
	@echo "make calibrate    judge the instrument on this machine; an hour and a half"
	@echo "make asv          measure the history cases at this commit and publish them with asv"
	@echo "make speed        time the same cases with pytest-benchmark"
	@echo "make clean        remove everything that these made"

setup: $(READY)

$(READY): requirements.txt $(wildcard constraints*.txt) tools/cuda_build.py
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Python 3.11 or newer is needed, %s is %d.%d; try: make PYTHON=python3.12" % (sys.executable, v[0], v[1]))'
	@echo "setting up $(VENV) (about two minutes)"
	@mkdir -p $(VENV) && date +%s > $(VENV)/began
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) tools/cuda_build.py --write $(VENV)
	@$(PIP) -c $(VENV)/constraints.txt -r $(VENV)/frameworks.txt
	@$(PIP) -c $(VENV)/constraints.txt -r requirements.txt
	@echo "set up in $$(( $$(date +%s) - $$(cat $(VENV)/began) )) s, once; what follows is measuring"
	@rm $(VENV)/began
	@touch $(READY)

# Say ROUNDS=7 for narrower intervals of the headline: the rounds that are there already count.
ROUNDS ?=
bench: $(READY)
	@$(RUN) -m bench run $(if $(ROUNDS),--rounds $(ROUNDS)) --out $(OUT)/default
	@$(RUN) -m reports build $(OUT)/default --out $(OUT)

bench-quick: $(READY)
	@$(RUN) -m bench run --short --out $(OUT)/quick
	@$(RUN) -m reports build $(OUT)/quick --out $(OUT)

PEERS := $(VENV)/.peers
$(PEERS): $(READY) requirements-peers.txt requirements-peers-alone.txt
	@$(PIP) -c $(VENV)/constraints.txt -r requirements-peers.txt
	@$(PIP) --no-deps -r requirements-peers-alone.txt
	@touch $(PEERS)

bench-peers: $(PEERS)
	@$(RUN) -m bench run --profile peers --out $(OUT)/peers
	@$(RUN) -m reports build $(OUT)/peers --out $(OUT)

DIR ?= $(OUT)/default
report: $(READY)
	@$(RUN) -m reports build $(DIR) --out $(OUT)

published: $(READY)
	@$(RUN) -m reports published

# Files of tests go to so many processes side by side, in the order that tests/conftest.py gives them.
JOBS ?= 2
TESTS := $(RUN) -m pytest -q --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
# The tests start hundreds of processes: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

test: $(READY)
	@$(MAKE) --no-print-directory --jobs $(JOBS) lint types
	@$(MAKE) --no-print-directory --silent axe || echo "axe-core is not to be had: its tests are skipped"
	$(TESTS) --durations=10 -m "not alone and not index"
	$(RUN) -m pytest -q -m alone $$(grep -rlw mark.alone tests --include='test_*.py')

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(READY)
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy tools

test-index: $(READY)
	$(RUN) -m pytest -q -m index tests/gpu/test_set_up.py

test-fast: $(READY)
	$(TESTS) -m "not slow and not alone"

# axe-core judges the accessibility of the page in a browser; without it these tests are skipped.
AXE := 4.11.0
axe: $(EQUIBENCH_CACHE)/axe-core/axe.min.js

$(EQUIBENCH_CACHE)/axe-core/axe.min.js:
	@mkdir -p $(@D)
	@npm pack --silent --fetch-retries 0 --fetch-timeout 20000 --pack-destination $(@D) axe-core@$(AXE) > /dev/null
	@tar -xzf $(@D)/axe-core-$(AXE).tgz -C $(@D) --strip-components 1 package/axe.min.js package/LICENSE
	@touch $@

check: $(READY)
	@test -n "$(NAME)" || { echo "which? make check NAME=clebsch_gordan, or NAME=my_file.py"; exit 2; }
	@$(RUN) -m bench check $(NAME)

B ?= .
SELECT ?=
compare: $(READY)
	@test -n "$(A)" || { echo "with which revision? make compare A=HEAD~1"; exit 2; }
	@$(RUN) -m bench compare $(A) $(B) --select '$(SELECT)'

calibrate: $(READY)
	@$(RUN) -m bench calibrate

asv: $(READY)
	@$(RUN) -m bench history

speed: $(READY)
	$(RUN) -m pytest tests/speed --benchmark-only

clean:
	rm -rf $(VENV) $(OUT) .asv .cache .benchmarks .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
