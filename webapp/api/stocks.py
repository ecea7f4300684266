"""The stock that a path or a parameter names."""

from __future__ import annotations

from collections.abc import Sequence

from webapp import instruments
from webapp.api.callers import weigh
from webapp.errors import Conflict, NotFound, Refused
from webapp.instruments import Ambiguous, Found, Resolution
from webapp.records import Instrument

MOST_SYMBOLS = 500


def find_stock(text: str) -> Instrument:
    """Return the stock that XNAS:AAPL or AAPL means; raise NotFound, or Conflict where it may be several."""
    return _settled(text, instruments.resolve(text[:instruments.MAX_LENGTH]))


def find_stocks(text: str, most: int = MOST_SYMBOLS) -> list[Instrument]:
    """Return the stocks of a text like AAPL,XNAS:MSFT, each once, in its order; raise like find_stock(), or Refused."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise Refused("symbols: name at least one stock, like XNAS:AAPL.", errors=_about("Name at least one stock."))
    if len(words) > most:
        raise Refused(f"symbols: at most {most} at a time.", errors=_about(f"At most {most} at a time."))
    weigh(len(words))
    words = [word[:instruments.MAX_LENGTH] for word in words]
    found = (_settled(word, answer) for word, answer in zip(words, instruments.resolve_all(words), strict=True))
    return list({stock.id: stock for stock in found}.values())


def find_named(words: Sequence[str], field: str = "symbols") -> list[Instrument]:
    """Return the stocks of a body's list, in its order.

    Raise NotFound, or Conflict where only some may be several; their errors name every word that is not one stock.
    """
    weigh(len(words))
    resolutions = instruments.resolve_all([word[:instruments.MAX_LENGTH] for word in words])
    found: list[Instrument] = []
    errors: list[dict[str, str]] = []
    failure: NotFound | Conflict | None = None
    for number, (word, answer) in enumerate(zip(words, resolutions, strict=True)):
        try:
            stock = _settled(word, answer)
        except (NotFound, Conflict) as error:
            errors.append({"field": f"{field}.{number}", "message": error.message})
            failure = error if failure is None or isinstance(error, NotFound) else failure
        else:
            found.append(stock)
    if failure is not None:
        failure.more["errors"] = errors
        raise failure
    return found


def _about(message: str) -> Sequence[dict[str, str]]:
    return [{"field": "query.symbols", "message": message}]


def _settled(text: str, answer: Resolution) -> Instrument:
    match answer:
        case Found(instrument):
            return instrument
        case Ambiguous(candidates):
            keys = [each.key for each in candidates]
            raise Conflict(f"{text} may be several stocks: name one of {', '.join(keys)}.", code="ambiguous-symbol",
                           candidates=keys)
        case _:
            raise NotFound(f"No stock {text} is known here.", code="unknown-symbol")
