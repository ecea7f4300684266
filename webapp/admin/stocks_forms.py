"""What an admin says of a stock: what it is, what became of it, how vendors write it, and that it is another one."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from webapp.fields import WholeNumber
from webapp.instruments import LISTED, MAX_LENGTH
from webapp.kinds import KINDS, SECTORS
from webapp.models import InstrumentRow
from webapp.stocks.editing import DELISTED, MOST_DECIMALS, MOST_NAME, RENAMED, Facts
from webapp.stocks.merge_plan import How
from webapp.stocks.symbols import MAPPABLE

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
SYMBOL = {**PLAIN, "maxlength": MAX_LENGTH}
STATES = ((LISTED, "Listed"), (DELISTED, "Delisted"), (RENAMED, "Renamed to another stock here"))
REASONS = ((How.DUPLICATE.value, "It is a duplicate: it goes for good"),
           (How.FORMER.value, "It is a former name: it stays, marked as renamed"))


class EditForm(FlaskForm):
    """What is known of a stock. `seen` is the version that the admin saw, so that no other one is overwritten."""

    name = StringField("Name", [InputRequired("Give it a name.")], render_kw={"maxlength": MOST_NAME})
    kind = SelectField("Kind")
    sector = SelectField("Sector")
    country = StringField("Country", description="Its two letters, like US.", render_kw={**PLAIN, "maxlength": 2})
    quoted_in = StringField("Quoted in", [InputRequired("Write three letters, like USD, or GBX for pence.")],
                            render_kw={**PLAIN, "maxlength": 3})
    decimals = WholeNumber("Decimals shown", [InputRequired(f"From 0 to {MOST_DECIMALS} decimals can be shown.")],
                           render_kw={"min": 0, "max": MOST_DECIMALS})
    benchmark = StringField("Benchmark", [Optional()], description="What its relative strength is measured against, "
                            "like ARCX:SPY. Empty: the usual one of its currency.", render_kw=SYMBOL)
    starter = BooleanField("On the front page's list, which everybody sees")
    seen = HiddenField()

    def __init__(self, row: InstrumentRow, **options: Any) -> None:
        super().__init__(**options)
        self.kind.choices = [(kind, kind.capitalize()) for kind in dict.fromkeys([*KINDS, row.kind])]
        self.sector.choices = [(name, name or "Not known") for name in dict.fromkeys(["", *SECTORS, row.sector])]

    def facts(self) -> Facts:
        """Return what was sent."""
        return Facts(self.name.data or "", self.kind.data, self.sector.data, self.country.data or "",
                     self.decimals.data, self.benchmark.data or "", bool(self.starter.data), self.quoted_in.data or "")


class MarkForm(FlaskForm):
    """What became of a stock's listing."""

    status = RadioField("It is", choices=list(STATES))
    day = DateField("Since", [Optional()],
                    description="The first day without a trade under this symbol. Empty: not known.")
    successor = StringField("Renamed to", [Optional()], description="A stock that is listed here, like XNAS:META.",
                            render_kw=SYMBOL)
    seen = HiddenField()


class SeenForm(FlaskForm):
    """A button that asks for nothing else; `seen` is the version that the admin saw."""

    seen = HiddenField()


class MergeForm(FlaskForm):
    """Which other stock it is, and why; `seen` is the plan that the admin saw."""

    into = StringField("It is the same as", [InputRequired("Which stock?")],
                       description="The stock that stays, like XNAS:META.", render_kw=SYMBOL)
    how = RadioField("Why", choices=list(REASONS), default=How.DUPLICATE.value)
    seen = HiddenField()


class SymbolsForm(FlaskForm):
    """How each provider writes a stock: `<provider>` its symbol, `<provider>-off` that it does not have it."""

    seen = HiddenField()

    def wanted(self, sent: Any) -> dict[str, str]:
        """Return the symbols by provider, as map_symbols() takes them."""
        found = {}
        for vendor in MAPPABLE:
            symbol = sent.get(vendor.name, "").strip()[:MAX_LENGTH]
            if sent.get(f"{vendor.name}-off"):
                found[vendor.name] = ""
            elif symbol:
                found[vendor.name] = symbol
        return found

