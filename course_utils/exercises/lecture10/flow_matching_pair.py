"""10.flow_matching_pair: a straight path from noise to data, and its velocity."""

from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law, near
from ..subject import Subject
from .noise_levels import per_sample, sample_shapes

exercise = Exercise(
    "10.flow_matching_pair",
    "noise (B, ...), data (B, ...), t (B,) -> (B, ...), (B, ...)",
    place=8,
    proves="The path is at the noise at t = 0 and at the data at t = 1, and the velocity is what "
    "two points of it say, the same all the way: for vectors, images and numbers, one sample, both "
    "ends, double precision.",
    hints=(
        "A straight line, walked at constant speed, from one point at t = 0 to another at t = 1. "
        "Where is one at t = 1/2? At t?",
        "The velocity is the derivative of the place with respect to t. How far is the whole way, "
        "and how long does it take?",
        "t (B,) is one number for each sample: it needs as many axes of length 1 as a sample has.",
    ),
    twin="course_utils.diffusion:flow_matching_pair",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for shape, dtype in sample_shapes(draw):
        noise, data = draw.normal(*shape, dtype=dtype), 1 + 2 * draw.normal(*shape, dtype=dtype)
        t = draw.uniform(0.1, 0.45, shape[0], dtype=dtype)
        later = draw.uniform(0.55, 0.9, shape[0], dtype=dtype)
        (here, velocity), (there, last_velocity) = f(noise, data, t), f(noise, data, later)
        # Eighths, of which sums and differences are exact: a mistake whose velocity is 0 at an end
        # is then 0 there however it is written, and recognised.
        first, last = ((8 * part).round() / 8 for part in (noise, data))
        (start, at_start), (end, at_end) = f(first, last, 0 * t), f(first, last, 0 * t + 1)
        law(
            agree(start, first) and agree(end, last),
            "At t = 0 the path should be at the noise, at t = 1 at the data.",
            "wrong-ends",
        )
        law(
            near(here, noise + per_sample(t, data) * (data - noise)),
            "x_t is not the place on the straight path, walked at constant speed, at each sample's "
            "own t.",
            "not-straight",
        )
        walked = (there - here) / per_sample(later - t, data)
        law(
            near(velocity, walked),
            "The velocity is not that of the path: from one time to another x_t goes elsewhere.",
            "wrong-velocity",
        )
        law(
            near(last_velocity, velocity),
            "The velocity should be the same all along a straight path.",
            "velocity-changes",
        )
        law(
            near(at_start, end - start) and near(at_end, end - start),
            "At t = 0 or at t = 1 the velocity is another than on the way: is a denominator kept "
            "away from 0? None is needed.",
            "velocity-at-ends",
        )


Pair = tuple[Tensor, Tensor]


@exercise.mistake("time-reversed")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """Time runs the other way, as in diffusion: here noise is at t = 0 and data at t = 1."""
    t = per_sample(t, data)
    return (1 - t) * data + t * noise, noise - data


@exercise.mistake("time-reversed")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """x_t goes from the data to the noise, while the velocity leads to the data: here noise is at
    t = 0 and data at t = 1."""
    t = per_sample(t, data)
    return (1 - t) * data + t * noise, data - noise


@exercise.mistake("zero-over-zero")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """At t = 0 the velocity is 0 / 0, nan: x_t - noise is t times the whole way, so the velocity
    can be written without a division."""
    t = per_sample(t, data)
    x_t = (1 - t) * noise + t * data
    return x_t, (x_t - noise) / t


@exercise.mistake("zero-over-zero")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """At t = 1 the velocity is 0 / 0, nan: data - x_t is 1 - t times the whole way, so the velocity
    can be written without a division."""
    t = per_sample(t, data)
    x_t = (1 - t) * noise + t * data
    return x_t, (data - x_t) / (1 - t)


@exercise.mistake("velocity-divided")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The velocity is the whole way divided by t: the whole way takes the time 1."""
    t = per_sample(t, data)
    return (1 - t) * noise + t * data, (data - noise) / t


@exercise.mistake("noise-left-over")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """A little of the noise is left at t = 1, the paper's sigma_min: here the path ends at the data
    themselves."""
    t, left = per_sample(t, data), 1e-4
    return (1 - (1 - left) * t) * noise + t * data, data - (1 - left) * noise


@exercise.mistake("velocity-backwards")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The velocity leads from the data to the noise: as t grows, x_t nears the data."""
    t = per_sample(t, data)
    return (1 - t) * noise + t * data, noise - data


@exercise.mistake("what-is-left")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """This velocity is the way that is left, data - x_t: it has to be walked in the time that is
    left, 1 - t."""
    t = per_sample(t, data)
    x_t = (1 - t) * noise + t * data
    return x_t, data - x_t


@exercise.mistake("data-for-velocity")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The data stand where the velocity is asked for: it is how x_t changes with t."""
    t = per_sample(t, data)
    return (1 - t) * noise + t * data, data


@exercise.mistake("noise-for-velocity")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The noise stands where the velocity is asked for, as for a denoiser: here it is how x_t
    changes with t."""
    t = per_sample(t, data)
    return (1 - t) * noise + t * data, noise


@exercise.mistake("velocity-times-t")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The velocity is multiplied by t: that is how far one has come, not how fast one goes."""
    t = per_sample(t, data)
    return (1 - t) * noise + t * data, t * (data - noise)


@exercise.mistake("diffusion's-path")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """These are diffusion's factors, roots whose squares add up to 1: that path is curved, and a
    straight one is wanted."""
    t = per_sample(t, data)
    return (1 - t).sqrt() * noise + t.sqrt() * data, data - noise


@exercise.mistake("noise-all-the-way")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The noise is added in full at all times: it fades as the data come."""
    t = per_sample(t, data)
    return noise + t * data, data


@exercise.mistake("order")
def _(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The two come in the other order: x_t first, then the velocity."""
    t = per_sample(t, data)
    return data - noise, (1 - t) * noise + t * data


BROADCASTS = (
    (
        "not-per-sample",
        "Here t meets the last axis instead of the batch: give it further axes of length 1, as "
        "many as a sample has.",
        lambda t: t,
    ),
    (
        "two-axes-only",
        "`t[:, None]` is right for samples that are vectors only: an image needs more axes of "
        "length 1, a number needs none.",
        lambda t: t[:, None],
    ),
    (
        "one-for-all",
        "The first t is used for the whole batch: every sample has its own.",
        lambda t: t[0],
    ),
)
for slug, sentence, spread in BROADCASTS:

    @exercise.mistake(slug, sentence)
    def _(noise: Tensor, data: Tensor, t: Tensor, spread=spread) -> Pair:
        return (1 - spread(t)) * noise + spread(t) * data, data - noise
