"""Every call is tried with what the document allows and with what it does not, alone and one after the other.

`make fuzz` does it with 200 examples of each call; the usual tests take a few.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.conftest import RedisServer, Settings
from tests.webapp.api.world import build_world
from tests.webapp.people import cheap_hashes
from webapp.accounts import tokens
from webapp.app import create_app
from webapp.extensions import db
from webapp.models import ApiToken, Scope, User
from webapp.screener.criteria import MEASURES

__all__ = ["cheap_hashes"]

EXAMPLES = int(os.environ.get("STAGEWATCH_FUZZ_EXAMPLES", "3"))
FULL = EXAMPLES > 3
SEED = 20261121
# Fields whose values depend on others, on what there is, or are an address: no schema tells all that is wrong.
RELATED = {"query", *(f"query.{name}" for name in (
    *(f"{measure.key}_{end}" for measure in MEASURES for end in ("min", "max")), "cur", "kind", "mic", "sector"))}
# A test's server sends no streams: this one says so by 501, and has tests of its own.
CONFIG: dict[str, Any] = {
    "seed": SEED,
    "generation": {"max-examples": EXAMPLES, "database": "none"},
    "phases": {"coverage": {"enabled": FULL}, "stateful": {"enabled": True}},
    "suppress-health-check": ["all"],
    "operations": [{"include-path": "/api/v1/stream", "checks": {"not_a_server_error": {"expected-statuses": [
        "2xx", "4xx", "501"]}}}],
}


class Tokens:
    """Sends a token with every request, and makes a new one where the last was revoked by a call."""

    def __init__(self, app: Flask, email: str, scope: Scope | None) -> None:
        self.app, self.email, self.scope = app, email, scope
        self.text, self.lock = "", threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Pass a request on; one that brings a token of its own, or none on purpose, stays as it is."""
        if environ.get("HTTP_AUTHORIZATION") == "Bearer STAND-IN":
            if self.scope is None:
                del environ["HTTP_AUTHORIZATION"]
            else:
                environ["HTTP_AUTHORIZATION"] = f"Bearer {self.working()}"
        return self.app.wsgi_app(environ, start_response)

    def working(self) -> str:
        """Return a token that works."""
        assert self.scope is not None
        with self.lock, self.app.app_context():
            person = db.session.query(User).filter_by(email=self.email).one()
            person.locked, person.admin = False, self.scope is Scope.ADMIN
            if tokens.find_token(self.text) is None:
                db.session.query(ApiToken).filter_by(user_id=person.id).delete()
                self.text = tokens.create_token(person, "fuzz", self.scope, None)[1]
            db.session.commit()
        return self.text


class Quiet(WSGIRequestHandler):
    """Keeps connections open, and writes nothing down."""

    protocol_version = "HTTP/1.1"

    def log(self, *_words: Any) -> None:
        """Say nothing."""


@contextmanager
def served(server: Tokens) -> Iterator[str]:
    """Serve on a port of its own; give the address."""
    made = make_server("127.0.0.1", 0, server, threaded=True, request_handler=Quiet)
    made.daemon_threads = True  # type: ignore[attr-defined]
    made.block_on_close = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        made.server_close()
        thread.join(10)


@pytest.fixture
def place(tmp_path: Path, migrated_sqlite: Path, redis: object, redis_server: RedisServer,
          monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application over the small world, without the app's context: each request has its own."""
    shutil.copyfile(migrated_sqlite, tmp_path / "fuzz.db")
    app = create_app(Settings(tmp_path / "instance", redis_server.url, f"sqlite:///{tmp_path / 'fuzz.db'}",
                              API_LIMIT_ADDRESS="1000000 per second", API_LIMIT_TOKEN="1000000 per second"))
    with app.app_context():
        build_world(monkeypatch)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.timeout(0 if FULL else 120)
@pytest.mark.parametrize("scope", [None, *Scope], ids=lambda scope: scope or "no token")
def test_no_call_fails_and_every_answer_is_as_described(place: Flask, scope: Scope | None) -> None:
    found, tried = run(place, scope)
    assert tried > 0
    assert not found, "\n\n".join(f"{name}\n{text}" for name, text in found.items())


def run(place: Flask, scope: Scope | None) -> tuple[dict[str, str], int]:
    """Run every phase; return what came of it."""
    server = Tokens(place, "admin@example.org" if scope is Scope.ADMIN else "ann@example.org", scope)
    config = SchemathesisConfig.from_dict(CONFIG | {"headers": {"Authorization": "Bearer STAND-IN"}})
    with served(server) as address:
        schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", config=config)
        schema.hook("filter_failure")(is_meant)
        return outcome(from_schema(schema).execute())


def is_meant(_context: Any, failure: Any, _case: Any, response: Any) -> bool:
    """Tell whether a failure counts: no schema says which cursors were given out, or that from is before to.

    An address that is too long is refused by the test's server, not by us. That a body's stock is unknown says nothing
    of the list that it was to be put on.
    """
    if response.status_code == 414:
        return False
    if isinstance(failure, EnsureResourceAvailability):
        return bool(response.json()["code"] != "unknown-symbol")
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    problem = response.json()
    faults = problem.get("errors", ())
    return problem["code"] != "bad-cursor" and not (faults and all(
        each["field"] in RELATED or "a sign that is none" in each["message"] for each in faults))


def outcome(stream: Iterable[Any]) -> tuple[dict[str, str], int]:
    """Return the failures, one of each kind, and how many scenarios there were."""
    found: dict[str, str] = {}
    tried = 0
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            tried += 1
            if event.status is Status.FAILURE:
                found |= failures(event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found[f"error {len(found)}"] = str(getattr(event, "info", None) or getattr(event, "exception", event))
    return found, tried


def failures(event: events.ScenarioFinished) -> dict[str, str]:
    """Return what failed in one scenario, with what was sent and what came."""
    found = {}
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.status is Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                call = event.recorder.cases[case_id].value
                found[f"{call.operation.label}: {check.name}: {failure.title}"] = (
                    f"{failure.message}\n{check.failure_info.code_sample}\n{answered(event, case_id)}")
    return found


def answered(event: events.ScenarioFinished, case_id: str) -> str:
    """Return the beginning of what came."""
    response = event.recorder.find_response(case_id=case_id)
    return f"{response.status_code} {response.text[:600]}" if response is not None else ""
