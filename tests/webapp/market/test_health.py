"""What a load balancer asks."""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import RedisServer
from webapp import redis
from webapp.extensions import db


def test_all_is_well(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


def test_redis_away_is_said_quickly(app: Flask, client: FlaskClient, own_redis_server: RedisServer) -> None:
    app.extensions["redis"] = redis.connect(own_redis_server.url)
    own_redis_server.stop(kill=True)
    started = time.monotonic()
    answer = client.get("/healthz")
    assert time.monotonic() - started < 3
    assert answer.status_code == 503
    assert answer.json == {"status": "failing", "database": "ok", "redis": "no answer"}


def test_the_pages_open_without_redis(app: Flask, client: FlaskClient, own_redis_server: RedisServer) -> None:
    app.extensions["redis"] = redis.connect(own_redis_server.url)
    own_redis_server.stop(kill=True)
    assert client.get("/").status_code == 200


def test_a_database_away_is_said(app: Flask, client: FlaskClient) -> None:
    db.session.remove()
    db.engine.dispose()
    Path(str(db.engine.url.database)).write_bytes(b"this is no database" * 100)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "no answer"
