"""`comity outlets`, `deliver` and `parked` of outlets: what they print, and what they do."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import ROOT
from tests.cli.mails import Mails
from tests.cli.shell import HOSTILE, Comity, shows_safely
from tests.cli.watchmen import Call, phone

from comity.actors import Deliveries, Domain, OutletLedger
from comity.actors.delivering.kept_lanes import KeptLanes
from comity.actors.delivering.lane import Lane
from comity.cli.deliver import LOOK

MAILS = "tests.cli.mails:Mails"
Deliver = Callable[..., "subprocess.Popen[str]"]


def write(folder: Path) -> None:
    """Calls of five people, two of whom cannot be reached; the domain is closed."""
    with Domain.open(folder / "calls.db", deciders=[phone]) as domain:
        for who in ("ann", "bad-1", "bob", "bad-1", HOSTILE, f"bad{HOSTILE}"):
            domain.session("ann").aggregate(phone, "p1").do(Call(who=who, words=who))


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with such a journal, to be looked at; nothing is delivered."""
    folder = tmp_path_factory.mktemp("calls")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with such a journal, to be looked at; everything is delivered that can be."""
    folder = tmp_path_factory.mktemp("done")
    write(folder)
    with Deliveries.open(folder / "calls.db", [Mails(folder)]) as deliveries:
        wait_for(lambda: not deliveries.outlets()[0].lag_events)
    return folder / "calls.db"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of one's own."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return Path("calls.db")


@pytest.fixture
def delivered(comity: Comity, path: Path) -> Path:
    """The same, when everything is delivered that can be."""
    assert comity("deliver", path, MAILS, "--once").code == 0
    return path


@pytest.fixture
def deliver(path: Path) -> Iterator[Deliver]:
    """Begins to deliver in another process."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        one = subprocess.Popen(
            [sys.executable, "-m", "comity.cli", "deliver", str(path), MAILS, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        begun.append(one)
        return one

    yield begin
    for one in begun:
        one.kill()
        one.communicate(timeout=60)


def sent() -> list[str]:
    file = Path("sent.txt")
    return [*map(ast.literal_eval, file.read_text().splitlines())] if file.exists() else []


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


# Delivering.


def test_once_delivers_what_can_be_and_ends(comity: Comity, path: Path) -> None:
    ran = comity("deliver", path, MAILS, "--once")
    assert (ran.code, ran.out) == (0, "Mails: 3 delivered, 3 parked; position 6\n")
    assert "Mails: " in ran.err
    assert sorted(sent()) == ["ann", "bob", HOSTILE]


def test_an_object_delivers_as_its_class_does(comity: Comity, path: Path) -> None:
    ran = comity("deliver", path, "tests.cli.mails:mails", "--once", "--json")
    found = json.loads(ran.out)
    assert (ran.code, found["delivered"], found["parked"]) == (0, 3, 3)


def test_what_is_delivered_is_not_delivered_again(comity: Comity, delivered: Path) -> None:
    ran = comity("deliver", delivered, MAILS, "--once")
    assert ran.out == "Mails: 3 delivered, 3 parked; position 6\n"
    assert len(sent()) == 3


def end(one: subprocess.Popen[str], number: signal.Signals) -> str:
    """End it by a signal; returns what it printed last."""
    one.send_signal(number)
    out, err = one.communicate(timeout=60)
    assert (one.returncode, "Traceback" in err) == (0, False)
    return out


def is_settled(path: Path) -> bool:
    """Whether the ledger says that everything is delivered that can be."""
    with OutletLedger.open(path, "Mails") as ledger:
        found = ledger.status()
    return (found.delivered, found.parked, found.position) == (3, 3, 6)


def test_ctrl_c_ends_it_cleanly(path: Path, deliver: Deliver) -> None:
    one = deliver()
    wait_for(lambda: Path("sent.txt").exists() and is_settled(path))
    assert end(one, signal.SIGINT) == "Mails: 3 delivered, 3 parked; position 6\n"


def test_a_second_one_waits_and_takes_over(comity: Comity, path: Path, deliver: Deliver) -> None:
    first = deliver()
    wait_for(lambda: Path("sent.txt").exists() and is_settled(path))
    second = deliver("--json")
    assert second.stderr is not None
    told = json.loads(second.stderr.readline())
    assert (told["state"], f"process {first.pid}" in told["error"]) == ("standby", True)
    assert f" {first.pid} " in comity("outlets", path).out
    ran = comity("parked", "replay", path, "Mails")
    assert ran.code == 1
    assert "a program delivers through Mails: call domain.outlet(Mails).try_again" in ran.err
    assert "this one goes on" not in ran.err  # the command has ended
    first.kill()
    while json.loads(second.stderr.readline())["state"] == "standby":
        pass
    with Domain.open(path, deciders=[phone]) as domain:
        domain.aggregate(phone, "p1").do(Call(who="cem"))
        wait_for(lambda: "cem" in sent())
    assert sent().count("ann") == 1
    assert json.loads(end(second, signal.SIGTERM))["parked"] == 3


# Looking.


def test_outlets_are_shown_without_their_code(comity: Comity, done: Path) -> None:
    code, out, err = comity("outlets", done)
    assert (code, err) == (0, "")
    flat = " ".join(out.split())
    assert "Mails 6 3 0 3 – stopped: no program delivers through it now; 2 keys are parked" in flat


def test_what_came_since_is_behind(comity: Comity, delivered: Path) -> None:
    with Domain.open(delivered, deciders=[phone]) as domain:
        domain.aggregate(phone, "p1").do(Call(who="cem"))
    found = json.loads(comity("outlets", delivered, "--json").out)
    assert (found["name"], found["lag_events"], found["parked_keys"]) == ("Mails", 1, 2)
    assert (found["breaker"], found["oldest"] is None) == ("closed", False)
    assert "behind by 1 event, " in " ".join(comity("outlets", delivered).out.split())


def test_no_outlets_say_what_to_do(comity: Comity, calls: Path) -> None:
    assert "run comity deliver" in comity("outlets", calls / "calls.db").out


# Parked events.


def test_parked_events_are_listed_by_name_or_class(comity: Comity, done: Path) -> None:
    for source in ("Mails", MAILS):
        lines = comity("parked", "list", done, source, "--json").out.splitlines()
        first, second, _ = map(json.loads, lines)
        assert (first["key"], first["position"], first["tries"]) == ("bad-1", 2, 1)
        assert first["error"] == "ValueError: nobody answers at bad-1"
        assert (second["position"], second["error"]) == (4, "")
    out = " ".join(comity("parked", "list", done, "Mails").out.split())
    assert "2 bad-1 Called phone/p1@2 ann ValueError: nobody answers at bad-1 (1 tries)" in out


def test_parked_events_are_tried_again_by_the_next_that_delivers(
    comity: Comity, delivered: Path
) -> None:
    Path("mended").touch()
    ran = comity("parked", "replay", delivered, "Mails", "bad-1")
    assert (ran.code, ran.out.startswith("Mails: 2 events are not parked any more")) == (0, True)
    assert comity("deliver", delivered, MAILS, "--once").code == 0
    assert sent().count("bad-1") == 2
    assert len(comity("parked", "list", delivered, "Mails", "--json").out.splitlines()) == 1


def test_once_does_not_end_between_two_events_of_a_key(
    comity: Comity, delivered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In between, none is under way, and the outlet is not behind: both wait in the ledger."""
    plain = KeptLanes.next

    def slow(self: KeptLanes) -> Lane | None:
        lane = plain(self)
        time.sleep(2 * LOOK if lane else 0.0)
        return lane

    monkeypatch.setattr(KeptLanes, "next", slow)
    Path("mended").touch()
    comity("parked", "replay", delivered, "Mails", "bad-1")
    assert comity("deliver", delivered, MAILS, "--once").code == 0
    assert sent().count("bad-1") == 2


def test_all_parked_events_are_tried_again(comity: Comity, delivered: Path) -> None:
    told = comity("parked", "replay", delivered, "Mails", "--json")
    assert json.loads(told.out) == {"tried_again": 3}


def test_parked_events_are_given_up_singly_by_key_or_all(comity: Comity, delivered: Path) -> None:
    drop = ("parked", "drop", delivered, "Mails")
    one = comity(*drop, "bad-1", "--position", "2", "--yes", "--json")
    assert json.loads(one.out) == {"dropped": 1}
    ran = comity(*drop, "bad-1", "--yes")
    assert (ran.code, ran.out) == (0, "Mails: 1 parked events of bad-1 were dropped\n")
    again = comity(*drop, "bad-1", "--yes")
    assert (again.code, "no such parked events of the key 'bad-1'" in again.err) == (1, True)
    assert comity(*drop, "--all", "--yes").out == "Mails: 1 parked events were dropped\n"
    assert comity("parked", "list", delivered, "Mails").out == "Mails has no parked events\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("outlets nothing", 1, "there is nothing at nothing"),
        (f"deliver nothing {MAILS}", 1, "there is nothing at nothing"),
        ("deliver calls.db nowhere:Mails", 2, "there is no module nowhere"),
        ("deliver calls.db tests.cli.mails:Called", 2, "its outlets are Mails, mails, Posts, La"),
        ("deliver calls.db tests.cli.mails:Posts", 2, "Posts() raised TypeError"),
        ("deliver calls.db tests.cli.mails:Later --once", 1, "but the journal ends at 6"),
        (f"deliver calls.db {MAILS} {MAILS}", 2, "two outlets are stored as 'Mails'"),
        (f"deliver calls.db {MAILS} --decider examples.board.domain:board", 2, "listens to Called"),
        ("deliver calls.db", 2, "OUTLET"),
        ("parked list calls.db Mail", 1, "there is no ledger of an outlet 'Mail'"),
        ("parked replay calls.db Mails", 1, "there is no ledger of an outlet 'Mails'"),
        ("parked drop calls.db Mails bad-1", 2, "would never be delivered: add --yes"),
        ("parked drop calls.db Mails --yes", 2, "name a key, or --all"),
        ("parked drop calls.db Mails k --all --yes", 2, "name a key, or --all"),
        ("parked drop calls.db Mails --all --position 2 --yes", 2, "name the key of the event"),
        ("parked list nothing Mails", 1, "there is nothing at nothing"),
    ],
)
def test_what_is_refused(
    comity: Comity,
    calls: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(calls)
    ran = comity(*words.split())
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err.replace("\n", " ")


@pytest.mark.parametrize("words", [["outlets"], ["parked", "list", "Mails"]])
@pytest.mark.parametrize("terminal", [False, True])
def test_data_cannot_drive_the_terminal(
    comity: Comity,
    done: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    *,
    terminal: bool,
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    place = 2 if words[0] == "parked" else 1
    code, out, err = comity(*words[:place], done, *words[place:])
    assert (code, err) == (0, "")
    assert shows_safely(out, something=words[0] == "parked")
