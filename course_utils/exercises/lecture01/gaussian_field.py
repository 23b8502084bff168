"""01.gaussian_field: white noise, coloured by a power spectrum."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject
from .fourier import filtered, random_power, sizes

exercise = Exercise(
    "01.gaussian_field",
    "white (n, n), power (n, m) -> (n, n)",
    place=2,
    proves="Every Fourier mode of the field is the white noise's times the root of the power, on "
    "grids of even and odd size and on the lecture's, and the field is real.",
    hints=(
        "Go to Fourier space with `torch.fft.rfft2(white)`: its grid is the one `power` is given "
        "on. There each mode is one complex number, to be made larger or smaller.",
        "A mode of white noise has power 1. Power is the average of |amplitude|^2, so a mode whose "
        "amplitude is multiplied by a has power a^2: which a gives the power wanted?",
        "`torch.fft.irfft2` comes back. It cannot know whether n was even: tell it the shape with "
        "`s=`. Forward and backward transform take the same `norm`.",
    ),
    twin="course_utils.simulators.cosmology:gaussian_field",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for n, dtype in sizes(draw):
        white, power = draw.normal(n, n, dtype=dtype), random_power(n, draw, dtype)
        field = f(white, power)
        law(
            near(f(white, power), field),
            "Asked twice with the same `white`, the function answers differently: it draws noise "
            "of its own. Use the noise it is given.",
            "own-noise",
        )
        law(
            not near(f(draw.normal(n, n, dtype=dtype), power), field),
            "Whatever `white` is, the same field comes back: the noise that is given is not used.",
            "white-ignored",
        )
        # Mode by mode; the modes with no power must vanish.
        modes = torch.fft.rfft2(field)
        wanted = torch.fft.rfft2(white) * power.sqrt()
        law(
            near(modes.abs(), wanted.abs()),
            "The field's modes do not have the right size: each should be the white noise's times "
            "the root of the power at that wavenumber.",
            "wrong-modes",
        )
        law(
            near(torch.view_as_real(modes), torch.view_as_real(wanted)),
            "The modes have the right size and the wrong phases: the phases are the white noise's.",
            "wrong-phases",
        )
    white, ones = draw.normal(8, 8), torch.ones(8, 5)
    law(
        near(f(white, ones), white),
        "With power 1 everywhere, up to the shortest waves, the white noise should come back.",
        "wrong-modes",
    )


def complex_of(real: Tensor) -> Tensor:
    """The same numbers with imaginary part 0."""
    return torch.complex(real, torch.zeros_like(real))


@exercise.mistake("output-size")
def _(white, power):
    """On a grid of odd size one column is lost: `irfft2` takes the last axis to be even unless it
    is told the shape with `s=`."""
    return torch.fft.irfft2(torch.fft.rfft2(white) * power.sqrt())


@exercise.mistake("power-for-amplitude")
def _(white, power):
    """Each mode is multiplied by the power itself, so the field's spectrum is its square: an
    amplitude is the root of a power."""
    return filtered(white, power)


@exercise.mistake("divided")
def _(white, power):
    """Each mode is divided by the root of the power, and large scales come out weak where they
    should be strong: multiply."""
    return filtered(white, 1 / power.sqrt())


for exponent, sentence in (
    (
        1,
        "The field is too large by a factor n: forward and backward transform use different norms.",
    ),
    (
        -1,
        "The field is too small by a factor n: forward and backward transform use different norms, "
        "or an average was taken by hand on top of the transform's own.",
    ),
    (
        -2,
        "The field is too small by a factor n^2: the inverse transform divides by the number of "
        "pixels already.",
    ),
    (2, "The field is too large by a factor n^2: the transform's own norm was undone by hand."),
):

    @exercise.mistake("normalisation", sentence)
    def _(white, power, exponent=exponent):
        return filtered(white, power.sqrt()) * float(len(white)) ** exponent


@exercise.mistake("added")
def _(white, power):
    """The root of the power is added to the modes: it should multiply them."""
    return torch.fft.irfft2(torch.fft.rfft2(white) + power.sqrt(), s=white.shape)


@exercise.mistake("real-part")
def _(white, power):
    """The imaginary part of the modes is lost, and with it half of the randomness: multiply the
    complex modes."""
    return torch.fft.irfft2(complex_of(torch.fft.rfft2(white).real * power.sqrt()), s=white.shape)


@exercise.mistake("modulus")
def _(white, power):
    """The phases of the modes are lost: multiply the complex modes, not their modulus."""
    return torch.fft.irfft2(complex_of(torch.fft.rfft2(white).abs() * power.sqrt()), s=white.shape)


for norm in ("backward", "ortho"):

    @exercise.mistake(
        "amplitude-set",
        "Each mode has exactly the size of the root of the power, and only its phase from the "
        "noise. The noise's own amplitude is random and should stay: multiply it.",
    )
    def _(white, power, norm=norm):
        modes = torch.polar(power.sqrt(), torch.fft.rfft2(white).angle())
        return torch.fft.irfft2(modes, s=white.shape, norm=norm)


@exercise.mistake("noise-returned")
def _(white, power):
    """The white noise came back unchanged."""
    return white.clone()


for centred in (0, 1):
    for correction in (0, 1):

        @exercise.mistake("standardised")
        def _(white, power, centred=centred, correction=correction):
            """The field was rescaled to unit variance: its variance is the spectrum's business."""
            field = filtered(white, power.sqrt())
            return (field - centred * field.mean()) / field.std(correction=correction)
