"""Files written beside the proxy's work: a thread with a short queue. What does not fit is left out, and counted."""

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

JOBS, BYTES = 256, 64 * 1024 * 1024
"""What may wait: pieces of work, and the bytes that they hold."""
PATIENCE = 5.0
"""Seconds that the end waits for what is still to be written."""


class Writer:
    """Runs jobs one after the other. A job that fails is logged and stops nobody."""

    def __init__(self, jobs: int = JOBS, size: int = BYTES) -> None:
        self.left_out = 0
        """Jobs that found no room since the last one that did."""
        self._queue: queue.SimpleQueue[tuple[Callable[[], None], int] | None] = queue.SimpleQueue()
        self._jobs, self._size = jobs, size
        self._waiting = [0, 0]
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, job: Callable[[], None], size: int) -> bool:
        """Have a job done that holds `size` bytes. Never waits; False: there was no room."""
        with self._lock:
            full = self._waiting[0] >= self._jobs or (self._waiting[0] and self._waiting[1] + size > self._size)
            if not full:
                self._waiting[0] += 1
                self._waiting[1] += size
        if full:
            self.left_out += 1
            if self.left_out == 1:
                log.warning("the disk is slower than the traffic: request logs are left out until it has caught up")
            return False
        self.left_out = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cliproxy-writer", daemon=True)
            self._thread.start()
        self._queue.put((job, size))
        return True

    def close(self) -> None:
        """Finish what waits, for some seconds at most."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(PATIENCE)

    def _run(self) -> None:
        while (waiting := self._queue.get()) is not None:
            job, size = waiting
            try:
                job()
            except Exception as error:
                log.warning("a log file cannot be written: %s", error)
            del job, waiting
            with self._lock:
                self._waiting[0] -= 1
                self._waiting[1] -= size
