"""The commands that Stagewatch consists of, the same by `make run` and in a container."""

import os
import resource
import sys

PYTHON = sys.executable
# Brings the database up to date, before anything else runs.
PREPARE: tuple[str, ...] = (PYTHON, "-m", "flask", "--app", "wsgi", "prepare")
ROLES: dict[str, tuple[str, ...]] = {
    "web": (PYTHON, "-m", "gunicorn", "--config", "python:webapp.serving", "wsgi:app"),
    "worker": (PYTHON, "-m", "worker"),
    "scheduler": (PYTHON, "-m", "worker", "scheduler"),
    "stream": (PYTHON, "-m", "worker", "stream"),
}
# Each open page is an open file of the web server.
WANTED_FILES = 1_048_576


def program_environment(redis_url: str) -> dict[str, str]:
    """Return the environment of every program: rq-scheduler reads its times in the zone of the machine."""
    return {**os.environ, "REDIS_URL": redis_url, "TZ": "UTC", "PYTHONUNBUFFERED": "1"}


def raise_file_limit() -> None:
    """Allow this process and its children as many open files as the system grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (WANTED_FILES, 10_240):  # macOS refuses more than 10,240 while its hard limit reads "unlimited"
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and limit > soft:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            except (ValueError, OSError):
                continue
        return
