# The two commands of a newcomer are `make run` and `make test`; both install what they need first.
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif
VENV = .venv/bin/python
COMPILE = $(VENV) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.PHONY: run test install packages install-dev install-yahoo lint bench fuzz lock python
.DEFAULT_GOAL := run

run: packages       ## start everything; Ctrl-C stops it
	@$(VENV) -m deploy.run

test: lint          ## ruff, mypy and every test
	@$(VENV) -m deploy.test

install: packages   ## .venv, the locked packages, the front-end files, the secret key
	@$(VENV) -m deploy.instance

packages: python
	@$(PYTHON) -m deploy.install

install-dev: python
	@$(PYTHON) -m deploy.install --dev

install-yahoo: python ## the extra that YAHOO=yes needs
	@$(PYTHON) -m deploy.install --yahoo

lint: install-dev   ## ruff and mypy
	@$(VENV) -m ruff check .
	@$(VENV) -m mypy

bench: install-dev  ## every benchmark, one after the other
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; PYTHONPATH=. $(VENV) "$$file" || exit 1; done

fuzz: install-dev   ## every call of the API with 200 examples, also one after the other; takes long
	@STAGEWATCH_FUZZ_EXAMPLES=200 $(VENV) -m pytest -q tests/webapp/api/test_schemathesis.py

lock: install-dev   ## write the locks anew from the .in files
	$(COMPILE) --upgrade requirements.in -o requirements.txt
	$(COMPILE) --upgrade requirements-dev.in -o requirements-dev.txt
	$(COMPILE) --upgrade requirements-bench.in -o requirements-bench.txt
	$(COMPILE) --upgrade requirements-yahoo.in -o requirements-yahoo.txt
	$(COMPILE) --upgrade deploy/node.in -o deploy/node.txt
	npm install --package-lock-only

python:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Stagewatch needs Python 3.11 or newer; this machine has $$(python3 --version 2>&1 || echo none)." \
			"Install one (python.org, brew, apt), or name it: make run PYTHON=/path/to/python3.11" >&2; exit 1; fi
