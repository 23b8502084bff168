"""Tables as CSV that no spreadsheet computes anything of."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

FORMULA = "=+-@＝＋－＠"  # what a spreadsheet would compute
# Such a character at the beginning, or behind what may separate cells.
BEGINS_FORMULA = re.compile(rf"(^|[,;|:\t])(\s*)(?=[{re.escape(FORMULA)}])")


def as_csv(table: Iterable[Sequence[object]]) -> str:
    """A table as CSV, every cell quoted, none the beginning of a formula behind any separator."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([harmless(str(cell)) for cell in row] for row in table)
    return file.getvalue()


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would take for a formula.

    >>> harmless("=1+1"), harmless("a;-2"), harmless("    Points Possible"), harmless("3 - 2")
    ("'=1+1", "a;'-2", '    Points Possible', '3 - 2')
    """
    return BEGINS_FORMULA.sub(r"\1\2'", text)
