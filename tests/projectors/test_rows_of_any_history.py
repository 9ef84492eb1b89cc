"""Whatever happened to a requisition, its rows say what the aggregate says, to the rules too."""

from types import SimpleNamespace

from hypothesis import settings
from hypothesis.stateful import invariant

from infrastructure.projection_rows import Rows
from projectors.subscriptions import REQUISITIONS
from query_api.requisitions.transitions import view_of
from tests.builders.log import MemoryLog
from tests.domain.requisitions.test_any_history import AnyHistory
from tests.fixtures.exploring import examples
from tests.projectors.test_requisitions import EMPTY, assert_same


class RowsOfAnyHistory(AnyHistory):
    """The same histories, followed by the projection."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Rows = EMPTY
        self.followed = 0

    @invariant()
    def the_rows_say_what_the_aggregate_says(self) -> None:
        for recorded in MemoryLog().append(self.events)[self.followed :]:
            self.rows = REQUISITIONS.fold(self.rows, recorded)
        self.followed = len(self.events)
        assert_same(dict(self.rows), self.requisition)

    @invariant()
    def the_rules_see_the_same_in_the_rows_and_in_the_aggregate(self) -> None:
        row = SimpleNamespace(**self.rows["requisitions"][0], project_archived=False)
        lines = [SimpleNamespace(**line) for line in self.rows["requisition_lines"]]
        assert view_of(row, lines) == self.requisition.view()


TestRowsOfAnyHistory = RowsOfAnyHistory.TestCase
TestRowsOfAnyHistory.settings = settings(max_examples=examples(150), stateful_step_count=40)
