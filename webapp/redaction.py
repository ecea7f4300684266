"""Takes secrets out of what people read: logs, and the tracebacks of jobs that failed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from config import Config

HIDDEN = "***"
# Anything shorter keeps no secret, and is part of ordinary words.
SHORTEST_SECRET = 6
_ADDRESS = re.compile(r"[^\s<>()'\",;:=\[\]]+@[^\s<>()'\",;:=\[\]]+\.[^\W\d_]{2,}")
_CREDENTIALS = re.compile(r"://[^\s/@]+@")
_VALUES = re.compile(r"\[parameters: .*\]$", re.MULTILINE)


def secrets_of(settings: Config) -> list[str]:
    """Return the values of the settings that are secret, and the passwords in addresses, as written and decoded."""
    values = [str(getattr(settings, name, "")) for name in settings.SECRETS]
    for url in (settings.SQLALCHEMY_DATABASE_URI, settings.REDIS_URL):
        password = urlsplit(url).password or ""
        values += [password, unquote(password)]
    return [value for value in dict.fromkeys(values) if len(value) >= SHORTEST_SECRET]


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text without these secrets."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def without_people(text: str) -> str:
    """Return a traceback without addresses of people, credentials in addresses, and the values of a statement."""
    text = _VALUES.sub("[parameters: ...]", text)
    return _ADDRESS.sub("(an address)", _CREDENTIALS.sub(f"://{HIDDEN}@", text))
