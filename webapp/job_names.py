"""What jobs, queues and locks are called in Redis: the workers write by these names, the web reads by them."""

from __future__ import annotations

from collections.abc import Sequence

from webapp.redis import PREFIX

# The queues, the most urgent first.
QUEUES = ("refresh", "default")
# What a failed run of a periodic job, and any other failed job, leave in Redis goes after these times.
PERIODIC_KEPT, KEPT = 600, 86_400
# Where the scheduler keeps when each periodic job is due, and what its rows begin with there.
SCHEDULED = "rq:scheduler:scheduled_jobs"
ENTRY = "periodic-"


def key_of(function: str, arguments: Sequence[object]) -> str:
    """Name a function with its arguments; those of a job that a page asked for may be ids."""
    return ":".join((function, *map(str, arguments)))


def lock_name(key: str) -> str:
    """Name the lock of a job's runs."""
    return f"{PREFIX}running:{key}"


def slot_id(name: str, slot: int) -> str:
    """Name the job of one slot of a periodic job; a slot is a moment in Unix seconds."""
    return f"{name}-{slot}"


def periodic_of(job_id: str) -> str:
    """Return which periodic job the job of a slot belongs to; "" for any other job."""
    name, _, slot = job_id.rpartition("-")
    # The last part of a random id has twelve digits.
    return name if slot.isascii() and slot.isdigit() and len(slot) < 12 else ""
