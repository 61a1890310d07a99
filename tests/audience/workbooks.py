"""Workbooks for tests, written part by part, so that they can be wrong in one place."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
BOOK = f'<workbook {MAIN} {LINKS}><sheets><sheet name="x" sheetId="1" r:id="rId1"/></sheets></workbook>'
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>'
)
STYLES = (
    f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="170" formatCode="[$-409]d\\-mmm\\-yy"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="2"/></cellXfs></styleSheet>'
)


def workbook(sheet_rows: str, strings: Sequence[str] = (), **parts: str) -> bytes:
    """A workbook whose one sheet has these rows; ``parts`` replace others by their short name."""
    texts = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    body: Mapping[str, str] = {
        "xl/workbook.xml": parts.get("book", BOOK),
        "xl/_rels/workbook.xml.rels": parts.get("relations", RELATIONS),
        "xl/styles.xml": parts.get("styles", STYLES),
        "xl/sharedStrings.xml": parts.get("texts", f"<sst {MAIN}>{texts}</sst>"),
        "xl/worksheets/sheet1.xml": parts.get("sheet", sheet(sheet_rows)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in body.items():
            book.writestr(name, text)
    return out.getvalue()


def sheet(sheet_rows: str) -> str:
    """The XML of a sheet with these rows."""
    return f"<worksheet {MAIN}><sheetData>{sheet_rows}</sheetData></worksheet>"


def plain_rows(table: Sequence[Sequence[str]]) -> str:
    """Rows of inline text."""
    cells = ["".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in row) for row in table]
    return "".join(f"<row>{row}</row>" for row in cells)
