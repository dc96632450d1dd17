"""Sleeping in the kernel until another process wakes this one, on a word of shared memory.

`Bell` uses it. Linux has futexes; elsewhere `wait` looks at the word every 10 ms.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
from mmap import mmap
from typing import Final

from comity.engine.runtime.system import monotonic, pause

LOOK_SECONDS: Final = 0.01

_CALLS: Final = {
    "x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98, "ppc64le": 221, "s390x": 238,
}  # fmt: skip
"""The number of the system call, by machine; all of them have 64 bits."""
_AWAKE: Final = frozenset([errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT])
"""Error numbers of a sleep that has ended, or need not begin."""
_WAIT, _WAKE, _ALL = 0, 1, 0x7FFF_FFFF


class _Seconds(ctypes.Structure):
    _fields_ = (("whole", ctypes.c_long), ("nano", ctypes.c_long))


def _number() -> int | None:
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return None
    return _CALLS.get(platform.machine())


CALL: Final = _number()
"""The number of the system call here; None if there is none."""
_sleeping: Final = ctypes.CDLL(None, use_errno=True)  # lets other threads run meanwhile
_at_once: Final = ctypes.PyDLL(None)  # 0.5 µs: letting go of the GIL could cost 5 ms


class Word:
    """32 bits of shared memory on which processes wait.

    Args:
        memory: the mapped file, of which this keeps a reference.
        at: where the word is, a multiple of 4.
    """

    __slots__ = ("_address", "_number", "_word")

    def __init__(self, memory: mmap, at: int) -> None:
        self._word = ctypes.c_uint32.from_buffer(memory, at)
        self._address = ctypes.c_void_p(ctypes.addressof(self._word))
        self._number = CALL

    @property
    def value(self) -> int:
        """What it holds now."""
        return self._word.value

    def set(self, value: int) -> None:
        """Set a value, and wake nobody."""
        self._word.value = value

    def ring(self, value: int) -> None:
        """Set another value, and wake all who wait."""
        self._word.value = value
        if self._number is not None:
            _at_once.syscall(ctypes.c_long(self._number), self._address, _WAKE, _ALL, None, None, 0)

    def wait(self, seen: int, seconds: float) -> None:
        """Return when the word differs from `seen`, after `seconds`, or sometimes for no reason.

        Args:
            seen: the value that the caller has seen.
            seconds: the longest time.
        """
        if self._number is not None and self._slept(self._number, seen, seconds):
            return
        until = monotonic() + seconds
        while self._word.value == seen and monotonic() < until:
            pause(LOOK_SECONDS)

    def _slept(self, number: int, seen: int, seconds: float) -> bool:
        """Sleep in the kernel; False if it refuses that, as in some sandboxes."""
        limit = _Seconds(int(seconds), int(seconds % 1 * 1e9))
        failed = _sleeping.syscall(
            ctypes.c_long(number), self._address, _WAIT, ctypes.c_uint32(seen),
            ctypes.byref(limit), None, 0,
        )  # fmt: skip
        return not failed or ctypes.get_errno() in _AWAKE
