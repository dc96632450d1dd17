"""What a play tells at its end, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from examples.shop_and_warehouse.play import Told


def lines(told: Told, kills: int = 0) -> Iterator[str]:
    """The counts on both sides, and what the network did."""
    proof, network = told.proof, told.network
    yield f"the network: {network['sent']:,} requests in {told.seconds:.1f} s"
    for what in ("down", "lost", "doubled", "answer lost", "no answer"):
        yield f"  {what:<12} {network[what]:7,}"
    for what in sorted(name for name in network if name.startswith("answered")):
        yield f"  {what:<12} {network[what]:7,}"
    yield f"  warehouse killed {kills:,} times"
    yield f"{'':14} {'shop':>8}  warehouse"
    events = proof.placed + proof.cancelled
    yield f"{'events':<14} {events:8,}  {proof.commands:,} commands with ids of their own"
    ends = f"{proof.reserved:,} reserved, {proof.refused:,} refused"
    yield f"{'orders':<14} {proof.placed:8,}  {ends}"
    yield f"{'cancelled':<14} {proof.cancelled:8,}  {proof.released:,} released"
    yield from (f"  WRONG: {mistake}" for mistake in proof.mistakes)
    yield "exactly once" if proof.exact else "NOT exactly once"
