# One word, one job. Everything happens in .venv; delete it to start afresh.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
MEDIA ?=

.PHONY: setup check test demo docs bench clean
setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "uv>=0.5,<1"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -e ".[dev]"
	touch $@

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry src examples

# One thread a process, and a process more than cores: some tests wait for processes of their own.
test: WORKERS = $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 10

demo: $(STAMP)
	$(BIN)/python examples/demo.py $(MEDIA)

docs: $(STAMP)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs
	@echo "build/docs/index.html"

bench: $(STAMP)
	$(BIN)/python benchmarks/results.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
