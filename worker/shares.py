"""The part of a provider's calls that something else than prices may have: prices need the others."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import ProviderCall
from worker import quota
from worker.providers.base import Provider


def over_share(provider: Provider, prefix: str, share: float, what: str, now: dt.datetime) -> quota.Refusal | None:
    """Return the refusal where the last day, hour or minute had as many calls of a kind as it may have; else None.

    `prefix` is what the subjects of these calls begin with, `what` is their name in the reason. One call is always
    within the share.
    """
    limits = provider.limits
    for limit, window, unit in ((limits.per_day, quota.DAY, "day"), (limits.per_hour, quota.HOUR, "hour"),
                                (limits.per_minute, quota.MINUTE, "minute")):
        if limit is None:
            continue
        most = max(int(limit * share), 1)
        newest = db.session.scalars(
            select(ProviderCall.started_at)
            .where(ProviderCall.provider == provider.name, ProviderCall.started_at > now - window,
                   ProviderCall.subject.startswith(prefix, autoescape=True))
            .order_by(ProviderCall.started_at.desc()).limit(most)).all()
        if len(newest) == most:
            free_at = newest[-1] + window
            return quota.Refusal(f"{provider.title}: {what} have used their share of the {unit}, {most} of {limit} "
                                 f"requests; the next is free at {free_at:%H:%M} UTC.", free_at)
    return None
