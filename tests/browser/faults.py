"""What no page may do: log an error, throw one, lose a request, or ask another host for anything."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Request


class Faults:
    """The complaints of all contexts of one test."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._allowed: list[str] = []

    def allow(self, pattern: str) -> None:
        """Expect complaints that match `pattern`."""
        self._allowed.append(pattern)

    def unexpected(self) -> list[str]:
        """Return the complaints that nobody allowed."""
        return [text for text in self._found if not any(re.search(pattern, text) for pattern in self._allowed)]

    def watch(self, context: BrowserContext) -> None:
        """Write down what goes wrong in any page of this browser."""
        context.on("console", self._heard)
        context.on("weberror", lambda error: self._found.append(f"page error: {error.error}"))
        context.on("requestfailed", self._lost)
        context.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._found.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _lost(self, request: Request) -> None:
        # A page that closes its stream, or is left while it asks for something, aborts the request itself.
        if request.failure != "net::ERR_ABORTED":
            self._found.append(f"lost request: {request.url} {request.failure}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self._found.append(f"request to another host: {request.url}")
