"""The judge of histories finds each fault that it is there for."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from tests.property.desk import Paint
from tests.sharing.calls import Decided, Trouble
from tests.sharing.judge import judged
from tests.sharing.story import Facts, story, two_on_their_way

WELL = story()


def lost_receipt(facts: Facts) -> None:
    del facts.records[facts.place("claims")]


def lost_refusal(facts: Facts) -> None:
    del facts.records[facts.place("spends")]


def command_that_took_effect_twice(facts: Facts) -> None:
    last = facts.records[-1]
    again = facts.records[facts.place("claims")]
    facts.records.append(again._replace(version=last.last_version, position=last.last_position))


def command_of_nobody(facts: Facts) -> None:
    facts.history.calls.remove(facts.call("paints"))


def command_stored_for_somebody_else(facts: Facts) -> None:
    facts.change("paints", session="cid")


def gap_in_the_positions(facts: Facts) -> None:
    facts.store("claims", position=facts.records[facts.place("claims")].position + 1)


def gap_in_the_versions(facts: Facts) -> None:
    facts.store("claims", version=facts.records[facts.place("claims")].version + 1)


def half_a_command(facts: Facts) -> None:
    record = facts.records[facts.place("types")]
    facts.store("types", events=record.events[:1])


def event_that_nobody_decided(facts: Facts) -> None:
    facts.store("paints again", events=facts.records[facts.place("paints")].events)


def swapped_order(facts: Facts) -> None:
    facts.records[-2:] = reversed(facts.records[-2:])


def session_that_overtook_itself(facts: Facts) -> None:
    two_on_their_way(facts)
    start, sent = facts.call("types on")[7:9]
    facts.change("types on", start=facts.call("types more").sent, sent=facts.call("types more").end)
    facts.change("types more", start=start, sent=sent)


def decided_on_what_was_not_stored(facts: Facts) -> None:
    facts.change("paints again", command=Paint(colour="blue"))


def own_event_counted_as_unseen(facts: Facts) -> None:
    facts.decide_otherwise("types more", session="another window")


def unseen_event_counted_as_own(facts: Facts) -> None:
    facts.decide_otherwise("claims too", session="ann")


def wrong_version_in_a_receipt(facts: Facts) -> None:
    facts.tell_otherwise("paints", lambda says: (says[0], 9, *says[2:]))


def wrong_position_in_a_receipt(facts: Facts) -> None:
    answer = facts.call("paints").answer
    assert isinstance(answer, Decided)
    facts.change("paints", answer=answer._replace(position=9))


def retry_with_another_answer(facts: Facts) -> None:
    again = next(call for call in reversed(facts.history.calls) if call.id == "types")
    other = facts.call("paints").answer
    facts.history.calls[facts.history.calls.index(again)] = again._replace(answer=other)


def no_effect_though_it_is_stored(facts: Facts) -> None:
    facts.change("claims", answer=Trouble("Closed", "no effect"))


def refusal_of_what_was_seen(facts: Facts) -> None:
    facts.change("busy", answer=Trouble("FromTheFuture", "version 3 does not exist"))


def stale_read(facts: Facts) -> None:
    first = facts.history.looks[0]
    facts.change_look(2, version=first.version, state=first.state)


def read_before_it_was_sent(facts: Facts) -> None:
    end = facts.call("paints").start - 1
    facts.change_look(0, start=end, end=end)


def read_that_never_was(facts: Facts) -> None:
    facts.change_look(2, version=99)


def read_of_what_was_not_stored(facts: Facts) -> None:
    facts.history.looks[1].state.colour = "blue"


def event_that_was_not_heard(facts: Facts) -> None:
    facts.hear(1, 2, 4)


def event_that_was_heard_twice(facts: Facts) -> None:
    facts.hear(1, 2, 2, 3)


def event_that_was_heard_too_early(facts: Facts) -> None:
    facts.hear(2, 1, 3)


def model_that_missed_an_event(facts: Facts) -> None:
    facts.show(5, 7, 6)


def model_that_does_not_show_the_own_write(facts: Facts) -> None:
    facts.show(6, 5, 5)


def model_ahead_of_the_journal(facts: Facts) -> None:
    facts.show(5, 9, 9)


def watch_that_goes_back(facts: Facts) -> None:
    facts.watch(4, 7, 5, 8)


def watch_that_missed_the_last_change(facts: Facts) -> None:
    facts.watch(4, 7)


FAULTS: dict[Callable[[Facts], None], str] = {
    lost_receipt: "claims was answered",
    lost_refusal: "spends was answered",
    command_that_took_effect_twice: "claims is stored twice",
    command_of_nobody: "paints is stored, and nobody sent it",
    command_stored_for_somebody_else: "paints is stored for a sender who did not send it",
    gap_in_the_positions: "claims is at position 8, expected 7",
    gap_in_the_versions: "claims is on x@8, expected 7",
    half_a_command: "types: stored (Typed",
    event_that_nobody_decided: "paints again: stored (Painted",
    swapped_order: "spends was decided before paints again",
    session_that_overtook_itself: "its own session sent it after types more",
    decided_on_what_was_not_stored: "paints again: answered",
    own_event_counted_as_unseen: "types more: answered",
    unseen_event_counted_as_own: "claims too: answered",
    wrong_version_in_a_receipt: "paints: answered",
    wrong_position_in_a_receipt: "paints: told position 9, not 4",
    retry_with_another_answer: "types: answered",
    no_effect_though_it_is_stored: "claims is stored, and its sender was told that it had no",
    refusal_of_what_was_seen: "busy was answered FromTheFuture",
    stale_read: "p0 read x@4, after somebody knew version 8",
    read_before_it_was_sent: "p0 read x@4, before it was sent",
    read_that_never_was: "p0 read x@99, which never was",
    read_of_what_was_not_stored: "p1 read x@7 as Desk(",
    event_that_was_not_heard: "p0 heard the event at 4 after the one at 2",
    event_that_was_heard_twice: "p0 heard the event at 2 after the one at 2",
    event_that_was_heard_too_early: "p0 heard the event at 2 after the one at 0",
    model_that_missed_an_event: "p0 was shown position 7 as {'x': 6}, should be {'x': 7}",
    model_that_does_not_show_the_own_write: "p0 was shown position 5, and was to see 6",
    model_ahead_of_the_journal: "p0 was shown position 9 as {'x': 9}, should be None",
    watch_that_goes_back: "p0 watched x go from 7 to 5",
    watch_that_missed_the_last_change: "p0 watched x, and last saw (7,)",
}


def test_without_a_fault_there_is_nothing_to_say() -> None:
    figures = judged(WELL.history, WELL.records)
    assert figures["unanswered"] == figures["Busy"] == figures["retried"] == 1
    two_on_their_way(facts := deepcopy(WELL))
    judged(facts.history, facts.records)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(fault: Callable[[Facts], None]) -> None:
    facts = deepcopy(WELL)
    fault(facts)
    with pytest.raises(AssertionError) as found:
        judged(facts.history, facts.records)
    assert FAULTS[fault] in str(found.value)
