"""E-mail addresses as accounts know them."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

MAX_EMAIL = 254


def typed(text: str) -> str:
    """Return what somebody typed as an account would have it; it need not be an address at all."""
    # PostgreSQL refuses NUL in a text; so does every address.
    return unicodedata.normalize("NFC", text.strip()).lower().replace("\0", "\N{REPLACEMENT CHARACTER}")


def checked(text: str) -> str:
    """Return a valid address in lower case and NFC; raise ValueError with a sentence. Asks no other machine."""
    try:
        found = validate_email(typed(text), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f"This is not an e-mail address. {error}") from None
    return found.normalized.lower()


def for_delivery(email: str) -> str:
    """Return the address as mail servers take it: a domain in other scripts becomes ASCII."""
    return validate_email(email, check_deliverability=False, allow_smtputf8=False).ascii_email or email
