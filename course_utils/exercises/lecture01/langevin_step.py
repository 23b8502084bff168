"""01.langevin_step: one step of a particle in a thick liquid."""

import math

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "01.langevin_step",
    "x (...), force (...), dt float, kT float, friction float, noise (...) -> (...)",
    place=4,
    proves="Drift force dt / friction and noise of variance 2 kT dt / friction for random settings "
    "and the lecture's, any shape, in single and double precision.",
    hints=(
        "Three terms: where the particle is, the drift along the force, the random kick.",
        "In a time dt friction lets the particle drift by force dt / friction. Kicks add up like "
        "a random walk: their variance, not their size, grows with dt.",
        "Einstein: a free particle spreads with variance 2 D dt, where D = kT / friction. `noise` "
        "has variance 1: what makes that of it? (`math.sqrt` takes the floats.)",
    ),
    twin="course_utils.simulators.molecular:langevin_step",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    walkers, particles, dimensions = draw.sizes(3)
    cases = (
        ((walkers, dimensions), torch.float32),
        ((1, dimensions), torch.float32),
        ((walkers, particles, dimensions), torch.float64),
    )
    for shape, dtype in cases:
        x, force, noise = (draw.normal(*shape, dtype=dtype) for _ in range(3))
        settings = draw.number(0.01, 0.2), draw.number(2, 20), draw.number(1.5, 4)
        _judge(f, x, force, settings, noise)
    x, noise = draw.normal(2000, 2), draw.normal(2000, 2)
    _judge(f, x, 500 * draw.normal(2000, 2), (1e-4, 20.0, 1.0), noise)


def _judge(
    f: Subject,
    x: torch.Tensor,
    force: torch.Tensor,
    settings: tuple[float, float, float],
    noise: torch.Tensor,
) -> None:
    dt, kT, friction = settings
    moved = f(x, force, dt, kT, friction, noise)
    law(
        near(f(x, force, dt, kT, friction, noise), moved),
        "Asked twice with the same numbers, the function answers differently: it draws random "
        "numbers of its own. Use the `noise` it is given.",
        "own-noise",
    )
    still = f(x, force, dt, kT, friction, torch.zeros_like(noise))
    scale = float(x.abs().max()) + float(force.abs().max()) * dt
    law(
        near((still - x) * friction, force * dt, scale),
        "Without noise the step should be force dt / friction.",
        "wrong-drift",
    )
    law(
        near((moved - still) ** 2 * friction, 2 * kT * dt * noise**2),
        "The random kick is not sqrt(2 kT dt / friction) times the noise.",
        "wrong-kick",
    )
    law(
        near(moved - still, math.sqrt(2 * kT * dt / friction) * noise),
        "The kick goes against the noise: add it, so that other checks find the same walker.",
        "noise-subtracted",
    )


@exercise.mistake("noise-grows-with-dt")
def _(x, force, dt, kT, friction, noise):
    """The random kick is proportional to dt. Variances of independent kicks add up, so its width
    grows with the square root of dt; with small steps yours all but vanishes."""
    return x + (force + 2 * kT * noise) * dt / friction


@exercise.mistake("noise-grows-with-dt")
def _(x, force, dt, kT, friction, noise):
    """The random kick is proportional to dt: the time step belongs under the square root."""
    return x + (force / friction + math.sqrt(2 * kT / friction) * noise) * dt


@exercise.mistake("missing-two")
def _(x, force, dt, kT, friction, noise):
    """The factor 2 under the root is missing: this samples at half the temperature."""
    return x + force * dt / friction + math.sqrt(kT * dt / friction) * noise


@exercise.mistake("two-outside")
def _(x, force, dt, kT, friction, noise):
    """The 2 stands outside the root: this samples at twice the temperature."""
    return x + force * dt / friction + 2 * math.sqrt(kT * dt / friction) * noise


@exercise.mistake("noise-without-friction")
def _(x, force, dt, kT, friction, noise):
    """The friction is missing under the root: drift and kicks must both feel it, or the
    temperature comes out wrong."""
    return x + force * dt / friction + math.sqrt(2 * kT * dt) * noise


@exercise.mistake("drift-without-friction")
def _(x, force, dt, kT, friction, noise):
    """The friction is missing in the drift: it is force dt / friction."""
    return x + force * dt + math.sqrt(2 * kT * dt / friction) * noise


@exercise.mistake("drift-without-dt")
def _(x, force, dt, kT, friction, noise):
    """The time step is missing in the drift: it is force dt / friction."""
    return x + force / friction + math.sqrt(2 * kT * dt / friction) * noise


@exercise.mistake("no-friction")
def _(x, force, dt, kT, friction, noise):
    """The friction occurs nowhere: it divides the drift, and 2 kT dt under the root."""
    return x + force * dt + math.sqrt(2 * kT * dt) * noise


@exercise.mistake("friction-multiplies")
def _(x, force, dt, kT, friction, noise):
    """The drift is multiplied by the friction: more friction means a slower drift."""
    return x + force * dt * friction + math.sqrt(2 * kT * dt / friction) * noise


@exercise.mistake("friction-multiplies")
def _(x, force, dt, kT, friction, noise):
    """The kick grows with the friction, as in an equation for the velocity. For positions it is
    sqrt(2 kT dt / friction)."""
    return x + force * dt / friction + math.sqrt(2 * kT * friction * dt) * noise


@exercise.mistake("friction-outside")
def _(x, force, dt, kT, friction, noise):
    """The friction divides the root: it belongs under it."""
    return x + (force * dt + math.sqrt(2 * kT * dt) * noise) / friction


@exercise.mistake("uphill")
def _(x, force, dt, kT, friction, noise):
    """The drift goes against the force: force is minus the gradient already, so it is added."""
    return x - force * dt / friction + math.sqrt(2 * kT * dt / friction) * noise


@exercise.mistake("no-noise")
def _(x, force, dt, kT, friction, noise):
    """There is no random kick: this slides downhill and stops, at any temperature."""
    return x + force * dt / friction


@exercise.mistake("noise-not-used")
def _(x, force, dt, kT, friction, noise):
    """The kick is the same for every particle: it has the right width, and `noise`, which makes it
    random, is not used."""
    return x + force * dt / friction + math.sqrt(2 * kT * dt / friction)


@exercise.mistake("no-drift")
def _(x, force, dt, kT, friction, noise):
    """The force is not used: this is free diffusion."""
    return x + math.sqrt(2 * kT * dt / friction) * noise


@exercise.mistake("no-temperature")
def _(x, force, dt, kT, friction, noise):
    """The temperature is missing under the root."""
    return x + force * dt / friction + math.sqrt(2 * dt / friction) * noise


@exercise.mistake("step-only")
def _(x, force, dt, kT, friction, noise):
    """This is the step alone: add it to `x`, and return the new position."""
    return force * dt / friction + math.sqrt(2 * kT * dt / friction) * noise
