"""Workbooks as Excel writes them: every cell as the text that it shows, or refused by name."""

import io
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter

from services.ingest.lanes.rows import FileRefusedError
from services.ingest.reading import workbook_table
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.table import TableWriter
from services.ingest.reading.workbook import column_number
from tests.ingest.reading.spooled import (
    cells,
    column,
    faults,
    limits,
    prepared,
    recipients,
    refused,
    spooled,
)
from tests.ingest.reading.workbooks import (
    GOOD,
    HEADER,
    Cell,
    cell,
    far,
    raw_sheet,
    raw_workbook,
    workbook,
)

MERGED = ("Alıcı", "Tür", "Ad")


def table_of(
    content: bytes, *, rows: int = 5000, most: ReadLimits | None = None
) -> list[list[str | None]]:
    """Return the rows of a workbook, read in this process; the last cell tells of faults."""
    sink = io.BytesIO()
    table = TableWriter(sink, rows=rows)
    file = io.BytesIO(content)
    workbook_table.write_workbook(file, table, size=len(content), limits=most or ReadLimits())
    table.close()
    sink.seek(0)
    batches = pa.ipc.open_file(sink)
    return [
        list(row.values())
        for n in range(batches.num_record_batches)
        for row in batches.get_batch(n).to_pylist()
    ]


def why(content: bytes, *, most: ReadLimits | None = None) -> str:
    """Return the code by which a workbook is refused."""
    with pytest.raises(FileRefusedError) as told:
        table_of(content, most=most)
    return told.value.code


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("0599 111 22 33", "0599 111 22 33"),
        (5991112233, "5991112233"),
        (905991112233.0, "905991112233"),
        (0.1, "0.1"),
        (1.5e-7, "0.00000015"),
        (46083.5, "46083.5"),
        (datetime(2026, 3, 2, 14, 5, 9), "2026-03-02 14:05:09"),  # noqa: DTZ001  # as in the cell
        (date(2026, 3, 2), "2026-03-02 00:00:00"),
        (True, "true"),
        (" iki\nsatır ", " iki\nsatır "),
        (None, None),
    ],
)
def test_a_cell_is_the_text_that_the_wire_would_want(written: Cell, text: str | None) -> None:
    assert table_of(workbook([HEADER, (written, "x")]))[1][0] == text


def test_a_long_number_shown_with_an_exponent_keeps_its_digits() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        rounded = book.add_format({"num_format": "0.00E+00"})
        book.add_worksheet().write_number(0, 0, 905991112233, rounded)
    assert table_of(file.getvalue())[0][0] == "905991112233"


def test_of_a_formula_counts_the_value_that_was_computed_last() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_formula("A1", '="0599"&"1112233"', None, "05991112233")
        sheet.write_formula("B1", "=1+1", None, 2)
        sheet.write_formula("C1", "=1/0", None, "#DIV/0!")
    assert table_of(file.getvalue()) == [["05991112233", "2", None, "CELL_IN_ERROR:2"]]


def test_a_file_made_by_hand_is_read_row_by_row_with_its_faults(tmp_path: Path) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row("B2", ["İzin listesi"])
        sheet.write_row("B4", [*HEADER, "Ad"])
        for row in range(4, 12):
            sheet.write_row(row, 1, GOOD)
        sheet.write_formula("C6", "=NA()", None, "#N/A")  # row 6: a cell that counts
        sheet.write_formula("H7", "=NA()", None, "#N/A")  # row 7: one that does not
        sheet.merge_range("C8:C9", "MESAJ")  # rows 8 and 9
        sheet.merge_range("H10:H11", "Ali")  # nobody's business
        sheet.write_number("B12", 5991112234)
    spool = spooled(tmp_path, file.getvalue())
    pieces = prepared(spool, rows=5)
    assert faults(pieces) == {6: "CELL_IN_ERROR", 8: "CELL_MERGED", 9: "CELL_MERGED"}
    assert recipients(pieces) == {
        **dict.fromkeys((5, 7, 10, 11), "+905991112233"),
        12: "+905991112234",
    }
    assert cells(spool)[-1][0] == "5991112234"


def test_the_first_sheet_that_can_be_seen_and_has_something_in_it_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.add_worksheet("boş")
        hidden = book.add_worksheet("gizli")
        hidden.write(0, 0, "gizli")
        hidden.hide()
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=gizli!$A$1:$A$2"})
        book.add_chartsheet("grafik").set_chart(chart)
        book.add_worksheet("biçim").write_blank(5, 5, None, book.add_format({"bold": True}))
        book.add_worksheet("Müşteri & izin").write_column(0, 0, ["Telefon", "0599 111 22 33"])
        book.add_worksheet("son").write(0, 0, "son")
    assert column(spooled(tmp_path, file.getvalue()), "recipient") == ["0599 111 22 33"]
    assert refused(spooled(tmp_path, workbook([]))) == "FILE_EMPTY"


def test_merged_cells_are_told_of_within_the_table_alone() -> None:
    rows = "".join(f'<row r="{n}">{cell(f"B{n}")}{cell(f"C{n}")}</row>' for n in range(2, 6))
    merges = '<mergeCells><mergeCell ref="A1:B3"/><mergeCell ref="C5:XFD1048576"/></mergeCells>'
    told = [row[-1] for row in table_of(raw_workbook(raw_sheet(rows, merges)))]
    assert told == ["CELL_MERGED:0", "CELL_MERGED:0", "CELL_MERGED:0", None, "CELL_MERGED:1"]


def test_a_column_s_letters_are_its_number() -> None:
    assert [column_number(name) for name in (b"A", b"z", b"AA", b"XFD")] == [0, 25, 26, 16_383]


def test_cells_that_are_too_far_apart_are_refused_before_anybody_asks_for_the_room() -> None:
    content = far("XFD1048576")
    assert len(content) < 5_000
    assert why(content) == "CELLS_TOO_FAR_APART"
    assert why(far("AA1048576")) == "CELLS_TOO_FAR_APART"
    assert why(raw_workbook(raw_sheet(cell("A1") + "<c  r = 'ZZ99999'><v>1</v></c>"))) == (
        "CELLS_TOO_FAR_APART"
    )


def test_a_wide_sheet_of_few_rows_is_none_of_them() -> None:
    row = "".join(cell(f"{letters}1") for letters in ("A", "J", "K", "AZ"))
    assert len(table_of(raw_workbook(raw_sheet(f'<row r="1">{row}</row>')))[0]) == 53


def test_a_million_blank_columns_are_refused() -> None:
    row = "<c/>" * 1_000_000 + cell("XFD1")
    assert why(raw_workbook(raw_sheet(f'<row r="1">{cell("A1")}{row}</row>'))) == "TOO_MANY_COLUMNS"


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/media/a.png"]
)
def test_what_unpacks_to_more_than_is_allowed_is_refused(part: str) -> None:
    bomb = raw_workbook(raw_sheet(""), {part: b" " * 70_000_000})
    assert len(bomb) < 100_000
    assert why(bomb) == "WORKBOOK_TOO_BIG"


def test_a_workbook_that_is_too_big_as_it_is_is_refused() -> None:
    assert why(workbook([HEADER]), most=limits(workbook_bytes_max=1_000)) == "WORKBOOK_TOO_BIG"


def lying(part: str) -> bytes:
    """Return a workbook whose directory says that a part unpacks to ten bytes."""
    content = raw_workbook(raw_sheet(cell("A1")), {"xl/sharedStrings.xml": b" " * 100_000})
    name = part.encode()
    at = content.rindex(name) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    return content[: at + 24] + (10).to_bytes(4, "little") + content[at + 28 :]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(raw_workbook("<worksheet><sheetData><row", {}), id="torn XML"),
        pytest.param(
            raw_workbook(raw_sheet(""), {"xl/workbook.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}),
            id="entities",
        ),
        pytest.param(raw_workbook(raw_sheet(""), {"xl/workbook.xml": "<a><b></a>"}), id="no XML"),
        pytest.param(
            raw_workbook(raw_sheet(""), {"XL/WORKSHEETS/SHEET1.XML": "x"}), id="a part twice"
        ),
        pytest.param(
            raw_workbook(raw_sheet(""), {"xl/_rels/workbook.xml.rels": "x" * 20_000_000}),
            id="a directory of twenty megabytes",
        ),
        pytest.param(lying("xl/sharedStrings.xml"), id="a false size"),
        pytest.param(lying("xl/worksheets/sheet1.xml"), id="another false size"),
    ],
)
def test_a_broken_workbook_is_refused_as_one(content: bytes) -> None:
    assert why(content) == "WORKBOOK_BROKEN"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"xl/vbaProject.bin": ""}, "MACRO_WORKBOOK"),
        ({"[Content_Types].xml": "macroEnabled"}, "MACRO_WORKBOOK"),
        ({"xl/workbook.bin": ""}, "BINARY_WORKBOOK"),
        ({"mimetype": "", "content.xml": ""}, "OPEN_DOCUMENT"),
        ({"xl/workbook.xml": "<a>" + "<sheet/>" * 1_001 + "</a>"}, "WORKBOOK_TOO_BIG"),
        (
            {"xl/_rels/workbook.xml.rels": "<Relationship Id='r1' Target='worksheets/x.xml'/>"},
            "WORKBOOK_BROKEN",
        ),
    ],
)
def test_what_is_not_just_a_workbook_is_refused_by_name(
    parts: dict[str, str | bytes], code: str
) -> None:
    assert why(raw_workbook(raw_sheet(""), parts)) == code


def test_too_many_merged_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_table, "MARKS_MAX", 3)
    rows = "".join(f'<row r="{n}">{cell(f"A{n}")}</row>' for n in range(1, 10))
    merge = '<mergeCells><mergeCell ref="A1:A9"/></mergeCells>'
    assert why(raw_workbook(raw_sheet(rows, merge))) == "TOO_MANY_MERGED_CELLS"
    monkeypatch.setattr("services.ingest.reading.workbook.MERGES_MAX", 0)
    assert why(raw_workbook(raw_sheet("", merge))) == "TOO_MANY_MERGED_CELLS"
