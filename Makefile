# Two commands matter: `make demo` and `make test`. Both prepare everything they need in .venv first.
PY := .venv/bin/python
STAMP := .venv/.ready

# Byte code is kept: without it every process of the suite compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check e2e bench screenshots texts lock clean

setup: $(STAMP)

$(STAMP): docker/requirements-dev.txt pyproject.toml setup.py .ci/setup $(wildcard geodata/locale/*/LC_MESSAGES/*.po)
	bash .ci/setup
	@touch $@

demo: setup ## the whole product on the demo park, http://127.0.0.1:8050
	.venv/bin/twin demo

# Three for two cores: a third of the time of these tests is waiting for a socket or a process.
check: setup ## the quick loop: style, types, unit tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(PY) -m pytest -n 3 --dist worksteal -m "not e2e and not slow"

e2e: setup
	bash .ci/browser
	bash .ci/redis
	$(PY) -m pytest -n 2 --dist loadfile -m e2e

test: check ## everything, the browser too
	bash .ci/browser
	bash .ci/broker
	bash .ci/redis
	$(PY) -m pytest -n 2 --dist worksteal -m "slow and not e2e"
	$(PY) -m pytest -n 2 --dist loadfile -m e2e

bench: setup ## claims as JSON, ratios against a rival in the same run
	$(PY) -m tests.bench

screenshots: setup ## the pages of docs/screens, taken again
	bash .ci/browser
	$(PY) -m tests.screens

texts: setup ## the program's catalogues of geodata/locale, brought up to its texts and compiled
	$(PY) -m twin texts geodata/locale

lock: ## exact versions with hashes for Python 3.11 to 3.13 (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o docker/requirements.txt
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o docker/requirements-dev.txt

clean:
	rm -rf .venv .twin build *.egg-info
