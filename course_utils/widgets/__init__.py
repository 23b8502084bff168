"""Sliders over figures: the only room that imports ipywidgets.

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

from collections.abc import Callable

from .base import WIDGET_VIEW, Live, captioned, choice, live, log_slider, pixels, slider, stops
from .lecture00 import draws_against_density
from .lecture01 import asymmetry, sprite, structure_growth, temperature
from .lecture02 import likelihood, mixture_size
from .lecture03 import bottleneck, latent_walk

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

__all__ = [
    "WIDGETS",
    "WIDGET_VIEW",
    "Live",
    "asymmetry",
    "bottleneck",
    "captioned",
    "choice",
    "draws_against_density",
    "latent_walk",
    "likelihood",
    "live",
    "log_slider",
    "mixture_size",
    "pixels",
    "slider",
    "sprite",
    "stops",
    "structure_growth",
    "temperature",
]
