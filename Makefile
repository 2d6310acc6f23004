# `make demo` upscales a photograph, `make test` runs all checks. Each installs what it needs into
# .venv on its first run, which takes a few minutes.

PYTHON ?= python3
BIN := .venv/bin
RESULT := build/demo/chelsea-x2.png

.PHONY: demo test clean

demo: .venv/installed
	@mkdir -p $(dir $(RESULT))
	$(BIN)/gladsr upscale docs/demo/chelsea.png --output $(RESULT) --overwrite
	@echo "Upscaled docs/demo/chelsea.png by 2: $(RESULT)"

test: .venv/installed-for-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses=2 --dist=loadfile

.venv/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing gladsr into .venv …"
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-for-tests: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing gladsr with all test dependencies, including PyTorch, into .venv …"
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test]"
	@touch $@ .venv/installed

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'gladsr needs Python 3.11 or newer: make PYTHON=python3.11')"
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv build dist
