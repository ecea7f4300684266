"""`flask bars import`: what it takes, says and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import SHARED
from tests.factories import add_stock
from webapp.extensions import db
from webapp.models import BarFinding, BarSeries, IngestRun

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
