"""What the document says of values that many answers share. Answers are made by hand; tests hold them to these."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

# Not \d: that is any script's digits to some readers of the document.
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="A decimal number with every digit it has.",
                              examples=["228.52"])]
Moment = Annotated[str, Field(pattern=rf"^{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?Z$",
                              description="ISO 8601, UTC.", examples=["2026-11-20T20:59:58Z"])]
Day = Annotated[str, Field(pattern=rf"^{_DAY}$", description="A date at the exchange.",
                           examples=["2026-11-20"])]
Key = Annotated[str, Field(description="A stock's exchange (MIC) and symbol.", examples=["XNAS:AAPL"])]


def is_sound(text: str) -> bool:
    """Tell whether a text can be kept: without NUL, and without halves of signs that stand for no sign."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


class Out(BaseModel):
    """What is sent: exactly these fields, always; what is unknown is null."""

    model_config = ConfigDict(extra="forbid")


class In(BaseModel):
    """What is taken: these fields and no others, so that nobody changes more than is meant, or mistypes unnoticed."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)

    @field_validator("*", mode="before")
    @classmethod
    def check_text(cls, value: object) -> object:
        """Refuse what no database takes for a text."""
        if isinstance(value, str) and not is_sound(value):
            raise ValueError("It holds a sign that is none")
        return value


class PageQuery(In):
    """Which page of a list."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    after: str = Field("", max_length=500, description="Where the page begins: the `after` of the last one's `next`.")


class Problem(BaseModel):
    """An error (RFC 9457). `code` does not change from version to version."""

    type: str = Field(examples=["/api/v1/problems/unknown-symbol"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["unknown-symbol"])
    errors: list[FieldProblem] = Field(default=[], description="Every field that is wrong.")
    candidates: list[Key] = Field(default=[], description="What an ambiguous symbol may mean.")


class FieldProblem(BaseModel):
    """A field that is wrong, and what is wrong with it."""

    field: str = Field(examples=["query.limit"])
    message: str
