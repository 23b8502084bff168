"""A toy universe: Gaussian random field -> Zel'dovich displacement -> N-body -> density field.

A simulator one can draw from and not evaluate: white noise goes in, a web of filaments and
knots comes out, and nobody can write down p(density field).

The box is a periodic square of side 2 pi, so wavenumbers are integers, and grid point (i, j)
sits at (i, j) * 2 pi / n. All functions work on many boxes at once (leading axes `...`).

Power is counted per mode of the orthonormal Fourier transform: white noise of unit variance has
P = 1 at every k, and P is the list of eigenvalues of the pixels' covariance.

Dynamics in an Einstein-de Sitter universe (flat, matter only, H = 1 at a = 1): the scale factor
a is the time, x are comoving positions, and u = dx/da is the velocity. With g(x) = -grad phi
and laplacian phi = delta, Newton's law in the expanding box reads

    du/da = 3 / (2 a) * (g / a - u).

The linear growth of this universe is D = a. The canonical momentum is p = a^2 dx/dt = a^(3/2) u.
In two dimensions a particle stands for an infinite rod.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.fft import irfft2, rfft2
from tqdm.auto import tqdm

from .. import checks

SIDE = 2 * math.pi
CACHED_PIXELS = 2**15


class Spectrum(NamedTuple):
    """A power spectrum in shells of |k|: `k, power, error, modes = power_spectrum(field)`."""

    k: Tensor  # (bins,), mean |k| of the modes in a shell
    power: Tensor  # (..., bins)
    error: Tensor  # (..., bins), standard error of the power of one Gaussian field
    modes: Tensor  # (bins,), real degrees of freedom in a shell


@dataclass(frozen=True)
class Particles:
    """The P particles of one or many boxes at scale factor a.

    positions: comoving, (..., 2, P), in [0, 2 pi). velocities: u = dx/da, (..., 2, P).
    Where P = n^2, particle i * n + j started near grid point (i, j).
    """

    a: float
    positions: Tensor
    velocities: Tensor

    @property
    def momenta(self) -> Tensor:
        """The canonical momenta p = a^2 dx/dt = a^(3/2) dx/da, (..., 2, P)."""
        return self.a**1.5 * self.velocities


# ---------------------------------------------------------------- Fourier modes and power


def wave_vectors(
    n: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Tensor:
    """The integer wave vectors (k_0, k_1) of the rfft2 grid, (2, n, n//2+1).

    Raises: ValueError if n is below 2.
    """
    _check_grid(n)
    k_0 = torch.fft.fftfreq(n, d=1 / n, dtype=dtype, device=device)
    k_1 = torch.fft.rfftfreq(n, d=1 / n, dtype=dtype, device=device)
    return torch.stack(torch.meshgrid(k_0, k_1, indexing="ij"))


def wavenumbers(
    n: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Tensor:
    """|k| = sqrt(k_0^2 + k_1^2) on the rfft2 grid, (n, n//2+1).

    Raises: ValueError if n is below 2.
    """
    return wave_vectors(n, dtype=dtype, device=device).square().sum(0).sqrt()


def power_law(
    k: Tensor,
    index: float,
    amplitude: float = 1.0,
    *,
    k_min: float = 0.0,
    k_max: float = math.inf,
    k_smooth: float = math.inf,
) -> Tensor:
    """A power law with optional ends: P(k) = amplitude k^index exp(-(k / k_smooth)^2).

    It is zero outside k_min <= k <= k_max, and P(0) = 0: the field has zero mean.

    k: wavenumbers, any shape. Returns: the power, of k's shape.
    Raises: ValueError if the amplitude is negative or k_smooth is not positive.
    """
    checks.not_nan(k=k)
    if not amplitude >= 0:
        raise ValueError(f"A power spectrum cannot be negative: amplitude={amplitude}.")
    if not k_smooth > 0:
        raise ValueError(f"k_smooth={k_smooth} must be a positive wavenumber.")
    inside = (k > 0) & (k >= k_min) & (k <= k_max)
    k_safe = torch.where(inside, k, 1.0)  # 0^index would be infinite for a falling spectrum
    power = amplitude * k_safe**index * torch.exp(-((k_safe / k_smooth) ** 2))
    return torch.where(inside, power, 0.0)


def lecture_power(n: int, std: float = 1.5) -> Tensor:
    """The spectrum of the lecture's universe, P ~ k^-1 exp(-(k / 12)^2), (n, n//2+1).

    The physics does not depend on n: more points resolve the same universe better (n >= 32).

    std: standard deviation of the field at a = 1, had it grown linearly all the way.
    Raises: ValueError if n is below 2.
    """
    return with_std(power_law(wavenumbers(n), index=-1.0, k_smooth=12.0), std)


def field_variance(power: Tensor) -> Tensor:
    """The variance of a pixel, sigma^2 = (1 / n^2) sum_k P(k), the sum over the whole plane.

    power: (..., n, n//2+1). Returns: (...).
    Raises: ValueError if the power is negative or not on an rfft2 grid.
    """
    n = _check_power(power)
    return (power * _mode_weights(n, power)).sum((-2, -1)) / n**2


def with_std(power: Tensor, std: float) -> Tensor:
    """The same spectrum, multiplied so that a pixel has standard deviation std.

    power: (..., n, n//2+1). Returns: the same shape.
    Raises: ValueError if the power is zero everywhere, negative, or not on an rfft2 grid, or std
    is negative.
    """
    checks.not_negative(std=std)
    variance = field_variance(power)
    if not (variance > 0).all():
        raise ValueError(
            "The power is zero everywhere, so no factor gives it a standard deviation."
        )
    return power * (std**2 / variance)[..., None, None]


def power_spectrum(field: Tensor, bins: Tensor | None = None) -> Spectrum:
    """Estimate the power spectrum: the mean of |delta_k|^2 over shells of |k|.

    The expectation of each shell is the mean of P(k) over its modes, `shell_average(P)`; its
    standard error for a Gaussian field is power * sqrt(2 / modes).

    field: (..., n, n). bins: edges of the shells, (bins+1,), increasing; the default is one shell
    of width 1 around each integer from 1 to n/2 - 1. Returns: a `Spectrum`.
    Raises: ValueError if the grid is not square, or if a shell holds no mode.
    """
    n = _check_field(field)
    return _average(rfft2(field, norm="ortho").abs().square(), n, bins)


def shell_average(power: Tensor, bins: Tensor | None = None) -> Spectrum:
    """Average a known power over the shells of `power_spectrum`: what that estimate expects.

    power: (..., n, n//2+1). bins: as in `power_spectrum`.
    Raises: ValueError if the power is negative or not on an rfft2 grid, or a shell is empty.
    """
    return _average(power, _check_power(power), bins)


def _average(power: Tensor, n: int, bins: Tensor | None) -> Spectrum:
    """Means of (..., n, n//2+1) over shells, each mode counted as often as in the whole plane."""
    k = wavenumbers(n, dtype=power.dtype, device=power.device).flatten()  # (n * (n//2+1),)
    if bins is None:
        bins = torch.arange(n // 2, dtype=k.dtype, device=k.device) + 0.5
    shell = torch.bucketize(k, bins.to(k), right=True) - 1  # left edge in, right edge out
    members = shell == torch.arange(len(bins) - 1, device=k.device)[:, None]
    weights = members * _mode_weights(n, power).flatten()  # (bins, n * (n//2+1))
    modes = weights.sum(-1)
    if len(modes) == 0 or (modes == 0).any():
        raise ValueError("A shell of wavenumbers holds no mode: give fewer or wider bins.")
    mean_k = weights @ k / modes
    mean_power = power.flatten(-2) @ weights.T / modes
    return Spectrum(mean_k, mean_power, mean_power * (2 / modes).sqrt(), modes)


# ---------------------------------------------------------------- Gaussian random fields


def gaussian_field(white: Tensor, power: Tensor) -> Tensor:
    """Colour white noise: multiply each Fourier mode's amplitude by sqrt(P(k)).

    white: real noise of unit variance, (..., n, n). power: P(k) on the rfft2 grid, (n, n//2+1),
    or with leading axes that broadcast. Returns: the real field, (..., n, n).
    Raises: ValueError if the grid is not square, or the power negative or of another grid.
    """
    n = _check_field(white)
    if _check_power(power) != n:
        raise ValueError(
            f"power has shape {tuple(power.shape)}, but an {n} x {n} field needs "
            f"({n}, {n // 2 + 1}): make it with wavenumbers({n})."
        )
    return _coloured(white, power)


def _coloured(white: Tensor, power: Tensor) -> Tensor:
    return irfft2(rfft2(white) * power.sqrt(), s=white.shape[-2:])


@torch.no_grad()
def sample_field(power: Tensor, batch: int, *, generator: torch.Generator) -> Tensor:
    """Draw independent Gaussian random fields with the given power spectrum.

    Gradients do not flow through a draw; `gaussian_field` lets them.

    power: P(k) on the rfft2 grid, (n, n//2+1). Returns: (batch, n, n), in the dtype of power.
    Raises: ValueError if batch < 1, or the power is negative or not on an rfft2 grid.
    """
    n = _check_power(power)
    checks.whole(least=0, batch=batch)
    if batch < 1:
        raise ValueError(f"Ask for at least one field: batch={batch}.")
    device = generator.device
    fields = torch.randn(batch, n, n, generator=generator, dtype=power.dtype, device=device)
    fields = fields.to(power.device)
    # Pieces that stay in the processor's cache, in place: twice as fast for hundreds of fields.
    size = max(1, CACHED_PIXELS // n**2)
    for i in range(0, batch, size):
        fields[i : i + size] = _coloured(fields[i : i + size], power)
    return fields


# ---------------------------------------------------------------- Poisson and Zel'dovich


def potential(delta: Tensor) -> Tensor:
    """Solve laplacian phi = delta in the periodic box: phi_k = -delta_k / k^2.

    delta: zero mean, (..., n, n). Returns: phi, zero mean, (..., n, n).
    Raises: ValueError if the grid is not square, or delta's mean is not zero.
    """
    n = _check_overdensity(delta)
    k = wave_vectors(n, dtype=delta.dtype, device=delta.device)
    return irfft2(-rfft2(delta) * _inverse_square(k), s=(n, n))


def zeldovich_displacement(delta: Tensor) -> Tensor:
    """The curl-free displacement that makes an overdensity: div psi = -delta.

    psi = -grad phi with laplacian phi = delta, so psi_k = i k delta_k / k^2 (Zel'dovich 1970).
    The same field is the gravitational pull g of delta. Modes with |k_0| = n/2 or |k_1| = n/2
    oscillate from point to point; their derivative along that axis vanishes at the grid points,
    so there the equation holds between the points only.

    delta: zero mean, (..., n, n). Returns: psi, axis 0 first, zero mean, (..., 2, n, n).
    Raises: ValueError if the grid is not square, or delta's mean is not zero.
    """
    n = _check_overdensity(delta)
    return _pull(delta, _pull_kernel(n, delta))


def zeldovich(delta: Tensor, a: float) -> Particles:
    """Move particles from the grid points q along straight lines: x = q + a psi(q), u = psi(q).

    Exact in one dimension until shells cross, first order in general (Zel'dovich 1970).

    delta: the overdensity extrapolated linearly to a = 1, zero mean, (..., n, n).
    Returns: n^2 particles at scale factor a, positions (..., 2, n^2).
    Raises: ValueError if a is not positive, the grid is not square, or the mean not zero.
    """
    if not (a > 0 and math.isfinite(a)):
        raise ValueError(f"The scale factor must be positive and finite: a={a}.")
    psi = zeldovich_displacement(delta).flatten(-2)  # (..., 2, n, n) -> (..., 2, n^2)
    return Particles(a, _wrap(_lattice(delta) + a * psi), psi)


def shell_crossing(delta: Tensor) -> Tensor:
    """The scale factor at which particles of the Zel'dovich approximation first meet.

    A volume element changes by det(1 + a d psi/d q), which first vanishes at a = 1 / lambda,
    with lambda the largest eigenvalue of -d psi/d q on the grid (Zel'dovich 1970).

    delta: the overdensity extrapolated linearly to a = 1, zero mean, (..., n, n).
    Returns: (...), infinite where delta is zero.
    Raises: ValueError if the grid is not square, or delta's mean is not zero.
    """
    n = _check_overdensity(delta)
    k = _derivative_vectors(n, delta)
    kernel = _inverse_square(wave_vectors(n, dtype=delta.dtype, device=delta.device))
    delta_k = rfft2(delta) * kernel
    d_00, d_11, d_01 = (
        irfft2(k[i] * k[j] * delta_k, s=(n, n)) for i, j in ((0, 0), (1, 1), (0, 1))
    )
    largest = (d_00 + d_11) / 2 + (((d_00 - d_11) / 2) ** 2 + d_01**2).sqrt()
    return 1 / largest.amax((-2, -1)).clamp_min(0)


# ---------------------------------------------------------------- particles on a mesh


def deposit(positions: Tensor, n: int) -> Tensor:
    """Share each particle's unit mass among its four nearest grid points (cloud in cell).

    The share of a point is (1 - |dx_0|) (1 - |dx_1|), distances in grid spacings (Hockney and
    Eastwood 1988, section 5-2-4).

    positions: (..., 2, P). Returns: the mass at each grid point, (..., n, n), P in total.
    Raises: ValueError if n is below 2, or positions are not finite or not of shape (..., 2, P).
    """
    _check_grid(n)
    _check_positions(positions)
    return _deposit(*_clouds(positions, n), n)


def gather(values: Tensor, positions: Tensor) -> Tensor:
    """Read fields at the particles, with the weights of `deposit` (bilinear interpolation).

    values: C fields, (..., C, n, n). positions: (..., 2, P). Returns: (..., C, P).
    Raises: ValueError if n is below 2, or positions are not finite or not of shape (..., 2, P).
    """
    n = _check_field(values)
    _check_positions(positions)
    return _gather(values, *_clouds(positions, n))


def density(positions: Tensor, n: int) -> Tensor:
    """The overdensity delta = rho / mean(rho) - 1 of particles on an n x n grid.

    positions: (..., 2, P). Returns: zero mean, >= -1, (..., n, n).
    Raises: ValueError if n is below 2, or positions are not finite or not of shape (..., 2, P).
    """
    return deposit(positions, n) * (n**2 / positions.shape[-1]) - 1


def nbody(
    delta: Tensor,
    a_start: float = 0.05,
    a_end: float = 1.0,
    steps: int = 30,
    *,
    mesh: int | None = None,
    snapshots: int = 1,
) -> list[Particles]:
    """A particle-mesh simulation: Zel'dovich to a_start, then gravity (`evolve`) to a_end.

    delta: the overdensity extrapolated linearly to a = 1, zero mean, (..., n, n).
    mesh, snapshots: as in `evolve`; the default mesh is n.
    Returns: snapshots + 1 states of n^2 particles, the first at a_start, the last at a_end.
    Raises: ValueError for a grid that is not square, a mean that is not zero, a delta so large
    that shells have crossed before a_start, and as `evolve`.
    """
    n = _check_overdensity(delta)
    _check_schedule(a_start, a_end, steps, snapshots)
    crossing = float(shell_crossing(delta).min())
    if a_start >= crossing:
        raise ValueError(
            f"delta is so large that shells cross at a={crossing:.3g}, before a_start={a_start}: "
            "start earlier or make delta smaller."
        )
    start = zeldovich(delta, a_start)
    return evolve(start, a_end, steps, mesh=n if mesh is None else mesh, snapshots=snapshots)


def evolve(
    start: Particles, a_end: float, steps: int, *, mesh: int, snapshots: int = 1
) -> list[Particles]:
    """Let gravity act on particles until a_end, in equal steps of a: kick, drift, kick.

    A half-step kick solves du/da = 3/(2a) (g/a - u) with g/a held fixed; a drift holds u fixed:

        kick:  u <- g/a + (a_old / a_new)^(3/2) (u - g/a)      drift:  x <- x + u (a_new - a_old)

    Both are shears in (x, p = a^(3/2) u), so the step is symplectic, and it is of second order.
    In the Zel'dovich approximation u = g/a for ever: linear growth comes out at any step size
    (the idea of FastPM, Feng et al. 2016, arXiv:1603.00476). The pull g at the particles is
    `zeldovich_displacement` of their own density, as a mesh sees it: particles are spread over
    its four nearest points and read back with the same weights (cloud in cell), and the mesh
    stands half a spacing away from the grid points they started from. So the pull of n^2 particles
    is softer than that of `zeldovich_displacement` on scales of a few spacings, and `evolve` does
    not repeat `zeldovich` exactly, even while all is linear.

    start: particles, positions (..., 2, P). mesh: grid points per side for the pull; for n^2
    particles take n (a finer mesh sees single particles instead of a fluid).
    snapshots: number of states kept after the first, equally spaced in a; it must divide steps.
    Returns: snapshots + 1 states, the first is start, the last at a_end.
    Raises: ValueError if 0 < start.a < a_end does not hold, steps < 1, snapshots do not divide
    steps, mesh is below 2, positions are not finite or not (..., 2, P), or velocities have
    another shape.
    """
    _check_schedule(start.a, a_end, steps, snapshots)
    _check_grid(mesh)
    _check_positions(start.positions)
    if start.velocities.shape != start.positions.shape:
        raise ValueError(
            f"Velocities need the shape of the positions, {tuple(start.positions.shape)}: "
            f"got {tuple(start.velocities.shape)}."
        )
    kernel = _pull_kernel(mesh, start.positions)
    times = [start.a + (a_end - start.a) * i / steps for i in range(steps)] + [a_end]

    x, u = start.positions, start.velocities
    pull = _particle_pull(x, mesh, kernel)
    states = [start]
    for step in tqdm(range(steps), desc="N-body", delay=2, leave=False):
        a_old, a_new = times[step], times[step + 1]
        a_half = (a_old + a_new) / 2
        u = _kick(u, pull, a_old, a_half, now=a_old)
        x = _wrap(x + u * (a_new - a_old))
        pull = _particle_pull(x, mesh, kernel)
        u = _kick(u, pull, a_half, a_new, now=a_new)
        if (step + 1) % (steps // snapshots) == 0:
            states.append(Particles(a_new, x, u))
    return states


def _kick(u: Tensor, pull: Tensor, a_old: float, a_new: float, *, now: float) -> Tensor:
    """Velocities after a kick from a_old to a_new by the pull g of the particles at a = now."""
    return torch.lerp(pull / now, u, (a_old / a_new) ** 1.5)


def _particle_pull(positions: Tensor, mesh: int, kernel: Tensor) -> Tensor:
    """The pull g at each particle, (..., 2, P): deposit, solve Poisson, gather."""
    # Half a spacing between the first particles and the mesh: a particle on a mesh point would
    # give its mass to one side or the other, however little it moves, an error of first order.
    index, weight = _clouds(positions, mesh, shift=0.5)
    delta = _deposit(index, weight, mesh) * (mesh**2 / positions.shape[-1]) - 1
    return _gather(_pull(delta, kernel), index, weight)


def _clouds(positions: Tensor, n: int, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """Flat indices and weights of the four grid points around each particle, (..., 4, P)."""
    scaled = positions * (n / SIDE) + shift
    lower = scaled.floor()
    upper_share = scaled - lower
    lower_share = 1 - upper_share
    low = lower.long().remainder(n)  # the box is periodic
    high = (low + 1).remainder(n)
    row, next_row = low[..., 0, :] * n, high[..., 0, :] * n
    column, next_column = low[..., 1, :], high[..., 1, :]
    index = [row + column, row + next_column, next_row + column, next_row + next_column]
    (here_0, here_1), (next_0, next_1) = lower_share.unbind(-2), upper_share.unbind(-2)
    weight = [here_0 * here_1, here_0 * next_1, next_0 * here_1, next_0 * next_1]
    return torch.stack(index, -2), torch.stack(weight, -2)


def _deposit(index: Tensor, weight: Tensor, n: int) -> Tensor:
    mass = weight.new_zeros(*weight.shape[:-2], n * n)
    mass = mass.scatter_add(-1, index.flatten(-2), weight.flatten(-2))
    return mass.unflatten(-1, (n, n))  # (..., n^2) -> (..., n, n)


def _gather(values: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    fields = values.flatten(-2)  # (..., C, n, n) -> (..., C, n^2)
    corners = index.flatten(-2).unsqueeze(-2)  # (..., 4, P) -> (..., 1, 4 P)
    corners = corners.expand(*fields.shape[:-1], corners.shape[-1])
    read = fields.gather(-1, corners).unflatten(-1, index.shape[-2:])  # (..., C, 4, P)
    return (read * weight.unsqueeze(-3)).sum(-2)


def _pull(delta: Tensor, kernel: Tensor) -> Tensor:
    """-grad phi of (..., n, n) by one multiplication in Fourier space, (..., 2, n, n)."""
    return irfft2(rfft2(delta).unsqueeze(-3) * kernel, s=delta.shape[-2:])


def _pull_kernel(n: int, like: Tensor) -> Tensor:
    """i k / k^2 on the rfft2 grid, (2, n, n//2+1)."""
    k = wave_vectors(n, dtype=like.dtype, device=like.device)
    return 1j * _derivative_vectors(n, like) * _inverse_square(k)


def _derivative_vectors(n: int, like: Tensor) -> Tensor:
    """Wave vectors for first derivatives: a mode at k = n/2 has slope zero at every grid point."""
    k = wave_vectors(n, dtype=like.dtype, device=like.device)
    return torch.where(k.abs() == n / 2, 0.0, k)


def _inverse_square(k: Tensor) -> Tensor:
    """1 / k^2 for wave vectors (2, ...), and 0 for k = 0: the mean exerts no pull."""
    square = k.square().sum(0)
    return torch.where(square > 0, 1 / square.clamp_min(1), 0.0)


def _mode_weights(n: int, like: Tensor) -> Tensor:
    """How often a mode of the rfft2 grid stands in the whole plane, (n, n//2+1)."""
    weights = torch.full((n, n // 2 + 1), 2, dtype=like.dtype, device=like.device)
    weights[:, 0] = 1  # k_1 = 0, and n/2 on an even grid, are their own mirror images
    if n % 2 == 0:
        weights[:, -1] = 1
    return weights


def _lattice(like: Tensor) -> Tensor:
    """The grid points of (..., n, n) as particle positions, (2, n^2)."""
    n = like.shape[-1]
    axis = torch.arange(n, dtype=like.dtype, device=like.device) * (SIDE / n)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij")).flatten(1)  # (2, n^2)


def _wrap(positions: Tensor) -> Tensor:
    """Positions in [0, 2 pi): rounding may make a remainder equal to the side itself."""
    inside = positions.remainder(SIDE)
    return torch.where(inside >= SIDE, 0.0, inside)


# ---------------------------------------------------------------- clear errors


def _check_grid(n: int) -> None:
    checks.whole(least=None, n=n)
    if n < 2:
        raise ValueError(f"The grid must have at least two points per side: n={n}.")


def _check_field(field: Tensor) -> int:
    if field.ndim < 2 or field.shape[-1] != field.shape[-2]:
        raise ValueError(f"A field must be square, (..., n, n): it has shape {tuple(field.shape)}.")
    if not field.is_floating_point():
        raise ValueError(f"A field must hold real floating-point numbers, not {field.dtype}.")
    _check_grid(field.shape[-1])
    return field.shape[-1]


def _check_power(power: Tensor) -> int:
    n = power.shape[-2] if power.ndim >= 2 else 0
    if power.ndim < 2 or power.shape[-1] != n // 2 + 1:
        raise ValueError(
            "A power spectrum must lie on the rfft2 grid, (n, n//2+1): "
            f"it has shape {tuple(power.shape)}."
        )
    _check_grid(n)
    if not (power >= 0).all():
        raise ValueError("A power spectrum cannot be negative or NaN: check the power.")
    # The columns k_1 = 0 and n/2 hold both k and -k, and a real field has one power for the two.
    mirrored = power[..., [0, -1] if n % 2 == 0 else [0]]
    other = mirrored.roll(-1, dims=-2).flip(-2)  # row i -> row -i
    if ((mirrored - other).abs() > 1e-3 * (mirrored + other)).any():
        raise ValueError(
            "A real field has P(k) = P(-k), and in the first or last column of this power they "
            "differ: make it a function of |k|, such as wavenumbers(n)."
        )
    return n


def _check_overdensity(delta: Tensor) -> int:
    n = _check_field(delta)
    mean = delta.detach().mean((-2, -1))
    scale = delta.detach().abs().amax((-2, -1))
    if not torch.isfinite(scale).all():
        raise ValueError("delta holds NaN or infinite values: check the field it came from.")
    if (mean.abs() > 1e-4 * scale).any():
        worst = float(mean.abs().max())
        raise ValueError(
            f"An overdensity must have zero mean, and |mean| is {worst:.3g}: "
            "subtract the mean, or set P(0) = 0."
        )
    return n


def _check_positions(positions: Tensor) -> None:
    if positions.ndim < 2 or positions.shape[-2] != 2 or positions.shape[-1] < 1:
        raise ValueError(
            f"Positions must have shape (..., 2, P), axis 0 first: got {tuple(positions.shape)}."
        )
    if not torch.isfinite(positions).all():
        raise ValueError("Positions hold NaN or infinite values: check how they were moved.")


def _check_schedule(a_start: float, a_end: float, steps: int, snapshots: int) -> None:
    if not 0 < a_start < a_end < math.inf:
        raise ValueError(
            f"The run must go forward, 0 < a_start < a_end: a_start={a_start}, a_end={a_end}."
        )
    if steps < 1:
        raise ValueError(f"A run needs at least one step: steps={steps}.")
    if snapshots < 1 or steps % snapshots:
        raise ValueError(f"snapshots={snapshots} must divide steps={steps} and be at least 1.")
