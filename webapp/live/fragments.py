"""Rows as bytes: the same macros that draw the page, for one line of an event."""

from __future__ import annotations

import logging

from jinja2 import Environment

from webapp import clock
from webapp.records import LiveQuote

log = logging.getLogger(__name__)

MACROS = {"table": "row", "stock": "big", "screen": "screened"}  # what a viewer of each kind shows of one stock


class Renderer:
    """Draws rows with the templates of `environment`."""

    def __init__(self, environment: Environment) -> None:
        module = environment.get_template("live/_quote.html").module
        self._macros = {kind: getattr(module, name) for kind, name in MACROS.items()}

    def __call__(self, kind: str, row: LiveQuote) -> bytes:
        """Return the fragments of one row as one line; a row that cannot be drawn is logged and left as it is."""
        state = row.state_at(clock.now())
        try:
            html = str(self._macros[kind](row, state))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            log.exception("%s cannot be drawn", row.instrument.key)
            return b""
        return html.replace("\r", " ").replace("\n", " ").encode()
