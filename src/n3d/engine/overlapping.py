"""An iterator that goes on in a thread while what it yielded is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

WAIT = 0.1
"""Seconds between two looks at whether anybody still wants more."""
_END = object()


def ahead(records: Iterable[Any], most: int) -> Iterator[Any]:
    """The same records in the same order, up to `most` of them made before they are asked for.

    What making them raises is raised where they are taken, after those before it. Whoever stops
    taking ends the thread at its next record.
    """
    waiting: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(most)
    stopped = threading.Event()

    def put(item: tuple[Any, BaseException | None]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=WAIT)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for record in records:
                if not put((record, None)):
                    return
        except BaseException as e:
            put((_END, e))
        else:
            put((_END, None))

    thread = threading.Thread(target=work, name="n3d-ahead", daemon=True)
    thread.start()
    try:
        while True:
            record, error = waiting.get()
            if error is not None:
                raise error
            if record is _END:
                return
            yield record
    finally:
        stopped.set()
        thread.join()
