"""People who plan parties together, for the tests of scenarios."""

from __future__ import annotations

from tests.support.party import Chip, Invite, PartyCommand, Rename, Seat, Spend, Uninvite, party

from comity.simulation import Person

KEYS = ("monday", "tuesday")
GUESTS = ("a", "b", "c")


async def clerk(person: Person) -> None:
    """Change something about every minute, on a view that is half a minute old."""
    while person.working:
        await person.think(person.exponential(60))
        await person.look(party, person.zipf(KEYS))
        await person.think(30)
        await person.do(something(person), again=1)


def something(person: Person) -> PartyCommand:
    """Choose a command."""
    guest, name = person.choose(GUESTS), person.choose("xyz")
    commands: list[PartyCommand] = [
        Invite(guest=guest, name=name), Rename(guest=guest, name=name), Uninvite(guest=guest),
        Seat(guest=guest, seat=person.whole(1, 3)), Chip(amount=5), Spend(amount=3),
    ]  # fmt: skip
    return person.choose(commands)
