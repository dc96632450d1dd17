"""Events and commands in the forms of other systems. For hosts that send or receive them.

Nothing of comity itself needs this package. CloudEvents need the extra comity[cloudevents].
"""

from comity.integration.cloud_events import from_cloud_event, to_cloud_event
from comity.integration.http_message import from_http
from comity.integration.known_events import ForeignEvents, KnownEvents
from comity.integration.received import Received
from comity.integration.settled import Settled, settled

__all__ = [
    "ForeignEvents",
    "KnownEvents",
    "Received",
    "Settled",
    "from_cloud_event",
    "from_http",
    "settled",
    "to_cloud_event",
]
