"""How a list is laid out, and its rows: nothing is guessed where there are two answers."""

import pytest

from services.cli.errors import CliError
from services.cli.scrubbing.rows import ROW_BYTES_MAX, Layout, Row, RowSplitter, denied_row
from services.cli.scrubbing.sniff import sniff

PHONE_1, PHONE_2, PHONE_3 = (f"+90599000000{n}" for n in range(1, 4))
MAIL_1, MAIL_2 = "kisi.bir@ornek.example", "kisi.iki@ornek.example"
PLAIN = Layout(",", 0, 1, has_names=False, line_end="\n")


def looked_at(text: str, **options: object) -> tuple[str, int, int, bool]:
    layout = sniff(text.encode(), **{"is_email": False, **options})  # type: ignore[arg-type]
    return layout.delimiter, layout.column, layout.width, layout.has_names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{PHONE_1}\n{PHONE_2}\n", (",", 0, 1, False)),
        (f"telefon\n{PHONE_1}\n", (",", 0, 1, True)),
        (f"ad,telefon\nAli,{PHONE_1}\nCan,{PHONE_2}\n", (",", 1, 2, True)),
        (f"ad;telefon\nAli;{PHONE_1}\nCan;{PHONE_2}\n", (";", 1, 2, True)),
        (f"ad\ttelefon\nAli\t{PHONE_1}\n", ("\t", 1, 2, True)),
        (f"Ali;{PHONE_1}\nCan;{PHONE_2}\n", (";", 1, 2, False)),
        (f'"Kaya, Ali";{PHONE_1}\n"Er, Can";{PHONE_2}\n', (";", 1, 2, False)),
        (f'"a;b",{PHONE_1}\n"c;d",{PHONE_2}\n', (",", 1, 2, False)),
        # a customer number and a date look like numbers, too: the spelled-out one is the address
        (f"no,tarih,tel\n12345678,2026-01-02,{PHONE_1}\n", (",", 2, 3, True)),
        ("no,tel\n1,0599 000 00 01\n2,0599 000 00 02\n", (",", 1, 2, True)),
        ("no,tel\n1,5.99E+11\n2,9.05E+11\n", (",", 1, 2, True)),
        (f"ad,not,tel\nAli,,{PHONE_1}\nCan,x\nEr,,{PHONE_2}\nSu,,{PHONE_3}\n", (",", 2, 3, True)),
        (f"{PHONE_1}", (",", 0, 1, False)),
        ("ad\n", (",", 0, 1, True)),
        ("123\n", (",", 0, 1, False)),
        ("", (",", 0, 1, False)),
        ("\n\n", (",", 0, 1, False)),
    ],
)
def test_the_layout_is_found(text: str, expected: tuple[str, int, int, bool]) -> None:
    assert looked_at(text) == expected
    assert looked_at(text.replace("\n", "\r\n")) == expected


def test_the_layout_of_e_mails_is_found() -> None:
    text = f"ad;tel;e-posta\nAli;{PHONE_1};{MAIL_1}\nCan;{PHONE_2};{MAIL_2}\n"
    assert looked_at(text, is_email=True) == (";", 2, 3, True)
    assert looked_at(text, is_email=False) == (";", 1, 3, True)


def test_a_column_is_named_or_counted() -> None:
    text = f"Ad,Cep Telefonu,İş\nAli,{PHONE_1},{PHONE_2}\n"
    for column, place in (("cep telefonu", 1), (" İş ", 2), ("3", 2), ("1", 0)):
        assert looked_at(text, column=column)[1] == place
    assert looked_at(f"{PHONE_1}\n", column="1", has_names=True)[3] is True
    assert looked_at("x\n", has_names=False)[3] is False


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (f"a,b\n{PHONE_1},{PHONE_2}\n", {}, "columns 1, 2 all hold addresses"),
        ("a,b\nx,y\n", {}, "no column holds telephone numbers"),
        (f"a,b\nx,{PHONE_1}\n", {"is_email": True}, "no column holds e-mail addresses"),
        (f"ad,tel\nx,{PHONE_1}\n", {"column": "fax"}, "the first row holds ad, tel"),
        (f"{PHONE_1},x\n", {"column": "tel"}, "the first row holds nothing but data"),
        (f"ad,tel\nx,{PHONE_1}\n", {"column": "3"}, "there is no column 3: the rows have 2"),
        (f"ad,tel\nx,{PHONE_1}\n", {"column": "0"}, "there is no column 0"),
        (f"ad,tel\nx,{PHONE_1}\n", {"column": "ad", "has_names": False}, "--no-names"),
        ("a\0b\n", {}, "save the list as CSV in UTF-8"),
    ],
)
def test_where_there_is_a_doubt_it_is_said(
    text: str, options: dict[str, object], says: str
) -> None:
    with pytest.raises(CliError) as raised:
        looked_at(text, **options)
    assert says in str(raised.value)
    assert PHONE_1 not in str(raised.value)


def test_sixteen_bit_letters_are_refused() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(CliError, match="save the list as CSV in UTF-8"):
            sniff(f"{PHONE_1}\n".encode(encoding), is_email=False)


def split(data: bytes, layout: Layout, *, size: int, names: bool = False) -> list[Row]:
    splitter = RowSplitter(layout, skip_names=names)
    rows = [row for at in range(0, len(data), size) for row in splitter.feed(data[at : at + size])]
    return rows + splitter.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_rows_are_the_same_however_they_come(size: int) -> None:
    layout = Layout(";", 1, 3, has_names=True, line_end="\n")
    data = b'a;b;c\r\n1;\xfe;3\n"x;\n""y";"2";\n\n4; 5 \t;6;7\n8\n9;"a""b";c\n;"p\nq";\n10;11;12'
    expected = [
        (b"a;b;c\r\n", None, 0),
        (b"1;\xfe;3\n", b"\xfe", 0),
        (b'"x;\n""y";"2";\n', b"2", 0),
        (b"\n", None, 0),
        (b"4; 5 \t;6;7\n", b"5", 0),
        (b"8\n", b"", 2),
        (b'9;"a""b";c\n', b'a"b', 0),
        (b';"p\nq";\n', b"", 0),
        (b"10;11;12", b"11", 0),
    ]
    rows = split(data, layout, size=size, names=True)
    assert rows == expected
    assert b"".join(row.raw for row in rows) == data


def test_what_cannot_be_a_line_is_asked_as_nothing() -> None:
    for raw in (b"1" * 1_025 + b"\n", b"+90\r599\n"):
        assert split(raw, PLAIN, size=100) == [(raw, b"", 0)]


@pytest.mark.parametrize(
    "data", [b'1\n"2\n3\n', b'1\n"' + b"2\n" * ROW_BYTES_MAX, b"1\n" + b"2" * ROW_BYTES_MAX * 2]
)
def test_a_row_that_never_ends_is_named(data: bytes) -> None:
    with pytest.raises(CliError, match="row 2 does not end"):
        split(data, PLAIN, size=10_000)


def test_a_denied_row_has_its_reason_in_a_column_of_its_own() -> None:
    layout = Layout(";", 0, 3, has_names=False, line_end="\r\n")
    for raw, missing, expected in (
        (b"1;2;3\n", 0, b"1;2;3;REFUSED\n"),
        (b"1;2;3", 0, b"1;2;3;REFUSED\r\n"),
        (b"1\r\n", 2, b"1;;;REFUSED\r\n"),
    ):
        assert denied_row(Row(raw, b"1", missing), b"REFUSED", layout) == expected
