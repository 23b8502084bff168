"""The toy universe against Fourier algebra, linear growth, and exact one-dimensional gravity."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from draws import seeded
from torch import Tensor

from course_utils.simulators import cosmology as cosmo

DOUBLE = torch.float64


def grid(n: int) -> tuple[Tensor, Tensor]:
    axis = torch.arange(n, dtype=DOUBLE) * (2 * math.pi / n)
    x_0, x_1 = torch.meshgrid(axis, axis, indexing="ij")
    return x_0, x_1


def waves(n: int, amplitude: float) -> Tensor:
    """A few long waves in different directions; k <= 2.3."""
    x, y = grid(n)
    sum_of_waves = torch.cos(x) + torch.cos(y + 1) + 0.7 * torch.cos(x + y + 2)
    return amplitude * (sum_of_waves + 0.5 * torch.cos(2 * x - y))


def white(*shape: int, seed: int = 0, dtype: torch.dtype = DOUBLE) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def smooth_field(n: int, batch: int = 1, std: float = 1.0, seed: int = 0) -> Tensor:
    k = cosmo.wavenumbers(n, dtype=DOUBLE)
    power = cosmo.with_std(cosmo.power_law(k, -1.0, k_smooth=4.0), std)
    return cosmo.sample_field(power, batch, generator=seeded(seed))


def separation(x: Tensor, y: Tensor) -> Tensor:
    """x - y on the circle, in [-pi, pi)."""
    return (x - y + math.pi).remainder(2 * math.pi) - math.pi


def displacement(particles: cosmo.Particles, n: int) -> Tensor:
    return separation(particles.positions, torch.stack(grid(n)).flatten(1)).unflatten(-1, (n, n))


def derivative(field: Tensor, axis: int) -> Tensor:
    """Spectral derivative by numpy's complex transform, for fields without power at k = n/2."""
    n = field.shape[-1]
    k = np.fft.fftfreq(n, 1 / n)
    k = k[:, None] if axis == 0 else k[None, :]
    return torch.from_numpy(np.fft.ifft2(1j * k * np.fft.fft2(field.numpy())).real)


# ---------------------------------------------------------------- modes and power


def test_wave_vectors_are_integers_in_the_order_of_rfft2() -> None:
    n = 8
    x, y = grid(n)
    k = cosmo.wave_vectors(n, dtype=DOUBLE)
    for k_0, k_1 in [(0, 3), (2, 0), (-3, 1), (1, 2)]:
        mode = torch.fft.rfft2(torch.cos(k_0 * x + k_1 * y)).abs()
        largest = mode.flatten().argmax()
        found = k.flatten(1)[:, largest]
        assert found.abs().tolist() == [abs(k_0), abs(k_1)]
    assert cosmo.wavenumbers(n)[3, 4] == 5.0


def test_power_law_has_the_slope_the_ends_and_no_mean() -> None:
    k = cosmo.wavenumbers(16, dtype=DOUBLE)
    power = cosmo.power_law(k, -2.0, 3.0)
    torch.testing.assert_close(power[k > 0], 3.0 / k[k > 0] ** 2)
    assert power[0, 0] == 0
    band = cosmo.power_law(k, -2.0, 3.0, k_min=2.0, k_max=5.0)
    assert torch.equal(band > 0, (k >= 2) & (k <= 5))
    smooth = cosmo.power_law(k, 1.0, k_smooth=3.0)
    torch.testing.assert_close(smooth[0, 6], torch.tensor(6 * math.exp(-4), dtype=DOUBLE))


@pytest.mark.parametrize("n", [8, 7])
def test_power_is_the_eigenvalues_of_the_pixel_covariance(n: int) -> None:
    power = cosmo.power_law(cosmo.wavenumbers(n, dtype=DOUBLE), -1.5) + 0.1
    basis = torch.eye(n * n, dtype=DOUBLE).unflatten(-1, (n, n))  # (n^2, n, n)
    matrix = cosmo.gaussian_field(basis, power).flatten(1)  # (n^2, n^2)
    eigenvalues = torch.linalg.eigvalsh(matrix.T @ matrix)
    k = np.fft.fftfreq(n, 1 / n)
    k = torch.from_numpy(np.hypot(k[:, None], k[None, :])).flatten()  # (n^2,), the whole plane
    expected = cosmo.power_law(k, -1.5) + 0.1
    torch.testing.assert_close(eigenvalues, expected.sort().values)
    torch.testing.assert_close(cosmo.field_variance(power), expected.mean())
    torch.testing.assert_close(
        cosmo.field_variance(cosmo.with_std(power, 2.0)), torch.tensor(4.0, dtype=DOUBLE)
    )


@pytest.mark.parametrize("n", [12, 13])
def test_shells_count_each_mode_of_the_whole_plane_once(n: int) -> None:
    field = white(2, n, n)
    spectrum = cosmo.power_spectrum(field)
    square = np.abs(np.fft.fft2(field.numpy())) ** 2 / n**2
    k = np.fft.fftfreq(n, 1 / n)
    k = np.hypot(k[:, None], k[None, :])
    for i, centre in enumerate(range(1, n // 2)):
        shell = (k >= centre - 0.5) & (k < centre + 0.5)
        assert spectrum.modes[i] == shell.sum()
        np.testing.assert_allclose(spectrum.k[i], k[shell].mean())
        np.testing.assert_allclose(spectrum.power[:, i], square[:, shell].mean(-1))
    wide = cosmo.power_spectrum(field, torch.tensor([1.0, 2.0, 4.0]))  # left edge in, right out
    for i, (left, right) in enumerate([(1, 2), (2, 4)]):
        shell = (k >= left) & (k < right)
        np.testing.assert_allclose(wide.power[:, i], square[:, shell].mean(-1))


def test_white_noise_of_unit_power_is_unchanged() -> None:
    noise = white(3, 10, 10)
    torch.testing.assert_close(cosmo.gaussian_field(noise, torch.ones(10, 6, dtype=DOUBLE)), noise)


@pytest.mark.parametrize("n, batch", [(28, 600), (64, 120)])
def test_fields_give_back_their_power_spectrum(n: int, batch: int) -> None:
    power = cosmo.power_law(cosmo.wavenumbers(n), -1.5, 20.0, k_smooth=n / 4)
    fields = cosmo.sample_field(power, batch, generator=seeded(0))
    estimate, expected = cosmo.power_spectrum(fields), cosmo.shell_average(power)
    # The variance of a shell's mean is that of a sum over its modes, 2 P(k)^2 each.
    spread = (2 * cosmo.shell_average(power.square()).power / expected.modes).sqrt()
    deviation = (estimate.power.mean(0) - expected.power) / (spread / batch**0.5)
    # 3 standard errors (and a bound on their mean square): per shell a false alarm in 370 seeds;
    # 44 shells in the two cases, so one seed in nine. The seed is fixed.
    assert deviation.abs().max() < 3
    assert deviation.square().mean() < 2
    # The quoted error is that of one field. Its own relative error is about 0.05; five of them.
    ratio = estimate.power.std(0) / spread
    assert (ratio - 1).abs().max() < 0.25
    torch.testing.assert_close(estimate.error.mean(0), spread, rtol=0.1, atol=0)


def test_variance_theorem() -> None:
    n, batch = 32, 400
    power = cosmo.power_law(cosmo.wavenumbers(n), -1.0, 5.0)
    squares = cosmo.sample_field(power, batch, generator=seeded(2)).square().mean((-2, -1))
    standard_error = squares.std() / batch**0.5
    # 3 standard errors: a false alarm in 370 seeds.
    assert (squares.mean() - cosmo.field_variance(power)).abs() < 3 * standard_error


def test_large_batches_are_the_white_noise_of_one_draw() -> None:
    power = cosmo.power_law(cosmo.wavenumbers(32), -1.0)
    many = cosmo.sample_field(power, 200, generator=seeded(3))  # more than one cached piece
    noise = white(200, 32, 32, seed=3, dtype=torch.float32)
    torch.testing.assert_close(many, cosmo.gaussian_field(noise, power))


# ---------------------------------------------------------------- Poisson and Zel'dovich


def test_potential_of_a_single_mode() -> None:
    x, y = grid(16)
    mode = torch.cos(3 * x - 2 * y + 0.4)
    torch.testing.assert_close(cosmo.potential(mode), -mode / 13)


@pytest.mark.parametrize("n", [24, 23])
def test_displacement_has_the_divergence_no_curl_and_no_mean(n: int) -> None:
    k = cosmo.wavenumbers(n, dtype=DOUBLE)
    delta = cosmo.sample_field(cosmo.power_law(k, 0.0, k_max=11.0), 1, generator=seeded())[0]
    psi = cosmo.zeldovich_displacement(delta)
    assert psi.shape == (2, n, n)
    torch.testing.assert_close(derivative(psi[0], 0) + derivative(psi[1], 1), -delta)
    curl = derivative(psi[1], 0) - derivative(psi[0], 1)
    torch.testing.assert_close(curl, torch.zeros_like(curl), atol=1e-12, rtol=0)
    assert psi.mean((-2, -1)).abs().max() < 1e-14
    torch.testing.assert_close(psi[1], -derivative(cosmo.potential(delta), 1))


def test_displacement_at_the_highest_wavenumber_is_the_continuous_solution() -> None:
    n = 8
    x, y = grid(n)
    delta = torch.cos(n // 2 * x) * torch.cos(y)
    expected = torch.stack([0 * x, -torch.cos(n // 2 * x) * torch.sin(y) / (n**2 / 4 + 1)])
    torch.testing.assert_close(cosmo.zeldovich_displacement(delta), expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_density_has_the_mirrored_displacement(axis: int) -> None:
    noise = white(10, 10)  # power at k = n/2, where a careless derivative prefers one side
    noise = noise - noise.mean()

    def mirror(field: Tensor) -> Tensor:
        return field.flip(axis - 2).roll(1, axis - 2)  # x -> -x, grid points onto grid points

    sign = torch.ones(2, 1, 1, dtype=DOUBLE)
    sign[axis] = -1
    psi = cosmo.zeldovich_displacement(noise)
    torch.testing.assert_close(cosmo.zeldovich_displacement(mirror(noise)), sign * mirror(psi))


def test_shells_of_a_plane_wave_cross_at_one_over_its_amplitude() -> None:
    x, y = grid(16)
    for mode in (torch.cos(2 * x), torch.cos(3 * y), torch.cos(x + y), torch.cos(x) + torch.cos(y)):
        crossing = cosmo.shell_crossing(torch.stack([mode, 4 * mode]))
        torch.testing.assert_close(crossing, torch.tensor([1.0, 0.25], dtype=DOUBLE))
    assert cosmo.shell_crossing(torch.zeros(8, 8)) == math.inf


def test_zeldovich_moves_along_straight_lines_and_grows_the_density() -> None:
    n = 64
    delta = waves(n, 0.02)
    early, late = cosmo.zeldovich(delta, 0.5), cosmo.zeldovich(delta, 1.0)
    moved = separation(late.positions, early.positions)
    torch.testing.assert_close(moved, 0.5 * early.velocities)
    torch.testing.assert_close(late.momenta, early.momenta * 2**1.5)
    # A direct sum over particles at a wave vector, no mesh: the density grows as a. Second-order
    # terms, of relative size delta = 0.05, are common at a = 0.5 and 1 up to a few per cent.
    phase = early.positions[0] + early.positions[1], late.positions[0] + late.positions[1]
    modes = [torch.complex(torch.cos(p), -torch.sin(p)).mean() for p in phase]
    assert (modes[1] / modes[0]).abs().item() == pytest.approx(2.0, rel=0.03)


# ---------------------------------------------------------------- particles on a mesh


def test_cloud_in_cell_is_the_definition() -> None:
    n, spacing = 6, 2 * math.pi / 6
    axis = torch.arange(n, dtype=DOUBLE) * spacing
    positions = torch.rand(2, 40, generator=seeded(), dtype=DOUBLE) * 2 * math.pi
    expected = torch.zeros(n, n, dtype=DOUBLE)
    for i in range(n):
        for j in range(n):
            near_0 = separation(positions[0], axis[i]).abs() / spacing
            near_1 = separation(positions[1], axis[j]).abs() / spacing
            expected[i, j] = ((1 - near_0).clamp(0) * (1 - near_1).clamp(0)).sum()
    torch.testing.assert_close(cosmo.deposit(positions, n), expected)


def test_mass_is_conserved_wherever_the_particles_are() -> None:
    below = math.nextafter(2 * math.pi, 0)
    edges = torch.tensor([[0.0, below, -1e-9, 2 * math.pi, 100.0]], dtype=DOUBLE)
    positions = torch.cat([edges, edges.flip(-1)])  # (2, 5)
    for dtype in (torch.float32, DOUBLE):
        mass = cosmo.deposit(positions.to(dtype), 8)
        assert mass.dtype == dtype
        assert mass.sum().item() == pytest.approx(5, rel=1e-6)
    many = torch.rand(3, 2, 500, generator=seeded(), dtype=DOUBLE) * 6
    mean = cosmo.density(many, 10).mean((-2, -1))
    torch.testing.assert_close(mean, torch.zeros(3, dtype=DOUBLE), atol=1e-13, rtol=0)


def test_gather_is_the_transpose_of_deposit() -> None:
    positions = torch.rand(2, 2, 50, generator=seeded(), dtype=DOUBLE) * 2 * math.pi
    values = white(2, 3, 8, 8)
    read = cosmo.gather(values, positions)
    assert read.shape == (2, 3, 50)
    by_mass = (cosmo.deposit(positions, 8).unsqueeze(1) * values).sum((-2, -1))
    torch.testing.assert_close(read.sum(-1), by_mass)
    at_points = cosmo.gather(values, torch.stack(grid(8)).flatten(1).expand(2, 2, 64))
    torch.testing.assert_close(at_points, values.flatten(-2))


# ---------------------------------------------------------------- gravity


def growth(delta: Tensor, a_start: float, steps: int) -> float:
    """Displacement at a = 1 projected on the linear one: 1 if modes grow as a."""
    n = delta.shape[-1]
    psi = cosmo.zeldovich_displacement(delta)
    moved = displacement(cosmo.nbody(delta, a_start, 1.0, steps)[-1], n)
    return float((moved * psi).sum() / psi.square().sum())


def test_linear_modes_grow_as_a_and_the_error_falls_with_grid_and_steps() -> None:
    sizes = ((16, 5), (32, 10), (64, 20))
    errors = [abs(growth(waves(n, 0.003), 0.1, steps) - 1) for n, steps in sizes]
    # A cloud in cell weakens a wave by (k h)^2 / 6: second order in the spacing h.
    assert errors[0] < 0.05
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3
    assert errors[2] < 0.005


def test_the_largest_modes_of_the_density_grow_as_a() -> None:
    n = 64
    delta = waves(n, 0.01)
    final = cosmo.density(cosmo.nbody(delta, 0.1, 1.0, 20)[-1].positions, n)
    ratio = torch.fft.rfft2(final) / torch.fft.rfft2(delta)
    for mode in ((1, 0), (0, 1), (1, 1), (-2, 1)):
        assert ratio[mode].abs().item() == pytest.approx(1.0, rel=0.02)
        assert ratio[mode].angle().abs() < 0.02


def test_matter_at_rest_forgets_its_decaying_mode() -> None:
    # delta ~ 3/5 (a/a_0) + 2/5 (a/a_0)^(-3/2) solves linear theory with du = 0 at a_0. Unlike the
    # growing mode it needs every coefficient of the kick.
    n, a_0, a_1 = 32, 0.2, 0.8
    delta = waves(n, 0.003)
    start = cosmo.zeldovich(delta, a_0)
    cold = cosmo.Particles(a_0, start.positions, torch.zeros_like(start.velocities))
    psi = cosmo.zeldovich_displacement(delta)
    ratio = a_1 / a_0
    exact = a_0 * (0.6 * ratio + 0.4 * ratio**-1.5)
    errors = []
    for steps in (5, 10, 80):
        moved = displacement(cosmo.evolve(cold, a_1, steps, mesh=n)[-1], n)
        errors.append(abs(float((moved * psi).sum() / psi.square().sum()) / exact - 1))
    # The first is the error of long steps, the last the mesh's own (0.9 %, as for growth).
    assert errors[2] < 0.012
    assert 0.02 < errors[0] < 0.2


def test_the_error_falls_with_the_square_of_the_step() -> None:
    n = 32
    delta = smooth_field(n)[0]
    final = {s: cosmo.nbody(delta, 0.05, 0.3, s)[-1].positions for s in (5, 10, 20, 320)}
    errors = [separation(final[s], final[320]).square().mean().sqrt() for s in (5, 10, 20)]
    assert 3 < errors[0] / errors[1] < 5.5
    assert 3 < errors[1] / errors[2] < 5.5


@pytest.mark.parametrize("axis", [0, 1])
def test_a_plane_wave_follows_zeldovich_until_shells_cross(axis: int) -> None:
    n = 64
    delta = torch.cos(grid(n)[axis])  # shells cross at a = 1
    for state in cosmo.nbody(delta, 0.05, 0.95, 18, snapshots=3):
        exact = cosmo.zeldovich(delta, state.a)
        error = separation(state.positions, exact.positions).abs().max()
        assert error < 0.2 * (2 * math.pi / n) * state.a  # a fifth of a cell at a = 1
        assert (state.velocities - exact.velocities).square().mean().sqrt() < 0.02


def exact_sheets(q: Tensor, a_0: float, a_1: float, steps: int) -> tuple[Tensor, Tensor]:
    """One-dimensional gravity without a mesh: the pull on a sheet counts the sheets beside it.

    In t = -2 / sqrt(a) the equations read dx/dt = p, dp/dt = 3/2 a g with p = a^(3/2) u.
    """
    n = len(q)
    x, p = q - a_0 * torch.sin(q), -(a_0**1.5) * torch.sin(q)
    times = torch.linspace(-2 / a_0**0.5, -2 / a_1**0.5, steps + 1, dtype=DOUBLE)
    dt = times[1] - times[0]

    def pull(x: Tensor) -> Tensor:
        place = x.remainder(2 * math.pi)
        rank = place.argsort().argsort()
        g = place - 2 * math.pi / n * (rank + 0.5)
        return g - g.mean()

    for t in times[:-1]:
        x = x + p * dt / 2
        a = 4 / (t + dt / 2) ** 2
        p = p + 1.5 * a * pull(x) * dt
        x = x + p * dt / 2
    return x, p


def test_a_plane_wave_after_shell_crossing_matches_exact_sheets() -> None:
    n, a_end = 128, 2.0
    x_0, _ = grid(n)

    def column(values: Tensor) -> Tensor:
        return values.unflatten(-1, (n, n))[0, :, 0]  # (2, n^2) -> (n,)

    run = cosmo.nbody(torch.cos(x_0), 0.05, a_end, 60)[-1]
    straight = cosmo.zeldovich(torch.cos(x_0), a_end)
    x, p = exact_sheets(x_0[:, 0], 0.05, a_end, 3000)
    spacing = 2 * math.pi / n
    # Zel'dovich is off by five cells here, the mesh by a tenth of one.
    assert separation(column(straight.positions), x).square().mean().sqrt() > 4 * spacing
    assert separation(column(run.positions), x).square().mean().sqrt() < 0.2 * spacing
    assert (column(run.momenta) - p).square().mean().sqrt() < 0.02 * p.square().mean().sqrt()


def test_momentum_is_conserved() -> None:
    delta = smooth_field(32, batch=2, std=2.0, seed=4)
    for state in cosmo.nbody(delta, steps=20, snapshots=5):
        total = state.momenta.sum(-1).abs().max()
        # Rounding: 2^-52 per sum of 1024 terms, a few times per step.
        assert total < 1e-11 * state.momenta.abs().sum(-1).max()


def test_structure_collapses_into_knots_and_voids() -> None:
    delta = cosmo.sample_field(cosmo.lecture_power(64), 4, generator=seeded(5))
    density = cosmo.density(cosmo.nbody(delta)[-1].positions, 64)
    assert density.amin() >= -1 - 1e-6
    assert (density.amax((-2, -1)) > 10).all()  # a Gaussian of the same std 1.5 has 6 at most
    assert (density.flatten(1).median(-1).values < -0.2).all()  # most of the box is void
    straight = cosmo.density(cosmo.zeldovich(delta, 1.0).positions, 64)
    assert (density.std((-2, -1)) > straight.std((-2, -1))).all()  # gravity holds knots together


def test_the_lecture_universe_is_the_same_on_any_grid() -> None:
    for n in (64, 128):
        power = cosmo.lecture_power(n, std=1.5)
        assert cosmo.field_variance(power).item() == pytest.approx(2.25, rel=1e-5)
    coarse, fine = cosmo.lecture_power(64)[1:10, 1:10], cosmo.lecture_power(128)[1:10, 1:10]
    torch.testing.assert_close(coarse / 64**2, fine / 128**2, rtol=1e-4, atol=0)


# ---------------------------------------------------------------- batches, dtypes, snapshots


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_a_batch_is_a_loop_and_keeps_its_dtype(dtype: torch.dtype) -> None:
    n = 16
    delta = smooth_field(n, batch=6).to(dtype).unflatten(0, (2, 3))  # (2, 3, n, n)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}
    calls: list[Callable[[Tensor], Tensor]] = [
        lambda d: cosmo.gaussian_field(d, cosmo.power_law(cosmo.wavenumbers(n, dtype=dtype), -1.0)),
        cosmo.potential,
        cosmo.zeldovich_displacement,
        cosmo.shell_crossing,
        lambda d: cosmo.power_spectrum(d).power,
        lambda d: cosmo.zeldovich(d, 0.3).positions,
        lambda d: cosmo.density(cosmo.zeldovich(d, 0.3).positions, n),
        lambda d: cosmo.nbody(d, steps=5, a_end=0.3)[-1].velocities,
        lambda d: cosmo.gather(cosmo.zeldovich_displacement(d), cosmo.zeldovich(d, 0.1).positions),
    ]
    for call in calls:
        together = call(delta)
        assert together.dtype == dtype
        for i in range(2):
            for j in range(3):
                torch.testing.assert_close(together[i, j], call(delta[i, j]), **tolerance)


def test_float64_power_draws_float64_fields() -> None:
    power = cosmo.power_law(cosmo.wavenumbers(8, dtype=DOUBLE), -1.0)
    assert cosmo.sample_field(power, 2, generator=seeded()).dtype == DOUBLE


def test_snapshots_are_states_of_the_same_run() -> None:
    delta = smooth_field(16)[0]
    every = cosmo.nbody(delta, 0.1, 0.5, 8, snapshots=8)
    some = cosmo.nbody(delta, 0.1, 0.5, 8, snapshots=2)
    assert [s.a for s in some] == pytest.approx([0.1, 0.3, 0.5])
    assert [len(every), every[-1].a] == [9, 0.5]
    torch.testing.assert_close(some[1].positions, every[4].positions)
    assert all(((s.positions >= 0) & (s.positions < 2 * math.pi)).all() for s in every)


def test_nothing_the_caller_owns_is_changed() -> None:
    delta = smooth_field(16)[0]
    before = delta.clone()
    first = cosmo.nbody(delta, steps=3, a_end=0.3)[0]
    kept = first.positions.clone()
    cosmo.evolve(first, 0.3, 3, mesh=16)
    assert torch.equal(delta, before)
    assert torch.equal(first.positions, kept)


# ---------------------------------------------------------------- one clear error each

FLAT = torch.zeros(8, 8)
NOISE = white(8, 8) - white(8, 8).mean()
POWER = cosmo.power_law(cosmo.wavenumbers(8), -1.0)
START = cosmo.zeldovich(FLAT, 0.1)

ERRORS: dict[str, tuple[Callable[[], object], str]] = {
    "one point": (lambda: cosmo.wavenumbers(1), "at least two points"),
    "a mesh of one": (lambda: cosmo.density(torch.zeros(2, 3), 1), "at least two points"),
    "not square": (lambda: cosmo.gaussian_field(torch.zeros(8, 6), POWER), "square"),
    "integers": (lambda: cosmo.potential(torch.zeros(8, 8, dtype=torch.int64)), "floating"),
    "negative power": (lambda: cosmo.gaussian_field(FLAT, -POWER), "negative"),
    "NaN power": (lambda: cosmo.sample_field(POWER * math.nan, 1, generator=seeded()), "NaN"),
    "power of another grid": (lambda: cosmo.gaussian_field(torch.zeros(6, 6), POWER), "6 x 6"),
    "power of full plane": (lambda: cosmo.field_variance(torch.ones(8, 8)), "rfft2 grid"),
    "no power": (lambda: cosmo.with_std(0 * POWER, 1.0), "zero everywhere"),
    "negative amplitude": (lambda: cosmo.power_law(FLAT, -1.0, -1.0), "negative"),
    "no smoothing scale": (lambda: cosmo.power_law(FLAT, -1.0, k_smooth=0.0), "positive"),
    "no fields": (lambda: cosmo.sample_field(POWER, 0, generator=seeded()), "at least one"),
    "empty shell": (
        lambda: cosmo.power_spectrum(FLAT, torch.tensor([1.1, 1.2, 3.0])),
        "holds no mode",
    ),
    "mean": (lambda: cosmo.zeldovich_displacement(FLAT + 1), "zero mean"),
    "mean in a run": (lambda: cosmo.nbody(NOISE + 0.1), "zero mean"),
    "NaN": (lambda: cosmo.zeldovich(FLAT * math.nan, 0.1), "NaN"),
    "a of zero": (lambda: cosmo.zeldovich(FLAT, 0.0), "positive"),
    "backwards": (lambda: cosmo.nbody(FLAT, 0.5, 0.5), "forward"),
    "a_start of zero": (lambda: cosmo.nbody(FLAT, 0.0), "forward"),
    "no steps": (lambda: cosmo.nbody(FLAT, steps=0), "at least one step"),
    "uneven snapshots": (lambda: cosmo.nbody(FLAT, steps=10, snapshots=3), "must divide"),
    "already crossed": (lambda: cosmo.nbody(100 * NOISE), "so large"),
    "one of two already crossed": (
        lambda: cosmo.nbody(torch.stack([NOISE, 100 * NOISE]), 0.02),
        "so large",
    ),
    "positions the wrong way": (lambda: cosmo.density(torch.zeros(5, 3), 8), r"\(\.\.\., 2, P\)"),
    "lost particles": (lambda: cosmo.density(torch.full((2, 5), math.nan), 8), "Positions hold"),
    "velocities of others": (
        lambda: cosmo.evolve(cosmo.Particles(0.1, START.positions, FLAT), 1.0, 2, mesh=8),
        "shape of the positions",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_one_clear_error(name: str) -> None:
    call, words = ERRORS[name]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
