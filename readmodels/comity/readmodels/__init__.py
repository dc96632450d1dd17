"""The shape of a query: read models, their tables, indexes and figures, in LMDB. No threads."""

from comity.readmodels.keys.encoding import Descending, descending
from comity.readmodels.projecting.listener import Listener
from comity.readmodels.projecting.parking import Parked
from comity.readmodels.tables.binding import Lag
from comity.readmodels.tables.figures import Totals
from comity.readmodels.tables.query import Page, Query, Selection
from comity.readmodels.tables.question import Plan
from comity.readmodels.tables.read_model import ReadModel
from comity.readmodels.tables.row import Row
from comity.readmodels.tables.table import Table

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
