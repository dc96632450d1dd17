"""The recorded year with views an hour old, for `comity simulate`, also under other rules.

Run it: comity simulate examples/incident_desk/scenario.py --compare --html desk.html
"""

from __future__ import annotations

from examples.incident_desk.year import Year

desk = Year.recorded().scenario.aged(3600)
