"""Molecular dynamics against exact truth: quadrature, harmonic wells, ideal gases, pairs."""

import math
from collections.abc import Callable

import pytest
import torch
from draws import normal, seeded
from torch import Tensor

from course_utils.simulators.molecular import (
    MINIMA,
    SADDLES,
    baoab,
    boltzmann,
    fluid,
    in_deep_basin,
    langevin,
    langevin_step,
    lattice,
    lennard_jones,
    lennard_jones_force,
    mueller_brown,
    mueller_brown_force,
    mueller_brown_truth,
    radial_distribution,
    sample_mueller_brown,
)

# Statistical tolerances are four standard errors unless said otherwise: a right program fails
# such a test for one seed in 16 000. Seeds are fixed, so it fails always or never.


def within(value: float, truth: float, standard_error: float, sigmas: float = 4.0) -> bool:
    return abs(value - truth) < sigmas * standard_error


def harmonic_force(x: Tensor) -> Tensor:
    return -x


# ------------------------------------------------------------------- Mueller-Brown, and its truth


@pytest.mark.parametrize(
    ("point", "energy", "downhill_directions"),
    [
        (MINIMA[0], -146.700, 0),
        (MINIMA[1], -108.167, 0),
        (MINIMA[2], -80.768, 0),
        (SADDLES[0], -72.249, 1),
        (SADDLES[1], -40.665, 1),
    ],
)
def test_stationary_points_are_found_again_by_newton(
    point: tuple[float, float], energy: float, downhill_directions: int
) -> None:
    # From a point 0.01 off, by derivatives that do not use the closed-form force.
    x = torch.tensor(point, dtype=torch.float64) + 0.01
    for _ in range(8):
        gradient = torch.autograd.functional.jacobian(mueller_brown, x)
        hessian = torch.autograd.functional.hessian(mueller_brown, x)
        x = x - torch.linalg.solve(hessian, gradient)
    assert torch.allclose(x, torch.tensor(point, dtype=torch.float64), atol=1e-12)
    assert mueller_brown(x).item() == pytest.approx(energy, abs=5e-4)
    assert (torch.linalg.eigvalsh(hessian) < 0).sum() == downhill_directions


def force_of(energy: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The force -grad U by automatic differentiation: the oracle of the closed forms."""

    def force(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        return -torch.autograd.grad(energy(x).sum(), x)[0]

    return force


def test_closed_form_force_is_the_gradient() -> None:
    x = normal(3, 5, 2)
    expected = force_of(mueller_brown)(x)
    assert torch.allclose(mueller_brown_force(x), expected, rtol=1e-12, atol=1e-9)
    assert mueller_brown(x).shape == (3, 5)
    assert mueller_brown_force(x[0, 0]).shape == (2,)
    assert torch.autograd.gradcheck(mueller_brown_force, x[0].requires_grad_(True))
    assert mueller_brown_force(x.float()).dtype == torch.float32


@pytest.mark.parametrize(
    ("kT", "population", "log_Z"),
    [(10.0, 0.974, 11.730), (15.0, 0.897, 7.365), (20.0, 0.802, 5.366)],
)
def test_quadrature_gives_the_known_numbers_at_two_resolutions(
    kT: float, population: float, log_Z: float
) -> None:
    # Cells of 0.01 and 0.02, both with the region's border on cell borders.
    fine, coarse = boltzmann(mueller_brown, kT), boltzmann(mueller_brown, kT, n=300)
    assert fine.population(in_deep_basin) == pytest.approx(population, abs=5e-4)
    assert fine.log_Z == pytest.approx(log_Z, abs=5e-4)
    # What the docstring promises; the midpoint rule's population error is a quarter at half h.
    assert abs(fine.log_Z - coarse.log_Z) < 1e-9
    difference = abs(fine.population(in_deep_basin) - coarse.population(in_deep_basin))
    assert difference / 3 < 1e-6
    # Nothing is lost outside: a wider box changes nothing.
    wider = boltzmann(mueller_brown, kT, box=((-5.0, 3.0), (-3.0, 5.0)), n=400)
    assert abs(fine.log_Z - wider.log_Z) < 1e-9


def test_a_gaussian_has_its_textbook_normaliser_moments_and_entropy() -> None:
    stiffness, kT = torch.tensor([1.0, 4.0], dtype=torch.float64), 0.5
    truth = boltzmann(lambda x: 0.5 * (stiffness * x**2).sum(-1), kT, [(-8.0, 8.0)] * 2, n=200)
    variance = kT / stiffness
    log_Z = 0.5 * (2 * math.pi * variance).log().sum().item()
    assert truth.log_Z == pytest.approx(log_Z, abs=1e-10)
    assert truth.entropy == pytest.approx(log_Z + 1.0, abs=1e-10)
    assert truth.mean(lambda x: x[..., 1] ** 2).item() == pytest.approx(kT / 4, abs=1e-10)
    gaussian = torch.distributions.Normal(torch.zeros(2, dtype=torch.float64), variance.sqrt())
    x = normal(7, 2)
    assert torch.allclose(truth.log_prob(x), gaussian.log_prob(x).sum(-1), atol=1e-10)
    one = torch.stack((truth.axes[1], truth.axes[1]), -1)
    assert torch.allclose(truth.marginal(1), gaussian.log_prob(one)[:, 1].exp(), atol=1e-10)


def test_one_dimension_works_too() -> None:
    truth = boltzmann(lambda x: x[..., 0] ** 2 / 2, 1.0, [(-9.0, 9.0)], n=100)
    assert truth.log_Z == pytest.approx(0.5 * math.log(2 * math.pi), abs=1e-10)
    assert truth.marginal(0).shape == (100,)
    x = truth.sample(20000, generator=seeded())
    assert x.shape == (20000, 1)
    assert within(x.var().item(), 1.0, math.sqrt(2 / 20000))


def test_samples_come_from_the_density_and_not_from_its_grid() -> None:
    n, kT = 40000, 20.0
    truth = mueller_brown_truth(kT)
    x = sample_mueller_brown(n, kT, generator=seeded(), dtype=torch.float64)
    p = truth.population(in_deep_basin)
    assert within(in_deep_basin(x).double().mean().item(), p, math.sqrt(p * (1 - p) / n))
    energy = mueller_brown(x)
    mean = truth.mean(mueller_brown).item()
    assert within(energy.mean().item(), mean, energy.std().item() / math.sqrt(n))
    assert sample_mueller_brown(3, kT, generator=seeded()).dtype == torch.float32
    again = sample_mueller_brown(n, kT, generator=seeded(), dtype=torch.float64)
    assert torch.equal(x, again)


def test_samples_are_exact_on_a_coarse_grid_or_refused() -> None:
    # Four cells of width 2: without the rejection, draws would be flat within each.
    n = 40000
    slope = boltzmann(lambda x: x[..., 0], 1.0, [(0.0, 8.0)], n=4)
    draws = slope.sample(n, generator=seeded(), dtype=torch.float64)
    # The exponential distribution cut at 8, whose bound holds at any h: mean 1 - 8 / (e^8 - 1).
    assert within(draws.mean().item(), 1 - 8 / math.expm1(8), draws.std().item() / math.sqrt(n))
    # A peak 0.25 from the nearest corner rises 3 % above it, more than the bound allows for.
    well = boltzmann(lambda x: x[..., 0] ** 2 / 2, 1.0, [(-8.5, 8.0)], n=10)
    with pytest.raises(ValueError, match="too coarse"):
        well.sample(n, generator=seeded())


# -------------------------------------------------------------------------------------- dynamics


def test_one_step_is_the_equation() -> None:
    x, force, noise = normal(3, 4, 2)
    step = langevin_step(x, force, 0.1, 2.0, 5.0, noise)
    assert torch.allclose(step, x + force * 0.1 / 5 + math.sqrt(2 * 2.0 * 0.1 / 5) * noise)


@pytest.mark.parametrize("keep_every", [1, 4])
def test_langevin_keeps_the_chain_of_its_steps(keep_every: int) -> None:
    start = normal(5, 2)
    kept = langevin(
        start,
        harmonic_force,
        steps=8,
        dt=0.1,
        kT=0.7,
        friction=2.0,
        keep_every=keep_every,
        generator=seeded(3),
    )
    generator, x, chain = seeded(3), start, []
    for _ in range(8):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, -x, 0.1, 0.7, 2.0, noise)
        chain.append(x)
    assert torch.equal(kept, torch.stack(chain)[keep_every - 1 :: keep_every])


def test_baoab_keeps_every_so_many_of_the_same_chain() -> None:
    options = dict(steps=8, dt=0.1, kT=0.7)
    x, v = baoab(normal(5, 2), harmonic_force, **options, generator=seeded(3))
    kept_x, kept_v = baoab(
        normal(5, 2), harmonic_force, **options, keep_every=4, generator=seeded(3)
    )
    assert torch.equal(kept_x, x[3::4]) and torch.equal(kept_v, v[3::4])


def test_free_diffusion() -> None:
    # Mean squared displacement D 2 kT t / friction; squares of normals: variance 2 mean^2 / D.
    N, D, kT, friction, t = 20000, 3, 0.7, 2.5, 2.0
    x = langevin(
        torch.zeros(N, D),
        torch.zeros_like,
        steps=20,
        dt=0.1,
        kT=kT,
        friction=friction,
        generator=seeded(),
    )
    expected = D * 2 * kT * t / friction
    measured = x[-1].square().sum(-1).mean().item()
    assert within(measured, expected, expected * math.sqrt(2 / D / N))


def test_euler_maruyama_has_its_exact_stationary_variance() -> None:
    # x' = (1 - k dt / g) x + ... has variance (kT / k) / (1 - k dt / (2 g)); here 4 / 3 of the
    # true one, so that a wrong noise or drift cannot hide.
    N, k, kT, friction, dt = 40000, 2.0, 0.5, 2.0, 0.5
    x = langevin(
        torch.zeros(N, 1),
        lambda x: -k * x,
        steps=60,
        dt=dt,
        kT=kT,
        friction=friction,
        keep_every=60,
        generator=seeded(),
    )
    expected = kT / k / (1 - k * dt / (2 * friction))
    assert expected == pytest.approx(4 / 3 * kT / k)
    assert within(x[-1].var().item(), expected, expected * math.sqrt(2 / N))


def test_baoab_has_exact_positions_in_a_harmonic_well_at_a_large_step() -> None:
    # omega dt = 1.25. Positions: kT / k exactly; velocities: kT / m (1 - (omega dt)^2 / 4).
    N, k, m, kT, dt = 40000, 2.0, 0.5, 0.7, 0.625
    x, v = baoab(
        torch.ones(N, 1),
        lambda x: -k * x,
        steps=80,
        dt=dt,
        kT=kT,
        friction=1.5,
        mass=m,
        keep_every=80,
        generator=seeded(),
    )
    relative_error = math.sqrt(2 / N)
    assert within(x[-1].var().item(), kT / k, kT / k * relative_error)
    kinetic = kT / m * (1 - k / m * dt**2 / 4)
    assert within(v[-1].var().item(), kinetic, kinetic * relative_error)
    assert within((x[-1] * v[-1]).mean().item(), 0.0, math.sqrt(kT / k * kinetic / N))


def test_baoab_forgets_its_velocity_at_the_friction_rate() -> None:
    # Free particles: <v(t) v(0)> = kT / m exp(-friction t), at any step.
    N, m, kT, friction = 40000, 2.0, 0.6, 0.8
    v0 = math.sqrt(kT / m) * torch.randn(N, 1, generator=seeded(1))
    x, v = baoab(
        torch.zeros(N, 1),
        torch.zeros_like,
        steps=2,
        dt=0.5,
        kT=kT,
        friction=friction,
        mass=m,
        velocity=v0,
        generator=seeded(2),
    )
    decay = math.exp(-friction * 1.0)
    assert within((v[-1] * v0).mean().item(), kT / m * decay, kT / m * math.sqrt(2 / N))
    assert within(v[-1].var().item(), kT / m, kT / m * math.sqrt(2 / N))
    assert x.shape == v.shape == (2, N, 1)


def test_without_friction_baoab_conserves_energy_to_second_order() -> None:
    # Bound pairs that stay inside the cutoff: half the step, a quarter of the error.
    box, B = 8.0, 50
    start = torch.zeros(B, 2, 3, dtype=torch.float64)
    start[:, 1, 0] = torch.linspace(1.05, 1.3, B)
    velocity = 0.2 * normal(B, 2, 3)

    def largest_error(dt: float) -> float:
        x, v = baoab(
            start,
            lambda x: lennard_jones_force(x, box),
            steps=round(2 / dt),
            dt=dt,
            kT=1.0,
            friction=0.0,
            velocity=velocity,
            generator=seeded(),
        )
        energy = lennard_jones(x, box) + v.square().sum((-2, -1)) / 2
        first = lennard_jones(start, box) + velocity.square().sum((-2, -1)) / 2
        return (energy - first).abs().max().item()

    errors = [largest_error(dt) for dt in (0.004, 0.002, 0.001)]
    assert errors[0] < 0.01
    assert errors[0] / errors[1] == pytest.approx(4, abs=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, abs=0.05)


def test_float64_and_leading_axes_are_kept() -> None:
    start = normal(2, 3, 2)
    x = langevin(start, harmonic_force, steps=2, dt=0.1, kT=1.0, generator=seeded())
    assert x.shape == (2, 2, 3, 2) and x.dtype == torch.float64
    x, v = baoab(start.float(), harmonic_force, steps=2, dt=0.1, kT=1.0, generator=seeded())
    assert x.dtype == v.dtype == torch.float32
    assert not x.requires_grad


# --------------------------------------------------------- walkers on the Mueller-Brown surface

WALKERS = 4096
SHALLOW = torch.tensor(MINIMA[1]).expand(WALKERS, 2)
# Relaxation between the basins takes 0.23 in units of the overdamped walkers at kT = 20, so
# starts in the wrong basin are forgotten to 0.8 exp(-1.5 / 0.23) = 0.001 after t = 1.5.
# Curvature 4068 asks for dt < 2 / 4068 = 5e-4 at friction 1; dt = 1e-4 is well below. Its
# measured bias in the population, 16384 walkers averaged over t = 0.6 to 2: -0.008 +- 0.002
# (-0.024 +- 0.002 at 2e-4). BAOAB at dt = 0.005, friction 10: +0.002 +- 0.002.
LANGEVIN_BIAS, BAOAB_BIAS = 0.008, 0.002


def test_walkers_reach_the_exact_population_at_kT_20() -> None:
    kT = 20.0
    truth = mueller_brown_truth(kT).population(in_deep_basin)
    error = math.sqrt(truth * (1 - truth) / WALKERS)  # 0.0062
    end = langevin(
        SHALLOW,
        mueller_brown_force,
        steps=15000,
        dt=1e-4,
        kT=kT,
        keep_every=15000,
        generator=seeded(),
    )
    population = in_deep_basin(end[-1]).double().mean().item()
    # Three standard errors, as the course states: one seed in 370 would fail.
    assert abs(population - truth) < 3 * error + LANGEVIN_BIAS

    end, _ = baoab(
        SHALLOW,
        mueller_brown_force,
        steps=7500,
        dt=0.005,
        kT=kT,
        friction=10.0,
        keep_every=7500,
        generator=seeded(),
    )
    population = in_deep_basin(end[-1]).double().mean().item()
    assert abs(population - truth) < 3 * error + BAOAB_BIAS


def test_a_large_overdamped_step_shows_its_bias() -> None:
    # Stable, and wrong by 0.13: what the tolerance above must not hide.
    kT = 20.0
    truth = mueller_brown_truth(kT)
    start = truth.sample(WALKERS, generator=seeded())
    end = langevin(
        start,
        mueller_brown_force,
        steps=2000,
        dt=4e-4,
        kT=kT,
        keep_every=2000,
        generator=seeded(1),
    )
    assert in_deep_basin(end[-1]).double().mean().item() < truth.population(in_deep_basin) - 0.08


def test_walkers_do_not_mix_at_kT_10() -> None:
    # An affordable run brings 8 % of the walkers home, of 97.4 %.
    end = langevin(
        SHALLOW,
        mueller_brown_force,
        steps=5000,
        dt=1e-4,
        kT=10.0,
        keep_every=5000,
        generator=seeded(),
    )
    population = in_deep_basin(end[-1]).double().mean().item()
    assert 0.04 < population < 0.13


# -------------------------------------------------------------------------------- Lennard-Jones


def jittered_lattice(n: int, box: float, batch: int = 2) -> Tensor:
    start = lattice(n, box, dtype=torch.float64)
    return start + 0.05 * normal(batch, n, 3)


@pytest.mark.parametrize("r", [0.95, 2 ** (1 / 6), 1.7, 2.49, 2.51])
def test_two_particles_at_a_known_distance_across_the_border(r: float) -> None:
    box, cutoff = 6.0, 2.5
    direction = torch.tensor([2.0, 3.0, 6.0], dtype=torch.float64) / 7
    x = torch.stack((torch.zeros(3, dtype=torch.float64) + 0.2, 0.2 - r * direction)) % box
    u = 4 * (r**-12 - r**-6) - 4 * (cutoff**-12 - cutoff**-6)
    slope = 24 * (2 * r**-13 - r**-7)
    inside = r < cutoff
    assert lennard_jones(x, box).item() == pytest.approx(u if inside else 0, abs=1e-12)
    force = slope * direction if inside else torch.zeros(3, dtype=torch.float64)
    assert torch.allclose(lennard_jones_force(x, box), torch.stack((force, -force)), atol=1e-10)


def test_energy_meets_zero_at_the_cutoff() -> None:
    x = torch.tensor([[0.0, 0, 0], [2.5 - 1e-9, 0, 0]], dtype=torch.float64)
    assert abs(lennard_jones(x, 6.0).item()) < 1e-9


@pytest.mark.parametrize("n", [27, 40])
def test_fluid_forces_are_the_gradient_and_conserve_momentum(n: int) -> None:
    box = (n / 0.6) ** (1 / 3)
    cutoff = box / 2
    x = jittered_lattice(n, box) + 3 * box  # positions outside the box are as good as inside
    force = lennard_jones_force(x, box, cutoff)
    expected = force_of(lambda y: lennard_jones(y, box, cutoff))(x)
    assert torch.allclose(force, expected, rtol=1e-9, atol=1e-9)
    assert force.sum(-2).abs().max() < 1e-10 * force.abs().max()
    # Boxes are independent: alone or in a batch, the same.
    assert torch.allclose(lennard_jones_force(x[0], box, cutoff), force[0], rtol=1e-12)
    assert lennard_jones(x, box, cutoff).shape == (2,)


def test_lattice_fills_the_box_evenly() -> None:
    x = lattice(27, 6.0, dtype=torch.float64)
    assert torch.pdist(x).min().item() == pytest.approx(2.0)
    assert x.min() > 0 and x.max() < 6
    assert lattice(10, 6.0).shape == (10, 3)


def test_an_ideal_gas_has_g_of_one() -> None:
    frames, n, box, bins = 400, 50, 3.0, 12
    x = box * (torch.rand(frames, n, 3, generator=seeded(), dtype=torch.float64) - 0.5)
    r, g = radial_distribution(x, box, bins)
    edges = torch.linspace(0, box / 2, bins + 1, dtype=torch.float64)
    assert torch.allclose(r, (edges[1:] + edges[:-1]) / 2)
    pairs = frames * n * (n - 1) / 2
    fraction = 4 / 3 * math.pi * (edges[1:] ** 3 - edges[:-1] ** 3) / box**3
    # Distances of uniform points in a periodic box are pairwise independent: Poisson counts.
    error = (1 / (pairs * fraction)).sqrt()
    assert ((g - 1).abs() < 4 * error).all()  # 12 bins: one seed in 1300 would fail


def test_two_particles_follow_the_boltzmann_factor() -> None:
    # Two in a box: g(r) = exp(-u(r) / kT) V / integral of exp(-u / kT) dV, exactly; the only
    # other error is BAOAB's, far below the noise at this step.
    boxes, kT, box, bins = 3000, 1.2, 5.2, 26
    start = torch.zeros(boxes, 2, 3)
    start[:, 1] = box / 2
    x, _ = baoab(
        start,
        lambda x: lennard_jones_force(x, box),
        steps=2000,
        dt=0.01,
        kT=kT,
        keep_every=100,
        generator=seeded(),
    )
    # Frames of one box are not independent; 30 groups of 100 boxes are.
    groups = [radial_distribution(part, box, bins)[1] for part in x[10:].split(100, dim=1)]
    g = torch.stack(groups).double()
    edges = torch.linspace(0, box / 2, bins * 200 + 1, dtype=torch.float64)
    r = (edges[1:] + edges[:-1]) / 2
    u = 4 * (r**-12 - r**-6) - 4 * (2.5**-12 - 2.5**-6)
    factor = torch.where(r < 2.5, torch.exp(-u / kT), 1.0)
    shell = 4 * math.pi * r**2 * (edges[1] - edges[0])
    normaliser = 1 + ((factor - 1) * shell).sum() / box**3
    expected = (factor * shell).reshape(bins, 200).sum(1) / shell.reshape(bins, 200).sum(1)
    expected = expected / normaliser
    error = g.std(0) / math.sqrt(len(groups))
    seen = expected > 0.05
    # Student's t with 29 degrees of freedom, 18 bins: one seed in 500 would fail at 4.5.
    assert ((g.mean(0) - expected).abs() < 4.5 * error)[seen].all()
    assert g.mean(0)[~seen].max() < 0.05


def test_a_liquid_has_its_shells() -> None:
    run = fluid(108, 0.8, 1.5, steps=800, boxes=2, keep_every=40, cutoff=2.5, generator=seeded())
    assert run.x.shape == run.v.shape == (20, 2, 108, 3)
    assert run.box == pytest.approx((108 / 0.8) ** (1 / 3))
    r, g = radial_distribution(run.x[10:], run.box, bins=50)
    assert g[r < 0.85].max() == 0
    assert 1.0 < r[g.argmax()] < 1.2 and 2.2 < g.max() < 3.0
    assert g[(r > 1.4) & (r < 1.7)].min() < 0.75
    # Degrees of freedom: 2 * 108 * 3, so kT to four relative errors of sqrt(2 / 648) in a
    # frame; frames 0.2 apart at friction 1 count as independent of those 5 later.
    kinetic = run.v[10:].square().mean().item()
    assert within(kinetic, 1.5, 1.5 * math.sqrt(2 / 648 / 2))


# -------------------------------------------------------------------------------- clear refusals

GOOD = dict(steps=4, dt=0.01, kT=1.0, friction=1.0)


@pytest.mark.parametrize("dynamics", [langevin, baoab])
@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"kT": 0.0}, "kT must be positive"),
        ({"kT": -1.0}, "kT must be positive"),
        ({"kT": math.nan}, "kT must be positive"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"dt": -0.1}, "dt must be positive"),
        ({"friction": -1.0}, "friction must be"),
        ({"friction": math.inf}, "friction must be"),
        ({"keep_every": 3}, "keep_every must divide steps"),
        ({"keep_every": 0}, "keep_every must divide steps"),
        ({"steps": 0}, "keep_every must divide steps"),
    ],
)
def test_bad_settings_are_refused(dynamics, bad: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dynamics(torch.zeros(3, 2), harmonic_force, **GOOD | bad, generator=seeded())


def test_langevin_needs_friction() -> None:
    with pytest.raises(ValueError, match="friction must be positive"):
        langevin(torch.zeros(3, 2), harmonic_force, **GOOD | {"friction": 0.0}, generator=seeded())


@pytest.mark.parametrize(("dynamics", "dt"), [(langevin, 0.005), (baoab, 0.05)])
def test_a_step_that_blows_up_says_so(dynamics, dt: float) -> None:
    with pytest.raises(ValueError, match=r"dt = 0\.0.* too large for this force"):
        dynamics(SHALLOW, mueller_brown_force, steps=200, dt=dt, kT=20.0, generator=seeded())


def test_a_fluid_that_blows_up_says_so() -> None:
    with pytest.raises(ValueError, match="too large for this force"):
        fluid(64, 0.8, 1.5, steps=300, dt=0.1, cutoff=2.0, generator=seeded())


def test_wrong_shapes_and_starts_are_refused() -> None:
    x = torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"force\(x\) has shape \(3,\)"):
        langevin(x, lambda x: x.sum(-1), **GOOD, generator=seeded())
    with pytest.raises(ValueError, match="floating-point"):
        langevin(x.long(), harmonic_force, **GOOD, generator=seeded())
    with pytest.raises(ValueError, match="velocity has shape"):
        baoab(x, harmonic_force, **GOOD, velocity=x[0], generator=seeded())
    with pytest.raises(ValueError, match="mass must be positive"):
        baoab(x, harmonic_force, **GOOD, mass=0.0, generator=seeded())
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 2\)"):
        mueller_brown(torch.zeros(4, 3))
    together = torch.zeros(2, 3, 3)
    with pytest.raises(ValueError, match="not finite at the start"):
        baoab(together, lambda x: lennard_jones_force(x, 6.0), **GOOD, generator=seeded())
    with pytest.raises(ValueError, match=r"shape \(\.\.\., N, 3\)"):
        lennard_jones(torch.zeros(5, 2), 6.0)


def test_bad_boxes_are_refused() -> None:
    x = lattice(8, 4.0)
    for function in (lennard_jones, lennard_jones_force):
        with pytest.raises(ValueError, match="half the box"):
            function(x, 4.0)
    with pytest.raises(ValueError, match="half the box"):
        fluid(27, 0.8, 1.0, steps=1, generator=seeded())
    with pytest.raises(ValueError, match="r_max = 3"):
        radial_distribution(x, 4.0, r_max=3.0)
    with pytest.raises(ValueError, match="two particles"):
        radial_distribution(x[:1], 4.0)
    with pytest.raises(ValueError, match="density must be positive"):
        fluid(27, 0.0, 1.0, steps=1, generator=seeded())
    with pytest.raises(ValueError, match="kT must be positive"):
        boltzmann(kT=0.0)
    with pytest.raises(ValueError, match="low < high"):
        boltzmann(box=((1.0, 0.0), (0.0, 1.0)))
    with pytest.raises(ValueError, match="one energy for each point"):
        boltzmann(lambda x: x, n=10)
    with pytest.raises(ValueError, match="no finite normaliser"):
        boltzmann(lambda x: x[..., 0] * math.nan, n=10)
