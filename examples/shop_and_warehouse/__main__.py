"""A shop posts its events to a warehouse, which is killed, over a network that is bad.

Run it: python -m examples.shop_and_warehouse [--events 1000] [--seed 1] [--kills 3]
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

if not __package__:  # run as a folder: python examples/shop_and_warehouse
    sys.path.insert(0, str(Path(__file__).parents[2]))


NEEDED = ("cloudevents", "fastapi", "uvicorn")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        how = './scripts/install does it, or pip install ".[web,cloudevents]"'
        print(f"{' and '.join(missing)} must be installed: {how}", file=sys.stderr)
        return 2
    from examples.shop_and_warehouse.client import Client  # noqa: PLC0415 - see above
    from examples.shop_and_warehouse.network import Weather  # noqa: PLC0415
    from examples.shop_and_warehouse.play import fill, play  # noqa: PLC0415
    from examples.shop_and_warehouse.service import HOST, Service, killing  # noqa: PLC0415
    from examples.shop_and_warehouse.telling import lines  # noqa: PLC0415

    logging.getLogger("comity").setLevel(logging.ERROR)  # each delivery that fails is a warning
    with tempfile.TemporaryDirectory(prefix="comity-") as name:
        folder = Path(name)
        fill(folder / "warehouse")
        with (
            Service(folder / "warehouse") as service,
            Client(HOST, service.port) as client,
        ):
            told = play(
                folder,
                client.post,
                events=options.events,
                seed=options.seed,
                weather=Weather(period=4.0),
                meanwhile=killing(service, options.kills),
                ended=service.stop,
            )
    print("\n".join(lines(told, service.kills)))
    return 0 if told.proof.exact else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="shop_and_warehouse", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--events", type=int, default=1_000, help="how many (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the orders and the network (1)")
    parser.add_argument("--kills", type=int, default=3, help="of the warehouse, by SIGKILL (3)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
