"""Where the course leads: the families on one page, the timeline, and what they draw."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from .base import INK, PAPER, ROLE, SOFT
from .diagrams import arrow, box, node
from .pictures import tile

FAMILIES: tuple[tuple[str, str, str, str], ...] = (
    ("Latent variables (VAE)", "one pass", "a lower bound", "the exact density"),
    ("Adversarial (GAN)", "one pass", "none", "any density at all"),
    ("Normalising flow", "one pass", "exact", "layers without an inverse"),
    ("Autoregressive", "one pixel at a time", "exact", "fast draws; needs an order"),
    ("Energy-based", "Markov chain", "up to a constant", "the normaliser Z"),
    ("Diffusion", "many small steps", "a lower bound", "fast draws"),
)

# Year of the paper or release, lane, label, and whether that stands above (+1) or below (-1) it.
TIMELINE: tuple[tuple[int, str, str, int], ...] = (
    (2013, "latent variables", "VAE", 1),
    (2017, "latent variables", "VQ-VAE", 1),
    (2014, "adversarial", "GAN", 1),
    (2018, "adversarial", "StyleGAN", 1),
    (2014, "flows", "NICE", 1),
    (2016, "flows", "RealNVP", 1),
    (2018, "flows", "Glow", 1),
    (2022, "flows", "flow matching", 1),
    (2016, "energy-based", "energy ConvNet", 1),
    (2019, "energy-based", "Du and Mordatch", 1),
    (2015, "diffusion", "Sohl-Dickstein et al.", 1),
    (2019, "diffusion", "NCSN", -1),
    (2020, "diffusion", "DDPM", 1),
    (2021, "diffusion", "score SDE", 1),
    (2022, "diffusion", "latent diffusion", -1),
    (2016, "autoregressive", "PixelRNN, WaveNet", 1),
    (2020, "autoregressive", "Image GPT", 1),
    (2017, "language models", "Transformer", 1),
    (2018, "language models", "GPT", -1),
    (2020, "language models", "GPT-3", 1),
    (2022, "language models", "ChatGPT", 1),
    (2021, "pictures and video", "DALL-E", 1),
    (2022, "pictures and video", "Midjourney", -1),
    (2024, "pictures and video", "Sora", 1),
    (2026, "pictures and video", "Seedance 2.0", -1),
)


# The rows of the stored sheet: the year when the idea was published, and its name.
EVOLUTION: tuple[tuple[str, str], ...] = (
    ("the truth", "data"),
    ("2013", "VAE"),
    ("2014", "GAN"),
    ("2016", "autoregressive"),
    ("2020", "diffusion"),
    ("2022", "guided diffusion"),
)
EVOLUTION_SHEET = Path(__file__).with_name("evolution.pbm")  # made by docs/make_evolution.py


def families(ax: Axes) -> None:
    """Six families of generative models on one page: a diagram of each, and what it gives up.

    The page has its own size, to which the figure is set: coordinates are inches, as fonts are.
    """
    page: Any = ax.get_figure(root=True)
    page.set_size_inches(9.4, 5.6)
    wide, tall, gap = 3.0, 2.65, 0.12
    drawings = (_vae, _gan, _flow, _autoregressive, _energy, _diffusion)
    for i, ((name, draws, dens, lost), drawing) in enumerate(zip(FAMILIES, drawings, strict=True)):
        left = (i % 3) * (wide + gap)
        low = (1 - i // 3) * (tall + gap)
        ax.add_patch(
            FancyBboxPatch(
                (left, low),
                wide,
                tall,
                boxstyle="round,pad=0,rounding_size=0.12",
                facecolor=PAPER,
                edgecolor="none",
            )
        )
        ax.text(left + 0.18, low + tall - 0.32, name, fontsize=12, weight="bold", color=INK)
        drawing(ax, left + wide / 2, low + 1.55)
        for row, (what, value) in enumerate(
            (("draws", draws), ("density", dens), ("gives up", lost))
        ):
            height = low + 0.62 - 0.22 * row
            ax.text(left + 0.18, height, what, fontsize=9.5, color=SOFT)
            ax.text(left + 0.86, height, value, fontsize=9.5, color=INK)
    ax.set(xlim=(-0.02, 3 * wide + 2 * gap + 0.02), ylim=(-0.02, 2 * tall + gap + 0.02))
    ax.set_aspect("equal")
    ax.axis("off")


def _vae(ax: Axes, x: float, y: float) -> None:
    """Encoder from x to z and decoder back."""
    node(ax, x - 1.05, y, "x", ROLE["data"])
    node(ax, x + 1.05, y, "z", ROLE["prior"])
    arrow(ax, (x - 0.85, y + 0.17), (x + 0.85, y + 0.17), bend=-0.22)
    arrow(ax, (x + 0.85, y - 0.17), (x - 0.85, y - 0.17), bend=-0.22)
    box(ax, x, y + 0.35, "encoder  q(z|x)", ROLE["posterior"], w=1.26, h=0.28)
    box(ax, x, y - 0.35, "decoder  p(x|z)", ROLE["model"], w=1.26, h=0.28)


def _gan(ax: Axes, x: float, y: float) -> None:
    """A generator makes x from z; a discriminator compares with data."""
    node(ax, x - 1.24, y + 0.28, "z", ROLE["prior"])
    box(ax, x - 0.46, y + 0.28, "generator", ROLE["model"], w=0.78, h=0.28)
    node(ax, x + 0.32, y + 0.28, "x", ROLE["model"])
    node(ax, x + 0.32, y - 0.30, "x", ROLE["data"])
    ax.text(x + 0.06, y - 0.30, "data", ha="right", va="center", fontsize=9.5, color=SOFT)
    box(ax, x + 1.06, y, "real?", SOFT, w=0.52, h=0.30)
    arrow(ax, (x - 1.06, y + 0.28), (x - 0.86, y + 0.28))
    arrow(ax, (x - 0.06, y + 0.28), (x + 0.14, y + 0.28))
    arrow(ax, (x + 0.50, y + 0.22), (x + 0.79, y + 0.06))
    arrow(ax, (x + 0.50, y - 0.24), (x + 0.79, y - 0.06))


def _flow(ax: Axes, x: float, y: float) -> None:
    """One invertible map both ways."""
    node(ax, x - 1.05, y, "x", ROLE["data"])
    node(ax, x + 1.05, y, "z", ROLE["prior"])
    arrow(ax, (x - 0.85, y), (x + 0.85, y), both=True)
    for shift in (-0.42, 0.0, 0.42):
        box(ax, x + shift, y, "f", ROLE["model"], w=0.27, h=0.44)
    ax.text(x, y - 0.42, "invertible, dim z = dim x", ha="center", fontsize=9.5, color=SOFT)


def _autoregressive(ax: Axes, x: float, y: float) -> None:
    """Each component from those before it."""
    places = [x - 1.05 + 0.7 * i for i in range(4)]
    for i, place in enumerate(places):
        node(ax, place, y - 0.05, f"$x_{i + 1}$", ROLE["data"] if i < 3 else ROLE["model"])
    for i in range(3):
        arrow(ax, (places[i] + 0.19, y - 0.05), (places[i + 1] - 0.19, y - 0.05))
    arrow(ax, (places[1] + 0.06, y + 0.13), (places[3] - 0.14, y + 0.10), bend=-0.35)
    arrow(ax, (places[0] + 0.06, y + 0.13), (places[3] - 0.05, y + 0.15), bend=-0.38)
    ax.text(
        x, y - 0.47, "p(x) = product of p(next | before)", ha="center", fontsize=9.5, color=SOFT
    )


def _energy(ax: Axes, x: float, y: float) -> None:
    """A landscape: low energy is likely."""
    t = np.linspace(-1.15, 1.15, 200)
    landscape = 0.28 * (1.6 * t**4 - 2.4 * t**2 + 0.35 * t)
    ax.plot(x + t, y + landscape + 0.13, color=ROLE["model"], linewidth=2)
    for place in (-0.93, -0.86, -0.78, 0.80, 0.88):
        level = 0.28 * (1.6 * place**4 - 2.4 * place**2 + 0.35 * place)
        ax.plot(x + place, y + level + 0.19, "o", markersize=6, color=ROLE["data"])
    ax.text(x, y + 0.30, "E(x)", ha="center", fontsize=11, color=INK)
    ax.text(x, y - 0.47, "p(x) = exp(−E(x)) / Z", ha="center", fontsize=9.5, color=SOFT)


def _diffusion(ax: Axes, x: float, y: float) -> None:
    """Noise is added in small steps, and removed in learned ones."""
    places = [x - 1.15, x - 0.38, x + 0.38, x + 1.15]
    names = ("x", "$x_t$", "...", "ε")
    colours = (ROLE["data"], ROLE["neutral"], ROLE["neutral"], ROLE["prior"])
    for place, name, colour in zip(places, names, colours, strict=True):
        node(ax, place, y, name, colour)
    for i in range(3):
        arrow(ax, (places[i] + 0.17, y + 0.10), (places[i + 1] - 0.17, y + 0.10), bend=-0.35)
        arrow(ax, (places[i + 1] - 0.17, y - 0.10), (places[i] + 0.17, y - 0.10), bend=-0.35)
    ax.text(x, y + 0.36, "add noise (fixed)", ha="center", fontsize=9.5, color=SOFT)
    ax.text(x, y - 0.47, "remove it (learned)", ha="center", fontsize=9.5, color=ROLE["model"])


def timeline(ax: Axes) -> None:
    """Deep generative models from the 2013 VAE to video in 2026, one lane per family.

    Make the figure with `figure(width=8.6, height=4.9)`.
    """
    lanes = list(dict.fromkeys(lane for _, lane, _, _ in TIMELINE))
    for i, lane in enumerate(lanes):
        height = len(lanes) - i
        years = [year for year, own, _, _ in TIMELINE if own == lane]
        ax.plot([years[0], 2026.6], [height, height], color="#D5D9DE", linewidth=6, zorder=1)
        ax.text(2012.6, height, lane, ha="right", va="center", color=INK)
        for year, own, label, side in TIMELINE:
            if own == lane:
                ax.plot(
                    year, height, "o", markersize=10, color=ROLE["model"], mec="white", zorder=3
                )
                ax.annotate(
                    label,
                    (year, height),
                    xytext=(-4, 9 * side),
                    textcoords="offset points",
                    va="bottom" if side > 0 else "top",
                    fontsize=9.5,
                    color=INK,
                )
    ax.set(xlim=(2012.7, 2027.6), ylim=(0.4, len(lanes) + 0.7), yticks=[])
    ax.set_xticks(range(2013, 2027))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", color="#ECEEF1")


def evolution(ax: Axes) -> None:
    """Nine draws of each of five models of the course, beside nine of the data they learned from.

    The draws are stored, in rows of square images that touch each other. Make the figure with
    `figure(width=9.4, height=2.2)`.
    """
    sheet = _read_bitmap(EVOLUTION_SHEET)
    side = len(sheet) // len(EVOLUTION)
    blocks = sheet.reshape(len(EVOLUTION), side, -1, side).swapaxes(1, 2)  # (6, 9, side, side)
    step = 3 * side + 16
    for i, ((year, name), images) in enumerate(zip(EVOLUTION, blocks, strict=True)):
        left, right = i * step, i * step + 3 * side + 2
        ax.imshow(
            tile(images.astype(float), 3, gap=1, fill=0.25),
            cmap="gray_r",
            extent=(left, right, right - left, 0),
            vmin=0,
            vmax=1,
        )
        middle = (left + right) / 2
        ax.text(middle, -12, year, ha="center", va="bottom", weight="bold", color=INK)
        ax.text(middle, -2, name, ha="center", va="bottom", color=INK)
    ax.set(xlim=(-2, len(EVOLUTION) * step - 12), ylim=(3 * side + 4, -24))
    ax.axis("off")


def _read_bitmap(path: Path) -> np.ndarray:
    """A black-and-white picture in plain text (PBM, P1): (h, w), 1 is ink."""
    _, size, *rows = path.read_text(encoding="utf-8").split("\n", 2)
    width, height = map(int, size.split())
    digits = [int(digit) for digit in "".join(rows) if digit in "01"]
    return np.array(digits).reshape(height, width)
