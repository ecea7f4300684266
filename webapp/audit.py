"""The audit log: every change that an admin makes, who made it, of what, from and to. Nothing here commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.extensions import db
from webapp.models import AuditEntry

PAGE, API, SHELL = "page", "api", "shell"
MOST_TEXT = 254


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: an account's number and address, or nobody known (None, "") at the shell; and by what."""

    user_id: int | None
    who: str
    via: str = PAGE


SHELL_ACTOR = Actor(None, "", SHELL)


def note(actor: Actor, action: str, subject: str, before: Mapping[str, object] | None = None,
         after: Mapping[str, object] | None = None) -> None:
    """Write down a change in the transaction that makes it; the values must be JSON, and never a secret.

    `action` is a word of two parts, like "user.lock"; `before` and `after` hold only the fields that changed.
    """
    db.session.add(AuditEntry(user_id=actor.user_id, who=actor.who[:MOST_TEXT], action=action,
                              subject=subject[:MOST_TEXT], before=dict(before or {}), after=dict(after or {}),
                              via=actor.via))
