# Everything runs in .venv, which the first target that needs it makes.
PYTHON ?= python3
BIN := .venv/bin
comma := ,

# Installs the package with these extras; pip shows on a terminal what it is doing, and only errors in a log.
define install
	@echo "Installing into .venv: $(1). The first time takes some minutes, since PyTorch is large."
	@quiet=-qq; if [ -t 1 ]; then quiet=; fi; \
	$(BIN)/python -m pip install $$quiet --constraint constraints.txt --editable '$(1)'
endef

.PHONY: compare test test-all browser-test screenshots chromium lint docs bench sharpness soak score grading clean

# The lesson on both sides: this needs no tools of a developer's.
compare: .venv/compare-installed
	@mkdir -p build
	$(BIN)/python -m compare --report build/lesson.html

# The fast lane, in minutes; test-all runs the slow one too, as CI does.
test: .venv/installed
	$(BIN)/python -m pytest

test-all: .venv/installed
	$(BIN)/python -m pytest -m "" --seeds 12 --durations=20

# The report, opened in a real browser.
browser-test: chromium .venv/browser-installed
	$(BIN)/python -m pytest tests/browser/report_in_chromium.py tests/browser/exercises_in_chromium.py

# The reports as pictures, and the one that the README shows.
screenshots: chromium .venv/browser-installed
	$(BIN)/python -m tests.browser.screenshots

chromium:
	@command -v chromium >/dev/null || { echo "chromium is not installed; on Debian: apt-get install chromium" >&2; exit 1; }

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The guide, in build/docs; what is wrong with a page is an error.
docs: .venv/docs-installed
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet --doctree-dir build/doctrees docs build/docs

# What it is measured against comes first; the table is printed, and written to build/benchmarks.txt and .json.
bench: .venv/bench-installed
	$(BIN)/python -m benchmarks

# How small a mistake is seen beside a module, 100 at drawn places.
sharpness: .venv/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.sharpness

soak: .venv/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.soak

# Every sixth mistake takes about half an hour on two cores; `python -m tests.score` takes them all.
score: .venv/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.score --every 6

# All that may be in a teacher's folder, graded whole, interrupted, and on a cluster: some minutes.
grading: .venv/installed
	$(BIN)/python -m tests.everything

clean:
	rm -rf .venv build dist docs/_generated

.venv/compare-installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(call install,.[report])
	@$(BIN)/python -m compileall -q manual torch_ref compare data
	@touch $@

.venv/installed: .venv/compare-installed
	$(call install,.[dev])
	@touch $@

.venv/bench-installed: .venv/installed
	$(call install,.[dev$(comma)bench])
	@touch $@

.venv/docs-installed: .venv/installed
	$(call install,.[dev$(comma)docs])
	@touch $@

.venv/browser-installed: .venv/installed
	$(call install,.[dev$(comma)browser])
	@touch $@
