"""The collider simulator against exact truths.

Random quantities are compared within standard errors or by a chi-square; each such comparison
states its false-alarm rate, which is what another seed would see.
"""

import math
from dataclasses import replace

import pytest
import torch
from draws import seeded
from torch import Tensor

from course_utils.simulators.collider import (
    Jets,
    ShowerSettings,
    cdf,
    density,
    emissions,
    inverse_cdf,
    jet_axis,
    jet_images,
    jet_mass,
    jet_width,
    jets_from_images,
    log_density,
    lund_area,
    lund_density,
    mean_emissions,
    multiplicity,
    sample_cos_theta,
    shower,
)

ASYMMETRIES = (-0.75, -0.3, 0.0, 0.2, 0.7499, 0.75)
BOTH = (torch.float32, torch.float64)


def chi_square_p_value(counts: Tensor, expected: Tensor, lost: int = 1) -> float:
    """Probability of a larger chi-square than that of `counts`, with `lost` constraints."""
    chi_square = ((counts - expected) ** 2 / expected).sum()
    freedom = torch.tensor((counts.numel() - lost) / 2.0, dtype=torch.float64)
    return torch.special.gammaincc(freedom, chi_square.double() / 2).item()


def simpson(f: Tensor, width: float) -> Tensor:
    """Integral over `width` of f at an odd number of equidistant points: exact for cubics."""
    weights = torch.ones_like(f)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return (weights * f).sum() * width / (len(f) - 1) / 3


# ------------------------------------------------------------------ the angular distribution


@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_density_normalises_and_has_the_stated_asymmetry(a_fb: float) -> None:
    c = torch.linspace(-1, 1, 201, dtype=torch.float64)
    p = density(c, a_fb)
    torch.testing.assert_close(p, 3 / 8 * (1 + c**2) + a_fb * c)
    assert (p >= 0).all()
    assert simpson(p, 2).item() == pytest.approx(1, abs=1e-14)
    forward, backward = simpson(p[100:], 1), simpson(p[:101], 1)
    assert (forward - backward).item() == pytest.approx(a_fb, abs=1e-14)


@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_log_density_is_the_logarithm(a_fb: float) -> None:
    c = torch.linspace(-0.999, 0.999, 101, dtype=torch.float64)
    torch.testing.assert_close(log_density(c, a_fb).exp(), density(c, a_fb))


@pytest.mark.parametrize("dtype", BOTH)
def test_density_keeps_its_digits_next_to_its_zero(dtype: torch.dtype) -> None:
    gap = torch.arange(1, 1001, dtype=dtype) * torch.finfo(dtype).eps  # 1 - gap is exact
    truth = 3 / 8 * gap**2
    torch.testing.assert_close(density(gap - 1, 0.75), truth, rtol=1e-6, atol=0)
    torch.testing.assert_close(density(1 - gap, -0.75), truth, rtol=1e-6, atol=0)
    assert log_density(gap - 1, 0.75).isfinite().all()
    assert log_density(torch.tensor([-1.0]), 0.75).item() == -math.inf


@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_cdf_is_the_integral_of_the_density(a_fb: float) -> None:
    c = torch.linspace(-1, 1, 201, dtype=torch.float64, requires_grad=True)
    probability = cdf(c, a_fb)
    assert probability[0].item() == 0 and probability[-1].item() == 1
    inner = slice(1, -1)  # at the ends the clamp may stop the gradient
    (slope,) = torch.autograd.grad(probability.sum(), c)
    torch.testing.assert_close(slope[inner], density(c, a_fb)[inner].detach())


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_inverse_cdf_inverts(a_fb: float, dtype: torch.dtype) -> None:
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    ends = torch.tensor([0.0, 1e-30, 1e-12, 1e-7, 0.5, 1 - 1e-7, 1.0], dtype=dtype)
    u = torch.cat([ends, torch.linspace(0.001, 0.999, 2001, dtype=dtype)])
    c = inverse_cdf(u, a_fb)
    assert c.dtype == dtype and ((c >= -1) & (c <= 1)).all()
    torch.testing.assert_close(cdf(c, a_fb), u, rtol=0, atol=tolerance)
    assert c[0] + 1 <= 4 * torch.finfo(dtype).eps and 1 - c[6] <= 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_inverse_cdf_agrees_with_bisection(a_fb: float, dtype: torch.dtype) -> None:
    # Near a zero of the density F(c) = u says little about c, so c itself is compared.
    tiny = torch.logspace(-30, -1, 500, dtype=dtype)
    u = torch.cat([tiny, torch.linspace(0.1, 0.5, 500, dtype=dtype)])
    exact = u.double()
    low, high = torch.zeros_like(exact), torch.full_like(exact, 2.0)
    a = float(torch.tensor(a_fb, dtype=dtype))
    for _ in range(120):  # bisection in s = 1 + c
        s = (low + high) / 2
        above = s * ((0.75 - a) * (1 - s / 2) + s**2 / 8) > exact
        low, high = torch.where(above, low, s), torch.where(above, s, high)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(inverse_cdf(u, a_fb).double(), low - 1, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_inverse_cdf_mirrors(a_fb: float, dtype: torch.dtype) -> None:
    # c(1 - u; -A) = -c(u; A), at u for which 1 - u is exact; the first few are tiny.
    eps = torch.finfo(dtype).eps
    u = torch.cat([torch.arange(1.0, 100.0), 2.0 ** torch.arange(7, -round(math.log2(eps)))])
    u = u.to(dtype) * eps
    torch.testing.assert_close(
        inverse_cdf(1 - u, -a_fb), -inverse_cdf(u, a_fb), rtol=0, atol=4 * eps
    )


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_inverse_cdf_increases(a_fb: float, dtype: torch.dtype) -> None:
    c = inverse_cdf(torch.linspace(0, 1, 10_001, dtype=dtype), a_fb)
    assert (c.diff() > 0).all()


def test_inverse_cdf_without_asymmetry_is_the_known_closed_form() -> None:
    u = torch.linspace(0.001, 0.999, 101, dtype=torch.float64)
    closed = 2 * torch.sinh(torch.asinh(4 * u - 2) / 3)
    torch.testing.assert_close(inverse_cdf(u), closed, rtol=0, atol=1e-13)


def test_gradients_reach_the_angle_and_the_asymmetry() -> None:
    # u = 1/2 at A_FB = 0 sits where Cardano's formula changes branch.
    u = torch.tensor([0.02, 0.31, 0.5, 0.77, 0.98], dtype=torch.float64, requires_grad=True)
    a = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(inverse_cdf, (u, a))
    torch.autograd.gradcheck(lambda c, a_fb: log_density(c, a_fb), (u, a))
    half = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(inverse_cdf(half).sum(), half)
    assert slope.item() == pytest.approx(8 / 3)  # 1 / p(0)


def test_asymmetry_may_differ_from_event_to_event() -> None:
    a = torch.tensor([-0.3, 0.0, 0.7])
    u = torch.tensor([0.1, 0.5, 0.9])
    single = torch.cat([inverse_cdf(u[i : i + 1], float(a[i])) for i in range(3)])
    torch.testing.assert_close(inverse_cdf(u, a), single)
    assert sample_cos_theta(3, a, generator=seeded()).shape == (3,)


@pytest.mark.parametrize("a_fb", ASYMMETRIES)
def test_samples_have_the_exact_moments(a_fb: float) -> None:
    # <c^k> is 3/4 (1/(k+1) + 1/(k+3)) for even k and 2 A_FB / (k+2) for odd k.
    # 24 comparisons in all at 4.5 standard errors: false alarms with 24 * 6.8e-6 = 1.6e-4.
    n = 100_000
    c = sample_cos_theta(n, a_fb, generator=seeded(1), dtype=torch.float64)
    for k in range(1, 5):
        truth = 2 * a_fb / (k + 2) if k % 2 else 3 / 4 * (1 / (k + 1) + 1 / (k + 3))
        error = (c**k).std() / math.sqrt(n)
        assert abs((c**k).mean() - truth) < 4.5 * error


@pytest.mark.parametrize("a_fb", (0.0, 0.75))
def test_samples_fill_equal_probabilities_equally(a_fb: float) -> None:
    # False alarms: 2 * 1e-4.
    c = sample_cos_theta(50_000, a_fb, generator=seeded(2))
    counts = torch.histc(cdf(c, a_fb), 50, 0, 1)
    assert chi_square_p_value(counts, torch.full((50,), 1000.0)) > 1e-4


def test_sampling_obeys_its_generator_and_dtype() -> None:
    first = sample_cos_theta(10, 0.1, generator=seeded(3))
    torch.testing.assert_close(first, sample_cos_theta(10, 0.1, generator=seeded(3)))
    assert not torch.equal(first, sample_cos_theta(10, 0.1, generator=seeded(4)))
    assert first.dtype == torch.float32 and first.shape == (10,)
    assert sample_cos_theta(2, generator=seeded(), dtype=torch.float64).dtype == torch.float64
    assert sample_cos_theta(0, generator=seeded()).shape == (0,)


@pytest.mark.parametrize("a_fb", (0.76, -1.0, math.nan))
def test_an_impossible_asymmetry_is_refused(a_fb: float) -> None:
    for call in (density, log_density, cdf, inverse_cdf):
        with pytest.raises(ValueError, match="a_fb must lie in"):
            call(torch.tensor([0.5]), a_fb)
    with pytest.raises(ValueError, match="a_fb must lie in"):
        sample_cos_theta(3, a_fb, generator=seeded())


def test_values_outside_their_range_are_refused() -> None:
    for value in (1.5, -1.5, math.nan):
        for call in (density, cdf):
            with pytest.raises(ValueError, match="cos_theta must lie in"):
                call(torch.tensor([value]))
        with pytest.raises(ValueError, match="u must lie in"):
            inverse_cdf(torch.tensor([value]))
    with pytest.raises(ValueError, match="floating-point"):
        density(torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="n must not be negative"):
        sample_cos_theta(-1, generator=seeded())


# ---------------------------------------------------------------------- the Lund plane


def test_mean_number_of_emissions_is_density_times_area() -> None:
    settings = ShowerSettings(
        alpha=0.5, colour_factor=3, theta_min=0.1, theta_max=0.1 * math.e**2, z_min=0.01, z_max=0.5
    )
    assert lund_density(settings) == pytest.approx(3 / math.pi)
    assert lund_area(settings) == pytest.approx(2 * math.log(50))
    assert mean_emissions(settings) == pytest.approx(6 / math.pi * math.log(50))


def test_number_of_emissions_is_poisson() -> None:
    settings = ShowerSettings()
    n, mean = 40_000, mean_emissions(settings)
    count = emissions(n, settings, generator=seeded(5)).mask.sum(dim=1).double()
    # Mean and variance of a Poisson number are equal; the variance of the sample variance is
    # (mu_4 - sigma^4) / n with mu_4 = mean + 3 mean^2. Three standard errors: 2 * 2.7e-3.
    assert abs(count.mean() - mean) < 3 * math.sqrt(mean / n)
    assert abs(count.var() - mean) < 3 * math.sqrt((mean + 2 * mean**2) / n)
    k = torch.arange(13, dtype=torch.float64)
    expected = n * (k * math.log(mean) - mean - torch.lgamma(k + 1)).exp()
    expected = torch.cat([expected, n - expected.sum(dim=0, keepdim=True)])
    counts = torch.bincount(count.long().clamp_max(13), minlength=14).double()
    assert chi_square_p_value(counts, expected) > 1e-4  # false alarms: 1e-4


def test_emissions_fill_the_lund_plane_uniformly() -> None:
    settings = ShowerSettings()
    e = emissions(20_000, settings, generator=seeded(6), dtype=torch.float64)
    theta, z, azimuth = e.theta[e.mask], e.z[e.mask], e.azimuth[e.mask]
    assert ((theta >= settings.theta_min) & (theta <= settings.theta_max)).all()
    assert ((z >= settings.z_min) & (z <= settings.z_max)).all()
    edges = math.log(1 / settings.theta_max), math.log(1 / settings.theta_min)
    across = ((1 / theta).log() - edges[0]) / (edges[1] - edges[0])
    edges = math.log(1 / settings.z_max), math.log(1 / settings.z_min)
    up = ((1 / z).log() - edges[0]) / (edges[1] - edges[0])
    cells = (across * 8).long() * 64 + (up * 8).long() * 8 + (azimuth / (2 * math.pi) * 8).long()
    counts = torch.bincount(cells, minlength=512).double()
    expected = torch.full_like(counts, len(theta) / 512)
    assert chi_square_p_value(counts, expected) > 1e-4  # false alarms: 1e-4
    # The density itself, per unit area: three standard errors, false alarms 2.7e-3.
    per_area = len(theta) / 20_000 / lund_area(settings)
    assert abs(per_area / lund_density(settings) - 1) < 3 / math.sqrt(len(theta))


def test_padding_is_zero() -> None:
    e = emissions(50, generator=seeded(7))
    for value in (e.theta, e.z, e.azimuth):
        assert value.shape == e.mask.shape
        assert (value[~e.mask] == 0).all()
    assert emissions(0, generator=seeded()).mask.shape == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    (
        ({"alpha": 0.0}, "alpha"),
        ({"theta_min": 0.9}, "theta_min < theta_max"),
        ({"z_min": 0.0}, "z_min < z_max"),
        ({"z_max": 1.5}, "z_min < z_max"),
        ({"jet_pt": -1.0}, "jet_pt"),
        ({"min_share": 0.6}, "min_share"),
        ({"max_eta": -1.0}, "max_eta"),
    ),
)
def test_impossible_settings_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShowerSettings(**wrong)


# ---------------------------------------------------------------------- jets


def list_jet(*particles: tuple[float, float, float], padding: int = 0) -> Jets:
    """One jet of the given (pT, eta, phi), in float64."""
    rows = torch.tensor(particles, dtype=torch.float64)
    rows = torch.cat([rows, rows.new_zeros(padding, 3)])
    return Jets(rows[None], (rows[:, 0] > 0)[None])


def four_momentum_mass(jets: Jets) -> Tensor:
    """The textbook formula, in Cartesian components."""
    pt, eta, phi = jets.particles.double().unbind(dim=2)
    pt = pt * jets.mask
    energy, pz = (pt * eta.cosh()).sum(1), (pt * eta.sinh()).sum(1)
    px, py = (pt * phi.cos()).sum(1), (pt * phi.sin()).sum(1)
    return (energy**2 - px**2 - py**2 - pz**2).clamp_min(0.0).sqrt()


def test_mass_of_two_particles() -> None:
    (eta_1, phi_1), (eta_2, phi_2) = (1.3, 3.0), (0.9, -3.0)  # the pair straddles phi = pi
    jet = list_jet((100.0, eta_1, phi_1), (40.0, eta_2, phi_2), padding=3)
    squared = 2 * 100 * 40 * (math.cosh(eta_1 - eta_2) - math.cos(phi_1 - phi_2))
    assert jet_mass(jet).item() == pytest.approx(math.sqrt(squared), rel=1e-13)


def test_width_and_axis_of_two_particles() -> None:
    # Equal momenta on both sides of phi = pi: the axis is in the middle, the width half the gap.
    jet = list_jet((50.0, 0.4, math.pi - 0.1), (50.0, 0.4, -math.pi + 0.3), padding=2)
    axis = jet_axis(jet)[0]
    assert axis[1].item() == pytest.approx(-math.pi + 0.1)
    assert axis[0].item() == pytest.approx(0.4)
    assert jet_width(jet).item() == pytest.approx(0.2)
    # Unequal momenta, collinear enough for the axis to be the pT-weighted mean.
    jet = list_jet((30.0, 0.0, 0.004), (10.0, 0.0, 0.0))
    assert jet_width(jet).item() == pytest.approx((30 * 0.001 + 10 * 0.003) / 40, rel=1e-4)


def test_mass_agrees_with_four_momenta_and_keeps_its_digits() -> None:
    jets = shower(500, prongs=torch.arange(500) % 2 + 1, generator=seeded(8), dtype=torch.float64)
    # Squares of energies near 1000 GeV cancel in the textbook formula, hence the absolute slack.
    torch.testing.assert_close(jet_mass(jets), four_momentum_mass(jets), rtol=1e-8, atol=1e-4)
    single = Jets(jets.particles.float(), jets.mask)
    torch.testing.assert_close(jet_mass(single), jet_mass(jets).float(), rtol=1e-4, atol=1e-3)
    alone = list_jet((300.0, 1.7, 2.0), padding=1)
    assert jet_mass(alone).item() < 1e-5 and jet_width(alone).item() < 1e-12


def test_mass_and_width_do_not_change_under_boosts_and_rotations() -> None:
    jets = shower(200, prongs=2, generator=seeded(9), dtype=torch.float64)
    shift = torch.tensor([0.0, 0.7, 2.5], dtype=torch.float64)
    moved = Jets((jets.particles + shift) * jets.mask[:, :, None], jets.mask)
    for measure in (jet_mass, jet_width, jet_images):
        torch.testing.assert_close(measure(moved), measure(jets))


def test_one_prong_multiplicity_is_one_plus_poisson() -> None:
    settings = ShowerSettings()
    n, mean = 20_000, mean_emissions(settings)
    count = multiplicity(shower(n, settings, generator=seeded(10))).double() - 1
    assert abs(count.mean() - mean) < 3 * math.sqrt(mean / n)  # false alarms: 2.7e-3
    assert abs(count.var() - mean) < 3 * math.sqrt((mean + 2 * mean**2) / n)  # 2.7e-3


def test_two_prong_multiplicity_follows_angular_ordering() -> None:
    # Each prong fills the plane up to the distance M / (pT sqrt(f (1 - f))); averaged over f.
    settings = ShowerSettings(min_share=0.2)
    n = 20_000
    count = multiplicity(shower(n, settings, prongs=2, generator=seeded(11))).double()
    f = torch.linspace(0.2, 0.8, 2001, dtype=torch.float64)
    reach = settings.resonance_mass / settings.jet_pt / (f * (1 - f)).sqrt()
    height = math.log(settings.z_max / settings.z_min)
    area = (reach / settings.theta_min).log() * height
    truth = 2 + 2 * lund_density(settings) * simpson(area, 1.0).item()
    # Three standard errors, false alarms: 2.7e-3.
    assert abs(count.mean() - truth) < 3 * count.std() / math.sqrt(n)


def test_two_prongs_without_radiation_weigh_the_resonance() -> None:
    settings = ShowerSettings(alpha=1e-12, resonance_mass=10.0, max_eta=1.0)
    jets = shower(300, settings, prongs=2, generator=seeded(12), dtype=torch.float64)
    assert (multiplicity(jets) == 2).all()
    pt, eta, phi = jets.particles.unbind(dim=2)
    torch.testing.assert_close(pt.sum(dim=1), torch.full((300,), 300.0, dtype=torch.float64))
    assert (pt.amin(dim=1) >= 0.3 * 300).all()
    # Small angles are used, of size 2 M / pT = 0.07: corrections are of order 0.07^2 / 12.
    torch.testing.assert_close(
        jet_mass(jets), torch.full((300,), 10.0, dtype=torch.float64), rtol=5e-4, atol=0
    )
    assert ((phi >= -math.pi) & (phi < math.pi)).all() and (eta.abs() < 1.1).all()
    # The prongs balance each other around the axis that was drawn, here at eta = 0.
    centred = shower(
        300, replace(settings, max_eta=0.0), prongs=2, generator=seeded(12), dtype=torch.float64
    )
    pt, eta, _ = centred.particles.unbind(dim=2)
    assert (pt * eta).sum(dim=1).abs().max() < 1e-10 and eta.abs().max() > 0.01


def test_jets_are_padded_lists_sorted_by_momentum() -> None:
    labels = torch.tensor([1, 2, 2, 1, 1])
    jets = shower(5, prongs=labels, generator=seeded(13))
    assert len(jets) == 5 and jets.particles.dtype == torch.float32
    assert torch.equal(jets.prongs, labels)
    assert jets.mask.any(dim=0).all()  # no column is padding alone
    assert (jets.particles[~jets.mask] == 0).all()
    assert (jets.particles[:, :, 0].diff(dim=1) <= 0).all()
    assert torch.equal(multiplicity(jets), jets.mask.sum(dim=1))
    again = shower(5, prongs=labels, generator=seeded(13))
    assert torch.equal(again.particles, jets.particles)
    assert len(shower(0, generator=seeded())) == 0
    double = shower(2, generator=seeded(), dtype=torch.float64)
    assert double.particles.dtype == torch.float64


def test_emissions_keep_their_distance_and_share() -> None:
    # No recoil: the hardest particle of a one-prong jet is the parton, with all its momentum.
    settings = ShowerSettings()
    jets = shower(2000, settings, generator=seeded(14), dtype=torch.float64)
    pt, eta, phi = jets.particles.unbind(dim=2)
    assert torch.equal(pt[:, 0], torch.full((2000,), 300.0, dtype=torch.float64))
    soft = jets.mask.clone()
    soft[:, 0] = False
    gap = torch.remainder(phi - phi[:, :1] + math.pi, 2 * math.pi) - math.pi
    theta = torch.hypot(eta - eta[:, :1], gap)[soft]
    z = pt[soft] / 300
    assert theta.min() >= 0.02 - 1e-9 and theta.max() <= 0.8 + 1e-9
    assert z.min() >= 0.002 - 1e-12 and z.max() <= 0.5 + 1e-12
    # ln(1/theta) and ln(1/z) are uniform: their means lie in the middle (false alarms: 2 * 2.7e-3).
    for value, low, high in ((theta, 0.02, 0.8), (z, 0.002, 0.5)):
        width = math.log(high / low)
        slack = 3 * width / math.sqrt(12 * len(value))
        assert abs(value.log().mean() - math.log(high * low) / 2) < slack


def test_wrong_prongs_are_refused() -> None:
    for prongs in (0, 3, 1.5, True, torch.tensor([1, 2, 3, 1])):
        with pytest.raises(ValueError, match="prongs must be 1 or 2"):
            shower(4, prongs=prongs, generator=seeded())
    with pytest.raises(ValueError, match="one number or 4"):
        shower(4, prongs=torch.ones(5, dtype=torch.long), generator=seeded())
    with pytest.raises(ValueError, match="n must not be negative"):
        shower(-1, generator=seeded())


def test_images_sum_to_one_and_stay_in_the_window() -> None:
    jets = shower(300, prongs=torch.arange(300) % 2 + 1, generator=seeded(15))
    for size, half_width in ((14, 0.8), (9, 0.3)):
        images = jet_images(jets, size, half_width)
        assert images.shape == (300, size, size) and images.dtype == torch.float32
        assert (images >= 0).all()
        torch.testing.assert_close(images.sum(dim=(1, 2)), torch.ones(300))


def test_image_puts_each_particle_into_its_cell() -> None:
    # The momenta balance, so the axis is near (1, 2). Cells are 0.2 wide, 4 to each side.
    ring = [(20.0, 1.5, 2.0), (28.0, 0.64, 2.0), (30.0, 1.0, 2.3), (36.0, 1.0, 1.75)]
    images = jet_images(list_jet(*ring, (86.0, 1.0, 2.01), padding=1), 8, 0.8)
    (image,) = images
    assert image.sum().item() == pytest.approx(1)
    truth = {(2, 3): 30, (5, 3): 36, (3, 6): 20, (3, 2): 28}  # larger phi is up, larger eta right
    for (row, column), pt in truth.items():
        # A particle on an axis may fall to either side of it.
        rows = slice(row, row + 1) if row != 3 else slice(3, 5)
        columns = slice(column, column + 1) if column != 3 else slice(3, 5)
        assert image[rows, columns].sum().item() == pytest.approx(pt / 200)
    assert image[3:5, 3:5].sum().item() == pytest.approx(86 / 200)


def test_particles_outside_the_window_are_left_out() -> None:
    pair = [(10.0, 0.5, 0.0), (10.0, -0.5, 0.0)]
    (image,) = jet_images(list_jet(*pair, (5.0, 0.0, 0.03), (5.0, 0.0, -0.03)), 4, 0.2)
    assert image.sum().item() == pytest.approx(1)
    assert (jet_images(list_jet(*pair), 4, 0.2) == 0).all()


def test_images_survive_the_way_back_to_particles() -> None:
    # Images symmetric about the middle keep their axis there, so the cells come back exactly.
    noise = torch.rand(20, 7, 7, generator=seeded(16), dtype=torch.float64) ** 4
    images = noise + noise.flip(1) + noise.flip(2) + noise.flip(1, 2)
    images[:, 2, 3] = images[:, 4, 3] = 0
    images /= images.sum(dim=(1, 2), keepdim=True)
    jets = jets_from_images(images, half_width=0.7, jet_pt=200.0)
    assert torch.equal(multiplicity(jets), (images > 0).sum(dim=(1, 2)))
    torch.testing.assert_close(
        jets.particles[:, :, 0].sum(dim=1), torch.full((20,), 200.0).double()
    )
    torch.testing.assert_close(jet_images(jets, 7, 0.7), images)


def test_mass_and_width_of_an_image() -> None:
    # Two cells, three apart in each direction; each cell is 0.1 wide.
    image = torch.zeros(1, 10, 10, dtype=torch.float64)
    image[0, 2, 3], image[0, 5, 6] = 0.5, 0.5
    jets = jets_from_images(image, half_width=0.5, jet_pt=100.0)
    squared = 2 * 50 * 50 * (math.cosh(0.3) - math.cos(0.3))
    assert jet_mass(jets).item() == pytest.approx(math.sqrt(squared))
    assert jet_width(jets).item() == pytest.approx(math.hypot(0.15, 0.15))
    phi = jets.particles[0, :, 2][jets.mask[0]]
    assert phi[0] > phi[1]  # row 2 is above row 5


def test_wrong_images_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        jets_from_images(torch.zeros(3, 4, 5))
    with pytest.raises(ValueError, match="negative"):
        jets_from_images(torch.full((1, 4, 4), -0.1))
    jets = shower(2, generator=seeded())
    for size, half_width in ((0, 0.8), (14, 0.0)):
        with pytest.raises(ValueError, match="must be positive"):
            jet_images(jets, size, half_width)


def test_an_empty_jet_has_no_mass_width_or_picture() -> None:
    jets = Jets(torch.zeros(1, 3, 3), torch.zeros(1, 3, dtype=torch.bool))
    for measure in (jet_mass, jet_width, jet_images):
        assert (measure(jets) == 0).all()
    assert torch.equal(jet_axis(jets), torch.zeros(1, 2))


def test_padding_values_are_ignored() -> None:
    jets = shower(30, prongs=2, generator=seeded(17), dtype=torch.float64)
    dirty = jets.particles.clone()
    dirty[~jets.mask] = 7.0
    for measure in (jet_axis, jet_mass, jet_width, jet_images, multiplicity):
        torch.testing.assert_close(measure(Jets(dirty, jets.mask)), measure(jets))
