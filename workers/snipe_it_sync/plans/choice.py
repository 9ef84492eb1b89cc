"""The plan for each kind of operation."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.inventory_operations.kinds import Kind
from workers.snipe_it_sync.plans.custody import CUSTODY
from workers.snipe_it_sync.plans.maintenances import MAINTENANCES
from workers.snipe_it_sync.plans.quantities import QUANTITIES
from workers.snipe_it_sync.plans.records import RECORDS
from workers.snipe_it_sync.plans.sight import Plan

PLANS: Final[Mapping[Kind, Plan]] = MappingProxyType(
    {**CUSTODY, **QUANTITIES, **MAINTENANCES, **RECORDS}
)
