"""Every job that runs again and again, in one table."""

from dataclasses import dataclass

from config import Config
from webapp.job_names import ENTRY, key_of
from webapp.vendors import SIMULATOR

REFRESH = "refresh-quotes"
# How often it is asked what is due of real prices: a newcomer's pick is noticed so soon.
QUOTA_REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Periodic:
    """One row of the table: `function` runs `every` so many seconds, `offset` seconds into the day (UTC) or the slot.

    A run is stopped after `timeout` seconds; one that fails is tried again after each of the `retry` seconds.
    A function stands in one row only with the same arguments: they keep a run from overlapping the one before.
    `at_start` has the first run at once, not in the next slot, where Redis does not know the row yet.
    """

    name: str
    function: str
    queue: str
    every: int
    timeout: int
    retry: tuple[int, ...]
    offset: int = 0
    arguments: tuple[str, ...] = ()
    at_start: bool = False

    @property
    def key(self) -> str:
        """Name what runs: no two runs with the same name are alive at once."""
        return key_of(self.function, self.arguments)

    @property
    def entry_id(self) -> str:
        """Name the row in Redis; the same at each start, so that there is never a second one."""
        return ENTRY + self.name

    def next_slot(self, now: float) -> int:
        """Return the next moment to run, in Unix seconds: on whole multiples of `every`, so that slots do not drift."""
        return (int(now - self.offset) // self.every + 1) * self.every + self.offset


def refresh_name(provider: str) -> str:
    """Name the refresh of one provider."""
    return f"{REFRESH}-{provider}"


def table(settings: Config) -> tuple[Periodic, ...]:
    """Return the periodic jobs of an installation."""
    refresh = settings.REFRESH_SECONDS
    if not settings.simulated:
        refresh = max(refresh, QUOTA_REFRESH_SECONDS)
    return (
        # One for each provider: one that hangs does not delay the others.
        *(Periodic(refresh_name(vendor), "worker.jobs.quotes.refresh_quotes", "refresh",
                   every=refresh, timeout=90, retry=(1, 5), arguments=(vendor,))
          for vendor in settings.vendors or (SIMULATOR,)),
        Periodic("check-splits", "worker.jobs.trust.check_splits", "default",
                 every=60, timeout=120, retry=(30,)),
        Periodic("fetch-bars", "worker.jobs.bars.fetch_bars", "default", at_start=True,
                 every=10 if settings.simulated else 60, timeout=300, retry=(30,)),
        Periodic("fold-ticks", "worker.jobs.bars.fold_ticks", "default",
                 every=120, offset=5, timeout=300, retry=(30,)),
        Periodic("fetch-sectors", "worker.jobs.companies.fetch_sectors", "default",
                 every=600, offset=45, timeout=120, retry=()),
        Periodic("resume-imports", "worker.jobs.bars_import.resume_imports", "default",
                 every=60, timeout=60, retry=()),
        # Ends at once where nothing has changed; once a day it looks at everything.
        Periodic("analyse", "worker.jobs.analysis.analyse", "default",
                 every=60, offset=20, timeout=1800, retry=(30,)),
        Periodic("purge-old-rows", "worker.jobs.upkeep.purge_old_rows", "default",
                 every=600, timeout=120, retry=(30, 120)),
        Periodic("write-sessions", "worker.jobs.calendar.write_sessions", "default",
                 every=900, timeout=300, retry=(60, 300)),
        Periodic("renew-sessions", "worker.jobs.calendar.renew_sessions", "default",
                 every=86_400, offset=3 * 3600 + 20 * 60, timeout=300, retry=(60, 600, 3600)),
        Periodic("write-years", "worker.jobs.calendar.write_years", "default", at_start=True,
                 every=900, offset=30, timeout=300, retry=(60, 300)),
        Periodic("renew-years", "worker.jobs.calendar.renew_years", "default",
                 every=86_400, offset=3 * 3600 + 35 * 60, timeout=300, retry=(60, 600, 3600)),
        # A call that failed is not made again that day; one that the quota refused is, and one whose list was not
        # taken over.
        Periodic("sync-listing", "worker.jobs.directory.sync_listing", "default", at_start=True,
                 every=86_400, offset=2 * 3600 + 40 * 60, timeout=300, retry=(3600, 4 * 3600)),
    )
