"""Tomorrow's rules on the recorded year: whom would they have met?

The year is recorded with views an hour old, in a journal that keeps every command. Then each
command is decided again, on the state and with the view that it had, by the rules of `stricter.py`.

Run it: python -m examples.incident_desk.rehearsal [FOLDER]
With a folder the journal is kept there; its 14,229 commits take a minute. Then:
comity rehearse FOLDER examples.incident_desk.stricter:stricter
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from examples.incident_desk.domain import incident
from examples.incident_desk.stricter import FROM, stricter
from examples.incident_desk.year import Year

from comity.actors import Domain
from comity.engine import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.text import printable
from comity.evolution import Rehearsal, rehearse

EVERY = 1_000_000
"""More cases than there can be."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    try:
        year = Year.recorded()
    except FileNotFoundError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    same, found = rehearsals(year, LmdbJournal.open(given[0]) if given else MemoryJournal())
    print(f"by the same rules: {same.different:,} of {same.rehearsed:,} commands differ")
    print(f"by the rules from {FROM:%d %B %Y} on: {found.different:,} commands differ")
    print(*told(found), sep="\n")
    return 0


def rehearsals(year: Year, journal: Journal) -> tuple[Rehearsal, Rehearsal]:
    """Record the year in an empty journal; rehearse it by the same rules, and by tomorrow's."""
    found: list[Rehearsal] = []

    def at_end(_domain: Domain) -> None:
        found.extend(rehearse(journal, [rules], limit=EVERY) for rules in (incident, stricter))

    year.scenario.aged(3600).play(journal=journal, keep_commands=True, at_end=at_end)
    same, stricter_rules = found
    return same, stricter_rules


def told(found: Rehearsal, most: int = 5) -> list[str]:
    """Tell who would have met the rules most often, and the first cases."""
    people = Counter(case.who for case in found.cases)
    often = ", ".join(f"{printable(who)} ({count})" for who, count in people.most_common(most))
    first = [case.sentence() for case in found.cases[:most]]
    return [f"{len(people)} people would have met them, most often {often}", "", *first]


if __name__ == "__main__":
    sys.exit(main())
