"""Small tables, as text and as HTML: the ledger of the sprites, the families of lecture 09."""

import html
from collections.abc import Collection, Sequence

Row = Sequence[str]


def as_text(header: Row, rows: Sequence[Row], *, left: Collection[int]) -> str:
    """A table in columns of even width, under a line. `left`: columns that are set to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def as_html(
    header: Row, rows: Sequence[Row], *, left: Collection[int], faded: Collection[int] = ()
) -> str:
    """The same for a notebook. `faded`: the rows, counted from 0, that stand back."""

    def written(row: Row, tag: str, style: str = "") -> str:
        cells = "".join(
            f'<{tag} style="text-align:{"left" if i in left else "right"}">'
            f"{html.escape(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )
        return f"<tr{style}>{cells}</tr>"

    body = "".join(
        written(row, "td", ' style="opacity:0.65"' if i in faded else "")
        for i, row in enumerate(rows)
    )
    return f"<table><thead>{written(header, 'th')}</thead><tbody>{body}</tbody></table>"
