"""Forty-one real cases: one of each of the common step sequences, the longest, the odd ones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st

from demo.replay.data_file import ACTIVITIES, SAVED, SUBMITTED, Row

SAMPLE = Path(__file__).parent.parent / "fixtures" / "data" / "requests-sample.csv.gz"


def rows(*activities: str, amount: str = "34.34") -> list[Row]:
    """The rows of one made-up case, a minute apart."""
    begin = datetime(2017, 1, 9, tzinfo=UTC)
    return [
        Row("c1", number, begin + timedelta(minutes=number), activity, "p1", Decimal(amount))
        for number, activity in enumerate(activities, start=1)
    ]


histories = st.tuples(
    st.sampled_from([SUBMITTED, SAVED]), st.lists(st.sampled_from(sorted(ACTIVITIES)), max_size=12)
).map(lambda parts: rows(parts[0], *parts[1]))
"""Cases of any activities in any order, begun by a submission or a draft."""
