"""Whether a domain is alive, ready and well: for `/healthz` and `/readyz`. The assembly asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from comity.engine.text import duration

if TYPE_CHECKING:
    from datetime import datetime

    from comity.actors.delivering.outlet_status import OutletStatus
    from comity.actors.operating.health_limits import HealthLimits
    from comity.actors.operating.statuses import Statuses
    from comity.actors.processes.process_status import ProcessStatus
    from comity.actors.projecting.model_status import ModelStatus


class Check(NamedTuple):
    """The answer to one question about a domain."""

    reasons: tuple[str, ...] = ()
    """Why not, in words for people; none if all is well."""

    @property
    def ok(self) -> bool:
        """Whether the answer is yes."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a domain is alive, ready and well, at one moment and as this process sees it."""

    alive: Check
    """Whether the process works. If not, restart it: `/healthz`."""
    ready: Check
    """Whether it takes commands, and its read models can be read and are not late. If not, send
    requests elsewhere for a while: `/readyz`. Not without `alive`."""
    well: Check
    """Whether everything goes on, outlets and processes too. If not, tell a person: what is parked,
    stuck or stopped waits for one. Not without `ready`."""
    commit_age: float
    """Seconds since the oldest commit under way began; 0 if there is none."""
    outage: float
    """Seconds since the journal has been unable to write; 0 if it is able to."""
    models: Mapping[str, float]
    """For each read model the age in seconds of the oldest event that it lacks; 0 if none."""
    outlets: Mapping[str, float]
    """For each outlet the age in seconds of the oldest event neither delivered nor parked."""
    processes: Mapping[str, float]
    """For each process the age in seconds of what waits longest: an event, order or due timer."""

    @property
    def ok(self) -> bool:
        """Whether it is alive, ready and well."""
        return self.well.ok


class Standing(NamedTuple):
    """How the domain itself is, without what follows its journal."""

    closed: str = ""
    """Why it takes nothing any more; empty while it is open."""
    commit_age: float = 0.0
    waited: float = 0.0
    """Seconds since this process has waited for another one to write."""
    holder: str = ""
    """That other process, in words."""
    outage: float = 0.0
    outage_error: str = ""
    idle: float = 0.0
    """Seconds since the domain's periodic work was done."""


def health_of(standing: Standing, said: Statuses, now: datetime, limits: HealthLimits) -> Health:
    """Judge what the parts of a domain have said."""
    models = {one.name: one.lag_seconds for one in said.models}
    outlets = {one.name: max(one.lag_seconds, _age(one.oldest, now)) for one in said.outlets}
    processes = {one.name: max(one.lag_seconds, _age(one.oldest, now)) for one in said.processes}
    alive = tuple(_not_alive(standing, limits))
    ready = alive + tuple(_not_ready(standing, said, limits))
    well = (
        *ready,
        *said.broken,
        *(why for model in said.models for why in _unwell_model(model)),
        *(why for one in said.outlets for why in _unwell_outlet(one, outlets[one.name], limits)),
        *(why for one in said.processes for why in _unwell(one, processes[one.name], limits)),
    )
    return Health(
        Check(alive), Check(ready), Check(well), standing.commit_age, standing.outage,
        models, outlets, processes,
    )  # fmt: skip


def _not_alive(standing: Standing, limits: HealthLimits) -> Iterator[str]:
    if standing.closed:
        yield standing.closed
        return
    if standing.commit_age - standing.waited > limits.hang:
        yield f"a commit has been under way for {duration(standing.commit_age)}: the disk hangs"
    if standing.idle > limits.hang:
        yield f"its periodic work has not been done for {duration(standing.idle)}: it hangs"
    if standing.outage > limits.outage:
        yield _outage(standing)


def _not_ready(standing: Standing, said: Statuses, limits: HealthLimits) -> Iterator[str]:
    if standing.closed:
        return
    if 0 < standing.outage <= limits.outage:
        yield _outage(standing)
    if standing.commit_age > limits.commit:
        if standing.waited:
            yield (
                f"a commit has waited for {duration(standing.waited)} for another process to "
                f"write: {standing.holder or 'nobody knows which'}"
            )
        elif standing.commit_age <= limits.hang:
            yield f"a commit has been under way for {duration(standing.commit_age)}"
    for name, why in said.unreadable.items():
        yield f"read model {name} cannot be read: {why}"
    for one in said.models:
        if one.lag_seconds > limits.lag and one.name not in said.unreadable:
            yield f"read model {one.name} is {_late(one.lag_seconds)}{_standing(one)}"


def _unwell_model(one: ModelStatus) -> Iterator[str]:
    if one.state in ("paused", "waiting", "stopped"):
        yield f"read model {one.name} is {one.state}{_why(one.error)}"
    if one.parked:
        yield f"read model {one.name} has {_many(one.parked, 'parked event')}"


def _unwell_outlet(one: OutletStatus, late: float, limits: HealthLimits) -> Iterator[str]:
    if one.state in ("paused", "waiting", "stopped", "resting"):
        yield f"outlet {one.name} is {one.state}{_why(one.error)}"
    if late > limits.lag:
        yield f"outlet {one.name} is {_late(late)}{_standing(one)}"
    if one.parked:
        yield f"outlet {one.name} has {_many(one.parked, 'parked event')}"


def _unwell(one: ProcessStatus, late: float, limits: HealthLimits) -> Iterator[str]:
    if one.state in ("paused", "waiting", "stopped"):
        yield f"process {one.name} is {one.state}{_why(one.error)}"
    if late > limits.lag:
        yield f"process {one.name} is {_late(late)}{_standing(one)}"
    if one.stuck:
        yield f"process {one.name} has {_many(one.stuck, 'stuck instance')}{_why(one.error)}"


def _outage(standing: Standing) -> str:
    said = f"the journal has been unable to write for {duration(standing.outage)}"
    return said + _why(standing.outage_error)


def _standing(one: ModelStatus | OutletStatus | ProcessStatus) -> str:
    """What else is known of a part that is late."""
    return f" ({one.state}{f', led by {one.led_by}' if one.led_by else ''})"


def _late(seconds: float) -> str:
    return f"{duration(seconds)} late"


def _why(error: str) -> str:
    return f": {error}" if error else ""


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _age(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
