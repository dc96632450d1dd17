"""Sessions and ids that go from one process to another, while commands are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.property.desk import Claim, DeskCommand, Paint, Spend, Type, Vote
from tests.sharing.calls import Call, Decided, Trouble
from tests.sharing.crew import Crew, Worker
from tests.sharing.ways import desks, look, send
from tests.support.stopping import stop

KEY = "k"


@pytest.fixture
def crew() -> Iterator[Crew]:
    with Crew() as crew:
        yield crew


@pytest.fixture
def two(crew: Crew, tmp_path: Path) -> list[Worker]:
    return crew.several([desks(tmp_path / "d")] * 2)


def says(call: Call) -> tuple[object, ...]:
    """What the answer says."""
    assert isinstance(call.answer, Decided), call.answer
    return call.answer


@pytest.mark.parametrize("command", [Vote(votes=1), Spend(amount=9), Paint(colour="")])
def test_a_retry_at_another_process_gets_the_first_answer(
    two: list[Worker], command: DeskCommand
) -> None:
    here, there = two
    there.ask(look, KEY)
    first = here.ask(send, KEY, command, id="a", who="ann")
    assert says(there.ask(send, KEY, command, id="a", who="ann")) == says(first)


def test_an_id_of_another_process_is_good_for_no_other_command(two: list[Worker]) -> None:
    here, there = two
    here.ask(send, KEY, Vote(votes=1), id="a")
    for key, command in (KEY, Vote(votes=2)), ("elsewhere", Vote(votes=1)):
        answer = there.ask(send, key, command, id="a").answer
        assert isinstance(answer, Trouble)
        assert answer.kind == "IdReused"


def test_what_a_receipt_of_another_process_says_is_there_to_be_seen(two: list[Worker]) -> None:
    for number in range(10):
        here, there = two[number % 2], two[1 - number % 2]
        here.ask(send, KEY, Vote(votes=1), id=f"{number}")
        assert there.ask(look, KEY).version == 2 * number + 1
        again = there.ask(send, KEY, Vote(votes=1), id=f"{number} again", seen=2 * number + 1)
        assert says(again)[0][1] == 2 * number + 2  # type: ignore[index]


def test_a_session_that_goes_on_elsewhere_has_seen_what_it_did_before(two: list[Worker]) -> None:
    here, there = two
    first = here.ask(send, KEY, Type(at=0, text="a"), id="a", who="ann", seen=0)
    own = there.ask(send, KEY, Type(at=1, text="b"), id="b", who="ann", seen=0)
    other = here.ask(send, KEY, Type(at=0, text="c"), id="c", who="bob", seen=0)
    claimed = there.ask(send, KEY, Claim(drawer="a"), id="d", who="ann", seen=2)
    outcomes = [
        call.answer.says[0]
        for call in (first, own, other, claimed)
        if isinstance(call.answer, Decided)
    ]
    assert outcomes == ["applied", "applied", "rebased", "merged"]


def test_a_process_that_hung_meanwhile_gets_the_answer_that_its_command_got_elsewhere(
    two: list[Worker], tmp_path: Path
) -> None:
    here, there = two
    here.ask(look, KEY)
    stop(here.pid, tmp_path)
    sent = here.begin(send, KEY, Vote(votes=1), id="a", who="ann")
    first = there.ask(send, KEY, Vote(votes=1), id="a", who="ann")
    here.go_on()
    assert says(sent.result(60)) == says(first)
    assert there.ask(look, KEY).version == 1
