"""Would another format than msgpack make the hot path faster? Packs and unpacks an event."""

from __future__ import annotations

import importlib
import json
import marshal
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import msgpack

from benchmarks.board import COLUMNS, SETUP, card_id
from benchmarks.experiments.finding import Finding
from benchmarks.proof import Wrong

_FIELDS: Final[dict[str, str]] = {"card": card_id(SETUP, 1), "column": COLUMNS[0]}
_MANY: Final = 2_000
_HEAD: Final = struct.Struct(">HH")


class Format(NamedTuple):
    """A format for a map of texts."""

    name: str
    pack: Callable[[dict[str, str]], bytes]
    unpack: Callable[[bytes], Any]


def run(_: Path, seconds: float) -> list[Finding]:
    """Nanoseconds for one event: the best of some thousand rounds over all formats."""
    formats, absent = _formats()
    packed = {one.name: one.pack(_FIELDS) for one in formats}
    for one in formats:
        if one.unpack(packed[one.name]) != _FIELDS:
            msg = f"{one.name} returns another event"
            raise Wrong(msg)
    findings: list[Finding] = []
    for what in ("pack", "unpack"):
        best = dict.fromkeys(packed, float("inf"))
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for one in formats:
                took = (
                    _seconds(one.pack, _FIELDS)
                    if what == "pack"
                    else _seconds(one.unpack, packed[one.name])
                )
                best[one.name] = min(best[one.name], took * 1e9)
        for name, found in best.items():
            note = f"{len(packed[name])} bytes; read back equal"
            findings.append(Finding(f"{what}: {name}", found, "ns", best["msgpack"], note))
    return [*findings, *absent]


def _seconds(do: Callable[[Any], object], what: object) -> float:
    began = time.perf_counter()
    for _ in range(_MANY):
        do(what)
    return (time.perf_counter() - began) / _MANY


def _formats() -> tuple[list[Format], list[Finding]]:
    """The installed formats, and a line for each other one."""
    packer = msgpack.Packer()
    found = [
        Format("msgpack", msgpack.packb, msgpack.unpackb),
        Format("msgpack, one packer kept", packer.pack, msgpack.unpackb),
        Format("json", _json, json.loads),
        Format("marshal", _marshal, marshal.loads),
        Format("struct, written for this event", _pack, _unpack),
    ]
    absent: list[Finding] = []
    for name in ("msgspec.msgpack", "ormsgpack"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            absent.append(Finding(name, note="skipped: not installed here"))
        else:
            found.append(Format(name, *_functions(module)))
    return found, absent


def _functions(module: ModuleType) -> Iterator[Callable[[Any], Any]]:
    """The functions of an optional module that pack and unpack."""
    if hasattr(module, "packb"):
        yield from (module.packb, module.unpackb)
    else:
        yield from (module.Encoder().encode, module.Decoder().decode)


def _json(fields: dict[str, str]) -> bytes:
    return json.dumps(fields).encode()


def _marshal(fields: dict[str, str]) -> bytes:
    return marshal.dumps(fields)


def _pack(fields: dict[str, str]) -> bytes:
    card, column = fields["card"].encode(), fields["column"].encode()
    return _HEAD.pack(len(card), len(column)) + card + column


def _unpack(data: bytes) -> dict[str, str]:
    card, column = _HEAD.unpack_from(data)
    end = _HEAD.size + card
    return {"card": data[_HEAD.size : end].decode(), "column": data[end : end + column].decode()}
