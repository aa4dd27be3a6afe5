"""The dashboards, in the order in which one meets them."""

from typing import Final

from pipeline.kibana.dashboards._shared import Dashboard
from pipeline.kibana.dashboards.brands import BRANDS
from pipeline.kibana.dashboards.coverage import COVERAGE
from pipeline.kibana.dashboards.crisis import CRISIS
from pipeline.kibana.dashboards.operations import OPERATIONS
from pipeline.kibana.dashboards.overview import OVERVIEW
from pipeline.kibana.dashboards.people import PEOPLE
from pipeline.kibana.dashboards.reviews import REVIEWS
from pipeline.kibana.dashboards.work import ALERTS_AND_WORK

__all__ = ["ALL", "Dashboard"]

ALL: Final = (
    OVERVIEW,
    ALERTS_AND_WORK,
    BRANDS,
    CRISIS,
    REVIEWS,
    PEOPLE,
    COVERAGE,
    OPERATIONS,
)
