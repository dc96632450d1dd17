"""The program that is killed, again and again, and the one that kills it.

Run as `python -m tests.crash.reaching.killer FOLDER SEED KILLS`. It forks the service, and then one
life of the domain after the other; the last one is not killed, and brings everything to its end.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.crash.reaching.service import CHANCES, serve
from tests.crash.reaching.shop import Bills, ChangeOrder, PlaceOrder, open_shop, shop

from comity.actors import Domain
from comity.engine import ComityError
from comity.readmodels.tables.read_model import AnyReadModel

LONGEST = 0.8
"""Seconds of a life, at most; a fifth of them end while the domain opens."""
TOO_MUCH = 150
"""With so many open orders and unheard events, customers wait."""
PATIENCE = 120.0
"""Seconds that the last life has."""


def fork(function: Callable[[], object]) -> int:
    """Run a function in a child, which ends when it returns. This process has only one thread."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        function()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def live(path: Path, service: Path, life: int, seed: int) -> None:
    """Place orders until killed."""
    domain = open_shop(path, service, life)
    for customer in range(2):
        dice = random.Random(f"{seed} {life} {customer}")
        name = f"{life}-{customer}"
        threading.Thread(target=_place, args=(domain, name, dice), daemon=True).start()
    while True:
        time.sleep(0.05)
        domain.outlet(Bills).try_again()


def _place(domain: Domain, name: str, dice: random.Random) -> None:
    for number in range(100_000):
        order = f"{name}-{number}"
        customer = domain.aggregate(shop, f"s{dice.randrange(5)}")
        with suppress(ComityError):
            placed = PlaceOrder(
                order=order, weight=dice.randrange(1, 100), late=dice.randrange(5, 500)
            )
            customer.do(placed)
            if dice.random() < 0.3:
                time.sleep(dice.uniform(0, 0.02))
                customer.do(ChangeOrder(order=order))
        time.sleep(dice.uniform(0, 0.01))
        (status,) = domain.processes()
        while status.unheard + status.orders > TOO_MUCH:
            time.sleep(0.02)
            (status,) = domain.processes()


def bring_to_an_end(
    path: Path, service: Path, life: int, read_models: Sequence[type[AnyReadModel]] = ()
) -> None:
    """Open the domain once more, and wait until nothing is left to do."""
    until = time.monotonic() + PATIENCE
    with open_shop(path, service, life, read_models) as domain:
        while not _is_done(domain):
            domain.outlet(Bills).try_again()
            if time.monotonic() > until:
                told = f"{domain.processes()}\n{domain.outlets()}"
                raise TimeoutError(f"not done after {PATIENCE} s:\n{told}")
            time.sleep(0.02)
        for model in read_models:
            domain.reached(model, domain.statistics().position, timeout=PATIENCE).result(PATIENCE)


def _is_done(domain: Domain) -> bool:
    (process,) = domain.processes()
    return process.lag_events == process.unheard == process.orders == process.running == 0 and all(
        one.lag_events == one.waiting == one.parked == 0 for one in domain.outlets()
    )


def main() -> None:
    """Kill so often, and let the last life end well."""
    folder, seed, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    dice, path, place = random.Random(seed), folder / "shop", folder / "service"
    service = fork(partial(serve, place, folder / "ledger", seed, CHANCES))
    try:
        while not place.exists():
            time.sleep(0.005)
        for life in range(1, kills + 1):
            child = fork(partial(live, path, place, life, seed))
            time.sleep(dice.uniform(0, 0.06) if life % 5 == 0 else dice.uniform(0.05, LONGEST))
            os.kill(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code != -signal.SIGKILL:
                sys.exit(f"life {life} of seed {seed} ended by itself, with {code}")
        last = fork(partial(bring_to_an_end, path, place, kills + 1))
        if os.waitstatus_to_exitcode(os.waitpid(last, 0)[1]) != 0:
            sys.exit(f"the last life of seed {seed} did not come to its end")
    finally:
        os.kill(service, signal.SIGKILL)
        os.waitpid(service, 0)


if __name__ == "__main__":
    main()
