"""The scheduler: keeps the table's rows in Redis and queues a job for each slot, once, without overlap."""

import datetime as dt
import logging
import time
from collections.abc import Iterable
from typing import Any

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.job import Job
from rq.registry import ScheduledJobRegistry
from rq.scheduler import RQScheduler
from rq_scheduler import Scheduler

from webapp.job_names import ENTRY, PERIODIC_KEPT, QUEUES, slot_id
from worker.locks import is_running
from worker.schedule import Periodic

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1
# A killed scheduler's lock ends after this time. Two at once would do no harm: a slot's job has one id.
LOCK_SECONDS = 3
# What a finished job leaves in Redis goes after this time.
RESULT_SECONDS = 60
# A retry whose moment has passed for so long is lost; the next slot no longer waits for it.
LOST_RETRY_SECONDS = 5


class PeriodicScheduler(Scheduler):  # type: ignore[misc]  # the library has no types
    """rq-scheduler with the table as its truth: whatever Redis forgot or kept too long is put right each second."""

    def __init__(self, connection: Redis, table: Iterable[Periodic]) -> None:
        super().__init__(connection=connection, interval=INTERVAL_SECONDS)
        self.table = {periodic.entry_id: periodic for periodic in table}
        self.registered = False
        # Retries with a delay wait in RQ's own registry; to queue them here spares each worker a process.
        self.retries = RQScheduler(QUEUES, connection=connection, logging_level=logging.WARNING)
        self.retries.prepare_registries(QUEUES)

    def acquire_lock(self) -> bool:
        """Take the lock of a pass for a short time, so that a successor need not wait for a dead one's."""
        taken = self.connection.set(self.scheduler_lock_key, time.time(), ex=LOCK_SECONDS, nx=True)
        self._lock_acquired = bool(taken)
        return self._lock_acquired

    def enqueue_jobs(self) -> Any:
        """Make one pass: mend the rows, queue the retries and the slots that are due."""
        if not self.registered or not self.is_complete():
            self.register()
        self.retries.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]
        return super().enqueue_jobs()

    def is_complete(self) -> bool:
        """Tell whether every row of the table is in Redis, which may have come back empty."""
        return all(self.connection.zmscore(self.scheduled_jobs_key, list(self.table)))

    def register(self) -> None:
        """Write the table's rows over what is there, and remove the rows that left the table.

        A row keeps its next moment if that is sooner: what was missed while no scheduler ran is made up for, once.
        """
        for member in self.connection.zrange(self.scheduled_jobs_key, 0, -1):
            entry_id = member.decode()
            if entry_id.startswith(ENTRY) and entry_id not in self.table:
                self.cancel(entry_id)
                self.connection.delete(Job.key_for(entry_id))
        for periodic in self.table.values():
            known = self.connection.zscore(self.scheduled_jobs_key, periodic.entry_id)
            soon = time.time() if periodic.at_start and not known else periodic.next_slot(time.time())
            moment = min(known or float("inf"), soon)
            self.schedule(dt.datetime.fromtimestamp(moment, dt.UTC), periodic.function, id=periodic.entry_id,
                          args=periodic.arguments,
                          queue_name=periodic.queue, timeout=periodic.timeout, description=periodic.name)
        self.registered = True
        log.info("The schedule holds: %s", ", ".join(periodic.name for periodic in self.table.values()))

    def enqueue_job(self, job: Job) -> None:
        """Queue the slot that is due and set the row's next moment.

        In this order: a crash in between repeats the slot, whose id is then taken, instead of losing it.
        """
        periodic = self.table.get(job.id)
        if periodic is None:
            super().enqueue_job(job)
            return
        slot = int(self.connection.zscore(self.scheduled_jobs_key, job.id) or time.time())
        if not is_running(self.connection, periodic.key) and not self.is_waiting(periodic):
            self.queue_slot(periodic, slot)
        self.connection.zadd(self.scheduled_jobs_key, {job.id: periodic.next_slot(time.time())})

    def is_waiting(self, periodic: Periodic) -> bool:
        """Tell whether a job of this row is queued already, or waits for its retry."""
        queue = Queue(periodic.queue, connection=self.connection)
        waiting = queue.get_job_ids()
        retries = ScheduledJobRegistry(queue=queue)  # type: ignore[no-untyped-call]
        since = time.time() - LOST_RETRY_SECONDS
        waiting += [member.decode() for member in self.connection.zrangebyscore(retries.key, since, "+inf")]
        return any(job_id.startswith(f"{periodic.name}-") for job_id in waiting)

    def queue_slot(self, periodic: Periodic, slot: int) -> None:
        """Queue the job of one slot, unless it was queued before."""
        queue = Queue(periodic.queue, connection=self.connection)
        retry = Retry(len(periodic.retry), list(periodic.retry)) if periodic.retry else None
        try:
            queue.enqueue(periodic.function, *periodic.arguments, job_id=slot_id(periodic.name, slot), unique=True,
                          retry=retry, job_timeout=periodic.timeout, result_ttl=RESULT_SECONDS,
                          failure_ttl=PERIODIC_KEPT)
        except DuplicateJobError:
            log.debug("%s of slot %s is queued already", periodic.name, slot)
