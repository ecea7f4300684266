"""Rows as bytes: the same partials that draw the page, for one line of an event."""

from __future__ import annotations

import logging

from jinja2 import Environment

from webapp import clock
from webapp.records import LiveQuote

log = logging.getLogger(__name__)

# What a viewer of each kind shows of one stock.
PARTS = {"table": ("live/_quote_cells.html", "live/_tape_item.html"), "stock": ("live/_quote_big.html",)}


class Renderer:
    """Draws rows with the templates of `environment`."""

    def __init__(self, environment: Environment) -> None:
        self._templates = {kind: [environment.get_template(name) for name in names] for kind, names in PARTS.items()}

    def __call__(self, kind: str, row: LiveQuote) -> bytes:
        """Return the fragments of one row as one line; a row that cannot be drawn is logged and left as it is."""
        state = row.state_at(clock.now())
        try:
            html = "".join(template.render(q=row, state=state) for template in self._templates[kind])
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            log.exception("%s cannot be drawn", row.instrument.key)
            return b""
        return html.replace("\r", " ").replace("\n", " ").encode()
