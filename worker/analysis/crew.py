"""Processes that share work: a job is one process, and one process uses one core."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


class CrewError(Exception):
    """A process has ended before its work, or its work has failed; the message has the reason."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(batches: Sequence[Work], work: Callable[[Work], Result], processes: int) -> Iterator[Result]:
    """Do the batches in so many processes, and give the results in the batches' order.

    A process is a copy of this one: no connection may be open that both would use. Each waits until its last result was
    taken, so that no more than some results are in memory; one whose parent was killed ends with its next result, which
    nobody reads. Raise CrewError where one fails or is killed.
    """
    context = multiprocessing.get_context("fork")
    readers: list[Connection[Any, Any]] = []
    children = []
    for number in range(processes):
        reader, writer = context.Pipe(duplex=False)
        readers.append(reader)
        child = context.Process(target=_labour, args=(writer, list(readers), batches[number::processes], work),
                                daemon=True)
        child.start()
        writer.close()  # so that its end is noticed here
        children.append(child)
    try:
        for place in range(len(batches)):
            yield _receive(readers[place % processes])
    finally:
        for child in children:
            child.kill()  # it may have this process's own way with a milder signal, and it only reads
            child.join()


def _receive(reader: Connection[Any, Any]) -> Any:
    try:
        error, result = reader.recv()
    except EOFError:
        raise CrewError("a process was ended") from None
    if error:
        raise CrewError(error)
    return result


def _labour(writer: Connection[Any, Any], readers: Sequence[Connection[Any, Any]], batches: Sequence[Any],
            work: Callable[[Any], Any]) -> None:
    """Do one process's batches and send each result, or the error that ended them."""
    for reader in readers:
        reader.close()
    try:
        for batch in batches:
            writer.send(("", work(batch)))
    except BrokenPipeError:
        return  # whoever asked is gone
    except Exception:  # noqa: BLE001 - whatever it is, the other side is to raise it
        writer.send((traceback.format_exc(), None))
