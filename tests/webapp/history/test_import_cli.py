"""`flask bars import`: what it takes, says and refuses."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import SHARED
from tests.factories import add_stock
from webapp.extensions import db
from webapp.models import AuditEntry, BarFinding, BarSeries, IngestRun

GOOD = "date,open,high,low,close,volume\n2020-01-02,10,11,9,10.5,1000\n2020-01-03,10.5,12,10,11.25,2000\n"


def run(app: Flask, *arguments: str | Path) -> Result:
    """Run `flask bars import`."""
    return app.test_cli_runner().invoke(args=["bars", "import", *map(str, arguments)])


def written(folder: Path, text: str, name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def last_run() -> IngestRun:
    return db.session.scalars(select(IngestRun).order_by(IngestRun.id.desc())).first() or pytest.fail("there is no run")


def series() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(BarSeries)) or 0


@pytest.mark.both_databases
def test_a_file_is_imported_and_the_run_kept(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    result = run(app, written(tmp_path, GOOD), "--symbol", "AAPL")
    assert result.exit_code == 0, result.output
    assert "bars.csv: 2 bars new, 0 changed, 0 as before." in result.output
    kept = last_run()
    assert (kept.kind, kept.source, kept.subject, kept.instrument_id, kept.state) == (
        "shell", "file", "bars.csv", stock.id, "done")
    assert (kept.added, kept.done, kept.total) == (2, len(GOOD), len(GOOD))
    assert kept.finished_at is not None
    assert series() == 1
    [entry] = db.session.query(AuditEntry)
    assert (entry.action, entry.subject, entry.user_id, entry.via) == ("file.import", "bars.csv", None, "shell")


def test_several_files_are_taken_one_by_one(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    good, bad = written(tmp_path, GOOD), written(tmp_path, "nothing,here\n", "bad.csv")
    result = run(app, bad, good, "--symbol", "AAPL")
    assert result.exit_code == 1
    assert "bad.csv: refused. It has no columns" in result.output
    assert "bars.csv: 2 bars new" in result.output
    assert series() == 1


def test_refused_lines_are_said_with_number_and_reason(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    path = written(tmp_path, GOOD + "2020-01-06,1,1,1,-1,1\n2020-01-07,1,1\n")
    result = run(app, path, "--symbol", "AAPL")
    assert result.exit_code == 1
    assert "line 4: the close is negative: -1" in result.output
    assert "line 5: it has too few columns" in result.output
    assert (series(), last_run().state, last_run().refused) == (0, "refused", 2)


def test_good_lines_are_taken_where_that_is_asked_for(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    path = written(tmp_path, GOOD + "2020-01-06,1,1,1,-1,1\n")
    result = run(app, path, "--symbol", "AAPL", "--skip-bad-lines")
    assert result.exit_code == 0
    assert "line 4" in result.output
    assert (series(), last_run().state, last_run().added, last_run().refused) == (1, "done", 2, 1)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--symbol", "WHAT"), "No stock here is called WHAT."),
    (("--symbol", "SHEL"), "Which one: XLON:SHEL, XNYS:SHEL?"),
    (("--symbol", "SHEL", "--exchange", "XNAS"), "No stock here is called SHEL on XNAS."),
    (("--symbol", "AAPL", "--exchange", "MOON"), "There is no exchange MOON here"),
    (("--symbol", "AAPL", "--unit", "pence"), "A unit is a currency's code"),
    (("--symbol", "AAPL", "--source", "simulator"), "the name of simulated prices"),
    (("--symbol", "AAPL", "--source", "My Source"), "Use small letters"),
    (("--symbol", "AAPL", "--source", "alpha-vantage"), "what a provider sends"),
    (("--symbol", "AAPL", "--source", "yahoo-ticks"), "what a provider sends"),
    (("--symbol", "AAPL", "--source", "admin"), "an admin says"),
    (("--symbol", "AAPL", "--made-on", "2199-01-01"), "still to come"),
    (("--symbol", "AAPL", "--adjusted", "half"), "Invalid value")])
def test_what_cannot_be_meant_is_refused_before_the_file_is_read(app: Flask, tmp_path: Path, arguments: tuple[str, ...],
                                                                 sentence: str) -> None:
    for symbol, mic in (("AAPL", "XNAS"), ("SHEL", "XLON"), ("SHEL", "XNYS")):
        add_stock(symbol, mic)
    result = run(app, written(tmp_path, GOOD), *arguments)
    assert result.exit_code != 0
    assert sentence in result.output
    assert db.session.scalar(select(func.count()).select_from(IngestRun)) == 0


def test_the_exchange_settles_which_stock_is_meant(app: Flask, tmp_path: Path) -> None:
    add_stock("SHEL", "XLON", currency="GBP", unit="GBX")
    stock = add_stock("SHEL", "XNYS")
    assert run(app, written(tmp_path, GOOD), "--symbol", "SHEL", "--exchange", "XNYS").exit_code == 0
    assert last_run().instrument_id == stock.id


def test_what_was_said_of_a_file_is_followed(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    result = run(app, written(tmp_path, GOOD), "--symbol", "AAPL", "--adjusted", "splits", "--source", "mine",
                 "--made-on", "2024-05-06")
    assert result.exit_code == 0, result.output
    found = db.session.scalars(select(BarSeries)).one()
    assert (found.source, found.adjusted, found.basis_day.isoformat() if found.basis_day else "") == (
        "mine", "splits", "2024-05-06")


def test_what_is_odd_is_stored_as_sent_and_becomes_a_finding(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    path = written(tmp_path, GOOD + "2020-01-06,11,9,12,11,10\n2020-01-03,1,1,1,1,1\n")
    result = run(app, path, "--symbol", "AAPL", "--skip-bad-lines")
    assert result.exit_code == 0, result.output
    kinds = {row.kind: row.detail for row in db.session.scalars(select(BarFinding))}
    assert {"order", "duplicate"} <= kinds.keys()
    assert "lines 3 and 5" in kinds["duplicate"]
    assert f"Open findings: {len(kinds)}." in result.output


@pytest.mark.skipif(not (SHARED / "bars").is_dir(), reason="needs ../shared")
def test_real_files_have_no_false_findings(app: Flask) -> None:
    for symbol, mic in (("AAPL", "XNAS"), ("IBM", "XNYS"), ("SPY", "ARCX")):
        add_stock(symbol, mic)
        result = run(app, SHARED / "bars" / "av_daily_adjusted" / f"daily_adjusted_{symbol}.csv", "--symbol", symbol)
        assert "5,303 bars new" in result.output
        assert "Open findings: 0." in result.output


def test_prices_far_from_those_that_are_stored_ask_for_a_word_more(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    lines = [f"2020-01-{day:02},{{0}},{{0}},{{0}},{{0}},1000\n" for day in range(6, 11)]
    head = "date,open,high,low,close,volume\n"
    run(app, written(tmp_path, head + "".join(line.format(100) for line in lines)), "--symbol", "AAPL")
    path = written(tmp_path, head + "".join(line.format(10000) for line in lines))
    result = run(app, path, "--symbol", "AAPL")
    assert (result.exit_code, last_run().state) == (1, "refused")
    assert "about 100 times those that are here: on 2020-01-10 the close is 10000, here it is 100" in result.output
    assert "0 bars new, 5 changed" in run(app, path, "--symbol", "AAPL", "--even-if-different").output


def test_a_database_without_tables_is_said_in_one_line(app: Flask, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    db.drop_all()
    for arguments in ((path,), (path, "--symbol", "AAPL")):
        result = run(app, *arguments)
        assert result.exit_code == 1
        assert result.output.startswith("Error: The database is not set up yet.")
        assert "Traceback" not in result.output


def test_a_database_of_an_older_version_is_said_in_one_line(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    BarSeries.__table__.drop(db.engine)  # type: ignore[attr-defined]
    result = run(app, written(tmp_path, GOOD), "--symbol", "AAPL")
    assert (result.exit_code, result.output[:41]) == (1, "Error: The database is not set up yet. St")


def test_a_database_that_is_kept_locked_is_said_in_one_line(app: Flask, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    add_stock("AAPL")
    monkeypatch.setattr("webapp.database.LOCK_PATIENCE_S", 0.05)
    other = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    result = run(app, written(tmp_path, GOOD), "--symbol", "AAPL")
    other.rollback()
    other.close()
    assert (result.exit_code, "The database gave up: database is locked" in result.output) == (1, True)
    assert series() == 0
    assert run(app, written(tmp_path, GOOD), "--symbol", "AAPL").exit_code == 0


def test_an_error_amid_a_file_is_kept_with_its_run(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError

    add_stock("AAPL")
    monkeypatch.setattr("webapp.bars.files.importing.write_many", fail)
    assert isinstance(run(app, written(tmp_path, GOOD), "--symbol", "AAPL").exception, MemoryError)
    assert (last_run().state, last_run().reason, series()) == ("failed", "It failed: MemoryError", 0)


def test_a_full_disk_is_said_in_one_line(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    add_stock("AAPL")
    monkeypatch.setattr("webapp.bars.files.spool.Spool.add", fail)
    result = run(app, written(tmp_path, GOOD), "--symbol", "AAPL")
    assert (result.exit_code, result.output) == (1, "Error: bars.csv was not imported: No space left on device.\n")
    assert (last_run().state, series()) == ("failed", 0)
    assert last_run().reason == "It failed: OSError: No space left on device"
