"""docs/ingest-files.md says of files what the reader does."""

from services.ingest.faults.row_codes import TEXTS, RowCode
from services.ingest.reading.columns import NAMES
from services.ingest.reading.refusals import FileCode
from services.ingest.reading.words import WORDS
from tests.project.repository import section, table_rows, text

PAGE = text("docs/ingest-files.md")


def table(heading: str) -> list[list[str]]:
    return table_rows(section(PAGE, heading).partition("\n## ")[0])


def test_all_names_of_columns_are_documented() -> None:
    assert {row[0].strip("`"): row[1].split(", ") for row in table("### Columns")} == NAMES


def test_all_words_are_documented() -> None:
    documented = {
        (row[0].strip("`"), word): row[1].strip("`")
        for row in table("### Cells")
        if len(row) == 3
        for word in row[2].split(", ")
    }
    assert documented == {
        (field, word): meant
        for field, words in WORDS.items()
        if field != "source"
        for word, meant in words.items()
    }


def test_all_codes_of_rows_are_documented_and_explained() -> None:
    rows = table("### Why a row is turned away")
    assert [row[0].strip("`") for row in rows] == [code.value for code in RowCode]
    assert set(TEXTS) == set(RowCode)


def test_all_reasons_to_turn_a_file_away_are_documented() -> None:
    rows = table("### Why a file is turned away")
    assert [row[0].strip("`") for row in rows] == [code.value for code in FileCode]
