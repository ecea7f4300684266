"""Throttling: how often somebody may try, by address and by account. Windows and numbers are settings."""

import hashlib

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user

from webapp.accounts import emails, sessions
from webapp.errors import answer
from webapp.extensions import limiter
from webapp.throttle import address_key, wait_in_words

POST = ["POST"]


def account_key() -> str:
    """Name the account that was typed, known or not, without keeping the address in Redis."""
    return hashlib.sha256(emails.typed(request.form.get("email", "")).encode()).hexdigest()


def person_key() -> str:
    """Name the person who is logged in; anybody else counts by address."""
    return f"user {current_user.id}" if current_user.is_authenticated else address_key()


def code_key() -> str:
    """Name the person whose code is asked for: who is logged in, or whose password was right just now."""
    held = sessions.held_log_in()
    return person_key() if held is None else f"user {held.user_id}"


def _account_limit() -> str:
    return str(current_app.config["LOGIN_LIMIT_ACCOUNT"])


def _address_limit() -> str:
    return str(current_app.config["LOGIN_LIMIT_ADDRESS"])


def _switched_off() -> bool:
    """Tell whether log-ins are not throttled; what costs others something is limited all the same."""
    return not current_app.config["LOGIN_THROTTLE"]


by_address = limiter.limit(_address_limit, key_func=address_key, methods=POST, exempt_when=_switched_off)
by_account = limiter.limit(_account_limit, key_func=account_key, methods=POST, exempt_when=_switched_off)
# Changing the password and deleting the account ask for the same secret, so they share one count.
by_person = limiter.shared_limit(_account_limit, scope="password", key_func=person_key, methods=POST,
                                 exempt_when=_switched_off)

# Six digits are guessed by whoever may try often, so this limit stays where the others are switched off.
by_code = limiter.shared_limit(_account_limit, scope="code", key_func=code_key, methods=POST)


def forgive() -> None:
    """Take this try back, because it was right: only failures count.

    A try is counted before its password is checked: many at once cannot slip through between the two.
    """
    for spent in limiter.current_limits:
        spent.limiter.hit(spent.limit, *spent.request_args, cost=-1)


def refuse(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Answer somebody who tried too often; Flask-Limiter adds Retry-After."""
    return answer(429, f"There were too many tries. Please wait {wait_in_words()} and try again.")
