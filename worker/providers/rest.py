"""What vendors that answer with JSON over HTTP have in common."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from webapp.records import Instrument, Quote, State
from webapp.vendors import Limits
from worker.providers.answers import broken_answer, parse_json, status_error, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, parse_decimal
from worker.providers.http import MAX_BYTES, Client

if TYPE_CHECKING:
    from webapp.markets import SessionBook

log = logging.getLogger(__name__)

Found = TypeVar("Found")

US = {"XNAS": "", "XNYS": "", "XASE": "", "ARCX": "", "BATS": ""}


# What no admin has said anything of is written by the vendor's rules.
NOTHING_WRITTEN: Mapping[int, str] = MappingProxyType({})


class RestProvider:
    """One vendor. A subclass says who it is, and makes quotes of answers in `fetch`.

    `setting` names the setting with its key, `suffixes` what it writes behind the symbols of each exchange that it has,
    `class_sign` what it writes where a share class begins (BRK.B, BRK-B). `written` are the symbols of stocks of which
    an admin has said how it writes them, by instrument, "" for those that it does not have; of most vendors only the
    letters count in them, not the `case_counts`.
    """

    name = ""
    title = ""
    setting = ""
    batch_size = 1
    extended_hours = False
    delay = State.LIVE
    suffixes: Mapping[str, str] = US
    class_sign = "."
    case_counts = False
    written: Mapping[int, str] = NOTHING_WRITTEN

    def __init__(self, url: str, key: str, limits: Limits, client: Client | None = None) -> None:
        self.limits = limits
        self._url = url
        self._key = key
        self._client = client or Client(self.title)

    def covers(self, instrument: Instrument) -> bool:
        """Tell whether the exchange is one that the vendor has, or an admin says that it has the stock."""
        written = self.written.get(instrument.id)
        return instrument.mic in self.suffixes if written is None else bool(written)

    def symbol_of(self, instrument: Instrument) -> str:
        """Return the symbol as the vendor writes it."""
        if written := self.written.get(instrument.id, ""):
            return written if self.case_counts else written.upper()
        if instrument.mic not in self.suffixes or instrument.id in self.written:
            raise unknown_symbol(self.title)
        symbol = instrument.symbol.replace("/", ".").replace(".", self.class_sign)
        return symbol + self.suffixes[instrument.mic]

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Make one call for at most `batch_size` instruments; raise ProviderError where no price came of it."""
        if len(instruments) > self.batch_size:
            raise ValueError(f"{self.title} takes {self.batch_size} instruments a call")
        if not instruments:
            return []
        return self.read(lambda: self.fetch(instruments, now, sessions))

    def read(self, reader: Callable[[], Found]) -> Found:
        """Return what `reader` makes of its call; raise ProviderError where a figure of the answer cannot be right."""
        try:
            return reader()
        except FigureError as error:
            reason = str(error)
        # Raised out here, it carries no other error whose frames hold the key.
        raise broken_answer(self.title, reason)

    def found(self, reader: Callable[[], list[Found]]) -> list[Found]:
        """Return what a search by `reader` found; that the vendor knows no such symbol is nothing found."""
        try:
            return self.read(reader)
        except ProviderError as error:
            if error.kind is ErrorKind.UNKNOWN_SYMBOL:
                return []
            raise

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Make the call and return the quotes; FigureError stands for an answer that cannot be right."""
        raise NotImplementedError

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Return what the answer complains of in the vendor's own way, None where it does not.

        `body` is its JSON, None where it is none; `text` is what came, in lower case.
        """
        return None

    def call(self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None,
             most: int = MAX_BYTES) -> Any:
        """Make the one call; return the JSON of an answer that is no error, with its numbers as text.

        `most` is how many bytes the answer may have.
        """
        answer = self._client.get(self._url + path, params, headers, most)
        body = parse_json(answer.body)
        complaint = self.complaint(answer.status, body, answer.body[:4096].decode("utf-8", "replace").lower())
        if complaint is not None:
            raise complaint
        if answer.status != 200:
            raise status_error(self.title, self.setting, answer)
        if body is None:
            raise broken_answer(self.title, "it is not in the agreed form")
        return body

    def gather(self, instruments: Sequence[Instrument], read: Callable[[Instrument], Quote]) -> list[Quote]:
        """Return what `read` makes of each; one that fails spoils the others only if all do."""
        quotes: list[Quote] = []
        errors: list[ProviderError] = []
        for instrument in instruments:
            try:
                quotes.append(read(instrument))
            except FigureError as error:
                errors.append(broken_answer(self.title, str(error)))
                log.warning("%s: %s", instrument.key, errors[-1].message)
            except ProviderError as error:
                errors.append(error)
                log.warning("%s: %s: %s", instrument.key, error.kind, error.message)
        if errors and not quotes:
            raise errors[0] from None
        return quotes


def as_object(value: Any, what: str = "the answer") -> dict[str, Any]:
    """Return a JSON object; raise FigureError where it is none."""
    if not isinstance(value, dict):
        raise FigureError(f"{what} is not in the agreed form")
    return value


def as_list(value: Any, what: str = "the answer") -> list[Any]:
    """Return a JSON list; raise FigureError where it is none."""
    if not isinstance(value, list):
        raise FigureError(f"{what} is not in the agreed form")
    return value


def stated_change(value: Any) -> Decimal | None:
    """Return the day's change as a vendor says it. It only serves to check ours with, so a broken one is None."""
    with suppress(FigureError):
        return parse_decimal(value, "the change")
    return None
