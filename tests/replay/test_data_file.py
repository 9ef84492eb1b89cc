"""A file that cannot be replayed stops with the line and the column at fault."""

import gzip
from pathlib import Path

import pytest

from demo.replay.data_file import MalformedFile, parse_cases, read_cases

HEADER = "case,at,activity,role,resource,project,unit,amount"
GOOD = "c1,2017-01-09T09:17:18.000+01:00,SUBMITTED by EMPLOYEE,EMPLOYEE,X,project 1,unit 1,34.34"


def test_the_rows_of_a_case_are_numbered_in_order() -> None:
    later = GOOD.replace("09:17", "09:18").replace("SUBMITTED by EMPLOYEE", "Payment Handled")
    other = GOOD.replace("c1,", "c2,")
    cases = parse_cases([HEADER, GOOD, other, later])
    assert [(row.case, row.number) for rows in cases.values() for row in rows] == [
        ("c1", 1),
        ("c1", 2),
        ("c2", 1),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace(",34.34", ""), "line 2: 7 columns where 8 are needed"),
        (GOOD.replace("34.34", "34"), "line 2, column 'amount': '34' is not an amount"),
        (GOOD.replace("34.34", "-3.40"), "line 2, column 'amount'"),
        (GOOD.replace("2017-01-09T", "soon"), "line 2, column 'at': 'soon09:17:18.000+01:00'"),
        (GOOD.replace("+01:00", ""), "line 2, column 'at': '2017-01-09T09:17:18.000' has no time"),
        (GOOD.replace("SUBMITTED by", "BLESSED by"), "line 2, column 'activity': unknown activity"),
        (GOOD.replace("SUBMITTED by EMPLOYEE", "Payment Handled"), "a case cannot begin with"),
        (GOOD.replace("c1,", ","), "line 2, column 'case': the case is empty"),
    ],
)
def test_a_malformed_row_is_named_with_its_line_and_column(line: str, message: str) -> None:
    with pytest.raises(MalformedFile) as refused:
        parse_cases([HEADER, line])
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("2017-01-09", "2016-01-09"), "line 3, column 'at': earlier than the row before it"),
        (("project 1", "project 2"), "line 3, column 'project': another project"),
    ],
)
def test_a_row_that_does_not_follow_the_one_before_it_is_named(
    change: tuple[str, str], message: str
) -> None:
    with pytest.raises(MalformedFile) as refused:
        parse_cases([HEADER, GOOD, GOOD.replace(*change)])
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: the file is empty"),
        ([HEADER], "line 2: the file has a header and no events"),
        ([HEADER.replace("amount", "sum"), GOOD], "line 1, column 8: the header says 'sum'"),
        ([HEADER.replace(",amount", ""), GOOD], "line 1: 7 columns"),
        ([HEADER, '"open quote'], "line 2: not CSV"),
    ],
)
def test_a_file_without_header_or_events_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(MalformedFile) as refused:
        parse_cases(lines)
    assert message in str(refused.value)


def test_a_cut_off_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{GOOD}".encode())[:-12])
    with pytest.raises(MalformedFile, match="cut off"):
        read_cases(path)


def test_a_plain_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv.gz"
    path.write_text(f"{HEADER}\n{GOOD}")
    with pytest.raises(MalformedFile, match="not a sound gzip file"):
        read_cases(path)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, GOOD.replace("X", "é")]).encode("latin-1")))
    with pytest.raises(MalformedFile, match="not UTF-8"):
        read_cases(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match="there is no such file"):
        read_cases(tmp_path / "nowhere.csv.gz")
