"""Molecular dynamics: a density known up to its normaliser, and sampling is the hard part.

A system in contact with heat at temperature kT visits its configurations with probability

    p(x) = exp(-U(x) / kT) / Z,    Z = integral of exp(-U(x) / kT) dx.

Three parts:

- dynamics on any potential: `langevin` (overdamped), `baoab` (with velocities);
- the Mueller-Brown surface, two-dimensional, with its exact truth by quadrature: `boltzmann`;
- a periodic Lennard-Jones fluid and its radial distribution function: `fluid`.

Units are reduced throughout: energies and kT in one unit, lengths in one unit, mass 1 unless
said otherwise. A *force* is a function x -> -grad U(x) of the shape of x.

Axes: T kept times, N walkers or particles, D coordinates.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks

Potential = Callable[[Tensor], Tensor]
Force = Callable[[Tensor], Tensor]

# ------------------------------------------------------------------ dynamics on any potential


def langevin_step(
    x: Tensor, force: Tensor, dt: float, kT: float, friction: float, noise: Tensor
) -> Tensor:
    """One Euler-Maruyama step of overdamped Langevin dynamics.

        x' = x + force dt / friction + sqrt(2 kT dt / friction) noise

    Args:
        x, force, noise: tensors of one shape; noise standard normal.
        dt, kT, friction: time step, temperature, friction coefficient.

    Raises:
        ValueError: if the shapes differ, dt or friction is not positive, or kT is negative.
    """
    checks.alike(x=x, force=force, noise=noise)
    checks.positive(dt=dt, friction=friction)
    checks.not_negative(kT=kT)
    return _langevin_step(x, force, dt, kT, friction, noise)


def _langevin_step(
    x: Tensor, force: Tensor, dt: float, kT: float, friction: float, noise: Tensor
) -> Tensor:
    return x.add(force, alpha=dt / friction).add(noise, alpha=math.sqrt(2 * kT * dt / friction))


@torch.no_grad()
def langevin(
    x: Tensor,
    force: Force,
    *,
    steps: int,
    dt: float,
    kT: float,
    friction: float = 1.0,
    keep_every: int = 1,
    generator: torch.Generator,
) -> Tensor:
    """Overdamped Langevin dynamics of independent walkers: friction dx = F dt + noise.

    Euler-Maruyama steps (`langevin_step`). The step must resolve the stiffest direction:
    curvature * dt / friction < 2, else the walk is unstable. Below that the stationary density
    is off by O(dt): in a harmonic well of stiffness k the variance is
    (kT / k) / (1 - k dt / (2 friction)) in place of kT / k.

    Args:
        x: where the walkers start, of any shape that `force` takes, such as (N, D).
        force: x -> -grad U(x).
        steps, keep_every: run this many steps, and keep every so many.

    Returns:
        The kept positions (T, *x.shape) with T = steps / keep_every; the start is not kept.

    Raises:
        ValueError: dt, kT or friction not positive; keep_every does not divide steps; a force of
            the wrong shape; or the time step is so large that a walker leaves for infinity.
    """
    checks.positive(dt=dt, kT=kT, friction=friction)
    _check_start(x, force)
    kept = _room_for(x, steps, keep_every)
    for step in _progress(steps):
        noise = _normal_like(x, generator)
        x = _langevin_step(x, force(x), dt, kT, friction, noise)
        _check_finite(x, step, dt)
        if (step + 1) % keep_every == 0:
            kept[step // keep_every] = x
    return kept


@torch.no_grad()
def baoab(
    x: Tensor,
    force: Force,
    *,
    steps: int,
    dt: float,
    kT: float,
    friction: float = 1.0,
    mass: float = 1.0,
    velocity: Tensor | None = None,
    keep_every: int = 1,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Langevin dynamics with velocities, in the BAOAB splitting.

        dx = v dt,    m dv = F dt - friction m v dt + sqrt(2 friction m kT) dW

    One step is B (half a kick), A (half a drift), O (friction and noise, solved exactly),
    A, B: one force per step. Its positions are far more accurate than its velocities; in a
    harmonic well they are exact at any stable step, omega dt < 2. (Leimkuhler and Matthews,
    "Rational construction of stochastic numerical methods for molecular sampling", 2013.)
    With friction = 0 it is velocity Verlet, which conserves the energy to O(dt^2).

    Args:
        x: where the walkers or particles start, of any shape that `force` takes.
        force: x -> -grad U(x).
        friction: a rate, in 1 / time (in `langevin` it is a coefficient, in mass / time).
        velocity: velocities to start with; drawn from their equilibrium, N(0, kT / mass), if
            not given.
        steps, keep_every: run this many steps, and keep every so many.

    Returns:
        The kept positions and velocities, each (T, *x.shape) with T = steps / keep_every; the
        start is not kept.

    Raises:
        ValueError: dt, kT or mass not positive; friction negative; keep_every does not divide
            steps; a force or velocity of the wrong shape; or the time step is so large that
            something leaves for infinity.
    """
    checks.positive(dt=dt, kT=kT, mass=mass)
    if not 0 <= friction < math.inf:
        raise ValueError(f"friction must be zero or positive, not {friction}.")
    f = _check_start(x, force)
    if velocity is None:
        velocity = math.sqrt(kT / mass) * _normal_like(x, generator)
    if velocity.shape != x.shape:
        raise ValueError(
            f"velocity has shape {tuple(velocity.shape)}; it must be that of x, {tuple(x.shape)}."
        )
    v = velocity.to(x)
    kept_x, kept_v = _room_for(x, steps, keep_every), _room_for(x, steps, keep_every)
    damping = math.exp(-friction * dt)
    noise_scale = math.sqrt((1 - damping**2) * kT / mass)
    for step in _progress(steps):
        v = v.add(f, alpha=dt / (2 * mass))  # B
        x = x.add(v, alpha=dt / 2)  # A
        if friction > 0:
            v = (damping * v).add(_normal_like(v, generator), alpha=noise_scale)  # O
        x = x.add(v, alpha=dt / 2)  # A
        f = force(x)
        v = v.add(f, alpha=dt / (2 * mass))  # B
        _check_finite(v, step, dt)
        if (step + 1) % keep_every == 0:
            kept_x[step // keep_every] = x
            kept_v[step // keep_every] = v
    return kept_x, kept_v


def _check_start(x: Tensor, force: Force) -> Tensor:
    """Return the force at the start, once both have the type and shape that they must have."""
    if not x.is_floating_point():
        raise ValueError(f"x must be a floating-point tensor, not {x.dtype}; try x.float().")
    checks.finite(x=x)
    f = force(x)
    if f.shape != x.shape:
        raise ValueError(
            f"force(x) has shape {tuple(f.shape)}; it must be that of x, {tuple(x.shape)}."
        )
    if not torch.isfinite(f).all():
        raise ValueError(
            "the force is not finite at the start: two particles may sit on one spot, or a walker "
            "far outside; start from a lower energy."
        )
    return f


def _check_finite(x: Tensor, step: int, dt: float) -> None:
    # One number says it all, and costs a tenth of isfinite on each entry: a sum is not finite
    # if an entry is not.
    if not math.isfinite(x.sum().item()):
        raise ValueError(
            f"the run blew up at step {step + 1}: dt = {dt:g} is too large for this force; "
            "try a smaller time step."
        )


def _room_for(x: Tensor, steps: int, keep_every: int) -> Tensor:
    checks.whole(least=None, steps=steps, keep_every=keep_every)
    if steps < 1 or keep_every < 1 or steps % keep_every != 0:
        raise ValueError(
            f"keep_every must divide steps, both positive; not steps = {steps}, "
            f"keep_every = {keep_every}."
        )
    return x.new_empty((steps // keep_every, *x.shape))


def _normal_like(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def _progress(steps: int) -> Iterable[int]:
    return tqdm(range(steps), delay=2, leave=False)


# ------------------------------------------------------------------- the Mueller-Brown surface

# U(x, y) = sum_k A_k exp(a_k (x - X_k)^2 + b_k (x - X_k)(y - Y_k) + c_k (y - Y_k)^2):
# one row A, a, b, c, X, Y for each of four terms. K. Mueller and L. D. Brown, "Location of
# saddle points and minimum energy paths by a constrained simplex optimization procedure",
# Theoretica Chimica Acta 53 (1979).
MUELLER_BROWN = (
    (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
    (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
    (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
    (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
)

# Where the gradient vanishes, lowest first: energies -146.700, -108.167, -80.768 and
# -72.249, -40.665. The stiffest direction of the deepest minimum has curvature 4068.
MINIMA = (
    (-0.5582236346330243, 1.4417258418046686),
    (0.6234994049308765, 0.028037758528685668),
    (-0.050010822998206014, 0.46669410487197205),
)
SADDLES = (
    (0.21248658200066192, 0.2929883251073678),
    (-0.8220015587327322, 0.6243128028148714),
)

# Outside it U > 2000, and p(x) is below e^-100 of its peak at kT = 20. The borders of
# `in_deep_basin` fall on cell borders of a grid of 60, 120, 300 or 600 cells a side.
MUELLER_BROWN_BOX = ((-4.0, 2.0), (-2.0, 4.0))


def mueller_brown(x: Tensor) -> Tensor:
    """The Mueller-Brown energy: three wells in a plane, two saddles between them.

        U(x, y) = sum_k A_k exp(a_k dx_k^2 + b_k dx_k dy_k + c_k dy_k^2),
        dx_k = x - X_k, dy_k = y - Y_k    (Mueller and Brown 1979)

    Args:
        x: points, (..., 2).

    Returns:
        Energies, (...,).

    Raises:
        ValueError: the last axis is not of length 2.

    >>> mueller_brown(torch.tensor(MINIMA))
    tensor([-146.6995, -108.1667,  -80.7678])
    """
    A, exponent, _, _ = _mueller_brown_terms(x)
    return (A * exponent.exp()).sum(0).reshape(x.shape[:-1])


def mueller_brown_force(x: Tensor) -> Tensor:
    """The force -grad U of the Mueller-Brown surface, in closed form.

    About three times faster than by automatic differentiation. The deepest well has curvature 4068,
    so `langevin` with friction 1 is stable for dt < 5e-4, and `baoab` with mass 1 for dt < 0.03;
    1e-4 and 0.005 are good choices. At kT = 20 they move the population of `in_deep_basin` by
    -0.008 and by less than 0.004.

    Args:
        x: points, (..., 2).

    Returns:
        Forces, (..., 2).

    Raises:
        ValueError: the last axis is not of length 2.
    """
    A, exponent, half_x, half_y = _mueller_brown_terms(x)
    term = exponent.exp() * (-2 * A)
    return torch.stack(((term * half_x).sum(0), (term * half_y).sum(0)), dim=-1).reshape(x.shape)


def _mueller_brown_terms(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return A_k, the exponents of the four terms, and half the exponents' slopes in x and y.

    The terms come first, (4, points), so that every operation runs along the points.
    """
    if x.shape[-1:] != (2,):
        raise ValueError(f"x must have shape (..., 2), a point of the plane; not {tuple(x.shape)}.")
    A, a, half_b, c, X, Y = _mueller_brown_constants(x.dtype, x.device)
    points = x.reshape(-1, 2)  # (points, 2)
    dx, dy = points[:, 0] - X, points[:, 1] - Y
    half_x = (a * dx).addcmul_(half_b, dy)
    half_y = (half_b * dx).addcmul_(c, dy)
    # A quadratic form is its argument times half its gradient.
    exponent = (half_x * dx).addcmul_(half_y, dy)
    return A, exponent, half_x, half_y


@lru_cache
def _mueller_brown_constants(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
    columns = torch.tensor(MUELLER_BROWN, dtype=dtype, device=device).T
    A, a, b, c, X, Y = (column[:, None] for column in columns)  # each (4, 1)
    return A, a, b / 2, c, X, Y


def in_deep_basin(x: Tensor) -> Tensor:
    """Whether points (..., 2) lie around the deepest minimum: y > 0.7 and x < 0. Bool, (...,).

    Raises:
        ValueError: if a point is NaN, which lies nowhere.
    """
    checks.not_nan(x=x)
    return (x[..., 1] > 0.7) & (x[..., 0] < 0)


# ---------------------------------------------------------------- exact truth, by quadrature


@dataclass(frozen=True)
class Boltzmann:
    """The density p(x) = exp(-U(x) / kT) / Z in a box, on a grid; made by `boltzmann`.

    Attributes:
        potential, kT, box: what it was made of.
        axes: the cell centres along each of the D axes, each (n,), float64.
        grid: the cell centres as points, (n, ..., n, D).
        energy: U there, (n, ..., n).
        probability: of each cell, (n, ..., n); sums to 1.
        log_Z: log of the integral of exp(-U / kT) over the box, nats.
    """

    potential: Potential
    kT: float
    box: tuple[tuple[float, float], ...]
    axes: tuple[Tensor, ...]
    grid: Tensor
    energy: Tensor
    probability: Tensor
    log_Z: float

    @property
    def cell(self) -> tuple[float, ...]:
        """The sides of one cell, D numbers."""
        return tuple(
            (high - low) / len(axis) for (low, high), axis in zip(self.box, self.axes, strict=True)
        )

    @property
    def entropy(self) -> float:
        """The differential entropy -<log p> = <U> / kT + log Z, nats."""
        return float((self.probability * self.energy).sum() / self.kT) + self.log_Z

    def log_prob(self, x: Tensor) -> Tensor:
        """The normalised log p(x) = -U(x) / kT - log Z of points (..., D): nats, (...,)."""
        return -self.potential(x) / self.kT - self.log_Z

    def mean(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        """The average of f, which maps points (..., D) to values (...,), exact: 0-d, float64."""
        return (self.probability * f(self.grid)).sum()

    def population(self, region: Callable[[Tensor], Tensor]) -> float:
        """The probability of a region, given as a function from points (..., D) to bool (...,).

        Its error is that of cells cut by the region's border: O(h^2) for a border along
        cell borders, else O(h), where h is the side of a cell.
        """
        return self.probability[region(self.grid)].sum().item()

    def marginal(self, axis: int) -> Tensor:
        """The density of one coordinate at `axes[axis]`: (n,)."""
        others = [k for k in range(len(self.axes)) if k != axis]
        one_axis = self.probability.sum(others) if others else self.probability
        return one_axis / self.cell[axis]

    def sample(
        self, n: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Draw n independent points (n, D) from the density itself, not from its grid.

        A cell is drawn by an upper bound of p in it, a point evenly within the cell, and the
        point is accepted with probability p / bound: exact within the box.

        Raises:
            ValueError: a draw proves the bound wrong, because the grid is too coarse.
        """
        device = self.energy.device
        low = torch.tensor([low for low, _ in self.box], dtype=torch.float64, device=device)
        cell = torch.tensor(self.cell, dtype=torch.float64, device=device)
        shape = self.energy.shape
        log_bound = self._log_bound.flatten()
        cumulative = (log_bound - log_bound.max()).exp().cumsum(0)
        drawn = torch.empty(0, len(shape), dtype=torch.float64, device=device)
        while len(drawn) < n:
            # A few more than are missing, for those that will be rejected.
            m = int(1.2 * (n - len(drawn))) + 16
            u = torch.rand(m, len(shape) + 2, generator=generator, dtype=torch.float64).to(device)
            index = torch.searchsorted(cumulative, u[:, 0] * cumulative[-1])
            index = index.clamp(max=len(cumulative) - 1)
            corner = torch.stack(torch.unravel_index(index, shape), dim=-1)  # (m, D)
            x = low + (corner + u[:, 2:]) * cell
            log_ratio = -self.potential(x) / self.kT - log_bound[index]
            if (log_ratio > 0).any():
                raise ValueError("this grid is too coarse to draw from; make it with a larger n.")
            drawn = torch.cat((drawn, x[u[:, 1].log() < log_ratio]))
        return drawn[:n].to(dtype)

    @cached_property
    def _log_bound(self) -> Tensor:
        """An upper bound of -U / kT in each cell: the largest at its corners and centre, plus 2 %.

        The 2 % cover maxima between those points; `sample` refuses to go on if they do not.
        """
        edges = [
            torch.linspace(low, high, len(axis) + 1, dtype=torch.float64, device=axis.device)
            for (low, high), axis in zip(self.box, self.axes, strict=True)
        ]
        corners = -self.potential(torch.stack(torch.meshgrid(*edges, indexing="ij"), dim=-1))
        for k in range(len(edges)):
            corners = corners.unfold(k, 2, 1).amax(-1)
        return torch.maximum(corners, -self.energy) / self.kT + math.log(1.02)


def boltzmann(
    potential: Potential = mueller_brown,
    kT: float = 20.0,
    box: Sequence[tuple[float, float]] = MUELLER_BROWN_BOX,
    n: int = 600,
) -> Boltzmann:
    """The Boltzmann density exp(-U / kT) / Z in a box by the midpoint rule: the exact truth.

    The rule converges faster than any power of the cell once the wells are resolved and the
    density vanishes at the border. For the Mueller-Brown surface at kT = 10 to 20 the default
    gives log Z to 1e-10 and the population of `in_deep_basin` to 1e-6.

    Args:
        potential: x (..., D) -> U (...,); called in float64.
        kT: temperature, in the units of U.
        box: (low, high) of each of the D axes. D is 1 or 2; more costs n^D points.
        n: cells along each axis.

    Raises:
        ValueError: kT not positive, a side of the box not positive, n below 2, or a potential
            of the wrong shape or not finite anywhere in the box.
    """
    checks.positive(kT=kT)
    checks.whole(least=0, n=n)
    box = tuple((float(low), float(high)) for low, high in box)
    if n < 2 or not box or any(not low < high for low, high in box):
        raise ValueError(f"need low < high on each axis and n >= 2; not box = {box}, n = {n}.")
    axes = tuple(
        low + (high - low) / n * (torch.arange(n, dtype=torch.float64) + 0.5) for low, high in box
    )
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)  # (n, ..., n, D)
    with torch.no_grad():
        energy = potential(grid)
    if energy.shape != grid.shape[:-1]:
        raise ValueError(
            f"potential(x) has shape {tuple(energy.shape)} for x {tuple(grid.shape)}; "
            f"it must be {tuple(grid.shape[:-1])}, one energy for each point."
        )
    log_weight = -energy / kT
    log_sum = torch.logsumexp(log_weight.flatten(), dim=0)
    if not torch.isfinite(log_sum):
        raise ValueError("the potential has no finite normaliser in this box.")
    _check_resolved(log_weight, kT)
    volume_of_cell = math.prod((high - low) / n for low, high in box)
    return Boltzmann(
        potential=potential,
        kT=kT,
        box=box,
        axes=axes,
        grid=grid,
        energy=energy,
        probability=(log_weight - log_sum).exp(),
        log_Z=log_sum.item() + math.log(volume_of_cell),
    )


def _check_resolved(log_weight: Tensor, kT: float) -> None:
    """Raises: ValueError if every second cell along an axis gives another log Z than the others.

    The error of the whole grid is about the fourth power of that difference.
    """
    for axis, n in enumerate(log_weight.shape):
        if n < 8:
            continue
        halves = [log_weight.movedim(axis, 0)[start:n:2] for start in (0, 1)]
        log_z = [float(half.flatten().logsumexp(0)) - math.log(len(half)) for half in halves]
        if not abs(log_z[0] - log_z[1]) < 0.5:
            raise ValueError(
                f"this grid is too coarse for kT = {kT:g}: log Z of every second cell is "
                f"{abs(log_z[0] - log_z[1]):.2g} nats off that of the others; take n = {2 * n} or "
                "more, or a smaller box."
            )


@lru_cache(maxsize=4)
def mueller_brown_truth(kT: float) -> Boltzmann:
    """The exact Mueller-Brown density at temperature kT, remembered: `boltzmann(kT=kT)`."""
    return boltzmann(mueller_brown, kT)


def sample_mueller_brown(
    n: int, kT: float, *, generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw n independent points (n, 2) from the Mueller-Brown density at temperature kT.

    Exact, by rejection from the quadrature grid: what the walkers of `langevin` would give
    after an infinite time with an infinitely small step.

    Raises:
        ValueError: kT not positive, or so small (below about 1) that the grid is too coarse.
    """
    return mueller_brown_truth(kT).sample(n, generator=generator, dtype=dtype)


# ---------------------------------------------------------------- a periodic Lennard-Jones fluid


def lennard_jones(x: Tensor, box: float, cutoff: float = 2.5) -> Tensor:
    """The energy of Lennard-Jones particles in a periodic cubic box, cut and shifted.

        U = sum over pairs of u(r) - u(cutoff), r < cutoff,    u(r) = 4 (r^-12 - r^-6)

    with r the distance to the nearest periodic image; lengths in sigma, energies in epsilon.

    Args:
        x: positions, (..., N, 3); leading axes are independent boxes. They need not lie
            inside the box.
        box: its side.
        cutoff: at most box / 2.

    Returns:
        Energies, (...,).

    Raises:
        ValueError: a wrong shape, or a cutoff outside (0, box / 2].
    """
    _check_fluid(x, box, cutoff)
    checks.finite(x=x)  # beyond the cutoff a NaN would be nothing
    x, n = checks.as_floats(x), x.shape[-2]
    i, j = torch.triu_indices(n, n, offset=1, device=x.device)
    d = (x[..., i, :] - x[..., j, :]) / box  # (..., pairs, 3)
    r2 = (d - d.round()).square().sum(-1) * box**2
    r6 = r2**-3
    shift = 4 * (cutoff**-12 - cutoff**-6)
    return torch.where(r2 < cutoff**2, 4 * (r6.square() - r6) - shift, 0.0).sum(-1)


def lennard_jones_force(x: Tensor, box: float, cutoff: float = 2.5) -> Tensor:
    """The forces -grad U of `lennard_jones`, in closed form, on all N^2 pairs at once.

        F_i = sum_j 24 (2 r^-12 - r^-6) d_ij / r^2,    d_ij = x_i - x_j, r < cutoff

    At a few hundred particles one dense matrix is faster than a list of neighbours.

    Args:
        x: positions, (..., N, 3).

    Returns:
        Forces, (..., N, 3).

    Raises:
        ValueError: a wrong shape, or a cutoff outside (0, box / 2].
    """
    _check_fluid(x, box, cutoff)
    checks.finite(x=x)  # beyond the cutoff a NaN would be nothing
    return _lennard_jones_force(checks.as_floats(x), box, cutoff)


def _lennard_jones_force(x: Tensor, box: float, cutoff: float) -> Tensor:
    """As above, for positions that have been looked at."""
    d, weight = _pair_weights(x, box, cutoff)
    return torch.stack([(dk.mul_(weight)).sum(-1) for dk in d], dim=-1)


def _pair_weights(x: Tensor, box: float, cutoff: float) -> tuple[list[Tensor], Tensor]:
    """Return d = x_i - x_j, one (..., N, N) matrix an axis, and w with F_ij = w d.

    In place wherever it can be: memory traffic is the cost here. Axis by axis, because
    matrices of this size stay in the cache.
    """
    s = x / box
    d = [s[..., :, None, k] - s[..., None, :, k] for k in range(3)]  # 3 times (..., N, N)
    for dk in d:
        dk.sub_(dk.round()).mul_(box)  # the nearest image
    r2 = (d[0] * d[0]).addcmul_(d[1], d[1]).addcmul_(d[2], d[2])
    r2.diagonal(dim1=-2, dim2=-1).fill_(math.inf)  # no force of a particle on itself
    # Zero in place of 1/r^2 makes every term beyond the cutoff vanish.
    inverse_r2 = torch.threshold_(r2.reciprocal_(), cutoff**-2, 0.0)
    r6 = inverse_r2 * inverse_r2 * inverse_r2
    weight = (r6 * r6).mul_(2).sub_(r6).mul_(inverse_r2).mul_(24)
    return d, weight


def lattice(n: int, box: float, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """Positions (n, 3) on the sites of a simple cubic lattice that fills the box.

    Raises:
        ValueError: n or box not positive.
    """
    checks.positive(box=box)
    checks.whole(n=n)
    m = 1
    while m**3 < n:
        m += 1
    side = (torch.arange(m, dtype=dtype) + 0.5) * (box / m)
    return torch.cartesian_prod(side, side, side)[:n]


@dataclass(frozen=True)
class Fluid:
    """A Lennard-Jones run: positions x and velocities v (T, boxes, N, 3) in boxes of side `box`."""

    x: Tensor
    v: Tensor
    box: float


def fluid(
    n: int,
    density: float,
    kT: float,
    *,
    steps: int,
    dt: float = 0.005,
    boxes: int = 1,
    friction: float = 1.0,
    cutoff: float = 2.5,
    keep_every: int = 1,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Fluid:
    """Simulate a Lennard-Jones fluid by BAOAB, from a lattice, in independent periodic boxes.

    The lattice melts within some 500 steps of 0.005 in the liquid (density 0.8, kT = 1.5);
    discard those.

    Args:
        n: particles in each box; density: n / box^3, in sigma^-3; kT in epsilon.
        boxes: independent runs, all at once.
        steps, dt, friction, keep_every: as in `baoab`.

    Raises:
        ValueError: as `baoab`; also density not positive, or a box so small that the cutoff
            exceeds half of it (take more particles).
    """
    checks.positive(density=density)
    checks.whole(n=n, boxes=boxes)
    box = (n / density) ** (1 / 3)
    start = lattice(n, box, dtype=dtype).expand(boxes, n, 3)
    _check_fluid(start, box, cutoff)
    x, v = baoab(
        start,
        lambda x: _lennard_jones_force(x, box, cutoff),
        steps=steps,
        dt=dt,
        kT=kT,
        friction=friction,
        keep_every=keep_every,
        generator=generator,
    )
    return Fluid(x, v, box)


def radial_distribution(
    x: Tensor, box: float, bins: int = 100, r_max: float | None = None
) -> tuple[Tensor, Tensor]:
    """The radial distribution function g(r): the density of pairs over that of an ideal gas.

        g(r) = (pairs at distance r) / (N (N - 1) / 2 * shell volume / box^3)

    Exactly 1 on average if the particles ignore each other.

    Args:
        x: positions, (..., N, 3); averaged over all leading axes (times, boxes).
        box: the side of the periodic cube.
        bins: shells of equal width between 0 and r_max.
        r_max: at most box / 2, which is the default.

    Returns:
        r (bins,), the middle of each shell, and g (bins,).

    Raises:
        ValueError: a wrong shape, fewer than two particles, or r_max outside (0, box / 2].
    """
    r_max = box / 2 if r_max is None else r_max
    _check_fluid(x, box, r_max, name="r_max")
    checks.finite(x=x)
    checks.whole(least=0, bins=bins)
    x, n = checks.as_floats(x), x.shape[-2]
    if n < 2 or bins < 1:
        raise ValueError(f"need two particles and one bin; not n = {n}, bins = {bins}.")
    frames = x.reshape(-1, n, 3)  # (frames, N, 3)
    i, j = torch.triu_indices(n, n, offset=1, device=x.device)
    counts = torch.zeros(bins, dtype=torch.float64, device=x.device)
    # A million pairs at a time: enough to be fast, little enough to fit.
    pieces = frames.split(max(1, 10**6 // len(i)))
    for piece in tqdm(pieces, delay=2, leave=False):
        d = (piece[:, i] - piece[:, j]) / box  # (frames, pairs, 3)
        r = (d - d.round()).square().sum(-1).sqrt() * box
        counts += torch.histc(r, bins, 0.0, r_max)
    edges = torch.linspace(0, r_max, bins + 1, dtype=torch.float64, device=x.device)
    shell = 4 / 3 * math.pi * (edges[1:] ** 3 - edges[:-1] ** 3)
    ideal = len(frames) * len(i) * shell / box**3
    middle = (edges[1:] + edges[:-1]) / 2
    return middle.to(x.dtype), (counts / ideal).to(x.dtype)


def _check_fluid(x: Tensor, box: float, cutoff: float, name: str = "cutoff") -> None:
    checks.positive(box=box)
    if x.ndim < 2 or x.shape[-1] != 3:
        raise ValueError(f"x must have shape (..., N, 3); not {tuple(x.shape)}.")
    if not 0 < cutoff <= box / 2 * (1 + 1e-9):
        raise ValueError(
            f"{name} = {cutoff:g} must lie between 0 and half the box, {box / 2:g}, so that "
            "each particle meets one image of another: take a larger box or more particles."
        )
