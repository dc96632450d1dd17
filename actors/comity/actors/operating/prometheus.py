"""A domain's figures as Prometheus scrapes them. `Domain.prometheus` gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from comity.actors.delivering.outlet_status import OutletStatus
from comity.actors.operating.exposition import Exposition, Kind
from comity.actors.processes.process_status import ProcessStatus
from comity.actors.projecting.model_status import ModelStatus

if TYPE_CHECKING:
    from comity.actors.observing.statistics import Statistics
    from comity.actors.operating.health import Health
    from comity.actors.operating.statuses import Statuses

_S = TypeVar("_S", ModelStatus, OutletStatus, ProcessStatus)
_Figure: TypeAlias = tuple[str, Kind, str, Callable[[_S], float]]
"""The end of its name, its kind, what it says, and how it is read."""

PROMETHEUS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the text."""


def prometheus_text(said: Statuses, health: Health, figures: Statistics | None) -> str:
    """Write the figures of a domain; without `figures` those that a broken journal still has."""
    text = Exposition()
    _health(text, health)
    if figures is not None:
        _work(text, figures)
    _parts(text, said, health)
    return str(text)


def _health(text: Exposition, health: Health) -> None:
    checks = {"alive": health.alive, "ready": health.ready, "well": health.well}
    text.add_each(
        "comity_health", "gauge", "Whether the domain is alive, ready and well: 1 or 0.",
        [({"check": name}, int(check.ok)) for name, check in checks.items()],
    )  # fmt: skip
    text.add(
        "comity_commit_age_seconds", "gauge",
        "Age of the oldest commit under way; 0 without one.", health.commit_age,
    )  # fmt: skip
    text.add(
        "comity_outage_seconds", "gauge",
        "For how long the journal has been unable to write; 0 if it is able to.", health.outage,
    )  # fmt: skip


def _work(text: Exposition, figures: Statistics) -> None:
    plain: Iterable[tuple[str, Kind, str, float]] = (
        ("uptime_seconds", "gauge", "Since the domain was opened.", figures.uptime),
        ("live_aggregates", "gauge", "Aggregates in memory.", figures.live),
        ("undecided_commands", "gauge", "Commands that are not decided yet.", figures.undecided),
        ("deepest_inbox", "gauge", "Undecided commands of the aggregate that has the most.",
         figures.deepest),
        ("unanswered_commands", "gauge", "Commands that are decided and not durable.",
         figures.unanswered),
        ("threads", "gauge", "Threads that run aggregates.", figures.threads),
        ("journal_position", "gauge", "The position of the journal's last event, of any process.",
         figures.position),
        ("journal_size_bytes", "gauge", "Bytes of the journal on the disk.", figures.size),
        ("sharing_processes", "gauge", "Processes that have the journal open.",
         len(figures.sharers)),
        ("commits_total", "counter", "Groups that this process has written.", figures.commits),
        ("events_total", "counter", "Events that this process has written.", figures.events),
        ("failed_commits_total", "counter", "Groups that could not be written at first.",
         figures.failed_commits),
    )  # fmt: skip
    for name, kind, about, value in plain:
        text.add(f"comity_{name}", kind, about, value)
    text.add_each(
        "comity_commands_total", "counter", "Commands and previews that ended here, by their end.",
        [({"end": end}, many) for end, many in figures.ends.items()],
    )  # fmt: skip
    text.add_each(
        "comity_conflicts_total", "counter", "Refusals by conflict rules, by command and place.",
        [
            ({"command": command, "place": place}, many)
            for (command, place), many in figures.conflicts.items()
        ],
    )  # fmt: skip


_OF_MODELS: Final[Sequence[_Figure[ModelStatus]]] = (
    ("lag_seconds", "gauge", "Age of the oldest event that it lacks.",
     lambda one: one.lag_seconds),
    ("lag_events", "gauge", "Events that it lacks.", lambda one: one.lag_events),
    ("position", "gauge", "It includes all events up to there.", lambda one: one.position),
    ("size_bytes", "gauge", "Bytes on the disk.", lambda one: one.size),
    ("parked_events", "gauge", "Events that are parked.", lambda one: one.parked),
    ("leads", "gauge", "Whether this process leads it: 1 or 0.", lambda one: not one.led_by),
)  # fmt: skip
_OF_OUTLETS: Final[Sequence[_Figure[OutletStatus]]] = (
    ("lag_seconds", "gauge", "Age of the first event after its position.",
     lambda one: one.lag_seconds),
    ("lag_events", "gauge", "Events after its position.", lambda one: one.lag_events),
    ("in_flight", "gauge", "Deliveries under way.", lambda one: one.in_flight),
    ("waiting_keys", "gauge", "Keys that back off after a failure.", lambda one: one.waiting),
    ("waiting_events", "gauge", "Events behind failures.", lambda one: one.waiting_events),
    ("parked_events", "gauge", "Events that are parked.", lambda one: one.parked),
    ("resting", "gauge", "Whether the breaker rests all deliveries: 1 or 0.",
     lambda one: one.breaker != "closed"),
    ("delivered_total", "counter", "Deliveries that succeeded since the outlet began.",
     lambda one: one.delivered),
    ("failed_total", "counter", "Deliveries that failed in this process.", lambda one: one.failed),
    ("given_up_total", "counter", "Parked events that were given up.", lambda one: one.given_up),
    ("leads", "gauge", "Whether this process delivers: 1 or 0.", lambda one: not one.led_by),
)  # fmt: skip
_OF_PROCESSES: Final[Sequence[_Figure[ProcessStatus]]] = (
    ("lag_seconds", "gauge", "Age of the oldest event that its agenda lacks.",
     lambda one: one.lag_seconds),
    ("lag_events", "gauge", "Events that its agenda lacks.", lambda one: one.lag_events),
    ("running", "gauge", "Instances that have begun and not ended.", lambda one: one.running),
    ("ended", "gauge", "Instances that have ended.", lambda one: one.ended),
    ("unheard_events", "gauge", "Events that instances have not heard.", lambda one: one.unheard),
    ("open_orders", "gauge", "Orders without an answer.", lambda one: one.orders),
    ("timers", "gauge", "Timers that are set.", lambda one: one.timers),
    ("stuck", "gauge", "Instances that wait for a person; known where the process runs.",
     lambda one: one.stuck),
    ("leads", "gauge", "Whether this process runs it: 1 or 0.", lambda one: not one.led_by),
)  # fmt: skip


def _parts(text: Exposition, said: Statuses, health: Health) -> None:
    """Add what follows the journal; the label is the part's name."""
    _each(text, "model", said.models, _OF_MODELS)
    text.add_each(
        "comity_model_readable", "gauge", "Whether it can be read: 1 or 0.",
        [({"model": one.name}, one.name not in said.unreadable) for one in said.models],
    )  # fmt: skip
    text.add_each(
        "comity_model_rows", "gauge", "Rows of a table.",
        [
            ({"model": one.name, "table": table}, many)
            for one in said.models
            for table, many in one.rows.items()
        ],
    )  # fmt: skip
    _each(text, "outlet", said.outlets, _OF_OUTLETS)
    _waits(text, "outlet", "Age of the oldest event neither delivered nor parked.", health.outlets)
    _each(text, "process", said.processes, _OF_PROCESSES)
    _waits(text, "process", "Age of the event, order or due timer that waits longest.",
           health.processes)  # fmt: skip


def _each(
    text: Exposition, kind: str, statuses: Sequence[_S], figures: Sequence[_Figure[_S]]
) -> None:
    for name, type_, about, value in figures:
        text.add_each(
            f"comity_{kind}_{name}", type_, about,
            [({kind: one.name}, value(one)) for one in statuses],
        )  # fmt: skip
    text.add_each(
        f"comity_{kind}_state", "gauge", "Its state: 1 for the one that it has.",
        [({kind: one.name, "state": one.state}, 1) for one in statuses],
    )  # fmt: skip


def _waits(text: Exposition, kind: str, about: str, ages: Mapping[str, float]) -> None:
    text.add_each(
        f"comity_{kind}_oldest_seconds", "gauge", about,
        [({kind: name}, age) for name, age in ages.items()],
    )  # fmt: skip
