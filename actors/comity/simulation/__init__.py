"""Simulations: people act on a domain at the same time, in virtual time or in real time.

For hosts that want to know what happens when two people do something at once. It stands on
`comity.actors` and runs the real engine.
"""

from comity.simulation.comparing.compare import Comparison, compare
from comity.simulation.comparing.cost import Cost
from comity.simulation.comparing.policies import own_rules
from comity.simulation.comparing.report import report
from comity.simulation.people.answer import Answer
from comity.simulation.people.crowd import Crowd
from comity.simulation.people.network import Network
from comity.simulation.people.person import Person
from comity.simulation.playing.faults import (
    clock_jump,
    crash,
    failing_disk,
    failing_model,
    lagging_model,
    power_cut,
    second_process,
    slow_disk,
)
from comity.simulation.playing.invariants import always
from comity.simulation.playing.real_time import RealTime
from comity.simulation.playing.scenario import Scenario
from comity.simulation.records.attempt import Attempt, Overlap
from comity.simulation.records.run import Failure, Run
from comity.simulation.replaying.act import Act
from comity.simulation.replaying.rebuilding import Unplayable
from comity.simulation.replaying.recorded_scenario import RecordedScenario, recorded_scenario
from comity.simulation.runtime.dice import Dice
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.simulation.telling.story import story

__all__ = [
    "Act",
    "Answer",
    "Attempt",
    "Comparison",
    "Cost",
    "Crowd",
    "Dice",
    "Failure",
    "Network",
    "Overlap",
    "Person",
    "RealTime",
    "RecordedScenario",
    "Run",
    "Scenario",
    "SimulatedRuntime",
    "Unplayable",
    "always",
    "clock_jump",
    "compare",
    "crash",
    "failing_disk",
    "failing_model",
    "lagging_model",
    "own_rules",
    "power_cut",
    "recorded_scenario",
    "report",
    "second_process",
    "slow_disk",
    "story",
]
