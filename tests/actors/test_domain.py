"""A domain from the outside: sending, sessions, previews, batches, history, statistics."""

from __future__ import annotations

import time

import pytest
from tests.actors.notebook import (
    Notebook,
    PageFull,
    Stamp,
    Stamped,
    Write,
    Written,
    notebook,
)

from comity.actors import Domain, Policy
from comity.engine import (
    Conflicted,
    FromTheFuture,
    IdReused,
    Invalid,
    MergeReport,
    Outcome,
    Receipt,
    Rejected,
    WiringError,
)
from comity.engine.journal.memory_journal import MemoryJournal


def test_a_command_is_applied_and_its_receipt_says_where_it_stands(domain: Domain) -> None:
    book = domain.session("ann").aggregate(notebook, "a")
    receipt = book.send(Write(page="p", text="x")).result(60)
    assert (receipt.outcome, receipt.version, receipt.position) == (Outcome.APPLIED, 1, 1)
    assert receipt.events == (Written(page="p", text="x"),)
    assert receipt.report.sentence() == "ann wanted to write: applied"


def test_unseen_changes_elsewhere_merge(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="q", text="bob's")).result(60)
    receipt = ann.send(Write(page="p", text="ann's"), seen=0).result(60)
    assert receipt.outcome is Outcome.MERGED
    assert domain.state(ann).pages == {"p": "ann's", "q": "bob's"}


def test_an_unseen_change_of_the_same_page_is_refused_with_who_did_it(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="p", text="bob's")).result(60)
    with pytest.raises(Conflicted, match="written by bob at page/p/text") as refused:
        ann.send(Write(page="p", text="ann's"), seen=0).result(60)
    assert refused.value.report.clashes[0].version == 1
    assert domain.state(ann).pages == {"p": "bob's"}


def test_a_refusal_that_waits_to_be_read_keeps_nothing_alive_that_was_looked_at(
    domain: Domain,
) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="p", text="bob's")).result(60)
    pending = ann.send(Write(page="p", text="ann's"), seen=0)
    while not pending.done():
        time.sleep(0.001)
    refusal = pending.answer()
    assert isinstance(refusal, Conflicted)
    assert refusal.__traceback__ is None


def test_a_sender_that_looked_at_nothing_acts_on_todays_state(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    book.send(Write(page="p", text="one")).result(60)
    assert book.send(Write(page="p", text="two")).result(60).outcome is Outcome.APPLIED


def test_a_session_is_never_in_conflict_with_itself(domain: Domain) -> None:
    book = domain.session("ann").aggregate(notebook, "a")
    pendings = [book.send(Write(page="p", text=str(n)), seen=0) for n in range(100)]
    assert {pending.result(60).outcome for pending in pendings} == {Outcome.APPLIED}


def test_a_session_that_looked_sends_loop_after_loop_without_saying_seen(domain: Domain) -> None:
    ann = domain.session("ann").aggregate(notebook, "a")
    ann.look()
    for n in range(50):
        assert ann.send(Write(page="p", text=str(n))).result(60).seen == n
    domain.aggregate(notebook, "a").send(Write(page="p", text="other")).result(60)
    with pytest.raises(Conflicted):
        ann.send(Write(page="p", text="mine")).result(60)
    ann.look()
    assert ann.send(Write(page="p", text="mine")).result(60).outcome is Outcome.APPLIED


def test_a_session_that_does_not_wait_advances_over_all_that_was_its_own(domain: Domain) -> None:
    ann = domain.session("ann")
    book = ann.aggregate(notebook, "a")
    book.look()
    pendings = [book.send(Write(page="p", text=str(n))) for n in range(100)]
    assert pendings[-1].result(60).version == 100
    assert ann.seen(book.id) == 100


def test_a_receipt_does_not_make_others_changes_seen(domain: Domain) -> None:
    ann = domain.session("ann").aggregate(notebook, "a")
    ann.look()
    domain.aggregate(notebook, "a").send(Write(page="q", text="other")).result(60)
    assert ann.send(Write(page="p", text="mine")).result(60).outcome is Outcome.MERGED
    with pytest.raises(Conflicted):
        ann.send(Write(page="q", text="mine too")).result(60)


def test_a_version_that_nobody_can_have_seen_is_an_error(domain: Domain) -> None:
    with pytest.raises(FromTheFuture, match="seen=1, but notebook/a is at version 0; nobody"):
        domain.aggregate(notebook, "a").send(Write(page="p", text="x"), seen=1).result(60)


def test_seen_older_than_the_tail_is_read_from_the_journal_and_still_right() -> None:
    policy = Policy(tail=4)
    with Domain(MemoryJournal(), deciders=[notebook], policy=policy) as domain:
        ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
        bob.send(Write(page="p", text="bob's")).result(60)
        for n in range(100):
            bob.send(Write(page="q", text=str(n))).result(60)
        with pytest.raises(Conflicted) as refused:
            ann.send(Write(page="p", text="ann's"), seen=0).result(60)
        assert refused.value.report.unseen == 101
        assert refused.value.report.clashes[0].version == 1
        assert ann.send(Write(page="p", text="ann's"), seen=1).result(60).outcome is Outcome.MERGED


def test_a_refusal_after_a_merge_names_the_event_that_made_the_difference(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send_many([Write(page="q", text="x"), Write(page="p", text="sealed")]).result(60)
    with pytest.raises(Rejected) as refused:
        ann.send(Stamp(page="p", stamps=1), seen=0).result(60)
    decisive = refused.value.report.decisive
    assert decisive is not None
    assert (decisive.version, decisive.who) == (2, "bob")
    assert "version 2 made the difference" in refused.value.report.sentence()


def test_what_the_sender_did_itself_is_not_blamed_on_anybody(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="q", text="x")).result(60)
    ann.send(Write(page="p", text="sealed"), seen=0).result(60)
    with pytest.raises(Rejected) as refused:
        ann.send(Stamp(page="p", stamps=1), seen=0).result(60)
    assert refused.value.report.unseen == 1
    assert refused.value.report.decisive is None


def test_the_same_id_gets_the_same_receipt_and_takes_effect_once(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    first = book.send(Stamp(page="p", stamps=1), id="once").result(60)
    again = book.send(Stamp(page="p", stamps=1), id="once").result(60)
    assert again == first
    assert domain.state(book).stamps == {"p": 1}


def test_the_same_id_while_the_first_is_on_its_way_gets_the_same_receipt(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    pendings = [book.send(Stamp(page="p", stamps=1), id="once") for _ in range(50)]
    assert len({pending.result(60).version for pending in pendings}) == 1
    assert domain.state(book).stamps == {"p": 1}


def test_a_repeated_id_gets_its_refusal_again_with_its_fields(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    for _ in range(2):
        with pytest.raises(PageFull) as refused:
            book.send(Write(page="p", text="x" * 2000), id="once").result(60)
        assert refused.value.fields == {"page": "p", "limit": 1000}


@pytest.mark.parametrize("key", ["a", "b"])
def test_an_id_that_was_used_for_another_command_is_an_error(domain: Domain, key: str) -> None:
    domain.aggregate(notebook, "a").send(Write(page="p", text="x"), id="once").result(60)
    with pytest.raises(IdReused):
        domain.aggregate(notebook, key).send(Write(page="p", text="y"), id="once").result(60)


def test_a_batch_is_answered_in_order_and_a_refused_one_stops_none(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    long = "x" * 2000
    answers = book.send_many([Write(page="p", text=t) for t in ("one", long, "two")]).result(60)
    assert [type(answer) for answer in answers] == [Receipt, PageFull, Receipt]
    assert domain.state(book).pages == {"p": "two"}


def test_a_preview_tells_the_outcome_and_commits_nothing(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="p", text="bob's")).result(60)
    refused = ann.preview(Write(page="p", text="ann's"), seen=0).result(60)
    merged = ann.preview(Write(page="q", text="ann's"), seen=0).result(60)
    assert (refused.outcome, refused.events) == (Outcome.CONFLICTED, ())
    assert (merged.outcome, merged.events) == (Outcome.MERGED, (Written(page="q", text="ann's"),))
    assert domain.version(ann) == 1


def test_a_preview_explains_a_refusal_as_the_refusal_would(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send_many([Write(page="q", text="x"), Write(page="p", text="sealed")]).result(60)
    tried = ann.preview(Stamp(page="p", stamps=1), seen=0).result(60)
    with pytest.raises(Rejected) as refused:
        ann.send(Stamp(page="p", stamps=1), seen=0).result(60)
    assert tried.report == refused.value.report
    assert tried.report.decisive is not None


def test_a_repeated_id_gets_the_first_explanation_whoever_sends_it(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="p", text="sealed")).result(60)
    reports: list[MergeReport] = []
    for sender in (ann, bob):
        with pytest.raises(Rejected) as refused:
            sender.send(Stamp(page="p", stamps=1), seen=0, id="once").result(60)
        reports.append(refused.value.report)
    assert reports[0] == reports[1]
    assert reports[0].decisive is not None


def test_a_repeated_conflict_is_told_as_it_was_at_first(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send_many([Stamp(page="p", stamps=1), Write(page="p", text="x")]).result(60)
    reports: list[MergeReport] = []
    for _ in range(2):
        with pytest.raises(Conflicted) as refused:
            ann.send(Write(page="p", text="y" * 2000), seen=0, id="once").result(60)
        reports.append(refused.value.report)
    assert reports[0] == reports[1]


def test_what_another_session_did_is_not_seen_by_who_sends_it_again(domain: Domain) -> None:
    ann, bob = domain.session("ann"), domain.session("bob")
    book = bob.aggregate(notebook, "a")
    book.look()
    first = ann.aggregate(notebook, "a").send(Write(page="p", text="ann's"), seen=0, id="once")
    again = book.send(Write(page="p", text="ann's"), id="once")
    assert again.result(60) == first.result(60)
    with pytest.raises(Conflicted):
        book.send(Write(page="p", text="bob's")).result(60)


def test_history_tells_who_did_what_when_and_why(domain: Domain) -> None:
    ann = domain.session("ann").aggregate(notebook, "a")
    ann.send(Write(page="p", text="x"), metadata={"request": "r1"}).result(60)
    ann.send(Stamp(page="p", stamps=2)).result(60)
    first, second = domain.history(ann)
    assert (first.event, first.who, first.version) == (Written(page="p", text="x"), "ann", 1)
    assert (first.command, first.metadata) == ("Write", {"request": "r1"})
    assert second.event == Stamped(page="p", stamps=2)
    assert [one.version for one in domain.history(ann, after=1)] == [2]
    assert second.time >= first.time


def test_the_state_of_any_version_can_be_seen(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    book.send_many([Write(page="p", text=text) for text in "abc"]).result(60)
    assert [domain.state(book, at=at).pages.get("p") for at in range(4)] == [None, "a", "b", "c"]
    with pytest.raises(FromTheFuture):
        domain.state(book, at=4)
    with pytest.raises(Invalid):
        domain.state(book, at=-1)


def test_what_is_looked_at_is_a_copy(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    book.send(Write(page="p", text="x")).result(60)
    book.look().state.pages.clear()
    assert book.look().state == Notebook(pages={"p": "x"})


def test_statistics_count_outcomes_commits_and_conflicts_by_command_and_path(
    domain: Domain,
) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="p", text="bob's")).result(60)
    with pytest.raises(Conflicted):
        ann.send(Write(page="p", text="ann's"), seen=0).result(60)
    statistics = domain.statistics()
    assert statistics.ends == {"applied": 1, "conflicted": 1}
    assert statistics.conflicts == {("Write", "page/{page}/text"): 1}
    assert (statistics.live, statistics.position, statistics.events) == (1, 1, 1)


@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800"])
def test_a_key_that_cannot_be_kept_is_an_error(domain: Domain, key: str) -> None:
    with pytest.raises(Invalid):
        domain.aggregate(notebook, key)


@pytest.mark.parametrize("seen", [-1, 1.0, True, "1"])
def test_a_version_that_is_none_is_an_error(domain: Domain, seen: int) -> None:
    with pytest.raises(Invalid, match="seen: expected the version"):
        domain.aggregate(notebook, "a").send(Write(page="p", text="x"), seen=seen)


@pytest.mark.parametrize("metadata", [{"a": 1}, {"a": "\ud800"}, {"a": "x" * 70_000}, ["a"]])
def test_metadata_that_cannot_be_kept_is_an_error(domain: Domain, metadata: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="metadata"):
        domain.aggregate(notebook, "a").send(Write(page="p", text="x"), metadata=metadata)


@pytest.mark.parametrize("who", ["", "x" * 201, "\ud800"])
def test_a_session_has_a_name(domain: Domain, who: str) -> None:
    with pytest.raises(Invalid, match="name of a session"):
        domain.session(who)


@pytest.mark.parametrize("id", ["", "x" * 201, "\ud800", 7])
def test_an_id_that_cannot_be_kept_is_an_error(domain: Domain, id: str) -> None:
    with pytest.raises(Invalid, match="command id"):
        domain.aggregate(notebook, "a").send(Write(page="p", text="x"), id=id)


def test_two_deciders_of_one_name_are_refused() -> None:
    with pytest.raises(WiringError, match="two deciders are called 'notebook'"):
        Domain(MemoryJournal(), deciders=[notebook, notebook])


def test_what_is_no_command_of_the_decider_is_refused(domain: Domain) -> None:
    with pytest.raises(Invalid, match="is not a command of notebook"):
        domain.aggregate(notebook, "a").send("write")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake


def test_many_domains_live_in_one_process() -> None:
    with (
        Domain(MemoryJournal(), deciders=[notebook]) as one,
        Domain(MemoryJournal(), deciders=[notebook]) as other,
    ):
        one.aggregate(notebook, "a").send(Write(page="p", text="x")).result(60)
        assert other.version(other.aggregate(notebook, "a")) == 0


def test_two_domains_over_one_journal_merge_with_each_other(journal: MemoryJournal) -> None:
    with (
        Domain(journal, deciders=[notebook]) as one,
        Domain(journal, deciders=[notebook]) as other,
    ):
        here, there = one.aggregate(notebook, "a"), other.aggregate(notebook, "a")
        pendings = [
            handle.send(Stamp(page="p", stamps=1)) for _ in range(200) for handle in (here, there)
        ]
        versions = sorted(pending.result(60).version for pending in pendings)
        assert versions == list(range(1, 401))
        assert one.state(here).stamps == {"p": 400}


def test_a_preview_is_tried_on_what_another_process_has_done(journal: MemoryJournal) -> None:
    with (
        Domain(journal, deciders=[notebook]) as one,
        Domain(journal, deciders=[notebook]) as other,
    ):
        here, there = one.aggregate(notebook, "a"), other.aggregate(notebook, "a")
        here.send(Write(page="p", text="x")).result(60)
        there.send(Write(page="p", text="sealed")).result(60)
        assert here.preview(Stamp(page="p", stamps=1)).result(60).outcome is Outcome.REJECTED
