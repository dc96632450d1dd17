"""The checksums of an export's lines: each covers its line and all lines before it.

So a line that is missing, doubled, moved or changed is found at once, where it is.
"""

from __future__ import annotations

import re
from typing import Final
from zlib import crc32

_END: Final = re.compile(rb'"crc":"([0-9a-f]{8})"\}\n\Z')
_SIZE: Final = len(b',"crc":"00000000"}\n')


class Chain:
    """The lines so far, as one checksum."""

    def __init__(self) -> None:
        self._crc = 0

    def seal(self, line: str) -> bytes:
        """Return a line of JSON, an object that is not empty, with its checksum and its end."""
        body = line[:-1].encode()
        self._crc = crc32(body, self._crc)
        return b'%b,"crc":"%08x"}\n' % (body, self._crc)

    def follows(self, line: bytes) -> bool:
        """Return whether the line is the next one; if not, nothing after it is."""
        found = _END.search(line, len(line) - _SIZE)
        self._crc = crc32(line[:-_SIZE], self._crc)
        return found is not None and int(found[1], 16) == self._crc


def without_checksum(line: bytes) -> bytes:
    """Return a line as it was before it was sealed."""
    return line[:-_SIZE] + b"}"
