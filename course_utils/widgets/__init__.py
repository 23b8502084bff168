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
from .lecture04 import draws_from_prior, two_processes
from .lecture05 import fit_by_hand, two_basins
from .lecture06 import one_draw
from .lecture07 import decoder_sigma, one_pixel
from .lecture08 import beta_curve, small_features, turned_latents
from .lecture09 import forging, stretching
from .lecture10 import guiding, out_of_noise, through_time

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
    "04 draws_from_prior": draws_from_prior,
    "04 two_processes": two_processes,
    "05 fit_by_hand": fit_by_hand,
    "05 two_basins": two_basins,
    "06 one_draw": one_draw,
    "07 decoder_sigma": decoder_sigma,
    "07 one_pixel": one_pixel,
    "08 beta_curve": beta_curve,
    "08 small_features": small_features,
    "08 turned_latents": turned_latents,
    "09 stretching": stretching,
    "09 forging": forging,
    "10 through_time": through_time,
    "10 out_of_noise": out_of_noise,
    "10 guiding": guiding,
}

__all__ = [
    "WIDGETS",
    "WIDGET_VIEW",
    "Live",
    "asymmetry",
    "beta_curve",
    "bottleneck",
    "captioned",
    "choice",
    "decoder_sigma",
    "draws_against_density",
    "draws_from_prior",
    "fit_by_hand",
    "forging",
    "guiding",
    "latent_walk",
    "likelihood",
    "live",
    "log_slider",
    "mixture_size",
    "one_draw",
    "one_pixel",
    "out_of_noise",
    "pixels",
    "slider",
    "small_features",
    "sprite",
    "stops",
    "stretching",
    "structure_growth",
    "temperature",
    "through_time",
    "turned_latents",
    "two_basins",
    "two_processes",
]
