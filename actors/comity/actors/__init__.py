"""Who does it and when: the domain that a host opens, on pykka actors."""

from comity.actors.aggregate import Aggregate, View
from comity.actors.domain import Domain
from comity.actors.pending import Batch, Pending
from comity.actors.policy import Policy
from comity.actors.session import Session
from comity.actors.subscription import Subscription
from comity.actors.tally import Statistics

__all__ = [
    "Aggregate",
    "Batch",
    "Domain",
    "Pending",
    "Policy",
    "Session",
    "Statistics",
    "Subscription",
    "View",
]
