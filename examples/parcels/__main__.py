"""Parcels whose messages come from a broker late, twice and in the wrong order; some are poison.

Run it: python -m examples.parcels [--parcels 50] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a folder: python examples/parcels
    sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.parcels.domain import parcel
from examples.parcels.play import play

from comity.actors import Domain


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="parcels", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parcels", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="comity-") as folder,
        Domain.open(Path(folder) / "db", deciders=[parcel]) as domain,
    ):
        told = play(domain, parcels=options.parcels, seed=options.seed)
    sent, recorded = told.sent, told.recorded
    print(f"messages published       {told.published:6,}")
    print(f"messages delivered       {told.delivered:6,}  (consumers killed: {told.killed})")
    print(f"acknowledged for good    {told.acknowledged:6,}")
    print(f"in the dead letter queue {told.dead:6,}")
    print(f"scans                    {sent['RecordScan']:6,}, {recorded['Scanned']:,} recorded")
    print(f"fees                     {sent['Charge']:6,}, {recorded['Charged']:,} charged")
    print(f"handed over              {sent['HandOver']:6,}, {recorded['HandedOver']:,} recorded")
    changed = recorded["AddressChanged"]
    refused = sent["ChangeAddress"] - changed
    print(
        f"changes of address       {changed + refused:6,}, {changed:,} applied, {refused:,} refused"
    )
    print("each message had its effect once" if told.exact else "NOT exact")
    return 0 if told.exact else 1


if __name__ == "__main__":
    sys.exit(main())
