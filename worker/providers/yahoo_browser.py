"""Calls of Yahoo as its own pages make them: cookies, a "crumb" and the look of a browser, all three from yfinance.

yfinance is an extra that need not be installed: nothing here imports it before the first call. Of yfinance only how it
gets in is used. What comes back is read by yahoo.py.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http.cookiejar import CookieJar
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.providers.answers import MINUTE, throttled
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Answer, Client, retry_after

if TYPE_CHECKING:
    from config import Config

# What asks for a crumb; charts and the search do without.
WANTS_CRUMB = "/v7/"
# How long one of the steps to a new crumb may take, in seconds; all of them count for the call's deadline too.
STEP = 5.0
# Crumbs have eleven signs. Anything much longer is a page or a sentence.
MOST_CRUMB = 40

# At the level "debug" it writes crumbs and cookies.
logging.getLogger("yfinance").setLevel(logging.CRITICAL)


class Browser(Client):
    """Fetches from Yahoo. Cookies and crumb are kept in the file `kept`, for each job is a process of its own."""

    def __init__(self, title: str, kept: Path, *, timeouts: tuple[float, float] = (3.05, 10.0),
                 deadline: float = 20.0) -> None:
        super().__init__(title, timeouts=timeouts, deadline=deadline)
        self._kept = kept
        self._visit: Visit | None = None

    def _ask(self, url: str, params: Mapping[str, str], headers: Mapping[str, str],
             most: int) -> Answer | ProviderError:
        """Return the answer, or what went wrong in our own words. To get a new crumb first is no counted call."""
        until = time.monotonic() + self._deadline
        # A call that was given up may still be at work with the visit: whoever takes it takes it from all others.
        taken, self._visit = self._visit, None
        try:
            visit = taken or Visit(self._kept)
            crumb = visit.crumb() if WANTS_CRUMB in url else ""
            answer = self._send(visit, url, {**params, **({"crumb": crumb} if crumb else {})}, until, most)
        except ImportError:
            return ProviderError(ErrorKind.UNREACHABLE, f"{self._title} needs yfinance: run 'make install-yahoo'.")
        except _troubles() as error:
            if type(error).__name__ == "YFRateLimitError":
                return throttled(self._title, ErrorKind.THROTTLED_MINUTE, MINUTE)
            return ProviderError(ErrorKind.UNREACHABLE, f"{self._title} could not be reached.")
        if isinstance(answer, Answer) and answer.status == 401:
            visit.forget()
        else:
            self._visit = visit
        return answer

    def _send(self, visit: Visit, url: str, params: Mapping[str, str], until: float,
              most: int) -> Answer | ProviderError:
        """Make the one call."""
        response = visit.session.get(url, params=params, timeout=self._timeouts, stream=True, allow_redirects=False)
        try:
            body = bytearray()
            for chunk in response.iter_content():
                body += chunk
                if len(body) > most:
                    return ProviderError(ErrorKind.BROKEN_ANSWER, f"{self._title} sent far more than was asked for.")
                if time.monotonic() > until:
                    return self._too_slow()
        finally:
            response.close()
        return Answer(response.status_code, bytes(body), retry_after(response.headers.get("Retry-After") or ""))


class Visit:
    """A session that Yahoo takes for a browser's, with its crumb; from the file where it holds one."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._crumb = ""
        self.session: Any = import_module("yfinance._http").new_session()
        self._restore()

    def crumb(self) -> str:
        """Return the crumb; get a new one, with its cookies, where there is none. "" where Yahoo gave none."""
        if not self._crumb:
            crumb, _strategy = type.__call__(_guest(), self.session)._get_cookie_and_crumb(STEP)
            self._crumb = crumb if isinstance(crumb, str) and 0 < len(crumb) <= MOST_CRUMB and "<" not in crumb else ""
            if self._crumb:
                self._keep()
        return self._crumb

    def forget(self) -> None:
        """Throw the crumb away that Yahoo refused; one that another process has got since stays."""
        if self._read().get("crumb") == self._crumb:
            self._kept.unlink(missing_ok=True)
        self._crumb = ""

    def _keep(self) -> None:
        """Write cookies and crumb into the file, which nobody else may read."""
        jar: CookieJar = getattr(self.session.cookies, "jar", self.session.cookies)
        cookies = [{"name": cookie.name, "value": cookie.value, "domain": cookie.domain, "path": cookie.path,
                    "secure": cookie.secure} for cookie in jar]
        draft = self._kept.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # then the next process gets its own
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({"crumb": self._crumb, "cookies": cookies}, file)
            draft.replace(self._kept)

    def _restore(self) -> None:
        """Take cookies and crumb from the file; one that cannot be read is as good as none."""
        found = self._read()
        try:
            for cookie in found["cookies"]:
                self.session.cookies.set(cookie["name"], cookie["value"], domain=cookie["domain"], path=cookie["path"],
                                         secure=cookie["secure"])
            self._crumb = str(found["crumb"])
        except (LookupError, TypeError):
            self._crumb = ""

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._kept.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def preload(config: Config) -> None:
    """Load yfinance where it will be needed: it takes two seconds, and a job's process is a copy of this one."""
    if config.YAHOO and config.yahoo_itself:
        _guest()


@cache
def _guest() -> Any:
    """Return yfinance's class that gets cookies and crumb, without its own store of them."""
    base: Any = import_module("yfinance.data").YfData

    class Guest(base):  # type: ignore[misc]
        """Keeps its cookies in the session alone, and waits for no step longer than STEP."""

        def __init__(self, session: Any) -> None:
            super().__init__(session)
            self._session = _Hurried(session)

        def _load_cookie_curlCffi(self) -> bool:  # noqa: N802 - yfinance's name
            return False

        def _save_cookie_curlCffi(self) -> bool:  # noqa: N802 - yfinance's name
            return False

    return Guest


class _Hurried:
    """A session whose requests each take STEP seconds at most, whatever its user allows."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.cookies = session.cookies

    def get(self, url: str, **options: Any) -> Any:
        """Make a GET request."""
        return self._session.get(url, **{**options, "timeout": STEP})

    def post(self, url: str, **options: Any) -> Any:
        """Make a POST request."""
        return self._session.post(url, **{**options, "timeout": STEP})


def _troubles() -> tuple[type[Exception], ...]:
    """Return what may go wrong on the way: the network, and pages that are not what yfinance takes them for."""
    own: type[Exception] = import_module("yfinance.exceptions").YFException
    return own, OSError, ValueError, LookupError, TypeError, AttributeError
