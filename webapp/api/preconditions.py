"""If-Match: who says which state of a thing they have seen changes it in no other one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import request

from webapp.errors import AppError

View = TypeVar("View", bound=Callable[..., Any])
# What follows it in a tag tells of what the answer holds besides the thing itself, like its prices.
SIGN = "."


class ChangedMeanwhile(AppError):
    """The thing is not any more what the asker has seen."""

    status = 412


def matched(view: View) -> View:
    """Say in the document that a call takes If-Match."""
    view.api_errors = {"412"}  # type: ignore[attr-defined]
    return view


def check_match(tag: str) -> None:
    """Raise ChangedMeanwhile where the asker names other states of a thing than this; who names none takes any.

    Ours are weak tags, of what is meant and not of bytes; they are compared as such.
    """
    named = request.if_match
    if not named or named.star_tag or tag in {each.partition(SIGN)[0] for each in named.as_set(include_weak=True)}:
        return
    raise ChangedMeanwhile("This has changed since you read it. Read it again, and say then what is to change.")
