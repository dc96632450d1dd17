"""Moves unseen events over their reader's commands in flight. `transform` uses the moved events.

The result depends only on the aggregate's history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.engine.merging.views import Past, View, Views
from comity.engine.messages.retired_event import RetiredEvent

if TYPE_CHECKING:
    from comity.engine.merging.clash import Clash
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.step import Step, Written
    from comity.engine.merging.views import Log, LogAfter, Unseen
    from comity.engine.messages.message import Event, Message


def unseen(step: Step, clash: Clash[object]) -> Unseen:
    """Return the unseen events, each moved over the sender's own commands in flight.

    The sender wrote an earlier command on the version that it had seen then, which may be older
    than the version seen now. Before events are moved over that command, the command itself must
    be moved over the events unseen at that time, and so on: back to a command with no others in
    flight. The computation continues from the view kept for the sender's last command, so its time
    is linear in the number of new events.
    """
    session, since = clash.sent.session, clash.since
    if not session:
        return [(one, one.event) for one in since if not isinstance(one.event, RetiredEvent)]
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
    """Return the events to continue a view with, from the event of the view's version on.

    Returns None if the view cannot be continued.
    """
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
    """Return the events to start without a view: from the oldest version that matters.

    That is the lowest version seen by any of the sender's commands in flight, directly or by the
    commands that were in flight before them.
    """
    log, now = since, since[-1].version
    while (low := _lowest(session, seen, log)) < (first := log[0].version - 1):
        # Go twice as far back each time: many small steps would read the same events many times.
        longer = log_after(max(0, min(low, first - (now - first))))
        if len(longer) <= len(log):  # no older events are available
            return log
        log = longer
    return log[low + 1 - log[0].version :]


def _lowest(session: str, seen: int, log: Log) -> int:
    """Return the lowest version that a command in flight had seen, as far as the log goes back."""
    for one in reversed(log):
        if one.version <= seen:
            break
        seen = min([seen, *_written_on(one, session)])
    return seen


def _written_on(one: Happened[Event], session: str) -> list[int]:
    """Return the versions that the session's commands had seen: this event's and dropped ones."""
    found = [one.written_on] if one.session == session else []
    return found + [each.seen for each in one.dropped if each.session == session]


def _moved(step: Step, session: str, view: View, new: Log) -> Unseen:
    """Return the view's unseen events, continued with the new events."""
    found = view.unseen
    for one in new:
        skip = 0
        if one.version == view.version:  # the view has it, and this many dropped commands
            skip = view.dropped
        elif isinstance(one.event, RetiredEvent):
            pass  # it changed nothing
        elif one.session != session:
            found.append((one, one.event))
        elif one.written is None:
            found = _read_after(step, one.event, one, one.written_on, found)
        elif not one.part:  # once for a command of several events
            found = _read_after(step, one.written, one, one.written_on, found)
        for each in one.dropped[skip:]:
            if each.session == session:
                found = _read_after(step, each.written, each, each.seen, found)
    return found


def _read_after(step: Step, own: Message | None, by: Written, seen: int, unseen: Unseen) -> Unseen:
    """Return the unseen events, moved over the sender's own command, written on version `seen`."""
    moved: Unseen = []
    for one, event in unseen:
        after = event if own is None else step(event, one, own, by)
        if own is not None and one.version > seen:
            own = step(own, by, event, one)
        if after is not None:
            moved.append((one, after))
    return moved
