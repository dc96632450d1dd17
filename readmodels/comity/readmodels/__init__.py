"""The shape of a query: read models, their tables, indexes and figures, in LMDB. No threads."""

from comity.readmodels.binding import Lag
from comity.readmodels.figures import Totals
from comity.readmodels.keys import Descending, descending
from comity.readmodels.listener import Listener
from comity.readmodels.parking import Parked
from comity.readmodels.query import Page, Query, Selection
from comity.readmodels.question import Plan
from comity.readmodels.read_model import ReadModel
from comity.readmodels.row import Row
from comity.readmodels.table import Table

__all__ = [
    "Descending",
    "Lag",
    "Listener",
    "Page",
    "Parked",
    "Plan",
    "Query",
    "ReadModel",
    "Row",
    "Selection",
    "Table",
    "Totals",
    "descending",
]
