"""Rows as bytes: the same macros that draw the page, for one line of an event; for programs the row as JSON."""

from __future__ import annotations

import json
import logging

from jinja2 import Environment

from webapp import clock
from webapp.live.frames import JSON
from webapp.records import LiveQuote
from webapp.rows import quote_row

log = logging.getLogger(__name__)

MACROS = {"table": "row", "stock": "big", "screen": "screened"}  # what a viewer of each kind shows of one stock


class Renderer:
    """Draws rows with the templates of `environment`."""

    def __init__(self, environment: Environment) -> None:
        module = environment.get_template("live/_quote.html").module
        self._macros = {kind: getattr(module, name) for kind, name in MACROS.items()}

    def __call__(self, kind: str, row: LiveQuote) -> bytes:
        """Return the fragments of one row as one line; a row that cannot be drawn is logged and left as it is."""
        now = clock.now()
        try:
            if kind == JSON:
                # Plain ASCII: some readers of events take other signs for the end of a line.
                return json.dumps(quote_row(row, now), separators=(",", ":")).encode()
            html = str(self._macros[kind](row, row.state_at(now)))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            log.exception("%s cannot be drawn", row.instrument.key)
            return b""
        return html.replace("\r", " ").replace("\n", " ").encode()
