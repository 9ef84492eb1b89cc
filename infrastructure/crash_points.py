"""Named places where a process can be told to die, so that tests can kill it exactly there.

A process that has ``QM_CRASH_AT=<point>`` (or ``<point>:<n>``, its n-th time there) in its
environment kills itself with SIGKILL when it gets there: nothing is flushed, closed or rolled
back by it. Without that variable ``reach`` returns at once.
"""

import os
import signal
from collections import Counter
from enum import StrEnum


class CrashPoint(StrEnum):
    """Every point between a read, a write, a confirmation and a checkpoint."""

    # command API: the transaction that appends events
    COMMAND_BEFORE_APPEND = "command_before_append"
    COMMAND_BEFORE_COMMIT = "command_before_commit"
    COMMAND_AFTER_COMMIT = "command_after_commit"
    # relay: log → broker
    RELAY_AFTER_READ = "relay_after_read"
    RELAY_AFTER_PUBLISH = "relay_after_publish"
    RELAY_AFTER_CONFIRM = "relay_after_confirm"
    RELAY_AFTER_CHECKPOINT = "relay_after_checkpoint"
    # projector: message or log → read tables
    PROJECTOR_AFTER_RECEIVE = "projector_after_receive"
    PROJECTOR_AFTER_READ = "projector_after_read"
    PROJECTOR_BEFORE_COMMIT = "projector_before_commit"
    PROJECTOR_AFTER_COMMIT = "projector_after_commit"
    # sync worker: operation → Snipe-IT → operation
    SYNC_AFTER_START = "sync_after_start"
    SYNC_AFTER_READ = "sync_after_read"
    SYNC_AFTER_WRITE = "sync_after_write"
    SYNC_AFTER_ANSWER = "sync_after_answer"
    SYNC_AFTER_READ_BACK = "sync_after_read_back"
    SYNC_AFTER_SETTLE = "sync_after_settle"
    # notifications: log → what is to be sent → out, and recorded
    NOTIFICATIONS_AFTER_READ = "notifications_after_read"
    NOTIFICATIONS_BEFORE_COMMIT = "notifications_before_commit"
    NOTIFICATIONS_AFTER_COMMIT = "notifications_after_commit"
    NOTIFICATIONS_BEFORE_SEND = "notifications_before_send"
    NOTIFICATIONS_AFTER_SEND = "notifications_after_send"
    NOTIFICATIONS_AFTER_RECORD = "notifications_after_record"


_VARIABLE = "QM_CRASH_AT"
_visits: Counter[str] = Counter()


def reach(point: CrashPoint) -> None:
    """Die here if the environment asks for it."""
    wanted = os.environ.get(_VARIABLE)
    if not wanted:
        return
    name, _, nth = wanted.partition(":")
    if name != point:
        return
    _visits[name] += 1
    if _visits[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
