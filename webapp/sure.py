"""The page that asks an admin before something is done that cannot be taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import render_template
from flask_wtf import FlaskForm
from wtforms import Field


class SureForm(FlaskForm):
    """The answer that it shall be done; the page sends along what it showed."""


def ask(question: str, comes_to: Sequence[str], button: str, back: str, shown: Mapping[str, str] | None = None,
        problem: str = "", *, action: str = "", kind: str = "danger", field: Field | None = None,
        hint: str = "") -> str:
    """Return the page with the question, what a yes comes to, and the button that says yes by POST.

    `back` is the way out, `shown` what the answer is about, as it was when it was asked. The answer goes to `action`,
    by itself to where the question was; `kind` is the button's. A `field` is to be filled in, `hint` says with what.
    """
    return render_template("sure.html", question=question, comes_to=comes_to, button=button, back=back,
                           shown=shown or {}, problem=problem, action=action, kind=kind, field=field, hint=hint)
