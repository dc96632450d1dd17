"""A parcel on its way. Carriers' messages about it come late, twice and in the wrong order.

So nothing here depends on the order in which messages arrive: each scan has its number, and the
parcel is where its highest number says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from comity.engine import Command, Decider, Event, Key, Rejected


@dataclass
class Parcel:
    scans: dict[int, str] = field(default_factory=dict[int, str])
    address: str = ""
    handed_to: str = ""
    fees: int = 0

    @property
    def place(self) -> str:
        """Where it is: what the newest scan says, which need not be the one that came last."""
        return self.scans[max(self.scans)] if self.scans else ""


class RecordScan(Command):
    scan: Key[int]
    place: str


class ChangeAddress(Command):
    """With `seen`: of two people who change the address at once, one is asked again."""

    address: str
    touches = "address"


class Charge(Command):
    """Adds a fee. Nothing in the parcel tells a second copy from a second fee: its id does."""

    cents: int
    touches = "fees"


class HandOver(Command):
    to: str
    touches = "handed over"


class Scanned(Event):
    scan: Key[int]
    place: str


class AddressChanged(Event):
    address: str
    touches = "address"


class Charged(Event):
    cents: int
    touches = "fees"
    commutes = True


class HandedOver(Event):
    to: str
    touches = "handed over"


ParcelCommand: TypeAlias = RecordScan | ChangeAddress | Charge | HandOver
ParcelEvent: TypeAlias = Scanned | AddressChanged | Charged | HandedOver


def decide(parcel: Parcel, command: ParcelCommand) -> Iterator[ParcelEvent]:
    match command:
        case RecordScan():
            # The parcel knows its scans: this is exact for ever, not only while ids are kept.
            if command.scan not in parcel.scans:
                yield Scanned(scan=command.scan, place=command.place)
        case ChangeAddress():
            if parcel.handed_to:
                raise Rejected(f"{parcel.handed_to} has it already")
            yield AddressChanged(address=command.address)
        case Charge():
            yield Charged(cents=command.cents)
        case HandOver():
            if parcel.handed_to:
                raise Rejected(f"{parcel.handed_to} has it already")
            yield HandedOver(to=command.to)


def evolve(parcel: Parcel, event: ParcelEvent) -> Parcel:
    match event:
        case Scanned():
            parcel.scans[event.scan] = event.place
        case AddressChanged():
            parcel.address = event.address
        case Charged():
            parcel.fees += event.cents
        case HandedOver():
            parcel.handed_to = event.to
    return parcel


parcel = Decider("parcel", Parcel, decide, evolve)
