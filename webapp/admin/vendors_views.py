"""Providers: pause, resume, test a call."""

from __future__ import annotations

from flask import abort, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from config import Config
from webapp import clock, providers_control, queue
from webapp.admin.vendors_forms import TrialForm
from webapp.admin.views import actor, bp
from webapp.audit import note
from webapp.errors import Busy
from webapp.extensions import db
from webapp.providers_control import Trial
from webapp.redis import RedisAway
from webapp.rendering import is_fragment_request
from webapp.sources import counts, panels, queries, words
from webapp.sure import SureForm, ask
from webapp.trading_days import load_book
from webapp.vendors import title_of

PROVIDER = "/providers/<name>"
AWAY = "Nothing can be asked for at this moment. Please try again in a minute."


@bp.get("/providers")
def list_providers() -> ResponseReturnValue:
    """Show each provider in use: how it is, what is left of its quota, and what came of its last test."""
    return show_providers()


@bp.route(f"{PROVIDER}/pause", methods=["GET", "POST"])
def pause_provider(name: str) -> ResponseReturnValue:
    """Ask whether a provider shall make no call any more, and see to it once that is answered."""
    title = active_or_404(name)
    if not SureForm().validate_on_submit():
        return ask(f"Pause {title}?", ["It makes no call of any kind until it is resumed: no prices, no past days, no "
                                       "searches, no web socket. Calls that are under way are finished.",
                                       "Other providers take over the stocks that they have. Those of no other "
                                       "provider keep their last price, with its age."],
                   "Yes, pause it", url_for(".list_providers"))
    done = providers_control.stop(name, actor())
    db.session.commit()
    flash(f"{title} is paused{'' if done else ' already'}.", "success")
    return redirect(url_for(".list_providers", _anchor=f"provider-{name}"), 303)


@bp.post(f"{PROVIDER}/resume")
def resume_provider(name: str) -> ResponseReturnValue:
    """Let a provider go on, also one that rests after an error."""
    title = active_or_404(name)
    done = providers_control.resume(name, actor())
    db.session.commit()
    flash(f"{title} may make calls again." if done else f"Nothing holds {title} back.", "success")
    return redirect(url_for(".list_providers", _anchor=f"provider-{name}"), 303)


@bp.post(f"{PROVIDER}/test")
def try_provider(name: str) -> ResponseReturnValue:
    """Have a worker make one counted call."""
    title = active_or_404(name)
    form = TrialForm()
    if not form.validate_on_submit():
        return show_providers(form, name), 422
    note(actor(), "provider.test", name, {}, {"stock": form.instrument.key})
    try:
        asked_at = providers_control.begin_test(current_app.extensions["redis"], name, form.instrument.key)
        if asked_at:
            queue.try_provider(name, form.instrument.id, asked_at)
    except RedisAway:
        raise Busy(AWAY) from None
    if asked_at:
        db.session.commit()
        flash(f"{title} is asked for {form.instrument.key}.", "success")
    else:
        flash(f"A test of {title} is under way already.", "error")
    return redirect(url_for(".list_providers", _anchor=f"provider-{name}"), 303)


@bp.get(f"{PROVIDER}/test")
def show_trial(name: str) -> ResponseReturnValue:
    """Show what came of a provider's last test; htmx asks for this part while it goes on."""
    active_or_404(name)
    if not is_fragment_request():
        return redirect(url_for(".list_providers", _anchor=f"provider-{name}"), 303)
    try:
        trial = providers_control.last_tests(current_app.extensions["redis"], (name,)).get(name)
    except RedisAway:
        raise Busy(AWAY) from None
    return render_template("admin/_trial_part.html", name=name, trial=trial)


def active_or_404(name: str) -> str:
    """Return the title of a provider that is in use."""
    settings: Config = current_app.config["SETTINGS"]
    if not providers_control.is_active(name, settings.vendors):
        abort(404)
    return title_of(name)


def show_providers(form: TrialForm | None = None, tried: str = "") -> str:
    """Return the page; `form` is what was sent to try a provider, where it could not be taken."""
    settings: Config = current_app.config["SETTINGS"]
    now, names = clock.now(), panels.active_names(settings)
    plans = queries.load_plans(names)
    book = load_book(now, queries.mics_of(plans.demands.values()))
    found = panels.load_panels(settings, plans, book, now, counts.load_quarters(names, now))
    trials = load_trials(names)
    return render_template("admin/providers.html", panels=found, words=words, trials=trials or {}, form=form,
                           tried=tried, usual=providers_control.usual_stock(), redis_away=trials is None,
                           going_on=any(trial.is_open(now) for trial in (trials or {}).values()))


def load_trials(names: tuple[str, ...]) -> dict[str, Trial] | None:
    """Return the last test of each provider; None while Redis, which keeps them, is away."""
    try:
        return providers_control.last_tests(current_app.extensions["redis"], names)
    except RedisAway:
        return None
