"""Passwords: what is taken, and how it is kept (Argon2id), without stopping the web process."""

import unicodedata
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent import get_hub, monkey

from webapp.errors import Busy

LEAST, MOST = 10, 256

# RFC 9106's choice for little memory, with one lane, so that a log-in takes one core and leaves the others alone.
hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)

# Checked where there is no account, so that it takes as long as a wrong password. No password is known to fit it.
DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=1$c3RhZ2V3YXRjaC1kdW1teQ$2n1Yc3zXbT7oJr0vQm5pKd8eWg4uHs6aLf9iBxNyEtA"

# Two hashes at once take 128 MiB; whoever comes on top of that waits this long at most.
AT_ONCE, PATIENCE_S = 2, 5.0
_places = BoundedSemaphore(AT_ONCE)

# The most common passwords that are long enough to be taken otherwise.
_COMMON_WORDS = """
    0000000000 00000000000 0123456789 0987654321 09876543210 1111111111 11111111111 1122334455 1212121212
    1231231231 123123123123 1234512345 1234567890 12345678900 12345678901 123456789012 1234567891
    12345678910 1234567899 123456789a 123456789abc 123456789q 123456abcdef 123654789a 123qweasdzxc
    147258369a 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 2222222222 5555555555 6666666666 7777777777
    8888888888 9876543210 9999999999 a123456789 a1b2c3d4e5 aaaaaaaaaa abc1234567 abc123456789 abcd123456
    abcd12345678 abcdefghij abcdefghijk admin12345 admin123456 adminadmin administrator asdasdasdasd
    asdfasdfasdf asdfghjkl1 asdfghjkl123 asdfghjkl; baseball123 changeme123 charlie123 computer123
    correcthorsebatterystaple dragon12345 football123 iloveyou12 iloveyou123 iloveyou1234 iloveyou22
    internet123 letmein123 letmein1234 liverpool1 liverpool123 manchester master12345 michael123
    minecraft123 monkey12345 mypassword mypassword1 p@ssw0rd123 p@ssword123 pa55word123 pass123456
    passpasspass password00 password01 password10 password11 password12 password123 password123!
    password1234 password12345 password123456 password13 password2020 password2021 password2022 password2023
    password2024 password2025 password2026 password21 password22 password99 passwordpassword pokemon123
    princess12 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedc123 qazwsxedcrfv qweasdzxc123 qweqweqweqwe
    qwer123456 qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop123
    qwertyuiop[] secret12345 shadow12345 stagewatch stagewatch1 stagewatch123 starwars123 stockmarket
    sunshine12 sunshine123 superman123 tradingview trustno1trustno1 welcome123 welcome1234 welcome12345
    whatever123 zaq12wsxcde3 zxcvbnm123 zxcvbnmasdfghjkl
"""
COMMON = frozenset(_COMMON_WORDS.split())

Result = TypeVar("Result")


def normalise(password: str) -> str:
    """Return the form that is measured and hashed: NFKC, so that every keyboard types the same password."""
    return unicodedata.normalize("NFKC", password)


def problem_with(password: str, email: str) -> str:
    """Say why a new password is not taken; "" where it is."""
    text = normalise(password)
    if len(text) < LEAST:
        return f"Use at least {LEAST} characters."
    if len(text) > MOST:
        return f"Use at most {MOST} characters."
    if text.casefold() == normalise(email).strip().casefold():
        return "Do not use your e-mail address as the password."
    if text.casefold() in COMMON:
        return "This is one of the most common passwords. Choose one that nobody else would."
    return ""


def hash_password(password: str) -> str:
    """Return the Argon2id hash to keep; raise Busy where too many are under way."""
    return _in_turn(hasher.hash, normalise(password))


def verify(password_hash: str, password: str) -> bool:
    """Tell whether the password fits the hash; raise Busy where too many are under way."""
    return _in_turn(_fits, password_hash, normalise(password))


def is_outdated(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than today's."""
    return hasher.check_needs_rehash(password_hash)


def _fits(password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _in_turn(work: Callable[..., Result], *args: str) -> Result:
    """Do slow work when there is a place for it; under gevent in a real thread, so that everybody else goes on."""
    if not _places.acquire(timeout=PATIENCE_S):
        raise Busy("Many people are logging in at this moment. Please try again in a few seconds.")
    try:
        if monkey.is_module_patched("threading"):
            done: Result = get_hub().threadpool.apply(work, args)
            return done
        return work(*args)
    finally:
        _places.release()
