"""Laws of states: `initial`, `decide` and `evolve`, replays and snapshots."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from comity.engine.errors import DeciderFailed
from comity.engine.merging.decider import store
from comity.engine.merging.merge import decide
from comity.engine.merging.refusals import Refused
from comity.testing.proving.desk import Broken, Desk
from comity.testing.proving.law import Law, played
from comity.testing.proving.picture import picture, told, unlike
from comity.testing.stating.said import aggregate_of

if TYPE_CHECKING:
    from comity.engine.merging.sent import Sent
    from comity.testing.proving.desk import Wish
    from comity.testing.proving.play import Play


def initial_shares_nothing(play: Play) -> None:
    """Change one new state, and look at another."""
    # Copied together, so that what they share stays shared, and the domain's own stay as they are.
    initial = play.subject.decider.initial
    one, other = copy.deepcopy((initial(), initial()))
    before = picture(other)
    desk = play.reach()
    for happened in desk.log:
        one = desk.decider.evolve(one, happened.event, happened.at(aggregate_of(desk.decider.name)))
    after = picture(other)
    if unlike(before, after):
        how = told(before, after, ("at first", "after this"))
        raise Broken(f"Another aggregate, to which nobody did anything, has changed: {how}.")


def decide_changes_nothing(play: Play) -> None:
    """Decide twice on one state, and once on an equal one."""
    desk = play.reach()
    for _ in range(WISHES):
        _decide_twice(play, desk)


WISHES: Final = 4
"""How many commands are tried on each state."""


def _decide_twice(play: Play, desk: Desk) -> None:
    wish, told_before = play.wish(play.person()), len(desk.steps)
    sent = wish.sent(desk.version)
    other = desk.branch()
    before = picture(desk.state)
    first = _decided(desk, wish, sent)
    after = picture(desk.state)
    desk.steps.append(f"{wish.who}: {wish.command!r} -> {first}")
    if unlike(before, after):
        how = told(before, after, ("before decide", "after it"))
        raise Broken(f"decide changed the state: {how}. Only evolve may do that.")
    again = _decided(desk, wish, sent)
    if again != first:
        raise Broken(f"The same command on the same state gave {first}, and then {again}.")
    elsewhere = _decided(other, wish, sent)
    if elsewhere != first:
        raise Broken(f"The same command on an equal state gave {first}, and there {elsewhere}.")
    del desk.steps[told_before:]


def _decided(desk: Desk, wish: Wish, sent: Sent) -> str:
    try:
        return repr(list(decide(desk.decider, desk.state, wish.command, sent)))
    except Refused as refusal:
        return repr(refusal)
    except DeciderFailed as failure:
        desk.steps.append(f"{wish.who}: {wish.command!r} -> failed")
        raise Broken(str(failure)) from failure


def evolve_is_deterministic(play: Play) -> None:
    """Fold the same events twice. `reach` notices an `evolve` that raises."""
    desk = play.reach()
    one, other = desk.branch().state, desk.branch().state
    if unlike(picture(one), picture(other)):
        how = told(picture(one), picture(other), ("once", "the next time"))
        raise Broken(f"The same events gave two states: {how}.")


def replay_equals_live(play: Play) -> None:
    """Store and load the events of a live aggregate, and fold them."""
    play.reach()
    while play.desk.version and play.desk.version < MOST_LIVE and play.goes_on():
        _send_late(play)
    desk = play.desk
    again = Desk(desk.subject)
    for one in desk.log:
        loaded = desk.decider.load(store(one.event))
        if loaded != one.event:
            raise Broken(f"The journal gives {loaded!r} back for {one.event!r}.")
        again.take(one)
    live, replayed = picture(desk.state), picture(again.state)
    if unlike(live, replayed):
        raise Broken(f"A replay gives another state: {told(live, replayed, LIVE)}.")


MOST_LIVE: Final = 12
LIVE: Final = ("live", "after the replay")


def _send_late(play: Play) -> None:
    """Let somebody who may not have seen the newest events send a command."""
    seen = max(0, play.desk.version - play.whole(0, 3))
    play.desk.send(play.wish(play.person()), seen)


def snapshots_equal_replay(play: Play) -> None:
    """Go on from a snapshot of an earlier state."""
    desk = play.reach()
    states = desk.decider.states
    here = play.whole(0, desk.version)
    data = states.pack(Desk(desk.subject, desk.log[:here]).state)
    if data is None:  # such a state gets no snapshots, which is allowed
        return
    again = Desk(desk.subject)
    again.log = desk.log[:here]
    again.state = states.unpack(data)
    for one in desk.log[here:]:
        again.take(one)
    whole, gone_on = picture(desk.state), picture(again.state)
    if unlike(whole, gone_on):
        how = told(whole, gone_on, ("after a replay", f"from the snapshot at version {here}"))
        raise Broken(f"A snapshot gives another state: {how}.")


LAWS: Final[tuple[Law, ...]] = (
    played("initial-shares-nothing", "initial shares nothing", initial_shares_nothing),
    played(
        "decide-changes-nothing",
        "decide changes nothing and depends on nothing else",
        decide_changes_nothing,
    ),
    played(
        "evolve-is-deterministic",
        "evolve is deterministic, and takes every event of decide",
        evolve_is_deterministic,
    ),
    played("replay-equals-live", "a replay equals the live state", replay_equals_live),
    played("snapshots-equal-replay", "a snapshot equals a replay", snapshots_equal_replay),
)
