"""Files that workers take in: one after the other, and again after a worker was killed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, current_app
from redis import Redis
from rq import Queue
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from config import Config
from tests.factories import add_stock
from webapp import clock
from webapp.app import create_app
from webapp.bars.files.importing import Choices
from webapp.extensions import db
from webapp.history import service
from webapp.job_names import lock_name
from webapp.models import AuditEntry, BarChunk, BarSeries, IngestRun, InstrumentRow, User
from webapp.records import Adjustment
from worker import locks
from worker.jobs import bars_import
from worker.schedule import table

GOOD = "date,open,high,low,close,volume\n2020-01-02,10,11,9,10.5,1000\n2020-01-03,10.5,12,10,11.25,2000\n"
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def stock(app: Flask) -> InstrumentRow:
    return add_stock("AAPL")


def add_upload(stock: InstrumentRow, text: str = GOOD, **choices: object) -> IngestRun:
    """Add a run with its file, as the page does."""
    run = service.new_run(service.UPLOAD, "bars.csv", Choices(stock.record(), **choices))  # type: ignore[arg-type]
    db.session.commit()
    path = path_of(run)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return run


def path_of(run: IngestRun) -> Path:
    return service.upload_path(current_app.config["SETTINGS"].INSTANCE_DIR, run.id)


def count(model: type[BarSeries] | type[BarChunk]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def queued(redis: Redis) -> list[tuple[str, tuple[object, ...]]]:
    return [(str(job.func_name).rpartition(".")[2], tuple(job.args)) for job in Queue("default", connection=redis).jobs]


def kill_in(settings: Config, run_id: int, place: str) -> None:
    """Import in a process of its own, which is killed where `place` is called."""
    def die(*_arguments: object, **_words: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        with create_app(settings).app_context(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, die)
            bars_import.import_file(run_id)

    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.both_databases
def test_a_file_is_imported_and_thrown_away_and_the_analysis_is_asked_for(
        app: Flask, stock: InstrumentRow, redis: Redis) -> None:
    run = add_upload(stock)
    assert bars_import.import_file(run.id) == "1 taken in"
    assert (run.state, run.added, run.source, run.findings) == ("done", 2, "file", 0)
    assert not path_of(run).exists()
    assert queued(redis) == [("analyse", ())]


def test_an_import_is_in_the_audit_log_once_with_who_uploaded_it(app: Flask, stock: InstrumentRow) -> None:
    user = User(email="ada@example.org", password_hash="x", admin=True)
    db.session.add(user)
    db.session.flush()
    run, bad = add_upload(stock), add_upload(stock, "nothing\n")
    run.user_id = user.id
    db.session.commit()
    for number in (run.id, bad.id, run.id):
        bars_import.import_file(number)
    [entry] = db.session.query(AuditEntry)
    assert (entry.user_id, entry.who, entry.action, entry.subject) == (
        user.id, "ada@example.org", "file.import", "bars.csv")
    assert (entry.after["run"], entry.after["added"], entry.after["source"]) == (run.id, 2, "file")


def test_a_refused_file_asks_for_no_analysis(app: Flask, stock: InstrumentRow, redis: Redis) -> None:
    run = add_upload(stock, "nothing\n")
    bars_import.import_file(run.id)
    assert (run.state, run.reason[:18]) == ("refused", "It has no columns ")
    assert not path_of(run).exists()
    assert not queued(redis)


def test_what_was_said_of_the_file_is_kept_with_the_run(app: Flask, stock: InstrumentRow) -> None:
    run = add_upload(stock, GOOD + "x\n", skip=True, source="mine", made_on=dt.date(2024, 5, 6),
                     adjusted=Adjustment.SPLITS)
    bars_import.import_file(run.id)
    series = db.session.scalars(select(BarSeries)).one()
    assert (run.state, run.refused, run.problems) == ("done", 1, [[4, "it has too few columns"]])
    assert (series.source, series.adjusted, series.basis_day) == ("mine", "splits", dt.date(2024, 5, 6))


def test_a_job_that_runs_twice_does_nothing_the_second_time(app: Flask, stock: InstrumentRow) -> None:
    run = add_upload(stock)
    bars_import.import_file(run.id)
    ended = run.finished_at
    bars_import.import_file(run.id)
    bars_import.import_file(99)
    assert (run.state, run.added, run.finished_at) == ("done", 2, ended)


def test_what_comes_while_a_file_is_taken_in_is_taken_in_after_it(app: Flask, stock: InstrumentRow,
                                                                  redis: Redis) -> None:
    first, second = add_upload(stock), add_upload(stock)
    with locks.alone(redis, bars_import.LOCK):
        assert bars_import.import_file(second.id) == "another import is going on, which takes this one up"
    assert bars_import.import_file(first.id) == "2 taken in"
    assert (first.state, second.state, second.unchanged) == ("done", "done", 2)


def test_files_that_take_too_long_for_one_job_are_left_to_another(
        app: Flask, stock: InstrumentRow, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars_import, "LONGEST", dt.timedelta(0))
    first, second = add_upload(stock), add_upload(stock)
    assert bars_import.import_file(first.id) == "1 taken in"
    assert (first.state, second.state) == ("done", "waiting")
    assert queued(redis) == [("import_file", (second.id,)), ("analyse", ())]


def test_progress_is_shown_while_a_file_is_read(app: Flask, stock: InstrumentRow,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.bars.files.blocks.BLOCK", 100)
    monkeypatch.setattr(service, "STEP", dt.timedelta(0))
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in range(60)]
    run = add_upload(stock, GOOD.splitlines()[0] + "".join(f"\n{day},1,1,1,1,1" for day in days))
    seen = []
    for step in service.take_in(run, path_of(run)):
        db.session.commit()
        seen.append((step.state, step.done, count(BarSeries)))
    reading = [(done, stored) for state, done, stored in seen if state == "running"]
    assert len({done for done, _stored in reading}) > 5
    assert all(stored == 0 for done, stored in reading if done < run.total)
    assert seen[-1] == ("done", run.total, 1)


@pytest.mark.both_databases
@pytest.mark.parametrize("place", ["webapp.bars.files.rows.Reader.read", "webapp.bars.files.importing.write_many",
                                   "webapp.bars.writing._store"])
def test_a_worker_that_is_killed_leaves_nothing_by_halves_and_the_file_is_taken_up_again(
        app: Flask, stock: InstrumentRow, redis: Redis, place: str) -> None:
    run = add_upload(stock)
    db.session.remove()
    db.engine.dispose()
    kill_in(app.config["SETTINGS"], run.id, place)
    assert (count(BarSeries), count(BarChunk)) == (0, 0)
    run = db.session.get_one(IngestRun, run.id)
    assert run.state == "running"
    redis.delete(lock_name(bars_import.LOCK))  # a killed worker's lock lapses after some seconds
    assert bars_import.resume_imports() == "1 to take up, 0 files thrown away"
    assert queued(redis) == [("import_file", (run.id,))]
    bars_import.import_file(run.id)
    assert (run.state, run.added, count(BarSeries)) == ("done", 2, 1)


def test_a_worker_that_is_killed_after_the_bars_are_stored_checks_them_the_next_time(
        app: Flask, stock: InstrumentRow, redis: Redis) -> None:
    run = add_upload(stock, GOOD + "2020-01-06,11,9,12,11,10\n")
    db.session.remove()
    db.engine.dispose()
    kill_in(app.config["SETTINGS"], run.id, "webapp.history.service.check_many")
    assert count(BarSeries) == 1
    redis.delete(lock_name(bars_import.LOCK))
    bars_import.import_file(run.id)
    run = db.session.get_one(IngestRun, run.id)
    assert (run.state, run.added, run.unchanged, run.findings) == ("done", 3, 0, 1)


def test_an_import_that_goes_on_is_not_asked_for_again(app: Flask, stock: InstrumentRow, redis: Redis) -> None:
    add_upload(stock)
    with locks.alone(redis, bars_import.LOCK):
        bars_import.resume_imports()
    assert not queued(redis)


def test_a_file_that_ends_its_worker_again_and_again_is_given_up(app: Flask, stock: InstrumentRow,
                                                                 redis: Redis) -> None:
    run = add_upload(stock)
    run.options, run.state = {"tries": service.MOST_TRIES}, "running"
    db.session.commit()
    bars_import.resume_imports()
    assert (run.state, run.finished_at is not None) == ("failed", True)
    assert "stopped 3 times" in run.reason
    assert not queued(redis)


def test_an_error_is_said_in_the_run_and_passed_on(app: Flask, stock: InstrumentRow,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr("webapp.bars.files.importing.write_many", fail)
    run = add_upload(stock)
    with pytest.raises(MemoryError):
        bars_import.import_file(run.id)
    assert (run.state, run.reason) == ("failed", "It failed: MemoryError: no more")
    assert count(BarSeries) == 0


def test_a_database_that_is_away_leaves_the_file_for_the_next_try(app: Flask, stock: InstrumentRow,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError("INSERT", {}, Exception("locked"))

    run = add_upload(stock)
    with monkeypatch.context() as patch:
        patch.setattr("webapp.bars.files.importing.write_many", fail)
        with pytest.raises(OperationalError):
            bars_import.import_file(run.id)
    assert (run.state, path_of(run).exists()) == ("running", True)
    assert run.reason == "The database gave up: OperationalError: locked."
    bars_import.import_file(run.id)
    assert run.state == "done"
    assert "gave up" not in run.reason


def test_a_file_that_the_database_never_took_says_so(app: Flask, stock: InstrumentRow,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr("webapp.bars.files.importing.write_many", fail)
    run = add_upload(stock)
    for _try in range(service.MOST_TRIES):
        with pytest.raises(OperationalError):
            bars_import.import_file(run.id)
    bars_import.resume_imports()
    assert run.state == "failed"
    assert run.reason == "It was tried 3 times. The database gave up: OperationalError: database or disk is full."


def test_files_that_nothing_asks_for_are_thrown_away_after_a_while(app: Flask, stock: InstrumentRow) -> None:
    run = add_upload(stock)
    folder = path_of(run).parent
    old = (clock.now() - dt.timedelta(hours=2)).timestamp()
    for name in ("77.csv", "cut-off.part"):
        (folder / name).write_text("x")
        os.utime(folder / name, (old, old))
    os.utime(path_of(run), (old, old))
    (folder / "fresh.part").write_text("x")
    bars_import.resume_imports()
    assert {path.name for path in folder.iterdir()} == {path_of(run).name, "fresh.part"}


def test_a_shells_import_that_was_stopped_long_ago_is_said_to_be(app: Flask, stock: InstrumentRow) -> None:
    run = service.new_run(service.SHELL, "bars.csv", Choices())
    run.started_at, run.state = clock.now() - dt.timedelta(hours=13), "running"
    db.session.commit()
    bars_import.resume_imports()
    assert run.state == "failed"


def test_the_schedule_looks_for_lost_imports(app: Flask) -> None:
    functions = {periodic.function: periodic for periodic in table(app.config["SETTINGS"])}
    resume: Callable[[], str] = bars_import.resume_imports
    assert functions[f"{resume.__module__}.{resume.__name__}"].every <= 60
