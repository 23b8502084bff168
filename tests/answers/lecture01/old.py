"""Answers to the exercises of lecture 01."""

import math

import numpy as np
import torch

# --- 01.inverse_cdf -------------------------------------------------------------------------


def cardano(u):
    q = 4 * u.double() - 2
    d = torch.sqrt(q**2 + 1)
    c = torch.sign(q + d) * (q + d).abs() ** (1 / 3) + torch.sign(q - d) * (q - d).abs() ** (1 / 3)
    return c.to(u.dtype)


def hyperbolic(u):
    return 2 * torch.sinh(torch.asinh(4 * u - 2) / 3)


def newton(u):
    c = 2 * u - 1
    for _ in range(20):
        c = c - (c**3 + 3 * c + 4 - 8 * u) / (3 * c**2 + 3)
    return c


def bisection(u):
    low, high = -torch.ones_like(u), torch.ones_like(u)
    for _ in range(60):
        middle = (low + high) / 2
        above = (middle**3 + 3 * middle + 4) / 8 > u
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def polynomial_roots(u):
    roots = [np.roots([1, 0, 3, 4 - 8 * ui]) for ui in u.tolist()]
    real = [r[np.abs(r.imag).argmin()].real for r in roots]
    return torch.tensor(real, dtype=u.dtype)


def flat(u):
    return torch.lerp(torch.tensor(-1.0, dtype=u.dtype), torch.tensor(1.0, dtype=u.dtype), u)


def survival(u):
    return hyperbolic(1 - u)


def forward(u):
    c = 2 * u - 1
    return c**3 / 8 + 3 * c / 8 + 0.5


def forward_at_u(u):
    return u**3 / 8 + 3 * u / 8 + 0.5


def density_at_u(u):
    return 3 / 8 * (1 + u**2)


def density_stretched(u):
    return 0.375 * (1 + (2 * u - 1).square())


def from_zero(u):
    c = u.clone()
    for _ in range(30):
        c = c - (c**3 + 3 * c - 8 * u) / (3 * c**2 + 3)
    return c


def no_normalisation(u):
    c = torch.zeros_like(u)
    for _ in range(40):
        c = c - (c**3 / 3 + c + 4 / 3 - u) / (c**2 + 1)
    return c


def cube_root(u):
    v = 2 * u - 1
    return v.sign() * v.abs().pow(1 / 3)


def the_angle(u):
    return torch.acos(hyperbolic(u).clamp(-1, 1))


def forward_half(u):
    return 2 * torch.sinh(torch.asinh(2 * u) / 3)


def numpy_array(u):
    return 2 * np.sinh(np.arcsinh(4 * u.numpy() - 2) / 3)


def always_float64(u):
    return hyperbolic(u.double())


def column(u):
    return hyperbolic(u)[:, None]


def averaged(u):
    return hyperbolic(u).mean()


def skewed(u):
    return (2 * u - 1) ** 3 / 4 + 0.75 * (2 * u - 1) ** 2 - 0.5


def own_draws(u):
    return 2 * torch.rand_like(u) - 1


def ten_bisections(u):
    low, high = -torch.ones_like(u), torch.ones_like(u)
    for _ in range(10):
        middle = (low + high) / 2
        above = (middle**3 + 3 * middle + 4) / 8 > u
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def raises(u):
    raise RuntimeError("cubic has no solution")


def not_a_number(u):
    return ((8 * u - 4) ** (1 / 3)) - 1 / ((8 * u - 4) ** (1 / 3))


def written_over(u):
    u *= 4
    u -= 2
    return 2 * torch.sinh(torch.asinh(u) / 3)


# --- 01.gaussian_field ----------------------------------------------------------------------


def ortho(white, power):
    modes = torch.fft.rfft2(white, norm="ortho") * power**0.5
    return torch.fft.irfft2(modes, s=white.shape, norm="ortho")


def full_grid(white, power):
    n = white.shape[0]
    index = torch.arange(n)
    column_of = torch.minimum(index, n - index)
    row_of = torch.where(index <= n // 2, torch.zeros_like(index), torch.ones_like(index))
    rows = torch.where(row_of[None, :] == 1, (-index[:, None]) % n, index[:, None])
    full = power[rows, column_of[None, :].expand(n, n)]
    return torch.fft.ifft2(torch.fft.fft2(white) * full.sqrt()).real


def with_numpy(white, power):
    modes = np.fft.rfft2(white.numpy()) * np.sqrt(power.numpy())
    return torch.from_numpy(np.fft.irfft2(modes, s=tuple(white.shape))).to(white.dtype)


def axis_by_axis(white, power):
    modes = torch.fft.fft(torch.fft.rfft(white, dim=1), dim=0) * torch.sqrt(power)
    return torch.fft.irfft(torch.fft.ifft(modes, dim=0), n=white.shape[1], dim=1)


def no_root(white, power):
    return torch.fft.irfft2(torch.fft.rfft2(white) * power, s=white.shape)


def divides(white, power):
    return torch.fft.irfft2(torch.fft.rfft2(white) / torch.sqrt(power), s=white.shape)


def backward_only(white, power):
    modes = torch.fft.rfft2(white) * power.sqrt()
    return torch.fft.irfft2(modes, s=white.shape, norm="ortho")


def forward_only(white, power):
    modes = torch.fft.rfft2(white, norm="ortho") * power.sqrt()
    return torch.fft.irfft2(modes, s=white.shape)


def divides_again(white, power):
    return ortho(white, power) / white.numel()


def undone(white, power):
    modes = torch.fft.rfft2(white) * power.sqrt()
    return torch.fft.irfft2(modes, s=white.shape, norm="forward")


def adds(white, power):
    return torch.fft.irfft2(torch.fft.rfft2(white) + torch.sqrt(power), s=white.shape)


def loses_imaginary(white, power):
    modes = torch.fft.rfft2(white).real * power.sqrt()
    return torch.fft.irfft2(torch.complex(modes, torch.zeros_like(modes)), s=white.shape)


def loses_phases(white, power):
    modes = torch.fft.rfft2(white).abs() * power.sqrt()
    return torch.fft.irfft2(torch.complex(modes, torch.zeros_like(modes)), s=white.shape)


def identity(white, power):
    return white.clone()


def unit_variance(white, power):
    field = ortho(white, power)
    return field / field.square().mean().sub(field.mean() ** 2).sqrt()


def own_noise(white, power):
    return ortho(torch.randn_like(white), power)


def phases_only(white, power):
    modes = torch.fft.rfft2(white)
    return torch.fft.irfft2(modes / modes.abs() * power.sqrt(), s=white.shape)


def phases_and_size(white, power):
    modes = torch.fft.rfft2(white, norm="ortho")
    return torch.fft.irfft2(modes / modes.abs() * power.sqrt(), s=white.shape, norm="ortho")


def conjugated(white, power):
    return torch.fft.irfft2(torch.fft.rfft2(white).conj() * power.sqrt(), s=white.shape)


def returns_modes(white, power):
    return torch.fft.rfft2(white) * power.sqrt()


def complex_field(white, power):
    return torch.complex(ortho(white, power), torch.zeros_like(white))


# --- 01.zeldovich_displacement --------------------------------------------------------------


def _k(n, dtype):
    k0 = torch.fft.fftfreq(n, 1 / n, dtype=dtype).reshape(-1, 1)
    k1 = torch.fft.rfftfreq(n, 1 / n, dtype=dtype).reshape(1, -1)
    return k0, k1


def _solve(delta, k0, k1):
    k2 = k0**2 + k1**2
    k2[0, 0] = 1
    potential = torch.fft.rfft2(delta) / k2
    return k0, k1, potential


def via_potential(delta):
    n = delta.shape[0]
    k0, k1, potential = _solve(delta, *_k(n, delta.dtype))
    fields = [torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k0, k1)]
    return torch.stack(fields)


def full_fft(delta):
    n = delta.shape[0]
    k = torch.fft.fftfreq(n, 1 / n, dtype=delta.dtype)
    k0, k1 = torch.meshgrid(k, k, indexing="ij")
    k2 = k0**2 + k1**2
    k2[0, 0] = float("inf")
    modes = torch.fft.fft2(delta) / k2
    return torch.stack(
        [torch.fft.ifft2(1j * k0 * modes).real, torch.fft.ifft2(1j * k1 * modes).real]
    )


def by_angles(delta):
    n = delta.shape[0]
    k0 = torch.arange(n, dtype=delta.dtype)
    k0 = torch.where(k0 > n / 2, k0 - n, k0)[:, None]
    k1 = torch.arange(n // 2 + 1, dtype=delta.dtype)[None, :]
    k2 = (k0**2 + k1**2).clamp(min=1)
    modes = torch.fft.rfft2(delta)
    out = torch.empty(2, n, n, dtype=delta.dtype)
    out[0] = torch.fft.irfft2(modes * 1j * (k0 / k2), s=delta.shape)
    out[1] = torch.fft.irfft2(modes * 1j * (k1 / k2), s=delta.shape)
    return out


def with_physical_units(delta):
    n = delta.shape[0]
    spacing = 2 * math.pi / n
    k = 2 * math.pi * torch.fft.fftfreq(n, spacing, dtype=delta.dtype)
    half = 2 * math.pi * torch.fft.rfftfreq(n, spacing, dtype=delta.dtype)
    k2 = k[:, None] ** 2 + half[None, :] ** 2
    modes = torch.fft.rfft2(delta) / torch.where(k2 > 0, k2, torch.ones_like(k2))
    return torch.fft.irfft2(1j * torch.stack([k[:, None] * modes, half[None, :] * modes]), s=(n, n))


def wrong_sign(delta):
    n = delta.shape[0]
    k0, k1, potential = _solve(delta, *_k(n, delta.dtype))
    return torch.stack([torch.fft.irfft2(-1j * k * potential, s=(n, n)) for k in (k0, k1)])


def axes_exchanged(delta):
    psi = full_fft(delta)
    return torch.stack([psi[1], psi[0]])


def no_poisson(delta):
    k0, k1 = _k(delta.shape[0], delta.dtype)
    modes = torch.fft.rfft2(delta)
    return torch.stack([torch.fft.irfft2(1j * k * modes, s=delta.shape) for k in (k0, k1)])


def minus_no_poisson(delta):
    return -no_poisson(delta)


def first_power(delta):
    n = delta.shape[0]
    k0, k1 = _k(n, delta.dtype)
    k = (k0**2 + k1**2).sqrt()
    k[0, 0] = 1
    modes = torch.fft.rfft2(delta) / k
    return torch.stack([torch.fft.irfft2(1j * ki * modes, s=(n, n)) for ki in (k0, k1)])


def per_pixel(delta):
    n = delta.shape[0]
    k0 = torch.fft.fftfreq(n, dtype=delta.dtype)[:, None]
    k1 = torch.fft.rfftfreq(n, dtype=delta.dtype)[None, :]
    k0, k1, potential = _solve(delta, k0, k1)
    return torch.stack([torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k0, k1)])


def two_pi(delta):
    return via_potential(delta) / (2 * math.pi)


def two_pi_above(delta):
    return via_potential(delta) * (2 * math.pi)


def radians_per_pixel(delta):
    n = delta.shape[0]
    k0 = 2 * math.pi * torch.fft.fftfreq(n, dtype=delta.dtype)[:, None]
    k1 = 2 * math.pi * torch.fft.rfftfreq(n, dtype=delta.dtype)[None, :]
    k0, k1, potential = _solve(delta, k0, k1)
    return torch.stack([torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k0, k1)])


def positive_only(delta):
    n = delta.shape[0]
    k0 = torch.arange(n, dtype=delta.dtype)[:, None]
    k1 = torch.arange(n // 2 + 1, dtype=delta.dtype)[None, :]
    k0, k1, potential = _solve(delta, k0, k1)
    return torch.stack([torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k0, k1)])


def zero_by_zero(delta):
    n = delta.shape[0]
    k0, k1 = _k(n, delta.dtype)
    modes = torch.fft.rfft2(delta) / (k0**2 + k1**2)
    return torch.stack([torch.fft.irfft2(1j * k * modes, s=(n, n)) for k in (k0, k1)])


def one_axis_twice(delta):
    psi = full_fft(delta)
    return torch.stack([psi[0], psi[0]])


def potential_only(delta):
    n = delta.shape[0]
    _, _, potential = _solve(delta, *_k(n, delta.dtype))
    return torch.fft.irfft2(potential, s=(n, n))


def last_axis(delta):
    return full_fft(delta).permute(1, 2, 0)


def drifting(delta):
    return full_fft(delta) + delta.std()


def with_curl(delta):
    n = delta.shape[0]
    k0, k1, potential = _solve(delta, *_k(n, delta.dtype))
    curl = torch.stack([torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k1, -k0)])
    return full_fft(delta) + curl


# --- 01.langevin_step -----------------------------------------------------------------------


def in_one_line(x, force, dt, kT, friction, noise):
    return x + force * (dt / friction) + noise * (2 * kT * dt / friction) ** 0.5


def with_mobility(x, force, dt, kT, friction, noise):
    diffusion = kT / friction
    return x + diffusion * dt / kT * force + math.sqrt(2 * diffusion * dt) * noise


def with_tensor_root(x, force, dt, kT, friction, noise):
    sigma = torch.sqrt(torch.tensor(2 * kT * dt / friction, dtype=x.dtype))
    return torch.add(x, force, alpha=dt / friction) + sigma * noise


def on_a_copy(x, force, dt, kT, friction, noise):
    x = x.clone()
    x += force * dt / friction
    x += np.sqrt(2 * kT * dt / friction) * noise
    return x


def euler(x, force, dt, kT, friction, noise):
    return x + (force / friction + noise * 2 * kT / friction) * dt


def root_without_dt(x, force, dt, kT, friction, noise):
    return x + (force / friction + math.sqrt(2 * kT / friction) * noise) * dt


def one_kT(x, force, dt, kT, friction, noise):
    return x + force * dt / friction + math.sqrt(kT * dt / friction) * noise


def two_out(x, force, dt, kT, friction, noise):
    return x + force * dt / friction + 2 * math.sqrt(kT * dt / friction) * noise


def frictionless_noise(x, force, dt, kT, friction, noise):
    return x + force * dt / friction + math.sqrt(2 * kT * dt) * noise


def frictionless_drift(x, force, dt, kT, friction, noise):
    return x + force * dt + math.sqrt(2 * kT * dt / friction) * noise


def frictionless(x, force, dt, kT, friction, noise):
    return x + force * dt + math.sqrt(2 * kT * dt) * noise


def times_friction(x, force, dt, kT, friction, noise):
    return x + force * dt * friction + math.sqrt(2 * kT * dt / friction) * noise


def velocity_like(x, force, dt, kT, friction, noise):
    return x + force * dt / friction + math.sqrt(2 * kT * friction * dt) * noise


def friction_outside(x, force, dt, kT, friction, noise):
    return x + (force * dt + math.sqrt(2 * kT * dt) * noise) / friction


def uphill(x, force, dt, kT, friction, noise):
    return x - force * dt / friction + math.sqrt(2 * kT * dt / friction) * noise


def gradient_descent(x, force, dt, kT, friction, noise):
    return x + force * dt / friction


def diffusion(x, force, dt, kT, friction, noise):
    return x + math.sqrt(2 * kT * dt / friction) * noise


def unit_temperature(x, force, dt, kT, friction, noise):
    return x + force * dt / friction + math.sqrt(2 * dt / friction) * noise


def increment(x, force, dt, kT, friction, noise):
    return force * dt / friction + math.sqrt(2 * kT * dt / friction) * noise


def draws_its_own(x, force, dt, kT, friction, noise):
    return in_one_line(x, force, dt, kT, friction, torch.randn_like(x))


def minus_noise(x, force, dt, kT, friction, noise):
    return x + force * dt / friction - math.sqrt(2 * kT * dt / friction) * noise


def in_place(x, force, dt, kT, friction, noise):
    x += force * dt / friction + math.sqrt(2 * kT * dt / friction) * noise
    return x


def first_walker(x, force, dt, kT, friction, noise):
    return in_one_line(x, force, dt, kT, friction, noise)[0]


ALTERNATIVES = {
    "01.inverse_cdf": [cardano, hyperbolic, newton, bisection, polynomial_roots],
    "01.gaussian_field": [ortho, full_grid, with_numpy, axis_by_axis],
    "01.zeldovich_displacement": [via_potential, full_fft, by_angles, with_physical_units],
    "01.langevin_step": [in_one_line, with_mobility, with_tensor_root, on_a_copy],
}

MUTANTS = {
    "01.inverse_cdf": [
        ("flat-density", flat),
        ("decreasing", survival),
        ("forward-cdf", forward),
        ("forward-cdf", forward_at_u),
        ("density", density_at_u),
        ("density", density_stretched),
        ("integral-from-zero", from_zero),
        ("normalisation", no_normalisation),
        ("square-only", cube_root),
        ("angle", the_angle),
        ("half-range", forward_half),
        ("not-inverted", skewed),
        ("not-converged", ten_bisections),
        ("own-noise", own_draws),
        ("wrong-type", numpy_array),
        ("wrong-dtype", always_float64),
        ("wrong-shape", column),
        ("reduced-over-batch", averaged),
        ("raises", raises),
        ("not-finite", not_a_number),
        ("changes-its-input", written_over),
    ],
    "01.gaussian_field": [
        ("power-for-amplitude", no_root),
        ("divided", divides),
        ("normalisation", backward_only),
        ("normalisation", forward_only),
        ("normalisation", divides_again),
        ("normalisation", undone),
        ("added", adds),
        ("real-part", loses_imaginary),
        ("modulus", loses_phases),
        ("noise-returned", identity),
        ("standardised", unit_variance),
        ("wrong-modes", own_noise),
        ("amplitude-set", phases_only),
        ("amplitude-set", phases_and_size),
        ("wrong-phases", conjugated),
        ("wrong-shape", returns_modes),
        ("wrong-dtype", complex_field),
    ],
    "01.zeldovich_displacement": [
        ("sign", wrong_sign),
        ("swapped-axes", axes_exchanged),
        ("gradient-of-delta", no_poisson),
        ("gradient-of-delta", minus_no_poisson),
        ("k-not-squared", first_power),
        ("wavenumber-units", per_pixel),
        ("wavenumber-units", two_pi),
        ("wavenumber-units", two_pi_above),
        ("wavenumber-units", radians_per_pixel),
        ("negative-wavenumbers", positive_only),
        ("zero-mode", zero_by_zero),
        ("one-component", one_axis_twice),
        ("wrong-shape", potential_only),
        ("wrong-shape", last_axis),
        ("mean-not-zero", drifting),
        ("curl", with_curl),
    ],
    "01.langevin_step": [
        ("noise-grows-with-dt", euler),
        ("noise-grows-with-dt", root_without_dt),
        ("missing-two", one_kT),
        ("two-outside", two_out),
        ("noise-without-friction", frictionless_noise),
        ("drift-without-friction", frictionless_drift),
        ("no-friction", frictionless),
        ("friction-multiplies", times_friction),
        ("friction-multiplies", velocity_like),
        ("friction-outside", friction_outside),
        ("uphill", uphill),
        ("no-noise", gradient_descent),
        ("no-drift", diffusion),
        ("no-temperature", unit_temperature),
        ("step-only", increment),
        ("noise-subtracted", minus_noise),
        ("own-noise", draws_its_own),
        ("changes-its-input", in_place),
        ("wrong-shape", first_walker),
    ],
}
