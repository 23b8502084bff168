"""The index of terms: each idea's standard name, and the lectures that explain it.

It is made from the words that the lectures set in bold: a term is bold where it is explained.
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from nbformat import NotebookNode

BOLD = re.compile(r"(?<!\*)\*\*([^*\n]+)\*\*(?!\*)")
# Bold words that are no terms: labels of the page's own furniture.
FURNITURE = re.compile(
    r"Predict|Break-it switch|You will be able to|You need|Time|Exercise\b.*"
    r"|(?:an?|the|your|our|all|no) .*|.*[.:!?]|\W.*|\d.*|.*[`$].*|.{41,}",
    re.IGNORECASE,
)


def terms(notebooks: Mapping[str, NotebookNode]) -> dict[str, list[str]]:
    """The lectures (file names without ending) that explain each term, terms in their order.

    The same word in capitals or in the plural counts as one.
    """
    found: dict[str, list[str]] = defaultdict(list)
    written: dict[str, str] = {}
    for stem, notebook in notebooks.items():
        for cell in notebook.cells:
            if cell.cell_type != "markdown":
                continue
            for bold in BOLD.findall(cell.source):
                term = " ".join(bold.split()).strip(" ,;")
                if not term or FURNITURE.fullmatch(term):
                    continue
                key = term.casefold().removesuffix("s")
                if key not in written or term[0].islower():  # not only as a sentence begins
                    written[key] = term
                if stem not in found[key]:
                    found[key].append(stem)
    ordered = sorted(found, key=lambda key: written[key].casefold())
    return {written[key]: found[key] for key in ordered}


def page(notebooks: Mapping[str, NotebookNode], prefix: str) -> str:
    """The index as Markdown.

    Args:
        notebooks: the lectures by file name without ending.
        prefix: what stands before a lecture's file name in a link.
    """
    lines = ["# Index of terms", "", "Each idea by its standard name, where it is explained.", ""]
    letter = ""
    for term, stems in terms(notebooks).items():
        first = term[0].upper() if term[0].isalpha() else "#"
        if first != letter:
            letter = first
            lines += ["", f"## {letter}", ""]
        where = ", ".join(f"[{stem[:2]}]({prefix}{stem}.ipynb)" for stem in stems)
        lines.append(f"- {term}: {where}")
    return "\n".join(lines) + "\n"
