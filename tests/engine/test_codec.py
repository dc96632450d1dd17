"""The codec against bytes that no message made: whatever comes, it says `Invalid` and no more."""

from __future__ import annotations

import random
import tracemalloc

import msgpack
import pytest

from comity.engine import Event, Invalid, Key, Value
from comity.engine.messages.codec import MAX_PAYLOAD, build, pack, unpack_fields


class Tag(Value):
    name: str
    weight: float


class Filed(Event):
    file: Key[str]
    size: int
    data: bytes
    tags: tuple[Tag, ...] = ()
    notes: tuple[str, ...] = ()


filed = Filed(file="a", size=3, data=b"abc", tags=(Tag(name="x", weight=0.5),))


def read(data: bytes) -> Filed:
    """What the journal's reader does with stored fields."""
    return build(Filed, unpack_fields(data))


def packed(value: object) -> bytes:
    """Msgpack as somebody else would write it."""
    return msgpack.packb(value)


def test_fields_are_a_map_that_other_programs_can_read() -> None:
    assert msgpack.unpackb(pack(filed)) == {
        "file": "a",
        "size": 3,
        "data": b"abc",
        "tags": [{"name": "x", "weight": 0.5}],
        "notes": [],
    }


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "a byte that means nothing": b"\xc1",
    "half a message": pack(filed)[:-3],
    "two messages": pack(filed) * 2,
    "no map": packed([1, 2]),
    "a number": packed(5),
    "four thousand million elements": b"\xdd\xff\xff\xff\xff",
    "a map of four thousand million": b"\xdf\xff\xff\xff\xff",
    "text of four thousand million bytes": b"\xdb\xff\xff\xff\xff",
    "nested a million deep": b"\x91" * 1_000_000 + b"\xc0",
    "nested as deep as msgpack goes": b"\x81\xa1x" + b"\x91" * 1000 + b"\xc0",
    "more items than a message may have": packed({"notes": ["x"] * 10_001}),
    "more fields than a message may have": packed({str(n): 0 for n in range(10_001)}),
    "an extension type": packed({"x": msgpack.ExtType(5, b"x")}),
    "a timestamp": packed({"x": msgpack.Timestamp(1 << 33, 0)}),
    "text that is not UTF-8": b"\x81\xa4file\xa1\xff",
    "a key that is no text": packed({1: 2}),
    "a key that is bytes": b"\x81\xc4\x04file\xa1a",
    "a field too few": packed({"file": "a", "size": 3}),
    "a field too many": packed({"file": "a", "size": 3, "data": b"", "more": 1}),
    "a field of another type": packed({"file": "a", "size": "3", "data": b""}),
    "an integer of 64 bits without sign": packed({"file": "a", "size": (1 << 64) - 1, "data": b""}),
    "not a number": packed(
        {"file": "a", "size": 3, "data": b"", "tags": [{"name": "x", "weight": float("nan")}]}
    ),
    "a record that is none": packed({"file": "a", "size": 3, "data": b"", "tags": [5]}),
    "records that are none": packed({"file": "a", "size": 3, "data": b"", "tags": 5}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bytes_that_are_no_message_are_invalid(case: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(HOSTILE[case])
    assert len(str(refused.value)) < 1000


def test_of_a_field_that_is_there_twice_the_last_one_counts() -> None:
    twice = b"\x84\xa4file\xa1a\xa4size\x01\xa4data\xc4\x00\xa4file\xa1b"
    assert read(twice).file == "b"


def test_mutated_messages_are_read_or_invalid_and_nothing_else() -> None:
    dice = random.Random(11)
    stored = pack(filed)
    read_all_the_same = 0
    for _ in range(20_000):
        mutant = bytearray(stored)
        for _ in range(dice.randint(1, 4)):
            mutant[dice.randrange(len(mutant))] = dice.randrange(256)
        try:
            read(bytes(mutant))
            read_all_the_same += 1
        except Invalid:
            continue
    assert 0 < read_all_the_same < 20_000


def test_random_bytes_are_invalid() -> None:
    dice = random.Random(12)
    for _ in range(20_000):
        with pytest.raises(Invalid):
            read(dice.randbytes(dice.randint(0, 60)))


def test_what_is_read_takes_little_memory() -> None:
    empty: dict[str, int] = {}
    bomb = packed({"notes": [[empty] * 10_000] * 100})  # 1 MB
    tracemalloc.start()
    with pytest.raises(Invalid):
        read(bomb)
    assert tracemalloc.get_traced_memory()[1] < 150_000_000
    tracemalloc.stop()


def test_a_message_of_more_than_a_mebibyte_is_not_stored() -> None:
    with pytest.raises(Invalid, match=f"Filed takes .* bytes; the most is {MAX_PAYLOAD:,}"):
        pack(Filed(file="a", size=1, data=bytes(MAX_PAYLOAD)))


def test_a_message_as_large_as_may_be_comes_back() -> None:
    most = Filed(file="a", size=1, data=bytes(MAX_PAYLOAD - 50))
    assert read(pack(most)) == most
