"""How connections to the database behave: durable, checked and patient, whichever database it is."""

import sqlite3
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

# SQLite's own wait happens inside C and would stop every greenlet of a web process, so it is short;
# the longer wait is between attempts, where the others run.
BUSY_TIMEOUT_MS = 5
LOCK_PATIENCE_S = 10.0
# The execution option of a statement whose answer is large and mostly bytes.
BYTES = "answer_in_bytes"


def engine_options(url: str) -> dict[str, Any]:
    """Return SQLAlchemy's engine options for `url`; an error is logged without the values, of which some are secret."""
    if url.startswith("sqlite"):
        # A transaction that will write takes its lock at its first write and can be told to wait there.
        # One that took a read lock first and asks for more later would be refused at once.
        return {"hide_parameters": True, "connect_args": {"isolation_level": "IMMEDIATE"}}
    return {"hide_parameters": True, "pool_pre_ping": True, "pool_size": 5, "max_overflow": 10,
            "connect_args": {"connect_timeout": 5, "options": "-c timezone=utc -c statement_timeout=30000"}}


def watch_engine(engine: Engine) -> None:
    """Set what every connection of `engine` needs."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "before_cursor_execute", _answer_in_bytes)
        return
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "do_execute", _execute_patiently)
    event.listen(engine, "do_execute_no_params", _execute_no_params_patiently)
    event.listen(engine, "do_executemany", _executemany_patiently)


def _answer_in_bytes(_connection: object, cursor: Any, _statement: str, _parameters: object,
                     context: ExecutionContext | None, _many: bool) -> None:
    """Have PostgreSQL send bytes as they are where a statement has the option BYTES, not as twice as many digits."""
    if context is not None and context.execution_options.get(BYTES):
        cursor.format = 1


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _is_locked(error: sqlite3.OperationalError) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _patiently(call: Any, *args: object) -> bool:
    """Run one statement, again while another process holds the lock; tell SQLAlchemy that it is done."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            call(*args)
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return True


def _execute_patiently(cursor: DBAPICursor, statement: str, parameters: Any, _context: ExecutionContext) -> bool:
    return _patiently(cursor.execute, statement, parameters)


def _execute_no_params_patiently(cursor: DBAPICursor, statement: str, _context: ExecutionContext) -> bool:
    return _patiently(cursor.execute, statement)


def _executemany_patiently(cursor: DBAPICursor, statement: str, parameters: Any, _context: ExecutionContext) -> bool:
    return _patiently(cursor.executemany, statement, parameters)
