"""The second factor: codes that a person's device makes of the time, and recovery codes. Nothing here commits.

Each change takes the person's row lock first (lists.lock_person), so that of two at once one sees what the other left.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from dataclasses import dataclass

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import delete, func, select, update

from webapp import clock, lists
from webapp.accounts import service
from webapp.accounts.queries import token_hash
from webapp.errors import Refused
from webapp.extensions import db
from webapp.models import RecoveryCode, User

ISSUER = "Stagewatch"
# A device's clock may be half a minute off.
STEPS_OFF = 1
DIGITS = 6
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits: none is guessed, so their hash needs no salt and no slowness
# Neither sign is in the codes, so whoever reads one of them in a letter means the letter.
LOOK_ALIKES = str.maketrans("01", "ol")
NO_FACTOR: dict[str, object] = {"totp_secret": "", "totp_step": 0, "second_factor_at": None}


@dataclass(frozen=True, slots=True)
class Proof:
    """A code that was right and is used up now; `recovery` says which kind it was."""

    recovery: bool


def is_on(user: User) -> bool:
    """Tell whether this person's log-in asks for a code."""
    return user.second_factor_at is not None


def offer(user_id: int) -> str:
    """Keep a new secret that is not in force yet, and return it; raise Refused where the factor is on already."""
    secret = pyotp.random_base32()
    offered = (update(User).where(User.id == user_id, User.second_factor_at.is_(None))
               .values(totp_secret=secret, totp_step=0))
    if not lists.changed(offered):
        raise Refused("The second factor is on already.")
    return secret


def link_of(secret: str, email: str) -> str:
    """Return the otpauth link by which an app learns the secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def picture_of(link: str) -> str:
    """Return the link as an SVG: black on white in every theme, because cameras want it so."""
    return segno.make(link, error="m", micro=False).svg_inline(
        omitsize=True, dark="#000", light="#fff", svgclass="qr", lineclass=None, title="QR code of the key")


def turn_on(user_id: int, secret: str, code: str) -> list[str]:
    """Put the offered secret in force if the code is right, and return the recovery codes; [] where it is not."""
    step = _step_of(secret, code)
    taken = (update(User).where(User.id == user_id, User.second_factor_at.is_(None), User.totp_secret == secret)
             .values(second_factor_at=clock.now(), totp_step=step))
    if not step or not lists.changed(taken):
        return []
    return _replace_codes(user_id)


def turn_off(user_id: int) -> None:
    """Take the second factor and its recovery codes away: the person's own wish, or an admin's help."""
    lists.lock_person(user_id)
    lists.changed(update(User).where(User.id == user_id).values(**NO_FACTOR))
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def redeem(user_id: int, text: str) -> Proof | None:
    """Use up a code of the device or a recovery code; None where it is wrong or was used, whichever of them."""
    lists.lock_person(user_id)
    code = _plain(text)
    if len(code) == DIGITS and code.isdecimal():
        return _redeem_step(user_id, code)
    used = (update(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == token_hash(code),
                                       RecoveryCode.used_at.is_(None)).values(used_at=clock.now()))
    return Proof(recovery=True) if lists.changed(used) else None


def renew_codes(user_id: int) -> list[str]:
    """Make new recovery codes and void the old ones; raise Refused where the factor is off."""
    lists.lock_person(user_id)
    if db.session.scalar(select(User.second_factor_at).where(User.id == user_id)) is None:
        raise Refused("The second factor is off, so there is nothing to recover.")
    return _replace_codes(user_id)


def codes_left(user_id: int) -> int:
    """Return how many recovery codes are still unused."""
    unused = select(func.count()).select_from(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(unused) or 0


def lock_held(user_id: int, fingerprint: str) -> User | None:
    """Return the person whose right password waits for its code; None where that has come to nothing meanwhile.

    The row stays locked until the session is there, so that a new password ends that one, too.
    """
    user = service.lock(user_id)
    if user is None or user.locked or not is_on(user) or fingerprint != service.fingerprint(user.password_hash):
        return None
    return user


def _redeem_step(user_id: int, code: str) -> Proof | None:
    secret = db.session.scalar(select(User.totp_secret).where(User.id == user_id, User.second_factor_at.is_not(None)))
    step = _step_of(secret or "", code)
    # Also none from before the last one: whoever looked over the shoulder is too late.
    used = update(User).where(User.id == user_id, User.totp_step < step).values(totp_step=step)
    return Proof(recovery=False) if step and lists.changed(used) else None


def _step_of(secret: str, text: str) -> int:
    """Return the half minute since 1970 that the code belongs to; 0 where it belongs to none of now."""
    try:
        step: int = pyotp.TOTP(secret).verify_and_get_timecode(
            _plain(text), for_time=clock.now(), valid_window=STEPS_OFF) if secret else 0
    except OTPVerificationError:
        return 0
    return step


def _replace_codes(user_id: int) -> list[str]:
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.add_all(RecoveryCode(user_id=user_id, code_hash=token_hash(code)) for code in codes)
    db.session.flush()
    return ["-".join(code[place:place + 4] for place in range(0, len(code), 4)) for code in codes]


def _plain(text: str) -> str:
    """Return a code without the spaces and dashes that make it readable, in the letters that codes are made of."""
    letters = "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isalnum()).lower()
    return letters if letters.isdecimal() else letters.translate(LOOK_ALIKES)
