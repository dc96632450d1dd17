"""Judges a history of several processes, with the journal as the witness of the order.

Each command is decided once more, by pure functions, in the journal's order: what everybody was
told must be what comes of that. The order must be one that each sender could see.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from math import inf

from tests.property.desk import desk
from tests.property.rule_story import Answer
from tests.sharing.calls import (
    NO_EFFECT,
    Call,
    Decided,
    Heard,
    History,
    Look,
    Trouble,
    Watched,
    had_no_effect,
)
from tests.sharing.replay import Replay

from comity.engine.history.history import happened
from comity.engine.history.note import Note
from comity.engine.journal.record import Record
from comity.engine.merging.sent import Sender

PERHAPS = frozenset({"OutcomeUnknown", "TimeoutError"})
"""The errors after which nobody knows whether the command took effect."""


def judged(history: History, records: Sequence[Record]) -> Counter[str]:
    """Return the figures.

    Raises:
        AssertionError: with a sentence for each thing that is wrong.
    """
    judge = Judge(history, records)
    wrong = list(judge.wrong())
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong[:20])
    return judge.figures


class Judge:
    """What was reported, beside all records of the journal in the order of storing."""

    def __init__(self, history: History, records: Sequence[Record]) -> None:
        self.history = history
        self.records = records
        self.figures: Counter[str] = Counter(records=len(records), looks=len(history.looks))
        self._place = {record.command_id: place for place, record in enumerate(records)}
        self._calls: Mapping[str, list[Call]] = _grouped(history.calls)
        self._replays: dict[str, Replay] = {}

    def wrong(self) -> Iterator[str]:
        """Say everything that is wrong."""
        yield from self.wrong_journal()
        yield from self.wrong_decisions()
        yield from self.wrong_answers()
        yield from self.wrong_order()
        for look in self.history.looks:
            yield from self.wrong_look(look)
        yield from self.wrong_seen()
        for heard in self.history.heard:
            yield from self.wrong_hearing(heard)
        yield from self.wrong_models()
        for watched in self.history.watched:
            yield from self.wrong_watch(watched)

    # --- the journal ----------------------------------------------------------------------------

    def wrong_journal(self) -> Iterator[str]:
        """Say which record is there twice, was sent by nobody, or leaves a gap."""
        position, versions, ids = 0, Counter[str](), set[str]()
        for record in self.records:
            key = record.aggregate.key
            if record.events and record.position != position:
                yield f"{record.command_id} is at position {record.position}, expected {position}"
            if record.version != versions[key]:
                yield f"{record.command_id} is on {key}@{record.version}, expected {versions[key]}"
            if record.command_id in ids:
                yield f"{record.command_id} is stored twice"
            if record.command_id not in self._calls:
                yield f"{record.command_id} is stored, and nobody sent it"
            ids.add(record.command_id)
            position = max(position, record.last_position)
            versions[key] = record.last_version

    # --- what was decided -----------------------------------------------------------------------

    def wrong_decisions(self) -> Iterator[str]:
        """Decide everything again, and say what differs from what was stored and answered."""
        for record in self.records:
            call = self._decided(record)
            if call is None:
                continue
            replay = self._replay(call.key)
            expected = replay.comes_to(
                Sender(call.who, call.session, call.seen), call.command, keep=True
            )
            outcome = expected[0]
            self.figures[outcome.__name__ if isinstance(outcome, type) else str(outcome)] += 1
            stored = tuple(one.event for one in happened(desk, [record]))
            made = tuple(one.event for one in replay.log(replay.version - len(stored)))
            if replay.version != record.last_version or stored != made:
                yield f"{call.id}: stored {stored} at {record.version}, should be {expected}"
            yield from self._wrong_answers_of(record, expected)

    def _decided(self, record: Record) -> Call | None:
        """The call that was decided, of those with the id of a record."""
        note = Note.unpack(record.note)
        for call in self._calls.get(record.command_id, ()):
            if call.session == note.session and call.seen == note.seen:
                return call
        return None

    def _replay(self, key: str) -> Replay:
        if key not in self._replays:
            self._replays[key] = Replay(key)
        return self._replays[key]

    def _wrong_answers_of(self, record: Record, expected: Answer) -> Iterator[str]:
        for call in self._calls[record.command_id]:
            match call.answer:
                case Decided(says, position):
                    if says != expected:
                        yield f"{call.id}: answered {says}, should be {expected}"
                    if position not in (None, record.last_position):
                        yield f"{call.id}: told position {position}, not {record.last_position}"
                case _:
                    pass

    # --- what was answered ----------------------------------------------------------------------

    def wrong_answers(self) -> Iterator[str]:
        """Say which answer does not fit what is stored, and which may not be an answer at all."""
        for id_, calls in self._calls.items():
            stored = id_ in self._place
            answers = [call.answer for call in calls]
            if stored and self._decided(self.records[self._place[id_]]) is None:
                yield f"{id_} is stored for a sender who did not send it"
            if stored and all(had_no_effect(call) for call in calls):
                yield f"{id_} is stored, and its sender was told that it had no effect"
            for answer in answers:
                self.figures["unanswered"] += answer is None
                match answer:
                    case Decided() if not stored:
                        yield f"{id_} was answered {answer}, and is not stored"
                    case Trouble(kind, text) if kind not in NO_EFFECT | PERHAPS:
                        yield f"{id_} was answered {kind}: {text}"
                    case Trouble(kind):
                        self.figures[kind] += 1
                    case _:
                        pass
            self.figures["retried"] += len(calls) > 1

    # --- the order ------------------------------------------------------------------------------

    def wrong_order(self) -> Iterator[str]:
        """Say what was decided before something that had been answered, or sent, before it."""
        spans = [self._span(record.command_id) for record in self.records]
        yield from _overtaken(spans, "it was sent after the answer to")
        sessions = defaultdict[tuple[str, str, str], list[Span]](list)
        for record in self.records:
            calls = self._calls.get(record.command_id, ())
            if len(calls) == 1:  # what was sent twice was perhaps first decided elsewhere
                (call,) = calls
                if call.session and call.sent is not None:
                    span = call.start, call.sent, call.id
                    sessions[call.process, call.session, call.key].append(span)
        for sent in sessions.values():
            yield from _overtaken(sent, "its own session sent it after")

    def _span(self, id_: str) -> Span:
        """When the command was first sent, and when it was first answered as decided."""
        calls = self._calls.get(id_, ())
        start = min((call.start for call in calls), default=0)
        return start, min((self._known_at(call) for call in calls), default=inf), id_

    @staticmethod
    def _known_at(call: Call) -> float:
        return call.end if call.end and isinstance(call.answer, Decided) else inf

    # --- what was read --------------------------------------------------------------------------

    def wrong_look(self, look: Look) -> Iterator[str]:
        """Say whether a state that was read never was, or was not the one to be read then."""
        replay = self._replay(look.key)
        said = f"{look.process} read {look.key}@{look.version}"
        if look.version > replay.version:
            yield f"{said}, which never was"
            return
        if replay.state(look.version) != look.state:
            yield f"{said} as {look.state}, should be {replay.state(look.version)}"

    def wrong_seen(self) -> Iterator[str]:
        """Say which version was not shown although somebody knew it, or before anybody sent it."""
        known = defaultdict[str, list[tuple[float, int]]](list)
        begun = defaultdict[str, list[float]](list)
        """When the latest of the first events was sent, for each version."""
        for look in self.history.looks:
            known[look.key].append((look.end, look.version))
        for record in self.records:
            key, (start, end, _) = record.aggregate.key, self._span(record.command_id)
            known[key].append((end, record.last_version))
            for _ in record.events:
                begun[key].append(max(start, *begun[key][-1:], 0))
        newest = {key: _Newest(facts) for key, facts in known.items()}
        for look in self.history.looks:
            said = f"{look.process} read {look.key}@{look.version}"
            if look.version < (older := newest[look.key].before(look.start)):
                yield f"{said}, after somebody knew version {older}"
            if any(start > look.end for start in begun[look.key][: look.version][-1:]):
                yield f"{said}, before it was sent"

    def wrong_hearing(self, heard: Heard) -> Iterator[str]:
        """Say what a listener was not given, or twice, or not in its place."""
        for one, other in pairwise((0, *heard.positions)):
            if other != one + 1:
                yield f"{heard.process} heard the event at {other} after the one at {one}"

    # --- what models show -----------------------------------------------------------------------

    def wrong_models(self) -> Iterator[str]:
        """Say which snapshot was not the fold of the journal, or lacks what it was to include."""
        position, counts = 0, Counter[str]()
        folds: dict[int, dict[str, int]] = {0: {}}
        for record in self.records:
            for _ in record.events:
                position += 1
                counts[record.aggregate.key] += 1
                folds[position] = dict(counts)
        for shown in self.history.shown:
            said = f"{shown.process} was shown position {shown.position}"
            if shown.position < shown.after:
                yield f"{said}, and was to see {shown.after}"
            if shown.counts != folds.get(shown.position):
                yield f"{said} as {shown.counts}, should be {folds.get(shown.position)}"

    def wrong_watch(self, watched: Watched) -> Iterator[str]:
        """Say which change a watch showed late or twice, or did not show in the end."""
        said = f"{watched.process} watched {watched.key}"
        for one, other in pairwise(watched.counts):
            if other < one:
                yield f"{said} go from {one} to {other}"
        if watched.counts[-1:] != (self._replay(watched.key).version,):
            yield f"{said}, and last saw {watched.counts[-1:]}"


Span = tuple[int, float, str]
"""The times from and to which something may have been decided, and its id."""


class _Newest:
    """The newest version that was known at a time."""

    def __init__(self, facts: list[tuple[float, int]]) -> None:
        facts.sort()
        self._times = [time for time, _ in facts]
        self._versions = list(accumulate((version for _, version in facts), max))

    def before(self, time: float) -> int:
        """The newest version that was known before a time."""
        place = bisect_left(self._times, time)
        return self._versions[place - 1] if place else 0


def _overtaken(spans: Iterable[Span], why: str) -> Iterator[str]:
    """Say what stands behind something that began only after its own end."""
    latest: Span = (0, inf, "")
    for span in spans:
        start, end, id_ = span
        if end < latest[0]:
            yield f"{latest[2]} was decided before {id_}, although {why} {id_}"
        if start > latest[0]:
            latest = span


def _grouped(calls: Iterable[Call]) -> Mapping[str, list[Call]]:
    grouped = defaultdict[str, list[Call]](list)
    for call in sorted(calls, key=lambda one: one.start):
        grouped[call.id].append(call)
    return dict(grouped)
