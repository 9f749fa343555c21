# make demo    install into .venv, fit the example workspace, write the table, a picture, a JSON and a report
# make test    install into .venv, run every test that is not marked slow
# make lint    install into .venv, check style, format and types
# make docs    install into .venv, draw the pictures, build the documentation into site/, check its links
# make clean   remove everything that these targets made

PYTHON ?= python3
VENV := .venv
DEMO := smoothfit/examples/ttbar_differential
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL_INPUTS := setup.cfg pyproject.toml

.PHONY: demo test lint docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed-plot
	@mkdir -p demo
	$(BIN)/smoothfit fit $(DEMO).json --plot demo/ttbar_differential.png --json demo/ttbar_differential.json
	@echo "wrote demo/ttbar_differential.png and demo/ttbar_differential.json"
	$(BIN)/smoothfit report $(DEMO).json -o demo/report.html

# One worker more than there are cores: tests also wait, for kernels, browsers and processes.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy smoothfit

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "wrote site/: open site/index.html"

clean:
	rm -rf $(VENV) demo site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find smoothfit tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "smoothfit needs Python 3.11 or newer; '$(PYTHON)' is not." >&2; \
	  echo "Name another one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON) -m venv' failed: install your system's venv package for it." >&2; exit 1; }

# One stamp a set of extras: installed again only when what is to be installed changed.
$(VENV)/.installed-plot: EXTRAS := plot
$(VENV)/.installed-test: EXTRAS := test,all
$(VENV)/.installed-dev: EXTRAS := dev
$(VENV)/.installed-docs: EXTRAS := docs

$(VENV)/.installed-%: $(INSTALL_INPUTS) | $(BIN)/python
	@echo "installing smoothfit[$(EXTRAS)] (a few minutes the first time)"
	@$(PIP_INSTALL) -e ".[$(EXTRAS)]"
	@touch $@
