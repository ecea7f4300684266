"""Asks a vendor over HTTP: once, within a time and a size, and without a word of the URL, for the key is in it."""

from __future__ import annotations

import datetime as dt
import http.client
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

import requests
from urllib3.exceptions import HTTPError

from worker.providers.base import ErrorKind, ProviderError

CHUNK = 64 * 1024
MAX_BYTES = 2 * 1024 * 1024
# urllib3 logs whole URLs on these, so nothing of theirs is let through at any level.
TALKATIVE = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")


def _silence(_: logging.LogRecord) -> bool:
    return False


for _name in TALKATIVE:
    logging.getLogger(_name).addFilter(_silence)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: its status, its body (at most MAX_BYTES of it), and how long it asks to be left alone."""

    status: int
    body: bytes
    retry_after: dt.timedelta | None = None


class _Session(requests.Session):
    """A session that follows no redirect, so that a key goes to no other host and a call stays one call."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See a redirect as an answer like any other."""


class Client:
    """Fetches from one vendor, whose name is for the messages. One call at a time.

    `timeouts` are the seconds to connect and to wait for the next bytes, `deadline` those for the whole call.
    """

    def __init__(self, title: str, *, timeouts: tuple[float, float] = (3.05, 10.0), deadline: float = 15.0) -> None:
        self._title = title
        self._timeouts = timeouts
        self._deadline = deadline
        self._session = _new_session()

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Make one GET request; raise ProviderError where no whole answer came in time.

        A helper thread waits for the answer: timeouts of sockets start anew with each byte, and a server that
        sends its headers one by one would hold the worker for ever.
        """
        outcome: SimpleQueue[Answer | ProviderError] = SimpleQueue()
        Thread(target=lambda: outcome.put(self._ask(url, params, headers or {})), daemon=True).start()
        try:
            answer = outcome.get(timeout=self._deadline)
        except Empty:
            self._session = _new_session()  # the thread still holds the old one
            answer = self._too_slow()
        # Raised out here, the error carries no other in its context: their texts and frames hold the URL.
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def _ask(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Answer | ProviderError:
        """Return the answer, or what went wrong in our own words."""
        until = time.monotonic() + self._deadline
        try:
            with self._session.get(url, params=params, headers=headers, timeout=self._timeouts,
                                   stream=True) as response:
                return self._read(response, until)
        except requests.Timeout:
            return self._too_slow()
        except (OSError, ValueError, HTTPError, http.client.HTTPException):
            return ProviderError(ErrorKind.UNREACHABLE, f"{self._title} could not be reached.")

    def _read(self, response: requests.Response, until: float) -> Answer | ProviderError:
        body = bytearray()
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            body += chunk
            if len(body) > MAX_BYTES:
                return ProviderError(ErrorKind.BROKEN_ANSWER, f"{self._title} sent far more than a quote.")
            if time.monotonic() > until:
                return self._too_slow()
        return Answer(response.status_code, bytes(body), _retry_after(response.headers.get("Retry-After", "")))

    def _too_slow(self) -> ProviderError:
        return ProviderError(ErrorKind.UNREACHABLE, f"{self._title} did not answer in time.")


def _retry_after(text: str) -> dt.timedelta | None:
    """Return the seconds that a server names; a date in their place, or more than a day, is not believed."""
    return dt.timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _new_session() -> _Session:
    """Return a session that tries each request once."""
    session = _Session()
    session.headers.update({"User-Agent": "Stagewatch", "Accept": "application/json"})
    return session
