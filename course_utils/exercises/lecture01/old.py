"""The exercises of lecture 01, simulators: checks by laws, and the mistakes they know."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import agree, law
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


# --- 01.inverse_cdf -------------------------------------------------------------------------


def cdf(c: Tensor) -> Tensor:
    """F(c) of p(c) = 3/8 (1 + c^2) on [-1, 1]."""
    return (c**3 + 3 * c + 4) / 8


def root_of_cubic(q: Tensor) -> Tensor:
    """The real root of c^3 + 3 c = q, by Cardano."""
    r = torch.asinh(q.double() / 2) / 3
    return (2 * torch.sinh(r)).to(q.dtype)


@exercise(
    "01.inverse_cdf",
    "u (N,) -> (N,)",
    proves="F(c(u)) = u for fresh u: in the bulk, at both ends, for one number, in double "
    "precision; and c increases with u.",
    hints=(
        "Integrate p from -1 to c: F(c) = (c^3 + 3 c + 4) / 8. Then solve F(c) = u for c.",
        "F(c) = u is the cubic c^3 + 3 c = q with q = 8 u - 4. It has one real root for each q.",
        "Put c = 2 sinh(r): then c^3 + 3 c = 2 sinh(3 r), so r = asinh(q / 2) / 3. A few Newton "
        "steps on F(c) - u, or a bisection between -1 and 1, do as well.",
    ),
    twin="course_utils.simulators.collider:inverse_cdf",
    mistakes=(
        Mistake(
            "flat-density",
            "This stretches u linearly onto [-1, 1], which draws from a flat density. Events "
            "should pile up towards c = -1 and c = 1: invert the integral of 3/8 (1 + c^2).",
            lambda u: 2 * u - 1,
        ),
        Mistake(
            "decreasing",
            "This decreases with u: it inverts 1 - F(c). The density is symmetric, so a histogram "
            "does not show it; the exercise asks for F(c) = u.",
            lambda u: -root_of_cubic(8 * u - 4),
        ),
        Mistake(
            "forward-cdf",
            "This evaluates F on u stretched to [-1, 1]. The inverse is wanted: the c at which "
            "F(c) equals u.",
            lambda u: cdf(2 * u - 1),
        ),
        Mistake(
            "forward-cdf",
            "This evaluates F at u. The inverse is wanted: the c at which F(c) equals u.",
            cdf,
        ),
        Mistake(
            "density",
            "This is the density p at u stretched to [-1, 1]. A draw c is wanted: integrate p, "
            "then invert the integral.",
            lambda u: 3 / 8 * (1 + (2 * u - 1) ** 2),
        ),
        Mistake(
            "density",
            "This is the density p at u. A draw c is wanted: integrate p, then invert the "
            "integral.",
            lambda u: 3 / 8 * (1 + u**2),
        ),
        Mistake(
            "integral-from-zero",
            "F was integrated from 0 where it should start at -1: the constant 1/2 is missing, and "
            "all draws are positive.",
            lambda u: root_of_cubic(8 * u),
        ),
        Mistake(
            "normalisation",
            "The factor 3/8 is missing: 1 + c^2 integrates to 8/3 over [-1, 1], so F(1) is not 1.",
            lambda u: root_of_cubic(3 * u - 4),
        ),
        Mistake(
            "square-only",
            "This draws from a density proportional to c^2: the 1 of 1 + c^2 is missing.",
            lambda u: torch.sign(2 * u - 1) * (2 * u - 1).abs() ** (1 / 3),
        ),
        Mistake(
            "angle",
            "This is the angle t. The exercise asks for its cosine c = cos t.",
            lambda u: torch.acos(root_of_cubic(8 * u - 4).clamp(-1, 1)),
        ),
        Mistake(
            "half-range",
            "This maps u onto [0, 1] only, the forward half: c runs from -1 to 1.",
            lambda u: root_of_cubic(4 * u),
        ),
    ),
)
def check_inverse_cdf(f: Subject, draw: Draw) -> None:
    draws = (
        draw.uniform(0.02, 0.98, draw.integer(5, 40)),
        draw.uniform(0.1, 0.9, 1),
        draw.uniform(0.02, 0.98, draw.integer(3, 9), dtype=torch.float64),
        torch.tensor([1e-4, 1e-3, 0.5, 1 - 1e-3, 1 - 1e-4]),  # both ends and the middle
    )
    for u in draws:
        c = f(u)
        law(
            agree(f(u), c, scale=1.0),
            "Asked twice with the same u, the function answers differently: it draws random "
            "numbers of its own. The randomness is in u already.",
            "own-noise",
        )
        law(
            bool((c.abs() <= 1 + 1e-3).all()),
            "Some of the values lie outside [-1, 1], and no cosine does.",
        )
        miss = float((cdf(c) - u).abs().max())
        law(
            agree(cdf(c), u, scale=1.0) or miss > 0.02,
            f"Nearly: F(c) misses u by up to {miss:.0e}. If you iterate, go on for longer.",
            "not-converged",
        )
        law(
            agree(cdf(c), u, scale=1.0),
            "F(c) is not u: put your c into F(c) = (c^3 + 3 c + 4) / 8 and compare with the u it "
            "came from.",
            "not-inverted",
        )
    u = draw.uniform(0.01, 0.99, 50).sort().values
    law(bool((f(u).diff() > 0).all()), "c should increase with u.", "decreasing")


# --- 01.gaussian_field ----------------------------------------------------------------------


def wavenumbers(n: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Integer wavenumbers (k0, k1) on the rfft2 grid, shapes (n, 1) and (1, n//2+1)."""
    k0 = torch.fft.fftfreq(n, d=1 / n, dtype=dtype)[:, None]
    k1 = torch.fft.rfftfreq(n, d=1 / n, dtype=dtype)[None, :]
    return k0, k1


def random_power(n: int, draw: Draw, dtype: torch.dtype) -> Tensor:
    """A smooth positive function of |k| with random parameters, zero from the Nyquist modes on."""
    k0, k1 = wavenumbers(n, dtype)
    k = (k0**2 + k1**2).sqrt()
    power = draw.number(2, 4) * torch.exp(-k / draw.number(0.2 * n, 0.4 * n)) / (1 + k)
    return torch.where(k < n // 2, power, torch.zeros_like(power))


def filtered(white: Tensor, amplitude: Tensor) -> Tensor:
    return torch.fft.irfft2(torch.fft.rfft2(white) * amplitude, s=white.shape[-2:])


def _real_part_of_modes(white: Tensor, power: Tensor) -> Tensor:
    modes = torch.fft.rfft2(white).real * power.sqrt()
    return torch.fft.irfft2(
        modes.to(torch.complex64 if white.dtype == torch.float32 else torch.complex128),
        s=white.shape,
    )


@exercise(
    "01.gaussian_field",
    "white (n, n), power (n, m) -> (n, n)",
    proves="Every Fourier mode of the field is the white noise's times the root of the power, on "
    "grids of several sizes, and the field is real.",
    hints=(
        "Go to Fourier space with `torch.fft.rfft2(white)`: its grid is the one `power` is given "
        "on. Multiply there, and come back.",
        "Power is amplitude squared, so each mode is multiplied by the root of the power.",
        "Come back with `torch.fft.irfft2(modes, s=white.shape)`; forward and backward transform "
        "with the same `norm`.",
    ),
    twin="course_utils.simulators.cosmology:gaussian_field",
    mistakes=(
        Mistake(
            "power-for-amplitude",
            "Each mode is multiplied by the power itself, so the field's spectrum is its square: "
            "an amplitude is the root of a power.",
            lambda white, power: filtered(white, power),
        ),
        Mistake(
            "divided",
            "Each mode is divided by the root of the power, and large scales come out weak where "
            "they should be strong: multiply.",
            lambda white, power: torch.fft.irfft2(
                torch.fft.rfft2(white) / power.sqrt(), s=white.shape
            ),
        ),
        Mistake(
            "normalisation",
            "The field is too large by a factor n: forward and backward transform use different "
            "norms.",
            lambda white, power: white.shape[-1] * filtered(white, power.sqrt()),
        ),
        Mistake(
            "normalisation",
            "The field is too small by a factor n: forward and backward transform use different "
            "norms, or an average was taken by hand on top of the transform's own.",
            lambda white, power: filtered(white, power.sqrt()) / white.shape[-1],
        ),
        Mistake(
            "normalisation",
            "The field is too small by a factor n^2: the inverse transform divides by the number "
            "of pixels already.",
            lambda white, power: filtered(white, power.sqrt()) / white.shape[-1] ** 2,
        ),
        Mistake(
            "normalisation",
            "The field is too large by a factor n^2: the transform's own norm was undone by hand.",
            lambda white, power: filtered(white, power.sqrt()) * white.shape[-1] ** 2,
        ),
        Mistake(
            "added",
            "The root of the power is added to the modes: it should multiply them.",
            lambda white, power: torch.fft.irfft2(
                torch.fft.rfft2(white) + power.sqrt(), s=white.shape
            ),
        ),
        Mistake(
            "real-part",
            "The imaginary part of the modes is lost, and with it half of the randomness: multiply "
            "the complex modes.",
            _real_part_of_modes,
        ),
        Mistake(
            "modulus",
            "The phases of the modes are lost: multiply the complex modes, not their modulus.",
            lambda white, power: torch.fft.irfft2(
                (torch.fft.rfft2(white).abs() * power.sqrt()).to(
                    torch.complex64 if white.dtype == torch.float32 else torch.complex128
                ),
                s=white.shape,
            ),
        ),
        *(
            Mistake(
                "amplitude-set",
                "Each mode has exactly the size of the root of the power, and only its phase from "
                "the noise. The noise's own amplitude is random and should stay: multiply it.",
                lambda white, power, factor=factor: torch.fft.irfft2(
                    torch.polar(
                        power.sqrt() * white.shape[-1] ** factor, torch.fft.rfft2(white).angle()
                    ),
                    s=white.shape,
                ),
            )
            for factor in (0, 1)
        ),
        Mistake(
            "noise-returned",
            "The white noise came back unchanged.",
            lambda white, power: white,
        ),
        Mistake(
            "standardised",
            "The field was rescaled to unit variance: its variance is the spectrum's business.",
            lambda white, power: (
                filtered(white, power.sqrt()) / filtered(white, power.sqrt()).std(correction=0)
            ),
        ),
    ),
)
def check_gaussian_field(f: Subject, draw: Draw) -> None:
    half, other = draw.sizes(2, 3, 9)
    for n, dtype in ((2 * half, torch.float32), (2 * other, torch.float64)):
        white, power = draw.normal(n, n, dtype=dtype), random_power(n, draw, dtype)
        field = f(white, power)
        # Divided out mode by mode; the modes with no power must vanish.
        modes = torch.fft.rfft2(field)
        wanted = torch.fft.rfft2(white) * power.sqrt()
        law(
            agree(modes.abs(), wanted.abs()),
            "The field's modes do not have the right size: each should be the white noise's times "
            "the root of the power at that wavenumber.",
            "wrong-modes",
        )
        law(
            agree(torch.view_as_real(modes), torch.view_as_real(wanted)),
            "The modes have the right size and the wrong phases: the phases are the white noise's.",
            "wrong-phases",
        )
    n = 2 * half
    white = draw.normal(n, n)
    ones = torch.ones(n, n // 2 + 1)
    law(agree(f(white, ones), white), "With power 1 everywhere the white noise should come back.")
    scaled = f(white, 9 * ones)
    law(agree(scaled, 3 * white), "Nine times the power should give three times the field.")


# --- 01.zeldovich_displacement --------------------------------------------------------------


def random_overdensity(n: int, draw: Draw, dtype: torch.dtype) -> Tensor:
    """A band-limited field of zero mean in a box of side 2 pi."""
    power = random_power(n, draw, dtype)
    power[0, 0] = 0
    return filtered(draw.normal(n, n, dtype=dtype), power.sqrt())


def derivative(field: Tensor, axis: int) -> Tensor:
    """The spectral derivative of a band-limited field (n, n) along one axis."""
    k = wavenumbers(field.shape[-1], field.dtype)[axis]
    return torch.fft.irfft2(1j * k * torch.fft.rfft2(field), s=field.shape[-2:])


def displacement(delta: Tensor, k0: Tensor, k1: Tensor, power_of_k: int = 2) -> Tensor:
    """i k delta_k / |k|^p for given wavenumbers; p = 2 is the Zel'dovich displacement."""
    k = (k0**2 + k1**2).sqrt() ** power_of_k
    k = torch.where(k == 0, torch.ones_like(k), k)
    modes = torch.fft.rfft2(delta)
    return torch.stack([torch.fft.irfft2(1j * ki * modes / k, s=delta.shape) for ki in (k0, k1)])


def _right(delta: Tensor) -> Tensor:
    return displacement(delta, *wavenumbers(delta.shape[-1], delta.dtype))


def _positive_wavenumbers(delta: Tensor) -> Tensor:
    _, k1 = wavenumbers(delta.shape[-1], delta.dtype)
    return displacement(delta, torch.arange(delta.shape[-1], dtype=delta.dtype)[:, None], k1)


def _nan_at_zero(delta: Tensor) -> Tensor:
    return torch.full_like(_right(delta), torch.nan)


def _gradient_of_potential_x0_only(delta: Tensor) -> Tensor:
    psi = _right(delta)
    return torch.stack([psi[0], psi[0]])


@exercise(
    "01.zeldovich_displacement",
    "delta (n, n) -> (2, n, n)",
    proves="div psi = -delta, curl psi = 0 and mean psi = 0 for random fields on two grids, and a "
    "plane wave moves as it does on paper.",
    hints=(
        "Curl-free means a gradient: psi = grad phi, and div psi = -delta makes it Poisson's "
        "equation, laplacian phi = -delta. In Fourier space derivatives are products.",
        "d/dx_j becomes i k_j, so -|k|^2 phi_k = -delta_k and psi_k = i k delta_k / |k|^2.",
        "`torch.fft.fftfreq(n, d=1/n)` and `rfftfreq(n, d=1/n)` are the integer wavenumbers of a "
        "box of side 2 pi. At k = 0 divide by 1 instead of 0: the mean is zero anyway.",
    ),
    twin="course_utils.simulators.cosmology:zeldovich_displacement",
    mistakes=(
        Mistake(
            "sign",
            "The sign is turned around: div psi = +delta pushes matter out of the overdense "
            "regions, where it should fall in.",
            lambda delta: -_right(delta),
        ),
        Mistake(
            "swapped-axes",
            "The two components are exchanged: psi[0] is the displacement along axis 0.",
            lambda delta: _right(delta).flip(0),
        ),
        Mistake(
            "gradient-of-delta",
            "This is i k delta_k, the gradient of the density itself: the division by |k|^2 that "
            "solves Poisson's equation is missing.",
            lambda delta: displacement(delta, *wavenumbers(delta.shape[-1], delta.dtype), 0),
        ),
        Mistake(
            "gradient-of-delta",
            "This is minus the gradient of the density itself: the division by |k|^2 that solves "
            "Poisson's equation is missing.",
            lambda delta: -displacement(delta, *wavenumbers(delta.shape[-1], delta.dtype), 0),
        ),
        Mistake(
            "k-not-squared",
            "This divides by |k| where |k|^2 belongs: small scales move too far.",
            lambda delta: displacement(delta, *wavenumbers(delta.shape[-1], delta.dtype), 1),
        ),
        Mistake(
            "wavenumber-units",
            "The wavenumbers are in cycles per pixel, as `fftfreq(n)` gives them. In a box of side "
            "2 pi they are whole numbers: `fftfreq(n, d=1/n)`.",
            lambda delta: delta.shape[-1] * _right(delta),
        ),
        Mistake(
            "wavenumber-units",
            "The displacement is too large by a factor 2 pi: in a box of side 2 pi the wavenumbers "
            "are whole numbers, above and below the line.",
            lambda delta: _right(delta) * (2 * math.pi),
        ),
        Mistake(
            "wavenumber-units",
            "The wavenumbers carry a factor 2 pi too many: in a box of side 2 pi they are whole "
            "numbers.",
            lambda delta: _right(delta) / (2 * math.pi),
        ),
        Mistake(
            "wavenumber-units",
            "The wavenumbers are in radians per pixel. In a box of side 2 pi they are whole "
            "numbers.",
            lambda delta: delta.shape[-1] / (2 * math.pi) * _right(delta),
        ),
        Mistake(
            "negative-wavenumbers",
            "Along axis 0 the wavenumbers run 0, 1, ..., n - 1: the second half of them are the "
            "negative ones, as `fftfreq` gives them.",
            _positive_wavenumbers,
        ),
        Mistake(
            "zero-mode",
            "Division by zero at k = 0 makes every pixel nan: set that mode to zero, or divide it "
            "by 1.",
            _nan_at_zero,
        ),
        Mistake(
            "one-component",
            "Both components are the displacement along axis 0: the second takes the other "
            "wavenumber.",
            _gradient_of_potential_x0_only,
        ),
    ),
)
def check_zeldovich_displacement(f: Subject, draw: Draw) -> None:
    half, other = draw.sizes(2, 4, 10)
    for n, dtype in ((2 * half, torch.float32), (2 * other, torch.float64)):
        delta = random_overdensity(n, draw, dtype)
        psi = f(delta)
        scale = float(delta.abs().max()) * n  # derivatives multiply rounding errors by k
        law(
            agree(derivative(psi[0], 0) + derivative(psi[1], 1), -delta, scale),
            "The divergence of psi is not -delta.",
        )
        law(
            agree(derivative(psi[1], 0), derivative(psi[0], 1), scale),
            "The divergence is right, and psi has a curl: it should be the gradient of a "
            "potential.",
            "curl",
        )
        law(
            agree(psi.mean((1, 2)), torch.zeros(2), float(psi.abs().max())),
            "The divergence is right, and the mean of psi is not zero: nothing pulls the whole "
            "box.",
            "mean-not-zero",
        )
    n, amplitude, phase = 2 * half, draw.number(0.5, 2), draw.number(0, 6)
    q = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
    wave = (amplitude * torch.cos(2 * q + phase)).expand(n, n)  # varies along axis 1, k = 2
    law(
        agree(f(wave)[1], (-amplitude / 2 * torch.sin(2 * q + phase)).expand(n, n), amplitude),
        "A plane wave A cos(k q) should be displaced by -A/k sin(k q) along its own axis.",
    )


# --- 01.langevin_step -----------------------------------------------------------------------


Coefficient = Callable[[float, float, float], float]  # of dt, kT and the friction


def _langevin(drift: Coefficient, spread: Coefficient) -> Callable[..., Tensor]:
    """The step x + drift * force + spread * noise with coefficients that may be wrong."""

    def step(
        x: Tensor, force: Tensor, dt: float, kT: float, friction: float, noise: Tensor
    ) -> Tensor:
        return x + drift(dt, kT, friction) * force + spread(dt, kT, friction) * noise

    return step


def _drift(dt: float, kT: float, friction: float) -> float:
    return dt / friction


def _spread(dt: float, kT: float, friction: float) -> float:
    return math.sqrt(2 * kT * dt / friction)


@exercise(
    "01.langevin_step",
    "x (...), force (...), dt float, kT float, friction float, noise (...) -> (...)",
    proves="Drift force dt / friction and noise of variance 2 kT dt / friction for random "
    "settings, any shape, in single and double precision.",
    hints=(
        "Three terms: where the particle is, the drift along the force, the random kick.",
        "In a time dt friction lets the particle drift by force dt / friction. Kicks add up like "
        "a random walk: their variance, not their size, grows with dt.",
        "The kick has variance 2 kT dt / friction: multiply `noise` by its square root "
        "(`math.sqrt`, the settings are floats).",
    ),
    twin="course_utils.simulators.molecular:langevin_step",
    mistakes=(
        Mistake(
            "noise-grows-with-dt",
            "The random kick is proportional to dt. Variances of independent kicks add up, so its "
            "width grows with the square root of dt; with small steps yours all but vanishes.",
            _langevin(_drift, lambda dt, kT, g: 2 * kT * dt / g),
        ),
        Mistake(
            "noise-grows-with-dt",
            "The random kick is proportional to dt: the time step belongs under the square root.",
            _langevin(_drift, lambda dt, kT, g: math.sqrt(2 * kT / g) * dt),
        ),
        Mistake(
            "missing-two",
            "The factor 2 under the root is missing: this samples at half the temperature.",
            _langevin(_drift, lambda dt, kT, g: math.sqrt(kT * dt / g)),
        ),
        Mistake(
            "two-outside",
            "The 2 stands outside the root: this samples at twice the temperature.",
            _langevin(_drift, lambda dt, kT, g: 2 * math.sqrt(kT * dt / g)),
        ),
        Mistake(
            "noise-without-friction",
            "The friction is missing under the root: drift and kicks must both feel it, or the "
            "temperature comes out wrong.",
            _langevin(_drift, lambda dt, kT, g: math.sqrt(2 * kT * dt)),
        ),
        Mistake(
            "drift-without-friction",
            "The friction is missing in the drift: it is force dt / friction.",
            _langevin(lambda dt, kT, g: dt, _spread),
        ),
        Mistake(
            "no-friction",
            "The friction occurs nowhere: it divides the drift, and 2 kT dt under the root.",
            _langevin(lambda dt, kT, g: dt, lambda dt, kT, g: math.sqrt(2 * kT * dt)),
        ),
        Mistake(
            "friction-multiplies",
            "The drift is multiplied by the friction: more friction means a slower drift.",
            _langevin(lambda dt, kT, g: dt * g, _spread),
        ),
        Mistake(
            "friction-multiplies",
            "The kick grows with the friction, as in an equation for the velocity. For positions "
            "it is sqrt(2 kT dt / friction).",
            _langevin(_drift, lambda dt, kT, g: math.sqrt(2 * kT * dt * g)),
        ),
        Mistake(
            "friction-outside",
            "The friction divides the root: it belongs under it.",
            _langevin(_drift, lambda dt, kT, g: math.sqrt(2 * kT * dt) / g),
        ),
        Mistake(
            "uphill",
            "The drift goes against the force: force is minus the gradient already, so it is "
            "added.",
            _langevin(lambda dt, kT, g: -dt / g, _spread),
        ),
        Mistake(
            "no-noise",
            "There is no random kick: this slides downhill and stops, at any temperature.",
            _langevin(_drift, lambda dt, kT, g: 0.0),
        ),
        Mistake(
            "no-drift",
            "The force is not used: this is free diffusion.",
            _langevin(lambda dt, kT, g: 0.0, _spread),
        ),
        Mistake(
            "no-temperature",
            "The temperature is missing under the root.",
            _langevin(_drift, lambda dt, kT, g: math.sqrt(2 * dt / g)),
        ),
        Mistake(
            "step-only",
            "This is the step alone: add it to `x`, and return the new position.",
            lambda x, force, dt, kT, g, noise: _langevin(_drift, _spread)(
                torch.zeros_like(x), force, dt, kT, g, noise
            ),
        ),
    ),
)
def check_langevin_step(f: Subject, draw: Draw) -> None:
    walkers, particles, dimensions = draw.sizes(3)
    cases = (
        ((walkers, dimensions), torch.float32),
        ((1, dimensions), torch.float32),
        ((walkers, particles, dimensions), torch.float64),
    )
    for shape, dtype in cases:
        x, force, noise = (draw.normal(*shape, dtype=dtype) for _ in range(3))
        dt, kT, friction = draw.number(0.01, 0.2), draw.number(2, 20), draw.number(1.5, 4)
        moved = f(x, force, dt, kT, friction, noise)
        law(
            agree(f(x, force, dt, kT, friction, noise), moved),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `noise` it is given.",
            "own-noise",
        )
        still = f(x, force, dt, kT, friction, torch.zeros_like(noise))
        scale = float(x.abs().max()) + float(force.abs().max()) * dt
        law(
            agree((still - x) * friction, force * dt, scale),
            "Without noise the step should be force dt / friction.",
        )
        law(
            agree((moved - still) ** 2 * friction, 2 * kT * dt * noise**2),
            "The random kick is not sqrt(2 kT dt / friction) times the noise.",
        )
        law(
            bool(((moved - still) * noise >= 0).all()),
            "The kick goes against the noise: add it, so that other checks find the same walker.",
            "noise-subtracted",
        )
