"""A select that is compiled once asks with other values each time, and answers with ids as text."""

from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Text, select

from infrastructure.ids import UlidType, new_id, to_uuid
from infrastructure.prepared_selects import PreparedSelect, parameter

TABLE = Table("things", MetaData(), Column("id", UlidType()), Column("name", Text()))
ONE = PreparedSelect(
    select(TABLE).where(
        TABLE.c.id == parameter("id", UlidType), TABLE.c.name != parameter("name", Text)
    )
)


def test_an_id_goes_to_the_database_as_a_uuid_and_comes_back_as_text() -> None:
    id = new_id()

    assert ONE.bound({"id": id, "name": "screw"}) == {"id": to_uuid(id), "name": "screw"}
    (row,) = ONE.rows([(to_uuid(id), "nail")])
    assert (row.id, row.name) == (id, "nail")


def test_nothing_is_left_of_the_values_of_the_question_before() -> None:
    ONE.bound({"id": new_id(), "name": "screw"})

    assert ONE.bound({"id": None}) == {"id": None, "name": None}


def test_a_value_that_never_changes_stands_in_the_select() -> None:
    always = PreparedSelect(select(TABLE).where(TABLE.c.name == "screw"))

    assert list(always.bound({}).values()) == ["screw"]


def test_columns_without_a_value_stay_so() -> None:
    (row,) = ONE.rows([(None, None)])

    assert (row.id, row.name) == (None, None)
    assert isinstance(ONE.bound({"id": new_id()})["id"], UUID)
