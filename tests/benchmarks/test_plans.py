import pytest
from benchmarks.contender import CONTENDERS, FLOORS
from benchmarks.estimate import runs, seconds, told
from benchmarks.skipped import possible
from benchmarks.worker import WORKLOADS

from benchmarks import cost_plan, plan, plans

ALL = [plans.quick(), plans.standard(), plans.full()]
EACH = [*ALL, plans.growth(), cost_plan.costs()]


@pytest.mark.parametrize("todo", EACH, ids=lambda todo: todo.name)
def test_a_plan_names_only_what_there_is(todo: plan.Plan) -> None:
    for item in todo.items:
        assert item.case.workload in WORKLOADS
        assert set(item.contenders) <= CONTENDERS.keys() | FLOORS.keys()


@pytest.mark.parametrize("todo", EACH, ids=lambda todo: todo.name)
def test_nobody_takes_part_twice_in_one_case(todo: plan.Plan) -> None:
    taking = [(item.case.name, one) for item in todo.items for one in item.contenders]
    assert len(taking) == len(set(taking))


def test_the_standard_plan_lies_between_the_quick_one_and_everything() -> None:
    quick, standard, full = map(seconds, ALL)
    assert quick < 3 * 60 < 10 * 60 < standard < 20 * 60 < full
    assert "about" in told(plans.standard())


def test_the_standard_plan_measures_each_workload_and_slow_contenders_once() -> None:
    standard = plans.standard()
    assert {item.case.workload for item in standard.items} == WORKLOADS.keys() - {"cost"}
    slow = [item for item in standard.items if "eventsource-py" in item.contenders]
    assert slow
    assert all("eventsource-py" in item.taking_part(1) for item in slow)
    assert not any("eventsource-py" in item.taking_part(2) for item in slow)
    assert all("comity" in item.taking_part(standard.rounds) for item in slow)


def test_growth_goes_to_a_million_aggregates_and_ten_million_events() -> None:
    growth = {item.case.variant: item for item in plans.growth().items}
    assert growth["1,000,000 aggregates"].rounds == growth["10,000,000 events"].rounds == 1
    assert growth["10 aggregates"].rounds == 0
    assert {item.case.workload for item in growth.values()} == {"memory", "disk", "growth"}


def test_a_part_of_a_plan_reads_only_if_it_is_told_to() -> None:
    assert plans.quick().only(["voter"]).reading is None
    assert plans.quick().only(["reading"]).reading is not None
    assert runs(plans.quick().only(["reading"])) == 0


def test_a_loop_that_is_not_installed_is_skipped_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.skipped.find_spec", nothing)
    todo, skipped = possible(plans.standard().only(["b, asyncio", "uvloop"]))
    assert {item.case.options["mode"] for item in todo.items} == {"asyncio"}
    assert list(skipped) == ["board: b, uvloop", "board: c, uvloop, read model"]
    assert all("uvloop is not installed" in reason for reason in skipped.values())


def nothing(_: str) -> None:
    return None
