"""Who does it and when: the domain that a host opens, on pykka actors."""

from comity.actors.aggregate import Aggregate, View
from comity.actors.domain import Domain
from comity.actors.event_stream import EventStream
from comity.actors.model_status import ModelStatus
from comity.actors.pending import Batch, Pending
from comity.actors.policy import Policy
from comity.actors.projector import Projector
from comity.actors.read_models import ReadModels
from comity.actors.rebuild import Progress
from comity.actors.session import Session
from comity.actors.subscription import Subscription
from comity.actors.tally import Statistics
from comity.actors.watch import Update, Watch

__all__ = [
    "Aggregate",
    "Batch",
    "Domain",
    "EventStream",
    "ModelStatus",
    "Pending",
    "Policy",
    "Progress",
    "Projector",
    "ReadModels",
    "Session",
    "Statistics",
    "Subscription",
    "Update",
    "View",
    "Watch",
]
