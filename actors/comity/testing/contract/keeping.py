"""Cases of snapshots: which snapshots a journal keeps."""

from __future__ import annotations

from comity.engine.journal.journal import Journal
from comity.engine.journal.snapshot import Snapshot
from comity.testing.contract.making import (
    A,
    B,
    append,
    told,
    turn,
    write,
)


class Keeping:
    """Cases of `snapshot`."""

    def test_a_snapshot_comes_back(self, journal: Journal) -> None:
        snapshot = Snapshot(A, 1, "hash", b"state")
        append(journal, [turn(A, 0, b"x")], [snapshot])
        assert journal.snapshot(A) == snapshot
        assert journal.snapshot(B) is None

    def test_a_snapshot_may_come_without_turns(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert append(journal, [], [Snapshot(A, 2, "hash", b"")]) == []
        assert journal.snapshot(A) == Snapshot(A, 2, "hash", b"")

    def test_a_newer_snapshot_replaces_an_older_one(self, journal: Journal) -> None:
        write(journal, A, 2)
        append(journal, [], [Snapshot(A, 1, "hash", b"old"), Snapshot(B, 0, "hash", b"b")])
        append(journal, [], [Snapshot(A, 2, "hash", b"new")])
        assert journal.snapshot(A) == Snapshot(A, 2, "hash", b"new")
        assert journal.snapshot(B) == Snapshot(B, 0, "hash", b"b")

    def test_the_one_before_is_kept_for_a_state_of_a_moment_ago(self, journal: Journal) -> None:
        write(journal, A, 4)
        kept = [Snapshot(A, version, "hash", b"%d" % version) for version in (1, 2, 4)]
        for one in kept:
            append(journal, [], [one])
        append(journal, [], [kept[2]._replace(data=b"again")])
        assert journal.snapshot(A, 4) == kept[2]._replace(data=b"again")
        assert journal.snapshot(A, 3) == journal.snapshot(A, 2) == kept[1]
        assert journal.snapshot(A, 1) is None

    def test_an_older_snapshot_does_not_replace_a_newer_one(self, journal: Journal) -> None:
        write(journal, A, 2)
        append(journal, [], [Snapshot(A, 2, "hash", b"new")])
        append(journal, [], [Snapshot(A, 1, "hash", b"old")])
        assert journal.snapshot(A) == Snapshot(A, 2, "hash", b"new")

    def test_a_snapshot_of_the_same_version_replaces(self, journal: Journal) -> None:
        write(journal, A, 1)
        append(journal, [], [Snapshot(A, 1, "one schema", b"old")])
        append(journal, [], [Snapshot(A, 1, "another", b"new")])
        assert journal.snapshot(A) == Snapshot(A, 1, "another", b"new")

    def test_a_snapshot_of_a_version_that_did_not_come_about_is_not_kept(
        self, journal: Journal
    ) -> None:
        results = append(journal, [turn(A, 3, b"x")], [Snapshot(A, 4, "hash", b"dream")])
        assert told(results) == [("stale", 0)]
        assert journal.snapshot(A) is None
