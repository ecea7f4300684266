"""What passwords are taken, and how they are kept."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from webapp.accounts import emails, passwords
from webapp.errors import Busy

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("password", ["ten signs!", "x1" * 128, "nur Wörter mit ÄÖÜ", "密码密码密码密码密码",
                                      "          .         "])
def test_any_signs_make_a_password(password: str) -> None:
    assert passwords.problem_with(password, "ada@example.com") == ""


@pytest.mark.parametrize("password", ["qwertyuiop", "QwertyUiop", "1234567890", "stagewatch", "Ada@Example.com"])
def test_what_everybody_would_guess_is_refused(password: str) -> None:
    assert passwords.problem_with(password, "ada@example.com")


def test_length_counts_signs_in_their_normal_form() -> None:
    assert passwords.problem_with("\N{LATIN SMALL LIGATURE FFI}" * 4, "") == ""
    assert passwords.problem_with("o\N{COMBINING DIAERESIS}" * 9, "").startswith("Use at least")


def test_every_keyboard_types_the_same_password() -> None:
    kept = passwords.hash_password("caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{FULLWIDTH DIGIT ONE}23456")
    assert passwords.verify(kept, "cafe\N{COMBINING ACUTE ACCENT} 123456")
    assert not passwords.verify(kept, "cafe 123456")


def test_the_built_in_list_holds_only_what_length_does_not_refuse() -> None:
    assert all(len(word) >= passwords.LEAST and word == word.casefold() for word in passwords.COMMON)
    assert len(passwords.COMMON) > 100


def test_a_broken_hash_fits_nothing() -> None:
    assert not passwords.verify("", "a rather long secret")
    assert not passwords.verify("!", "a rather long secret")


class TestAsShipped:
    """The real parameters."""

    @pytest.fixture(autouse=True)
    def cheap_hashes(self) -> None:
        """Stand in front of the fixture that makes hashes cheap."""

    def test_a_hash_is_argon2id_of_64_mebibytes(self) -> None:
        kept = passwords.hash_password("a rather long secret")
        assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
        assert passwords.verify(kept, "a rather long secret")

    def test_the_dummy_takes_as_much_work_as_a_real_hash_and_fits_nothing(self) -> None:
        assert not passwords.is_outdated(passwords.DUMMY_HASH)
        assert len(passwords.DUMMY_HASH) == len(passwords.hash_password("a rather long secret"))
        assert not passwords.verify(passwords.DUMMY_HASH, "a rather long secret")


def test_no_more_than_two_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, inside, most = threading.Event(), [0], [0]
    lock = threading.Lock()

    def slow(*_: str) -> bool:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.wait(10)
        with lock:
            inside[0] -= 1
        return True

    monkeypatch.setattr(passwords, "_fits", slow)
    threads = [threading.Thread(target=passwords.verify, args=("hash", "password")) for _ in range(6)]
    for thread in threads:
        thread.start()
    gate.wait(0.2)
    assert inside[0] == passwords.AT_ONCE
    gate.set()
    for thread in threads:
        thread.join(10)
    assert most[0] == passwords.AT_ONCE


def test_who_waits_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_S", 0.01)
    for _ in range(passwords.AT_ONCE):
        passwords._places.acquire()
    try:
        with pytest.raises(Busy, match="try again in a few seconds"):
            passwords.verify("hash", "password")
    finally:
        for _ in range(passwords.AT_ONCE):
            passwords._places.release()


def test_a_place_is_given_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: str) -> bool:
        raise MemoryError

    monkeypatch.setattr(passwords, "_fits", broken)
    for _ in range(passwords.AT_ONCE + 1):
        with pytest.raises(MemoryError):
            passwords.verify("hash", "password")


GREENLETS_GO_ON = """
from gevent import monkey; monkey.patch_all()
import gevent
from webapp.accounts import passwords
ticks = 0
def clock():
    global ticks
    while True:
        gevent.sleep(0.001)
        ticks += 1
ticking = gevent.spawn(clock)
kept = passwords.hash_password("a rather long secret")
logins = [gevent.spawn(passwords.verify, kept, word) for word in ["a rather long secret", "wrong", "wrong"]]
gevent.joinall(logins, raise_error=True)
assert [login.value for login in logins] == [True, False, False]
print(ticks)
"""


def test_under_gevent_everybody_else_goes_on_while_a_password_is_hashed() -> None:
    run = subprocess.run([sys.executable, "-c", GREENLETS_GO_ON], cwd=ROOT, capture_output=True, text=True,
                         timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert int(run.stdout) > 4, "the loop stood still while four passwords were hashed"


@pytest.mark.parametrize(("typed", "kept"), [
    ("Ada@Example.COM", "ada@example.com"),
    ("  ada@example.com\n", "ada@example.com"),
    ("ada@M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller.de", "ada@m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller.de"),
    ("ada@mu\N{COMBINING DIAERESIS}ller.de", "ada@m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller.de"),
])
def test_an_address_has_one_form(typed: str, kept: str) -> None:
    assert emails.checked(typed) == kept
    assert emails.typed(typed) == kept


@pytest.mark.parametrize("text", [
    "", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@[192.0.2.1]", "ada@exam\0ple.com",
    "ada@example.com, eve@example.com", "Ada <ada@example.com>", "x" * 255 + "@example.com",
    "ada@example.com\nBcc: eve@example.com",
])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="This is not an e-mail address"):
        emails.checked(text)


def test_mail_goes_to_the_ascii_form_of_a_domain() -> None:
    assert emails.for_delivery("ada@m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller.de") == "ada@xn--mller-kva.de"
