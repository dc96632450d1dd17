"""A read model of parties for the tests: who is invited where, and how much is in the kitties."""

from __future__ import annotations

from tests.support.party import Chipped, Invited, Renamed, Seated, Spent, Uninvited

from comity.engine import Recorded
from comity.readmodels import ReadModel, Row, Table, Totals


class GuestRow(Row):
    party: str
    guest: str
    name: str
    seat: int = 0
    changed: int
    """The position of its last event."""


class Guests(ReadModel[Invited | Renamed | Uninvited | Seated | Chipped | Spent]):
    """Everybody's guests."""

    rows = Table(GuestRow, key=lambda row: (row.party, row.guest))
    by_name = rows.index(lambda row: row.name)
    by_seat = rows.index(lambda row: (row.party, row.seat))
    per_party = rows.count(lambda row: row.party)
    kitty = Totals(str, int)

    def project(
        self,
        event: Invited | Renamed | Uninvited | Seated | Chipped | Spent,
        at: Recorded[Invited | Renamed | Uninvited | Seated | Chipped | Spent],
    ) -> None:
        party = at.aggregate.key
        match event:
            case Invited(guest=guest, name=name):
                self.rows.put(GuestRow(party=party, guest=guest, name=name, changed=at.position))
            case Renamed(guest=guest, name=name):
                self.rows.update((party, guest), name=name, changed=at.position)
            case Seated(guest=guest, seat=seat):
                self.rows.update((party, guest), seat=seat, changed=at.position)
            case Uninvited(guest=guest):
                self.rows.delete((party, guest))
            case Chipped(amount=amount):
                self.kitty.add(party, amount)
            case Spent(amount=amount):
                self.kitty.add(party, -amount)
