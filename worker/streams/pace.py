"""How long things may take; tests have a faster one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Everything in seconds.

    `window`: trades are stored once in it. `plan`: what is streamed is thought over so often. `place`: a stock keeps
    its place for so long at least. `given_up`: after so long without a connection a vendor's places go to the other.
    `state`: the row about the socket is written so often at most.

    `confirmed`: a stock that was neither traded nor fetched for so long is left to polling for once. `quiet`: the same
    for all stocks of a socket that brought no trade for so long in a regular session. `silent`: without any sign of
    life for so long the socket is made anew, `tradeless`: once, after so long without a trade. `ping`: a sign of life
    is asked for so often. `ready`: connecting and logging in may take so long.

    `first_wait` to `longest_wait` is what the pauses between tries grow from and to. `refused`: who is not welcome
    waits so long.
    """

    window: float = 1.0
    plan: float = 3.0
    place: float = 60.0
    given_up: float = 10.0
    state: float = 5.0
    confirmed: float = 60.0
    quiet: float = 20.0
    silent: float = 30.0
    tradeless: float = 60.0
    ping: float = 10.0
    ready: float = 10.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    refused: float = 900.0
    poll: float = 0.25
