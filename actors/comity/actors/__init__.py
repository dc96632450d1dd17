"""The domain that a host opens: actors, threads and handles, on pykka."""

from comity.actors.aggregate import Aggregate, View
from comity.actors.delivering.deliverer import Deliverer
from comity.actors.delivering.deliveries import Deliveries
from comity.actors.delivering.delivery import Delivery
from comity.actors.delivering.outlet import Outlet
from comity.actors.delivering.outlet_ledger import OutletLedger
from comity.actors.delivering.outlet_status import OutletStatus
from comity.actors.delivering.parked_delivery import ParkedDelivery
from comity.actors.delivering.rejoining import Rejoined
from comity.actors.domain import Domain
from comity.actors.following.event_stream import EventStream
from comity.actors.following.subscription import Subscription
from comity.actors.observing.facts import Arrived, Committed, Ended, Loaded, Merged, Stepped
from comity.actors.observing.observer import Observer
from comity.actors.observing.statistics import Statistics
from comity.actors.operating.backing_up import backup, check_backup, restore
from comity.actors.operating.health import Check, Health
from comity.actors.operating.health_limits import HealthLimits
from comity.actors.operating.prometheus import PROMETHEUS_TYPE
from comity.actors.processes.errand import Stuck
from comity.actors.processes.process_handle import ProcessHandle
from comity.actors.processes.process_status import InstanceStatus, ProcessStatus
from comity.actors.processes.waits import Waits
from comity.actors.projecting.model_status import ModelStatus
from comity.actors.projecting.progress import Progress
from comity.actors.projecting.projector import Projector
from comity.actors.projecting.read_models import ReadModels
from comity.actors.reading.update import Update
from comity.actors.reading.watch import Watch
from comity.actors.runtime.pending import Batch, Pending
from comity.actors.runtime.policy import Policy
from comity.actors.session import Session

__all__ = [
    "Aggregate",
    "Arrived",
    "Batch",
    "Check",
    "Committed",
    "Deliverer",
    "Deliveries",
    "Delivery",
    "Domain",
    "Ended",
    "EventStream",
    "Health",
    "HealthLimits",
    "InstanceStatus",
    "Loaded",
    "Merged",
    "ModelStatus",
    "Observer",
    "Outlet",
    "OutletLedger",
    "OutletStatus",
    "PROMETHEUS_TYPE",
    "ParkedDelivery",
    "Pending",
    "Policy",
    "ProcessHandle",
    "ProcessStatus",
    "Progress",
    "Projector",
    "ReadModels",
    "Rejoined",
    "Session",
    "Statistics",
    "Stepped",
    "Stuck",
    "Subscription",
    "Update",
    "View",
    "Waits",
    "Watch",
    "backup",
    "check_backup",
    "restore",
]
