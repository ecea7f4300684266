"""What is looked at before anything starts; each fault is one line that says what to do."""

import errno
import os
import socket
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from config import Config
from deploy.instance import StartError
from webapp import redis

MOST_PORT = 65_535


def check_port(host: str, port: int) -> None:
    """Raise StartError where nobody could listen on the address."""
    if port > MOST_PORT:
        raise StartError(f"PORT is {port}: set it to {MOST_PORT} or less.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise StartError(f"HOST is {host!r}, which is not an address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"port {port} of {host} is taken: stop the program that uses it, or choose another "
                             f"port with the setting PORT, for example: make run PORT={port + 1}") from None
        raise StartError(f"nothing can listen on port {port} of {host} ({error.strerror}): "
                         "change the settings PORT or HOST.") from None


def sqlite_file(config: Config) -> Path | None:
    """Return the file of the database, where the database is one."""
    path = config.SQLALCHEMY_DATABASE_URI.removeprefix("sqlite:///")
    return Path(path) if path != config.SQLALCHEMY_DATABASE_URI else None


def check_database(config: Config) -> None:
    """Raise StartError where the database does not answer or is no database."""
    path = sqlite_file(config)
    if path:
        check_sqlite(path)
    else:
        check_postgres(config)


def check_sqlite(path: Path) -> None:
    """Raise StartError where the file is there but cannot be read and written as a database."""
    if not path.exists():
        return
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=10)
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        finally:
            connection.close()
        if not os.access(path, os.W_OK):
            raise StartError(f"the database {path} is read-only: make it writable for you.")
    except sqlite3.Error as error:
        raise StartError(f"the database {path} cannot be read ({error}): put a good copy in its place, or move it "
                         "away to start with an empty one.") from None


def check_postgres(config: Config) -> None:
    """Raise StartError where the server of DATABASE_URL does not answer; its password is not shown."""
    import psycopg  # noqa: PLC0415 - a start on SQLite need not wait for it

    url = config.SQLALCHEMY_DATABASE_URI.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        reason = str(error).splitlines()[0]
        raise StartError(f"the database {config.redacted_database} does not answer ({reason}): start it, or correct "
                         "DATABASE_URL.") from None
    except psycopg.Error:
        raise StartError("DATABASE_URL cannot be understood: it looks like postgresql://user:password@host/name"
                         ) from None


def check_redis(url: str) -> None:
    """Raise StartError where the Redis of REDIS_URL does not answer; its password is not shown."""
    try:
        client = redis.connect(url)
        client.ping()
        client.close()
    except ValueError:
        raise StartError("REDIS_URL cannot be understood: it looks like redis://host:6379/0") from None
    except RedisError as error:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
        raise StartError(f"Redis at {place} does not answer ({error}): start it, or leave REDIS_URL out to use the "
                         "built-in one.") from None
