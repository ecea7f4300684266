"""People, invitations and registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import (
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp import queue, site
from webapp.accounts import invitations, people, second_factor, sessions, tokens
from webapp.accounts import people_queries as queries
from webapp.accounts.queries import sessions_of
from webapp.admin.people_forms import DeleteForm, InviteForm, NamedForm, RegistrationForm
from webapp.admin.views import actor, bp
from webapp.audit import Actor
from webapp.errors import Conflict, Refused
from webapp.extensions import db
from webapp.models import User
from webapp.redis import RedisAway
from webapp.sure import ask

PERSON = "/people/<int(max=2147483647):user_id>"
INVITED = "invited"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an admin does to an account: what is asked first, what it comes to, and how that is said.

    `kind` is the button's: danger where the person loses something.
    """

    change: Callable[[Actor, int, str], list[int]]
    question: str
    comes_to: str
    button: str
    done: str
    kind: str = "danger"


ACTIONS = {
    "lock": Action(
        people.lock_user, "Lock {}?",
        "They are logged out everywhere at once and cannot log in. Their tokens do not work while the account is "
        "locked, and open invitations that they sent are taken back. Their lists stay.",
        "Yes, lock it", "{} is locked."),
    "unlock": Action(
        people.unlock_user, "Unlock {}?", "They can log in again with their password, and their tokens work again.",
        "Unlock", "{} is not locked any more.", "primary"),
    "promote": Action(
        people.promote_user, "Make {} an admin?",
        "They can then do whatever you can: see and change every account, stop providers, approve prices, and take "
        "your own role away.",
        "Yes, make an admin", "{} is an admin now."),
    "demote": Action(
        people.demote_user, "Take the admin role away from {}?",
        "From their next page on they see only what is theirs, and their tokens with the admin scope only read and "
        "write that. Open invitations that they sent are taken back.",
        "Yes, take it away", "{} is no admin any more."),
    "reset-second-factor": Action(
        people.reset_second_factor, "Reset the second factor of {}?",
        "They can then log in with the password alone; their recovery codes are void. Be sure that it is them who "
        "ask.",
        "Yes, reset it", "The second factor of {} is reset."),
    "log-out": Action(
        people.log_out_user, "Log {} out everywhere?",
        "Every browser of theirs is logged out. They can log in again at once.",
        "Yes, log out", "{} is logged out everywhere."),
    "delete": Action(
        people.delete_user, "Delete {}?",
        "The account goes for good, with its lists, notes, saved screens and tokens. Open invitations that it sent are "
        "taken back. What it did as an admin stays in the audit log.",
        "Delete the account for good", "{} is deleted."),
}


@bp.get("/people")
def list_people() -> ResponseReturnValue:
    """Show the accounts, the invitations, and whether anybody may sign up."""
    return show_people(InviteForm(formdata=None))


@bp.post("/people/registration")
def set_registration() -> ResponseReturnValue:
    """Open or close registration."""
    form = RegistrationForm()
    if not form.validate_on_submit():
        abort(422)
    is_open = form.open.data == "yes"
    changed = site.set_registration(actor(), is_open=is_open)
    db.session.commit()
    flash(f"Registration is {'open' if is_open else 'closed'}{' now' if changed else ' already'}.", "success")
    return redirect(url_for(".list_people"), 303)


@bp.post("/people/invitations")
def invite() -> ResponseReturnValue:
    """Invite somebody; the next page shows the link once."""
    form = InviteForm()
    if not form.validate_on_submit():
        return show_people(form), 422
    try:
        row = invitations.invite(actor(), form.email.data, admin=form.admin.data)
    except Refused as refusal:
        form.email.errors = [refusal.message]
        return show_people(form), 422
    db.session.commit()
    session[INVITED] = row.id
    if current_app.config["SMTP_HOST"]:
        mail(row.id)
    return redirect(url_for(".list_people"), 303)


def mail(invitation_id: int) -> None:
    """Have an invitation mailed; where that cannot be, say so: the link is on the page."""
    try:
        queue.send_invitation(invitation_id)
    except RedisAway:
        flash("No mail can be sent at this moment. Give the link on yourself.", "error")
    else:
        flash("The invitation is on its way by mail.", "success")


@bp.route("/people/invitations/<int(max=2147483647):invitation_id>/withdraw", methods=["GET", "POST"])
def withdraw(invitation_id: int) -> ResponseReturnValue:
    """Ask whether an open invitation shall be taken back, and take it back once that is answered."""
    form = NamedForm()
    if not form.validate_on_submit():
        row = invitations.find_open(invitation_id)
        if row is None:
            raise Conflict(invitations.GONE)
        page = ask(f"Take back the invitation of {row.email}?", ["Its link makes no account any more."],
                   "Yes, take it back", url_for(".list_people", _anchor="invitations"), {"email": row.email})
        return page, 422 if form.is_submitted() else 200
    invitations.withdraw(actor(), invitation_id, form.email.data)
    db.session.commit()
    flash(f"The invitation of {form.email.data} is taken back.", "success")
    return redirect(url_for(".list_people"), 303)


@bp.get(PERSON)
def show_person(user_id: int) -> ResponseReturnValue:
    """Show one account and what can be done to it."""
    person = person_or_404(user_id)
    return render_template("admin/person.html", person=person, sessions=sessions_of(user_id, queries.PER_PAGE),
                           codes=second_factor.codes_left(user_id), tokens=tokens.count_working(user_id))


@bp.route(f"{PERSON}/<any({', '.join(repr(name) for name in ACTIONS)}):name>", methods=["GET", "POST"])
def change_person(user_id: int, name: str) -> ResponseReturnValue:
    """Ask, then do it, if it is still the account that the page named."""
    action = ACTIONS[name]
    form = DeleteForm() if name == "delete" else NamedForm()
    if not form.validate_on_submit():
        return ask_about(person_or_404(user_id).user, action, form), 422 if form.is_submitted() else 200
    ended = action.change(actor(), user_id, form.email.data)
    db.session.commit()
    sessions.tell_ended(ended)
    flash(action.done.format(form.email.data), "success")
    gone = name == "delete"
    return redirect(url_for(".list_people") if gone else url_for(".show_person", user_id=user_id), 303)


def ask_about(user: User, action: Action, form: NamedForm) -> str:
    """Return the page that asks before an action; `form` is what was sent, where it was not enough."""
    typed = form.typed if isinstance(form, DeleteForm) else None
    own = ["This is your own account."] if user.id == current_user.id else []
    return ask(action.question.format(user.email), [*own, action.comes_to], action.button,
               url_for(".show_person", user_id=user.id), {"email": user.email}, kind=action.kind, field=typed,
               hint=f"Type {user.email} to be sure.")


def person_or_404(user_id: int) -> queries.Person:
    """Return an account, or end the request."""
    person = queries.find_person(user_id)
    if person is None:
        abort(404)
    return person


def show_people(form: InviteForm) -> Response:
    """Return the page with a form on it; the link of a new invitation is on it once, and nobody may keep that page."""
    args = request.args
    asked = queries.read_filter(args.get("q", ""), args.get("kind", ""))
    before = args.get("invited_before", type=int)
    new = invitations.find_open(session.pop(INVITED)) if INVITED in session else None
    link = url_for("accounts.accept_invitation", token=invitations.token_of(new), _external=True) if new else ""
    response = make_response(render_template(
        "admin/people.html", form=form, asked=asked, kinds=queries.KINDS, after=args.get("after", ""),
        page=queries.people_page(asked, args.get("after", "")), invited=invitations.list_open(before), before=before,
        new=new, link=link, is_open=site.registration_open(), may_open=site.registration_allowed()))
    if new:
        response.headers["Cache-Control"] = "no-store"
    return response
