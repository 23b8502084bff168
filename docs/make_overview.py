"""Draws docs/overview.png, the picture of the README: `python docs/make_overview.py`.

One stored figure of each lecture, in rows of equal width: run it again when a figure has changed,
or after a new lecture has been entered in ROWS. A test notices a picture that is out of date.
"""

import base64
import hashlib
import io
import json
from pathlib import Path

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

ROOT = Path(__file__).parents[1]
OVERVIEW = Path(__file__).with_name("overview.png")
WIDTH, GAP, CAPTION = 1500, 26, 34
ROWS = (  # lecture, cell, title
    (
        ("00", "start-families", "six families"),
        ("01", "sim-web-figure", "simulators: a universe"),
        ("02", "ml-gaussian-wells", "maximum likelihood"),
    ),
    (("03", "ae-map", "autoencoders: a ring of codes"), ("04", "lv-sheet", "latent variables")),
    (
        ("05", "vi-gap-figure", "variational inference: exact posteriors"),
        ("06", "va-pictures", "variational autoencoders"),
        ("07", "va-science-figure", "VAEs in practice: three sciences"),
    ),
    (
        ("08", "rd-cosmos-figure", "rate and distortion: a theorem"),
        ("09", "ls-gallery", "the landscape, over the truth"),
    ),
    (
        ("10", "df-sevens", "diffusion: asked for sevens"),
        ("11", "own-latents", "your own data"),
    ),
)


def stored(lecture: str, cell_id: str) -> Image.Image:
    """The first picture of a cell in solutions/.

    Raises: LookupError if the lecture has no such cell, or the cell no picture.
    """
    (path,) = (ROOT / "solutions").glob(f"{lecture}_*.ipynb")
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["id"] == cell_id:
            for output in cell["outputs"]:
                if png := output.get("data", {}).get("image/png"):
                    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    raise LookupError(f"{path.name} has no picture in a cell {cell_id!r}.")


def row_of(pictures: list[tuple[str, Image.Image]], font: ImageFont.FreeTypeFont) -> Image.Image:
    """Pictures side by side with their titles, scaled to one height and WIDTH together."""
    room = WIDTH - GAP * (len(pictures) - 1)
    height = round(room / sum(picture.width / picture.height for _, picture in pictures))
    row = Image.new("RGB", (WIDTH, height + CAPTION), "white")
    x = 0
    for title, picture in pictures:
        width = round(picture.width * height / picture.height)
        if font.getlength(title) > width:
            raise ValueError(f"The title {title!r} is wider than its picture: begin another row.")
        ImageDraw.Draw(row).text((x + 4, 2), title, fill="#333333", font=font)
        row.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (x, CAPTION))
        x += width + GAP
    return row


def digest() -> str:
    """Of everything that the overview shows; it is kept in the PNG."""
    shown = hashlib.sha256(repr((ROWS, WIDTH, GAP, CAPTION)).encode())
    for row in ROWS:
        for lecture, cell, _ in row:
            shown.update(stored(lecture, cell).tobytes())
    return shown.hexdigest()


def main() -> None:
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 21)
    rows = [row_of([(f"{n}  {t}", stored(n, cell)) for n, cell, t in row], font) for row in ROWS]
    page = Image.new("RGB", (WIDTH, sum(row.height + GAP for row in rows)), "white")
    y = 0
    for row in rows:
        page.paste(row, (0, y))
        y += row.height + GAP
    info = PngImagePlugin.PngInfo()
    info.add_text("figures", digest())
    page.quantize(256).save(OVERVIEW, optimize=True, pnginfo=info)


if __name__ == "__main__":
    main()
