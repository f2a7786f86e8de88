# The workbook's commands. `make run` is the first one to try.
SHELL := /bin/bash
VENV ?= .venv
LECTURES ?= 03 07 08 09
BENCH ?= grading digits recipe
BIN = $(VENV)/bin
# Tests and lectures must not see a reader's own settings for where data are and results go.
CLEAN_ENVIRONMENT = env -u TFDS_DATA_DIR -u LECTURE_DATA_DIR -u LECTURE_SCOREBOARD -u LECTURE_PROGRESS -u LECTURE_SOLUTIONS

.PHONY: help install run test test-real bench lab notebooks lint format lock clean

help:
	@echo "make install      make .venv with the pinned packages and the command .venv/bin/lecture"
	@echo "make run          install, run the digit lectures, show the scoreboard (LECTURES=03, LECTURES=all)"
	@echo "make lab          install, open the notebooks in JupyterLab"
	@echo "make test         install, check everything on the embedded data"
	@echo "make test-real    run the short lectures on real data (TFDS_DATA_DIR=... names the prepared folder)"
	@echo "make bench        measure what takes long (BENCH=\"grading digits recipe\": the grader's speed, ten minutes; the"
	@echo "                  digit networks with more seeds, an hour; the best recipe for MNIST, a quarter of an hour)"
	@echo "make notebooks    regenerate the notebooks from notebooks/source, execute what changed"
	@echo "make lint         ruff and mypy"
	@echo "make lock         renew requirements.lock and show what changed"
	@echo "make clean        remove the environment, the caches and your runs (not your scoreboard, not your data)"

# A moved or copied environment does not work: the stamp holds the folder that it was made for.
install:
	@[ -x $(BIN)/lecture ] && [ "$$(cat $(VENV)/.installed 2>/dev/null)" = "$(CURDIR)" ] || rm -f $(VENV)/.installed
	@$(MAKE) -s --no-print-directory $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml tools/install.sh
	@bash tools/install.sh $(VENV)

run: install
	@$(BIN)/lecture run $(LECTURES)
	@$(BIN)/lecture scoreboard

test: install lint
	@$(CLEAN_ENVIRONMENT) LECTURE_DATA=embedded $(BIN)/python -m pytest -q -n 2 --dist loadscope \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=300 --ignore=notebooks/exercises tests notebooks

test-real: install
	@LECTURE_SCOREBOARD=$$(mktemp -d)/scoreboard.json $(BIN)/lecture run 03 --require mnist

bench: install
	@for each in $(BENCH); do $(BIN)/python tools/bench_$$each.py --save || exit 1; done

lab: install
	@$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

notebooks: install
	@$(BIN)/lecture build
	@$(BIN)/python tools/picture.py

lint: install
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/mypy --no-error-summary --scripts-are-modules notebooks/source/lectures
	@$(BIN)/mypy --no-error-summary --scripts-are-modules notebooks/source/exercises

format: install
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

lock:
	@bash tools/lock.sh

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache data/cache data/runs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
