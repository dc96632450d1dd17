"""How what others did reads to a sender with commands in flight. `transform` moves over it.

It follows from the aggregate's history alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.engine.merging.views import Past, View, Views

if TYPE_CHECKING:
    from comity.engine.merging.clash import Clash
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.step import Step, Written
    from comity.engine.merging.views import Log, LogAfter, Unseen
    from comity.engine.messages.message import Event, Message


def unseen(step: Step, clash: Clash[object]) -> Unseen:
    """The unseen events as the sender reads them, after its own commands in flight.

    An own command was written on what its sender had seen by then, which may be less than it has
    seen now. To read events after it, it must first be moved over those that *it* had not seen,
    and so on: back to a command that had none before it in flight. This goes on from where the
    sender's last command was moved, which is linear in what is new.
    """
    session, since = clash.sent.session, clash.since
    if not session:
        return [(one, one.event) for one in since]
    past = clash.past or Past(Views(), lambda _after: since)
    seen = since[0].version - 1
    view = past.views.take(step, session)
    new = None if view is None else _after(view, session, seen, since, past.log)
    if view is None or new is None:
        view, new = View(seen, 0, 0, []), _from_the_start(session, seen, since, past.log)
    found = [one for one in _moved(step, session, view, new) if one[0].version > seen]
    past.views.keep(step, session, View(seen, since[-1].version, len(since[-1].dropped), found))
    return found


def _after(view: View, session: str, seen: int, since: Log, log_after: LogAfter) -> Log | None:
    """The events to go on with from a view, its last one first; None: it is of no use."""
    if view.seen > seen or view.version < seen:
        return None
    log = since if view.version > seen else log_after(view.version - 1)
    new = log[view.version - log[0].version :]
    if not new or new[0].version != view.version:
        return None
    first, *rest = new
    on = [one.seen for one in first.dropped[view.dropped :] if one.session == session]
    for one in rest:
        on += _written_on(one, session)
    return None if on and min(on) < view.seen else new


def _from_the_start(session: str, seen: int, since: Log, log_after: LogAfter) -> Log:
    """The events from where no command of the sender's was in flight that matters now."""
    log, now = since, since[-1].version
    while (low := _lowest(session, seen, log)) < (first := log[0].version - 1):
        # Twice as far back each time, lest a long way is read too often.
        longer = log_after(max(0, min(low, first - (now - first))))
        if len(longer) <= len(log):  # there is no more to be had
            return log
        log = longer
    return log[low + 1 - log[0].version :]


def _lowest(session: str, seen: int, log: Log) -> int:
    """What the commands in flight had seen at the least, as far as the log goes back."""
    for one in reversed(log):
        if one.version <= seen:
            break
        seen = min([seen, *_written_on(one, session)])
    return seen


def _written_on(one: Happened[Event], session: str) -> list[int]:
    """What the session had seen when it sent what made this event, or came to nothing after it."""
    found = [one.written_on] if one.session == session else []
    return found + [each.seen for each in one.dropped if each.session == session]


def _moved(step: Step, session: str, view: View, new: Log) -> Unseen:
    """The view's unseen events as they read after what is new."""
    found = view.unseen
    for one in new:
        skip = 0
        if one.version == view.version:  # the view has it, and some of what was dropped then
            skip = view.dropped
        elif one.session != session:
            found.append((one, one.event))
        elif one.written is None:
            found = _read_after(step, one.event, one, one.written_on, found)
        elif not one.part:  # several events of one command: it passes once
            found = _read_after(step, one.written, one, one.written_on, found)
        for each in one.dropped[skip:]:
            if each.session == session:
                found = _read_after(step, each.written, each, each.seen, found)
    return found


def _read_after(step: Step, own: Message | None, by: Written, seen: int, unseen: Unseen) -> Unseen:
    """The unseen events as they read after an own command, which was written on what was `seen`."""
    moved: Unseen = []
    for one, event in unseen:
        after = event if own is None else step(event, one, own, by)
        if own is not None and one.version > seen:
            own = step(own, by, event, one)
        if after is not None:
            moved.append((one, after))
    return moved
