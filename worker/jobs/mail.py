"""Mails, each written when it is sent: no token ever lies in the queue or in its log."""

from urllib.parse import urlsplit

from flask import current_app

from config import Config
from webapp import mail
from webapp.accounts import emails, invitations, queries, service
from webapp.extensions import db
from webapp.models import User


def send_password_reset(email: str) -> None:
    """Send the person of this address a link that sets a new password; does nothing where there is none."""
    user = queries.find_user(email)
    if user is None or user.locked:
        return
    settings: Config = current_app.config["SETTINGS"]
    link = address_of(settings.BASE_URL, "accounts.reset_password", token=service.reset_token(user))
    # The names that pages have in common come from a request; a mail has none.
    template = current_app.jinja_env.get_template("email/reset_password.txt")
    body = template.render(email=user.email, link=link, site=settings.BASE_URL)
    mail.send(settings, mail.compose(settings.MAIL_FROM, emails.for_delivery(user.email),
                                     "Set a new password for Stagewatch", body))


def send_invitation(invitation_id: int) -> None:
    """Send somebody the link of their invitation; does nothing where that was used, taken back or replaced."""
    row = invitations.find_open(invitation_id)
    if row is None:
        return
    settings: Config = current_app.config["SETTINGS"]
    host = db.session.get(User, row.invited_by) if row.invited_by else None
    link = address_of(settings.BASE_URL, "accounts.accept_invitation", token=invitations.token_of(row))
    template = current_app.jinja_env.get_template("email/invitation.txt")
    body = template.render(email=row.email, link=link, site=settings.BASE_URL, who=host.email if host else "",
                           until=f"{row.expires_at.day} {row.expires_at:%B %Y, %H:%M} UTC")
    mail.send(settings, mail.compose(settings.MAIL_FROM, emails.for_delivery(row.email),
                                     "Your invitation to Stagewatch", body))


def address_of(base: str, endpoint: str, **values: str) -> str:
    """Return a page's full address on the site that BASE_URL names; a mail has no request to ask for it."""
    parts = urlsplit(base)
    site = current_app.url_map.bind(parts.netloc, parts.path or "/", url_scheme=parts.scheme)
    return site.build(endpoint, values, force_external=True)
