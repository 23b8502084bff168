"""Sliders over figures: the only module that imports ipywidgets.

A widget is a pure drawing function and a thin row of controls. `live` updates the artists of a
matplotlib figure in place; `pixels` sends an image without axes, which is faster still:

    fig, ax = figure()
    (line,) = ax.plot(x, x)

    def update(power: float) -> str:
        line.set_ydata(x**power)
        return f"The curve is x to the power {power:g}."

    live(fig, update, power=slider("power", 0.5, 3.0, 1.0, step=0.1))

`update` takes the values of the controls by name, moves the artists and returns the sentence that
says what is now seen. As the last expression of a cell the widget displays one bundle: the widget
itself, a PNG and the sentence, so that a page where widgets do not run shows picture and sentence.
"""

import html
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
import torch
from ipywidgets import (
    HTML,
    Box,
    Dropdown,
    FloatLogSlider,
    FloatSlider,
    HBox,
    Image,
    Layout,
    SelectionSlider,
    VBox,
    Widget,
)
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from course_utils import autoencoders, densities, plotting
from course_utils.ledger import nats_above_truth
from course_utils.plotting import Array
from course_utils.simulators import collider, cosmology, molecular, sprites

LIVE_DPI = 110  # of a figure that moves; a stored one is finer
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# ---------------------------------------------------------------- the mechanism


class Live:
    """A picture, the sentence under it, and the controls that change both.

    `frame` is the pure part: values of the controls, by name, to (PNG, sentence).
    """

    def __init__(
        self, frame: Callable[..., tuple[bytes, str]], controls: dict[str, Widget], *, width: int
    ) -> None:
        self.frame = frame
        self.controls = controls
        self.sentence = ""
        self._width = width
        self._image = Image(format="png", layout=Layout(width=f"{width}px", max_width="100%"))
        self._caption = HTML(layout=Layout(width=f"{max(width, 448)}px", max_width="100%"))
        # A failure in the first frame is raised: the cell itself is at fault, not a setting.
        self._accept(*frame(**self.values))
        for control in controls.values():
            control.observe(self._refresh, names="value")
        self.box = _arrange([*controls.values()], self._image, self._caption)

    @property
    def png(self) -> bytes:
        """The picture as it is now."""
        return self._image.value

    @property
    def values(self) -> dict[str, Any]:
        """The setting of each control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def move(self, **settings: Any) -> str:
        """Set controls as a reader would, and return the sentence that results.

        A number beyond the ends of a slider, or between its stops, goes to the nearest stop.
        Raises: ValueError if a name is not that of a control or a choice is not on its list.
        """
        for name, value in settings.items():
            if name not in self.controls:
                raise ValueError(f"There is no control {name!r}; there are {list(self.controls)}.")
            control = self.controls[name]
            if isinstance(control, SelectionSlider):
                value = min(
                    (stop for _, stop in control.options), key=lambda stop: abs(stop - value)
                )
            elif isinstance(control, Dropdown) and value not in control.options:
                raise ValueError(f"{name} is one of {list(control.options)}, not {value!r}.")
            control.value = value
        return self.sentence

    def close(self) -> None:
        """Take the widget from the page and free its channel to the browser."""
        for control in self.controls.values():
            control.unobserve(self._refresh, names="value")
        for part in (*self.controls.values(), self._image, self._caption, self.box):
            part.close()

    def _accept(self, png: bytes, sentence: str) -> None:
        self.sentence = sentence
        self._image.value = png
        # A status region: screen readers say the sentence when it changes.
        self._caption.value = f'<p role="status" {_CAPTION}>{html.escape(sentence)}</p>'

    def _refresh(self, change: dict) -> None:
        """Redraw after a move; a setting that fails says so in the caption, the picture stays."""
        try:
            png, sentence = self.frame(**self.values)
        except Exception as error:  # whatever it is: an exception in a callback would be lost
            png, sentence = self.png, f"This setting failed: {type(error).__name__}: {error}"
        self._accept(png, sentence)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """One output: the widget, and for pages without widgets a picture with its sentence."""
        still, scale = captioned(self.png, self.sentence, width=self._width)
        data, metadata = plotting.bundle(still, self.sentence, scale=scale)
        data[WIDGET_VIEW] = self.box._repr_mimebundle_()[WIDGET_VIEW]
        return data, metadata


_CAPTION = 'style="margin: 0; line-height: 1.45"'


def _arrange(controls: list[Widget], image: Image, caption: HTML) -> Box:
    """One or two controls stand above the picture, more of them beside it."""
    if len(controls) <= 2:
        return VBox([*controls, image, caption])
    beside = HBox([image, VBox(controls)], layout=Layout(flex_flow="row wrap"))
    return VBox([beside, caption])


def live(
    figure: Figure,
    update: Callable[..., str],
    *,
    moving: Sequence[Artist] | None = None,
    **controls: Widget,
) -> Live:
    """A widget over a figure whose artists are updated in place.

    `update` takes the values of the controls by name, mutates artists, and returns the sentence.
    `moving`: the only artists that `update` mutates, from back to front. The rest is then drawn
    once, and again when limits of the axes move; they are drawn over it, which is faster.
    Make the figure with `plotting.figure`, so that pyplot does not keep it.
    """
    update(**{name: control.value for name, control in controls.items()})
    plotting.render(figure, dpi=LIVE_DPI)
    # The layout is solved once: that is faster, and the axes stand still while the reader moves.
    figure.set_layout_engine("none")
    canvas = figure.canvas
    for artist in moving or ():
        artist.set_animated(True)
    limits, still = None, None

    def frame(**values: Any) -> tuple[bytes, str]:
        nonlocal limits, still
        sentence = update(**values)
        now = [ax.viewLim.bounds for ax in figure.axes]
        if moving is None or now != limits:
            canvas.draw()
            limits, still = now, canvas.copy_from_bbox(figure.bbox)
        canvas.restore_region(still)
        for artist in moving or ():
            artist.axes.draw_artist(artist)
        return plotting.encode(np.asarray(canvas.buffer_rgba())[..., :3]), sentence

    return Live(frame, controls, width=round(figure.get_figwidth() * 96))


def pixels(
    update: Callable[..., tuple[Array, str]],
    *,
    cmap: str = "gray_r",
    low: float = 0.0,
    high: float = 1.0,
    width: int = 448,
    **controls: Widget,
) -> Live:
    """A widget over an image without axes, enlarged in whole pixels to about `width`.

    `update` takes the values of the controls by name and returns (image (h, w), sentence); values
    from `low` to `high` are painted with the colour map `cmap`.
    """
    palette = (255 * matplotlib.colormaps[cmap](np.arange(256))[:, :3]).round().astype(np.uint8)

    def frame(**values: Any) -> tuple[bytes, str]:
        image, sentence = update(**values)
        level = (plotting.array(image) - low) / (high - low)
        indices = (255 * np.clip(level, 0, 1)).round().astype(np.uint8)
        zoom = max(1, round(width / indices.shape[1]))
        return plotting.encode(indices, palette=palette, zoom=zoom), sentence

    shown = Live(frame, controls, width=width)
    shown._image.layout.border = "1px solid #D5D9DE"  # where a white picture ends
    return shown


def captioned(png: bytes, sentence: str, *, width: int) -> tuple[bytes, float]:
    """A PNG with the sentence written under it, and its pixels per pixel of the page.

    Where widgets do not run, a page shows only the picture of an output: it must say its sentence.
    """
    picture = imread(io.BytesIO(png))
    h, w = picture.shape[:2]
    scale = w / width
    per_line = round(width / 7.2)  # characters of the caption that fit into a line
    lines = textwrap.wrap(sentence, per_line)
    strip = round((20 * len(lines) + 14) * scale)
    figure = Figure(figsize=(w / 100, (h + strip) / 100), dpi=100, layout="none")
    FigureCanvasAgg(figure)
    figure.figimage(picture, 0, strip)
    figure.text(
        6 * scale / w,
        (strip - 8 * scale) / (h + strip),
        "\n".join(lines),
        va="top",
        fontsize=0.72 * 13 * scale,  # 13 pixels of the page, in points at 100 dpi
        linespacing=1.35,
        color=plotting.INK,
    )
    return plotting.png(figure, dpi=100), scale


# ---------------------------------------------------------------- controls
# Every picture of the course is drawn in less time than a hand needs to move on, and the browser
# waits for one drawing before it asks for the next: so the picture follows while the slider moves.

_WIDE = Layout(width="448px", max_width="100%")
_LABEL = {"description_width": "112px"}


def slider(label: str, low: float, high: float, value: float, *, step: float) -> FloatSlider:
    """A slider over the numbers from `low` to `high`."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return FloatSlider(
        description=label,
        min=low,
        max=high,
        value=value,
        step=step,
        readout_format=f".{decimals}f",
        continuous_update=True,
        layout=_WIDE,
        style=_LABEL,
    )


def log_slider(label: str, low: float, high: float, value: float, *, step: float) -> FloatLogSlider:
    """A slider over the powers of ten from 10^low to 10^high, in steps of the exponent."""
    return FloatLogSlider(
        description=label,
        base=10,
        min=low,
        max=high,
        value=value,
        step=step,
        readout_format=".0f",
        continuous_update=True,
        layout=_WIDE,
        style=_LABEL,
    )


def stops(label: str, values: list[float], value: float) -> SelectionSlider:
    """A slider over given numbers only, such as the times of stored snapshots."""
    return SelectionSlider(
        description=label,
        options=[(f"{stop:.3g}", stop) for stop in values],
        value=min(values, key=lambda stop: abs(stop - value)),
        continuous_update=True,
        layout=_WIDE,
        style=_LABEL,
    )


def choice(label: str, options: list[str], value: str) -> Dropdown:
    """A list to choose from."""
    return Dropdown(description=label, options=options, value=value, layout=_WIDE, style=_LABEL)


# ---------------------------------------------------------------- lecture 00


def draws_against_density(*, seed: int = 0) -> Live:
    """Sampling and density in one picture: N draws of the collider's angle over the exact p(c)."""
    most, bins = 100_000, 20
    generator = torch.Generator().manual_seed(seed)
    draws = collider.sample_cos_theta(most, generator=generator)
    c = torch.linspace(-1, 1, 201)
    edges = torch.linspace(-1, 1, bins + 1)
    exact = collider.cdf(edges).diff().numpy() * bins / 2  # mean density in each bin
    bin_of_draw = torch.bucketize(draws, edges[1:-1]).numpy()

    fig, ax = plotting.figure(height=3.4)
    bars, line = plotting.collider_angles(ax, draws, c, collider.density(c), bins=bins)

    def update(n: float) -> str:
        n = round(n)
        counts = np.bincount(bin_of_draw[:n], minlength=bins)
        height = counts * bins / (2 * n)
        bars.set_data(height)
        ax.set_ylim(0, 1.1 if height.max() < 1 else 1.2 * height.max())
        gap = np.sqrt(np.mean((height - exact) ** 2))
        return (
            f"N = {n:,} draws: the bars miss the exact density by {gap:.3f} (root mean square); "
            "a hundred times as many draws, a tenth of the gap."
        )

    return live(fig, update, moving=[bars, line], n=log_slider("draws N", 1, 5, 100, step=0.25))


# ---------------------------------------------------------------- lecture 01


def asymmetry(n: int = 2000, *, seed: int = 1) -> Live:
    """The forward-backward asymmetry under a slider: the exact density, and N events from it."""
    bins = 25
    # One set of uniform numbers for all settings: what moves is the distribution, not the noise.
    u = torch.rand(n, generator=torch.Generator().manual_seed(seed))
    c = torch.linspace(-1, 1, 201)

    fig, ax = plotting.figure(height=3.4)
    bars, line = plotting.collider_angles(ax, u, c, collider.density(c), bins=bins)
    ax.axvline(0, ymax=0.84, color=plotting.ROLE["neutral"], linewidth=1, linestyle=":")
    ax.text(-0.03, 0.76, "backward", transform=ax.get_xaxis_transform(), ha="right")
    ax.text(0.03, 0.76, "forward", transform=ax.get_xaxis_transform(), ha="left")
    ax.set_ylim(0, 2)

    def update(a_fb: float) -> str:
        events = collider.inverse_cdf(u, a_fb).numpy()
        bars.set_data(np.histogram(events, bins=bins, range=(-1, 1), density=True)[0])
        line.set_ydata(collider.density(c, a_fb).numpy())
        measured = np.mean(np.sign(events))
        error = math.sqrt((1 - a_fb**2) / n)
        return (
            f"A_FB = {a_fb:.2f}: of {n:,} events, the forward minus the backward fraction is "
            f"{measured:.3f} ± {error:.3f}."
        )

    return live(fig, update, moving=[bars, line], a_fb=slider("A_FB", -0.75, 0.75, 0.3, step=0.05))


def structure_growth(a: Array | None = None, density: Array | None = None) -> Live:
    """Structure forming under a slider for the scale factor: stored snapshots of a simulation.

    a: scale factors, (T,), increasing. density: overdensities delta, (T, n, n). Without them, a
    simulation of the lecture's universe is run.
    Raises: ValueError if the two do not fit together.
    """
    if a is None or density is None:
        a, density = _simulate_growth()
    times = [float(time) for time in a]
    delta = plotting.array(density)
    if delta.ndim != 3 or len(delta) != len(times):
        raise ValueError(
            f"structure_growth needs one (n, n) density for each of the {len(times)} scale "
            f"factors, got shape {delta.shape}."
        )
    spread = delta.std(axis=(1, 2))
    # Painted as in plotting.field: transposed with the origin below, on a logarithmic scale.
    pictures = np.log10(np.maximum(1 + delta.swapaxes(1, 2)[:, ::-1], 1e-2))

    def update(a: float) -> tuple[np.ndarray, str]:
        i = times.index(a)
        linear = spread[0] * a / times[0]
        return pictures[i], (
            f"a = {a:.2f}: the density contrast δ has standard deviation {spread[i]:.2f}; "
            f"growing in proportion to a, it would have {linear:.2f}."
        )

    control = stops("scale factor a", times, 0.5)
    return pixels(update, cmap="magma", low=-1.2, high=1.2, a=control)


def _simulate_growth(*, seed: int = 3) -> tuple[list[float], torch.Tensor]:
    """Twenty snapshots of the lecture's universe; half a second."""
    # Four particles for each pixel: with fewer, empty regions show the lattice they started on.
    n, shown = 256, 128
    generator = torch.Generator().manual_seed(seed)
    delta = cosmology.sample_field(cosmology.lecture_power(n), 1, generator=generator)[0]
    states = cosmology.nbody(delta, 0.05, 1.0, 38, snapshots=19)
    times = [round(state.a, 6) for state in states]
    return times, torch.stack([cosmology.density(state.positions, shown) for state in states])


def temperature(kT: Array | None = None, positions: Array | None = None) -> Live:
    """Walkers on the Mueller-Brown surface under a slider for kT, over the exact density.

    kT: temperatures, (T,), increasing. positions: walkers at the end of a run at each, (T, N, 2).
    Without them, 500 walkers, half of them from each of the two deepest minima, are run at six
    temperatures for a time that is long enough at kT = 20 and far too short at kT = 10.
    Raises: ValueError if the two do not fit together.
    """
    if kT is None or positions is None:
        kT, positions = _run_walkers()
    stages = [float(value) for value in kT]
    walkers = torch.as_tensor(positions)
    if walkers.ndim != 3 or len(walkers) != len(stages) or walkers.shape[-1] != 2:
        raise ValueError(
            f"temperature needs walkers (N, 2) for each of the {len(stages)} temperatures, got "
            f"shape {tuple(walkers.shape)}."
        )
    x, y = torch.linspace(-1.7, 1.3, 121), torch.linspace(-0.6, 2.2, 113)
    energy = molecular.mueller_brown(torch.stack(torch.meshgrid(x, y, indexing="ij"), -1))
    roots = [
        torch.exp(-energy / (2 * value)).numpy() for value in stages
    ]  # sqrt(p), up to a factor
    basin = molecular.in_deep_basin
    exact = [molecular.mueller_brown_truth(value).population(basin) for value in stages]
    found = basin(walkers).double().mean(1).tolist()

    fig, ax = plotting.figure(width=5.2, height=4.4)
    image = plotting.boltzmann_map(ax, x, y, torch.exp(-energy / stages[0]))
    lines = plotting.energy_contours(ax, x, y, energy)
    dots = plotting.walkers(ax, walkers[0])
    left = ax.spines["left"]  # the image, drawn anew, would cover it
    (border,) = ax.plot(
        [x[0], 0, 0], [0.7, 0.7, y[-1]], color=plotting.ROLE["truth"], lw=1, ls="--"
    )

    def update(kT: float) -> str:
        i = stages.index(kT)
        image.set(data=roots[i].T, clim=(0, roots[i].max()))
        dots.set_offsets(walkers[i])
        n = walkers.shape[1]
        slack = 3 * math.sqrt(exact[i] * (1 - exact[i]) / n)  # three standard errors
        verdict = "equal within errors" if abs(found[i] - exact[i]) < slack else "not mixed yet"
        return (
            f"kT = {kT:g}: {found[i]:.3f} of {n} walkers are in the upper left basin (dashed), "
            f"where the exact density (blue) puts {exact[i]:.3f}: {verdict}."
        )

    return live(
        fig, update, moving=[image, lines, dots, border, left], kT=stops("kT", stages, 10.0)
    )


def _run_walkers(n: int = 500, *, seed: int = 4) -> tuple[list[float], torch.Tensor]:
    """Langevin walkers from the two deepest minima, for 30 time units; about two seconds.

    BAOAB rather than overdamped steps: at this step its populations are exact to 0.5 %, which
    Euler-Maruyama reaches only with steps far too short for a slider's patience.
    """
    stages = [10.0, 12.5, 15.0, 20.0, 25.0, 30.0]
    steps = 3000
    start = torch.tensor(molecular.MINIMA[:2]).repeat(n // 2, 1)  # (n, 2)
    generator = torch.Generator().manual_seed(seed)
    ends = [
        molecular.baoab(
            start,
            molecular.mueller_brown_force,
            steps=steps,
            dt=0.01,
            kT=value,
            friction=10.0,
            keep_every=steps,
            generator=generator,
        )[0][-1]
        for value in stages
    ]
    return stages, torch.stack(ends)


def sprite(size: int = 28) -> Live:
    """A sprite and its five causes: shape, scale, orientation, x, y."""

    def update(shape: str, scale: float, turn: float, x: float, y: float) -> tuple[Array, str]:
        image = sprites.image(shape, scale, math.radians(turn), x, y, size)
        return image, (
            f"{shape.capitalize()} of scale {scale:.2f}, turned by {turn:.0f}°, at x = {x:.2f}, "
            f"y = {y:.2f}: five causes decide {size * size} pixels, "
            f"of which {float(image.sum()):.0f} are ink."
        )

    return pixels(
        update,
        width=336,
        shape=choice("shape", list(sprites.SHAPES), "heart"),
        scale=slider("scale", 0.2, 0.6, 0.45, step=0.01),
        turn=slider("orientation", 0, 180, 20, step=5),
        x=slider("x", -0.4, 0.4, 0.1, step=0.05),
        y=slider("y", -0.4, 0.4, 0.0, step=0.05),
    )


# ---------------------------------------------------------------- lecture 02


def likelihood(n: int = 2000, a_true: float = 0.3, *, seed: int = 5) -> Live:
    """Fit A_FB by hand: events under the density of the slider, and the log-likelihood's height."""
    generator = torch.Generator().manual_seed(seed)
    events = collider.sample_cos_theta(n, a_true, generator=generator, dtype=torch.float64)
    best = float(densities.fit_asymmetry(events))
    grid = torch.linspace(best - 0.09, best + 0.09, 91, dtype=torch.float64)

    def below(a_fb: float) -> float:
        return float(
            (collider.log_density(events, a_fb) - collider.log_density(events, best)).sum()
        )

    fig, (left, right) = plotting.figure(1, 2, width=8.6, height=3.6)
    c = torch.linspace(-1, 1, 201)
    _, line = plotting.collider_angles(left, events, c, collider.density(c), bins=25)
    line.set(color=plotting.ROLE["model"], label="model p(c)")
    left.set(ylim=(0, 1.8), xticks=[-1, -0.5, 0, 0.5, 1])
    left.legend(loc="upper left")
    plotting.log_likelihood(right, grid, torch.tensor([below(float(a)) for a in grid]))
    right.locator_params(axis="x", nbins=5)
    (dot,) = right.plot([best], [0.0], "o", color=plotting.ROLE["model"], markersize=9)

    def update(a_fb: float) -> str:
        line.set_ydata(collider.density(c, a_fb).numpy())
        value = below(a_fb)
        dot.set_data([a_fb], [max(value, -7.9)])
        return (
            f"A_FB = {a_fb:.2f}: the log-likelihood is {-value:.1f} nats below its maximum, which "
            f"is at {best:.3f}."
        )

    low, high = round(best - 0.09, 2), round(best + 0.09, 2)
    return live(fig, update, moving=[line, dot], a_fb=slider("A_FB", low, high, low, step=0.01))


def mixture_size(n: int = 2000, *, seed: int = 6) -> Live:
    """Mixtures of more and more round Gaussians, fitted by EM to Mueller-Brown draws."""
    kT = 20.0
    truth = molecular.mueller_brown_truth(kT)
    generator = torch.Generator().manual_seed(seed)
    train, held_out = (molecular.sample_mueller_brown(n, kT, generator=generator) for _ in range(2))
    x, y = torch.linspace(-1.7, 1.3, 121), torch.linspace(-0.6, 2.2, 113)
    grid = torch.stack(torch.meshgrid(x, y, indexing="ij"), -1)
    sizes = [1, 2, 3, 5, 8, 12, 20]
    models = [densities.fit_mixture(train, m, generator=generator).model for m in sizes]
    roots = [
        model.log_prob(grid.flatten(0, 1)).reshape(grid.shape[:2]).div(2).exp().numpy()
        for model in models
    ]
    above = [nats_above_truth(truth.log_prob(held_out), m.log_prob(held_out)) for m in models]

    fig, ax = plotting.figure(width=5.2, height=4.4)
    image = plotting.boltzmann_map(ax, x, y, torch.tensor(roots[0]) ** 2)
    lines = plotting.energy_contours(ax, x, y, molecular.mueller_brown(grid))
    left = ax.spines["left"]  # the image, drawn anew, would cover it
    centres = plotting.walkers(ax, models[0].means, label="means")
    centres.set(sizes=[40], alpha=1)

    def update(m: int) -> str:
        i = sizes.index(m)
        image.set(data=roots[i].T, clim=(0, roots[i].max()))
        centres.set_offsets(models[i].means)
        nats, error = above[i]
        return (
            f"M = {m}: the mixture (blue, its means orange) is {nats:.2f} ± {error:.2f} nats above "
            "the truth (contours of the energy)."
        )

    return live(
        fig, update, moving=[image, lines, centres, left], m=stops("components M", sizes, 3)
    )


# ---------------------------------------------------------------- lecture 03


def bottleneck(
    images: torch.Tensor | None = None,
    reconstructions: dict[str, torch.Tensor] | None = None,
    sizes: Sequence[int] = (1, 2, 3, 5, 8, 16),
) -> Live:
    """Images over their reconstructions from K numbers, K under a slider.

    images: (B, h, w). reconstructions: for each method, by name, (R, B, h, w), one for each of the
    R sizes K. Without them, sprites and their PCA.
    Raises: ValueError if the shapes do not fit together.
    """
    if images is None or reconstructions is None:
        images, reconstructions = _pca_of_sprites(sizes)
    wanted = (len(sizes), *images.shape)
    for name, pictures in reconstructions.items():
        if pictures.shape != wanted:
            raise ValueError(
                f"bottleneck needs reconstructions of shape {wanted}, one for each size K and "
                f"image; {name} has {tuple(pictures.shape)}."
            )
    rows = " and ".join(f"by {name}" for name in reconstructions)

    def update(k: float) -> tuple[Array, str]:
        at = [int(size) for size in sizes].index(round(k))
        pictures = {name: stack[at].detach() for name, stack in reconstructions.items()}
        errors = [
            f"{float((images - picture).square().sum() / len(images)):.2g} with {name}"
            for name, picture in pictures.items()
        ]
        rows_of_images = torch.cat([images, *pictures.values()])
        return plotting.tile(rows_of_images, columns=len(images), fill=0.25), (
            f"Images (top) and their reconstructions {rows} (below) from K = {round(k)}: "
            f"squared error per image {', '.join(errors)}."
        )

    return pixels(update, k=stops("numbers K", [float(k) for k in sizes], float(sizes[0])))


def _pca_of_sprites(sizes: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Eight hearts (8, 14, 14), and what PCA makes of them at each size, (R, 8, 14, 14)."""
    generator = torch.Generator().manual_seed(7)
    factors = sprites.draw_factors(1000, vary=("x", "y", "scale"), generator=generator)
    x = sprites.render(factors, 14, 1.0).flatten(1)
    some = x[:8]
    rows = []
    for k in sizes:
        mean, components = autoencoders.pca(x, k)
        z = autoencoders.project(some, mean, components)
        rows.append(autoencoders.reconstruct(z, mean, components))
    shape = (len(sizes), 8, 14, 14)
    return some.reshape(8, 14, 14), {"PCA": torch.stack(rows).reshape(shape)}  # (R, 8, 196)


def latent_walk(
    codes: torch.Tensor | None = None,
    images: torch.Tensor | None = None,
    decode: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Live:
    """A walk through a latent plane: the code z under two sliders, and the picture it decodes to.

    codes: of images, (N, 2). images: to compare with, (N, h, w). decode: (1, 2) -> (1, h w).
    Without them, ellipses whose size and orientation are the polar coordinates of z.
    """
    if codes is None or images is None or decode is None:
        codes, images, decode = _ring_of_ellipses()
    real = images.flatten(1)
    low, high = (torch.floor(codes.amin(0)).tolist(), torch.ceil(codes.amax(0)).tolist())
    start = [round(float(middle) * 20) / 20 for middle in codes.mean(0)]

    def picture(z: list[float]) -> torch.Tensor:
        with torch.no_grad():
            return decode(torch.tensor([z]))

    fig, (left, right) = plotting.figure(1, 2, width=7.6, height=3.8)
    plotting.latent_draws(left, codes)
    left.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    (mark,) = left.plot(*start, "o", markersize=11, color=plotting.ROLE["model"], mec="white")
    right.set_title("decoded")
    shown = plotting.images(right, picture(start).reshape(1, *images.shape[1:]))  # (1, h w)

    def update(z1: float, z2: float) -> str:
        decoded = picture([z1, z2])
        mark.set_data([z1], [z2])
        shown.set_data(decoded.reshape(images.shape[1:]).numpy())  # (1, h w) -> (h, w)
        to_code = float(torch.cdist(torch.tensor([[z1, z2]]), codes).min())
        to_image = float((real - decoded).square().sum(1).min().sqrt())
        return (
            f"z = ({z1:.2f}, {z2:.2f}), at a distance of {to_code:.1f} from the nearest code of an "
            f"image: what it decodes to is {to_image:.1f} from the nearest image."
        )

    return live(
        fig,
        update,
        moving=[mark, shown],
        z1=slider("z1", low[0], high[0], start[0], step=0.05),
        z2=slider("z2", low[1], high[1], start[1], step=0.05),
    )


def _ring_of_ellipses() -> tuple[torch.Tensor, torch.Tensor, Callable]:
    """Codes (N, 2) on a ring, their images (N, 14, 14), and the decoder that made them."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        radius, angle = z.norm(dim=1), torch.atan2(z[:, 1], z[:, 0])
        # Half the angle: an ellipse looks the same after half a turn.
        scale = 0.15 + 0.2 * radius
        return sprites.image("ellipse", scale, angle / 2, 0.0, 0.0, 14, 1.0).flatten(1)

    u = torch.rand(2, 800, generator=torch.Generator().manual_seed(8))
    radius, angle = 1 + u[0], 2 * math.pi * u[1]
    codes = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return codes, decode(codes).reshape(-1, 14, 14), decode


# Every widget of the course, by lecture; each can be made without arguments. The benchmark and the
# tests go through this table: a new widget is entered here.
WIDGETS: dict[str, Callable[[], Live]] = {
    "00 draws_against_density": draws_against_density,
    "01 asymmetry": asymmetry,
    "01 structure_growth": structure_growth,
    "01 temperature": temperature,
    "01 sprite": sprite,
    "02 likelihood": likelihood,
    "02 mixture_size": mixture_size,
    "03 bottleneck": bottleneck,
    "03 latent_walk": latent_walk,
}
