"""Why a file is turned away as a whole: each reason has a code of ours and a text for its sender."""

from enum import Enum
from typing import Final

from services.ingest.lanes.rows import FileRefusedError


class FileCode(Enum):
    """Why a file cannot be read; the value is the code, and `TEXTS` explains it."""

    FILE_EMPTY = "FILE_EMPTY"
    FORMAT_UNKNOWN = "FORMAT_UNKNOWN"
    ENCODING_UNKNOWN = "ENCODING_UNKNOWN"
    PDF_FILE = "PDF_FILE"
    OLD_EXCEL = "OLD_EXCEL"
    BINARY_WORKBOOK = "BINARY_WORKBOOK"
    MACRO_WORKBOOK = "MACRO_WORKBOOK"
    OPEN_DOCUMENT = "OPEN_DOCUMENT"
    WEB_PAGE = "WEB_PAGE"
    JSON_FILE = "JSON_FILE"
    PICTURE = "PICTURE"
    ARCHIVE = "ARCHIVE"
    GZIP_BROKEN = "GZIP_BROKEN"
    UNPACKS_TOO_BIG = "UNPACKS_TOO_BIG"
    RECIPIENT_COLUMN_MISSING = "RECIPIENT_COLUMN_MISSING"
    COLUMN_MISSING = "COLUMN_MISSING"
    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    TOO_MANY_COLUMNS = "TOO_MANY_COLUMNS"
    LINE_TOO_LONG = "LINE_TOO_LONG"
    WORKBOOK_BROKEN = "WORKBOOK_BROKEN"
    WORKBOOK_TOO_BIG = "WORKBOOK_TOO_BIG"
    CELLS_TOO_FAR_APART = "CELLS_TOO_FAR_APART"
    TOO_MANY_MERGED_CELLS = "TOO_MANY_MERGED_CELLS"
    PARQUET_BROKEN = "PARQUET_BROKEN"
    MEMORY_EXCEEDED = "MEMORY_EXCEEDED"
    TIME_EXCEEDED = "TIME_EXCEEDED"


_AS_CSV: Final = "Dosyayı CSV (UTF-8) ya da .xlsx olarak kaydedip yeniden gönderin."
TEXTS: Final = {
    FileCode.FILE_EMPTY: "Dosya boş.",
    FileCode.FORMAT_UNKNOWN: f"Dosyanın biçimi tanınmadı. {_AS_CSV}",
    FileCode.ENCODING_UNKNOWN: "Dosya UTF-16 ya da bilinmeyen bir kodlamada; UTF-8 olarak kaydedin.",
    FileCode.PDF_FILE: f"Bu bir PDF dosyası. {_AS_CSV}",
    FileCode.OLD_EXCEL: "Dosya eski Excel biçiminde (.xls) ya da parolalı; parolasız .xlsx olarak kaydedin.",
    FileCode.BINARY_WORKBOOK: f"Dosya ikili Excel biçiminde (.xlsb). {_AS_CSV}",
    FileCode.MACRO_WORKBOOK: "Çalışma kitabında makro var; makrosuz .xlsx olarak kaydedin.",
    FileCode.OPEN_DOCUMENT: f"Dosya OpenDocument biçiminde. {_AS_CSV}",
    FileCode.WEB_PAGE: f"Dosya bir web sayfası ya da XML; adı .xls olsa da Excel dosyası değil. {_AS_CSV}",
    FileCode.JSON_FILE: f"Bu bir JSON dosyası. {_AS_CSV}",
    FileCode.PICTURE: f"Bu bir resim dosyası. {_AS_CSV}",
    FileCode.ARCHIVE: "Bu bir arşiv; içindeki dosyayı çıkarıp gönderin. Sıkıştırma yalnızca gzip olabilir.",
    FileCode.GZIP_BROKEN: "Gzip dosyası bozuk ya da yarım kalmış.",
    FileCode.UNPACKS_TOO_BIG: "Dosya açıldığında izin verilenden büyük oluyor.",
    FileCode.RECIPIENT_COLUMN_MISSING: "Alıcı sütunu bulunamadı. Sütun adları ilk satırlarda olmalı: "
    "Alıcı, Tür, Durum, Kaynak, Tarih…",
    FileCode.COLUMN_MISSING: "Eşlemede geçen bir sütun dosyada yok.",
    FileCode.FIELD_UNKNOWN: "Eşlemede bilinmeyen bir alan var.",
    FileCode.TOO_MANY_COLUMNS: "Dosyada en çok 1000 sütun olabilir.",
    FileCode.LINE_TOO_LONG: "Dosyadaki satırlar okunamayacak kadar uzun.",
    FileCode.WORKBOOK_BROKEN: f"Excel dosyası bozuk. {_AS_CSV}",
    FileCode.WORKBOOK_TOO_BIG: "Excel dosyası izin verilenden büyük; CSV olarak kaydedip gönderin.",
    FileCode.CELLS_TOO_FAR_APART: "Sayfadaki dolu hücreler çok geniş bir alana dağılmış; "
    "tablonun dışında kalan hücreleri silin.",
    FileCode.TOO_MANY_MERGED_CELLS: "Sayfada çok fazla birleştirilmiş hücre var; birleştirmeleri kaldırın.",
    FileCode.PARQUET_BROKEN: "Parquet dosyası bozuk ya da şifreli.",
    FileCode.MEMORY_EXCEEDED: "Dosya, okunması için ayrılan belleğe sığmadı; CSV olarak kaydedip gönderin.",
    FileCode.TIME_EXCEEDED: "Dosya, okunması için ayrılan sürede okunamadı; CSV olarak kaydedip gönderin.",
}


def refusal(code: FileCode) -> FileRefusedError:
    """Return the error to raise."""
    return FileRefusedError(code.value, TEXTS[code])
