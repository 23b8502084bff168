"""How a slider moves a figure: `live` and `pixels`, and the controls."""

import html
import io
import os
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import matplotlib
import numpy as np
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
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from course_utils import plotting
from course_utils.plotting import Array
from course_utils.plotting.base import FRAMES, FRAMES_VARIABLE

LIVE_DPI = 110  # of a figure that moves; a stored one is finer
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SPOKEN = Path(__file__).with_name("spoken.js").read_text("utf-8")  # for screen readers

# ---------------------------------------------------------------- the mechanism


class Live:
    """A picture, the sentence under it, and the controls that change both.

    `frame` is the pure part: values of the controls, by name, to (PNG, sentence).
    """

    def __init__(
        self, frame: Callable[..., tuple[bytes, str]], controls: dict[str, Any], *, width: int
    ) -> None:
        self.frame = frame
        self.controls = controls
        self.sentence = ""
        self.width = width
        self._image = Image(format="png", layout=Layout(width=f"{width}px", max_width="100%"))
        self._caption = HTML(layout=Layout(width=f"{max(width, 448)}px", max_width="100%"))
        # A failure in the first frame is raised: the cell itself is at fault, not a setting.
        self._accept(*frame(**self.values))
        for control in controls.values():
            control.observe(self._refresh, names="value")
        # ipywidgets sends no script of its own; that of an image which cannot be loaded is run.
        onerror = html.escape(SPOKEN)
        self._spoken = HTML(
            f'<img src="data:," alt="" onerror="{onerror}">', layout=Layout(display="none")
        )
        self.box = _arrange([*controls.values()], self._image, self._caption, self._spoken)

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
        for part in (*self.controls.values(), self._image, self._caption, self._spoken, self.box):
            part.close()

    def _accept(self, png: bytes, sentence: str) -> None:
        self.sentence = sentence
        self._image.value = png
        # A status region: screen readers say the sentence when it changes.
        self._caption.value = f'<p role="status" {_CAPTION}>{html.escape(sentence)}</p>'

    def _refresh(self, _change: dict) -> None:
        """Redraw after a move; a setting that fails says so in the caption, the picture stays."""
        try:
            png, sentence = self.frame(**self.values)
        except Exception as error:  # whatever it is: an exception in a callback would be lost
            png, sentence = self.png, f"This setting failed: {type(error).__name__}: {error}"
        self._accept(png, sentence)

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict, dict]:
        """One output: the widget, and for pages without widgets a picture with its sentence."""
        still, scale = captioned(self.png, self.sentence, width=self.width)
        data, metadata = plotting.bundle(still, self.sentence, scale=scale)
        # Written by hand: ipywidgets 7, which Colab has, knows no mime bundle of a widget.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        data[WIDGET_VIEW] = view
        if os.environ.get(FRAMES_VARIABLE):  # a page is being made, on which no kernel will run
            from .frames import frames

            data[FRAMES] = frames(self)
        return data, metadata


_CAPTION = 'style="margin: 0; line-height: 1.45"'


def _arrange(controls: list[Widget], image: Image, *below: HTML) -> Box:
    """One or two controls stand above the picture, more of them beside it."""
    if len(controls) <= 2:
        return VBox([*controls, image, *below])
    beside = HBox([image, VBox(controls)], layout=Layout(flex_flow="row wrap"))
    return VBox([beside, *below])


def live(
    figure: Figure,
    update: Callable[..., str],
    *,
    moving: Sequence[Artist] | None = None,
    **controls: Any,
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
    canvas: Any = figure.canvas  # Agg, which holds its pixels
    for artist in moving or ():
        artist.set_animated(True)
    limits: list | None = None
    still: Any = None

    def frame(**values: Any) -> tuple[bytes, str]:
        nonlocal limits, still
        sentence = update(**values)
        now = [ax.viewLim.bounds for ax in figure.axes]
        if moving is None or now != limits:
            canvas.draw()
            limits, still = now, canvas.copy_from_bbox(figure.bbox)
        canvas.restore_region(still)
        for artist in moving or ():
            cast(Axes, artist.axes).draw_artist(artist)
        return plotting.encode(np.asarray(canvas.buffer_rgba())[..., :3]), sentence

    return Live(frame, controls, width=round(figure.get_figwidth() * 96))


def pixels(
    update: Callable[..., tuple[Array, str]],
    *,
    cmap: str = "gray_r",
    low: float = 0.0,
    high: float = 1.0,
    width: int = 448,
    **controls: Any,
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
    figure = Figure(figsize=(w / 100, (h + strip) / 100), dpi=100, layout=None)
    FigureCanvasAgg(figure)
    figure.figimage(picture, 0, strip)
    figure.text(
        6 * scale / w,
        (strip - 8 * scale) / (h + strip),
        "\n".join(lines),
        va="top",
        fontsize=0.72 * 13 * scale,  # 13 pixels of the page, in points at 100 dpi
        linespacing=1.35,
        color=plotting.base.INK,
    )
    return plotting.png(figure, dpi=100), scale


# ---------------------------------------------------------------- controls
# Every picture of the course is drawn in less time than a hand needs to move on, and the browser
# waits for one drawing before it asks for the next: so the picture follows while the slider moves.

_WIDE = Layout(width="448px", max_width="100%")
_LABEL = {"description_width": "112px"}


def slider(label: str, low: float, high: float, value: float, *, step: float) -> FloatSlider:
    """A slider over the numbers from `low` to `high`."""
    # As many digits as tell every stop from its neighbours: 0.25 is not 0.2.
    decimals = next(d for d in range(9) if abs(step * 10**d - round(step * 10**d)) < 1e-6)
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


def stops(label: str, values: Sequence[float], value: float) -> SelectionSlider:
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
