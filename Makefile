# Two commands do everything: `make chat` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TORCH  ?= torch==2.13.0

.PHONY: chat serve studio test unit check golden bench docs clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The base install: what a person needs to talk. No torch.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# torch comes first and by itself: a CPU build where the package index has one, so that the range
# in the extra installs nothing more. Choose another with `make test TORCH='torch==…'`.
$(VENV)/.test: pyproject.toml $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[torch,train,test,check]'
	@touch $@

chat: $(VENV)/.base
	@$(BIN)/tertulia chat $(or $(SCENE),small_talk) $(ARGS)

$(VENV)/.serve: pyproject.toml $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[serve]'
	@touch $@

serve: $(VENV)/.serve
	@$(BIN)/tertulia serve $(ARGS)

studio: $(VENV)/.serve
	@$(BIN)/tertulia studio $(if $(SCENE),--scene $(SCENE)) $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto

unit: $(VENV)/.test
	$(BIN)/python -m pytest -n auto -m 'not models and not slow'

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

golden: $(VENV)/.test
	$(BIN)/python -m tests.golden.write
	$(BIN)/python -m tests.pages
	git diff --stat -- tests/golden docs README.md

bench: $(VENV)/.test
	$(BIN)/python bench/$(Q).py

docs: $(VENV)/.test
	$(BIN)/python -m pytest tests/test_docs.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
