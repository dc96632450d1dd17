"""What the page of the guided task shows of the process and the outlet that are at work."""

from __future__ import annotations

from examples.sprint.chat import Chat
from examples.sprint.outlets import Posts
from examples.sprint.process import closing
from examples.web.workers import leader

from comity.actors import Domain, OutletStatus, ProcessStatus

NEWEST = 5
"""How many of the chat's posts are shown."""


def work(domain: Domain, chat: Chat, board: str) -> dict[str, object]:
    """What is at work for one board. It reads the journal, so not on an event loop."""
    posts = [post.text for post in chat.posts(board)[:NEWEST]]
    return {
        "process": process_of(domain, board),
        "outlet": outlet_of(domain),
        "chat": {"weather": chat.weather, "calls": chat.calls, "posts": posts},
    }


def process_of(domain: Domain, board: str) -> dict[str, object]:
    """Where the process is with one board, and what it waits for."""
    handle = domain.process(closing)
    status, state, waits = handle.status(), handle.state(board), handle.waits_for(board)
    return {
        "state": at_work(status),
        "step": state.step if state is not None else "over",
        "timer": waits.timers[0].due.isoformat() if waits.timers else None,
        "orders": [f"{order.command} of {order.aggregate.key}" for order in waits.orders],
        "behind": len(waits.events),
        "stuck": "; ".join(one.reason for one in waits.stuck),
    }


def outlet_of(domain: Domain) -> dict[str, object]:
    """How the outlet to the chat is; of all boards."""
    status = domain.outlet(Posts).status()
    return {
        "state": at_work(status),
        "behind": status.lag_events,
        "seconds": round(status.lag_seconds),
        "oldest": status.oldest.isoformat() if status.oldest else None,
        "waiting": status.waiting,
        "parked": status.parked,
        "breaker": status.breaker,
        "delivered": status.delivered,
        "failed": status.failed,
        "error": "" if status.led_by else status.error,
    }


def at_work(status: ProcessStatus | OutletStatus) -> str:
    """Its state, or which worker it is at work in if it is another one."""
    return f"at work in process {leader(status.led_by)}" if status.led_by else status.state
