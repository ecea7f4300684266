"""The start: an empty or an older database becomes one that can be used."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click import ClickException
from flask import Flask

from tests.conftest import RedisServer
from tests.worker.conftest import NOW, Clock, make_instrument, make_quote
from webapp.extensions import db
from webapp.models import FeedVersion, InstrumentRow, ProviderState, QuoteRow, Tick
from worker.prepare import prepare_database
from worker.store import store_quotes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path, redis_server: RedisServer) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "ALPHA_VANTAGE_API_KEY"}}
    return kept | {"INSTANCE_DIR": str(tmp_path), "SECRET_KEY": "only for tests", "REDIS_URL": redis_server.url}


@pytest.fixture
def no_calendars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the trading days, which take seconds; they have tests of their own."""
    monkeypatch.setattr("worker.prepare.write_sessions", int)


def start(environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", "prepare"], cwd=ROOT, env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_at_once_prepare_an_empty_database_once(environment: dict[str, str], tmp_path: Path) -> None:
    processes = [start(environment) for _ in range(2)]
    output = [process.communicate(timeout=90)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], output
    assert min(len(text) for text in output) == 0
    assert "The tables are up to date." in "".join(output)
    with sqlite3.connect(tmp_path / "stagewatch.db") as database:
        assert database.execute("SELECT count(*) FROM instruments WHERE starter").fetchone()[0] >= 100
        assert database.execute("SELECT count(*) FROM market_sessions").fetchone()[0] > 1000


@pytest.mark.parametrize("content", [b"This is not a database, it is a letter.\n" * 100, None])
def test_an_unreadable_database_is_said_in_one_line(environment: dict[str, str], tmp_path: Path,
                                                   content: bytes | None) -> None:
    path = tmp_path / "stagewatch.db"
    path.write_bytes(content) if content else path.mkdir()
    process = start(environment)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    [line] = output.splitlines()
    assert line.startswith("Error: The database sqlite://")
    assert "DATABASE_URL" in line


def test_a_database_of_a_later_version_is_left_alone(app: Flask) -> None:
    db.session.execute(db.text("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()
    with pytest.raises(ClickException, match="made by another version") as caught:
        list(prepare_database())
    assert "\n" not in str(caught.value)


@pytest.mark.both_databases
def test_a_second_time_there_is_nothing_to_do(app: Flask, no_calendars: None) -> None:
    db.session.execute(db.delete(FeedVersion))
    db.session.add(ProviderState(provider="vendor", paused_until=NOW))
    db.session.commit()
    assert len(list(prepare_database())) == 1
    assert db.session.scalar(db.select(FeedVersion.value)) == 0
    assert db.session.get_one(ProviderState, "vendor", populate_existing=True).paused_until is None
    assert db.session.query(InstrumentRow).filter_by(starter=True).count() >= 100
    assert list(prepare_database()) == []


def test_made_up_prices_go_when_a_real_provider_has_a_key(
        app: Flask, set_clock: Clock, no_calendars: None) -> None:
    made_up, real = make_instrument("AAA"), make_instrument("BBB")
    store_quotes([make_quote(made_up, source="simulator"), make_quote(real)], NOW)
    db.session.commit()
    list(prepare_database())
    assert db.session.query(QuoteRow).count() == 2
    app.config["SETTINGS"].ALPHA_VANTAGE_API_KEY = "key"
    assert "1 simulated prices are gone: prices are real from now on." in list(prepare_database())
    assert [row.instrument_id for row in db.session.query(QuoteRow)] == [real.id]
    assert [tick.instrument_id for tick in db.session.query(Tick)] == [real.id]
