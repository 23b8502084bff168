"""The families of lecture 09: densities that normalise, samplers that match them, one table."""

import math
from collections.abc import Callable

import pytest
import torch
from draws import seeded
from torch import Tensor, nn

from course_utils import datasets, landscape, training
from course_utils.densities import Gaussian
from course_utils.estimates import mean_and_error
from course_utils.landscape import (
    EnergyModel,
    Family,
    Flow,
    Gan,
    Landscape,
    Made,
    MaskedNetwork,
    MixtureMade,
)
from course_utils.simulators import molecular

BOX = ((-8.0, 8.0), (-8.0, 8.0))


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def shaken(model: nn.Module, scale: float = 0.3, seed: int = 1) -> nn.Module:
    """In float64, with parameters far from where a fit begins: no law may need a good start."""
    generator = seeded(seed)
    model.double()
    with torch.no_grad():
        for p in model.parameters():
            noise = torch.randn(p.shape, generator=generator, dtype=p.dtype)
            p.add_(scale * noise)
    return model


FLOWS: dict[str, Callable[[int], Flow]] = {
    "affine": lambda d: landscape.affine_flow(d, layers=3, hidden=(9,), generator=seeded()),
    "spline": lambda d: landscape.spline_flow(d, layers=3, hidden=(9,), generator=seeded()),
}
IN_THE_PLANE: dict[str, Callable[[], nn.Module]] = {
    **{name: (lambda make=make: make(2)) for name, make in FLOWS.items()},
    "autoregressive": lambda: MixtureMade(2, 3, (11,), generator=seeded()),
}


# ---------------------------------------------------------------------- one law, many subjects


@pytest.mark.parametrize("name", IN_THE_PLANE)
def test_densities_integrate_to_one(name: str) -> None:
    model = shaken(IN_THE_PLANE[name](), scale=0.1)
    # The kinks of a spline limit the rule: 1e-4 on this grid, the others are at 1e-5 and below.
    wide = ((-25.0, 25.0), (-25.0, 25.0))
    found = landscape.log_Z(lambda x: -model.log_prob(x), wide, 800, torch.float64)
    assert found == pytest.approx(0, abs=5e-4)


@pytest.mark.parametrize("name", IN_THE_PLANE)
def test_samples_follow_the_density(name: str) -> None:
    model = shaken(IN_THE_PLANE[name](), scale=0.1)
    x = model.sample(20_000, generator=seeded(5))
    assert x.shape == (20_000, 2) and x.dtype == torch.float64
    axis = torch.linspace(-15, 15, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        p = 0.05**2 * model.log_prob(grid).exp()
    # Averages of bounded functions that see place, width and correlation. Four standard errors
    # each, five functions, three families: false alarms 1e-3; the grid is right to 1e-3.
    for k in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0), (0.3, 0.6)):
        wave = torch.tensor(k, dtype=torch.float64)
        value, error = mean_and_error((x @ wave + 0.7).cos())
        assert abs(value - float(p @ (grid @ wave + 0.7).cos())) < 4 * error + 1e-3


@pytest.mark.parametrize("name", IN_THE_PLANE)
def test_leading_axes_and_dtypes_are_kept(name: str) -> None:
    model = IN_THE_PLANE[name]()
    x = randn(5, 7, 2).float()
    together = model.log_prob(x)
    assert together.shape == (5, 7) and together.dtype == torch.float32
    assert torch.allclose(together[3], model.log_prob(x[3]), atol=1e-5)
    assert torch.allclose(together[3, 2], model.log_prob(x[3, 2]), atol=1e-5)
    assert model.sample(1, generator=seeded()).shape == (1, 2)
    with pytest.raises(ValueError, match=r"x must be \(\.\.\., 2\)"):
        model.log_prob(randn(4, 3).float())


@pytest.mark.parametrize("name", IN_THE_PLANE)
def test_one_seed_draws_the_same_twice(name: str) -> None:
    model = IN_THE_PLANE[name]()
    assert torch.equal(*(model.sample(50, generator=seeded(3)) for _ in range(2)))


# ---------------------------------------------------------------------- flows


@pytest.mark.parametrize("data_dim", (2, 3, 5))
@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_and_its_inverse(name: str, data_dim: int) -> None:
    flow = shaken(FLOWS[name](data_dim), scale=0.1)
    x = 2 * randn(200, data_dim)
    z = flow(x)[0].detach()
    assert (z - x).abs().max() > 0.5  # something was done
    assert (flow(flow.inverse(z))[0] - z).abs().max() < 1e-11
    # Where the chain is flat, rounding in z is more in x.
    assert (flow.inverse(z) - x).abs().max() < 1e-6
    single = FLOWS[name](data_dim)
    z = z.float()
    assert (single(single.inverse(z))[0] - z).abs().max() < 1e-5


def test_the_inverse_of_a_spline_bears_single_precision() -> None:
    """Both ways to write the root of the quadratic cancel somewhere: steep bends, flat pieces."""
    knots = [k.float()[:, None].expand(-1, 500, -1) for k in spline_of(20)]
    z = torch.linspace(-5.5, 5.5, 500).expand(20, -1)
    x = landscape.rational_quadratic_inverse(z, *knots)
    assert (landscape.rational_quadratic_spline(x, *knots)[0] - z).abs().max() < 3e-5
    straight = [torch.linspace(-5, 5, 9).expand(500, -1)] * 2 + [torch.ones(500, 9)]
    assert torch.allclose(landscape.rational_quadratic_inverse(z[0], *straight), z[0], atol=1e-6)


@pytest.mark.parametrize("data_dim", (2, 3, 5))
@pytest.mark.parametrize("name", FLOWS)
def test_log_det_is_that_of_the_jacobian(name: str, data_dim: int) -> None:
    flow = shaken(FLOWS[name](data_dim))
    x = 2 * randn(50, data_dim)
    jacobian = torch.stack([torch.func.jacrev(lambda v: flow(v)[0])(v) for v in x])
    log_det = flow(x)[1]
    assert torch.allclose(log_det, torch.linalg.slogdet(jacobian).logabsdet, atol=1e-8)
    assert log_det.std() > 0.1


def test_every_coordinate_reaches_every_other() -> None:
    flow = shaken(FLOWS["affine"](5))
    jacobian = torch.func.jacrev(lambda v: flow(v)[0])(randn(5))
    assert bool((jacobian != 0).all())


def spline_of(n: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Knots (n, 9) along x and z from -5 to 5, and slopes, far from a straight line."""
    edges = [
        torch.cat([torch.zeros(n, 1), randn(n, 8, seed=s).exp().cumsum(dim=1)], dim=1)
        for s in (seed, seed + 1)
    ]
    knots = [10 * e / e[:, -1:] - 5 for e in edges]
    slopes = randn(n, 9, seed=seed + 2).exp()
    slopes[:, 0] = slopes[:, -1] = 1
    return knots[0], knots[1], slopes


def test_a_spline_goes_through_its_knots_with_their_slopes() -> None:
    knots_x, knots_z, slopes = spline_of(20)
    for i in range(1, 8):
        z, log_slope = landscape.rational_quadratic_spline(knots_x[:, i], knots_x, knots_z, slopes)
        assert torch.allclose(z, knots_z[:, i], atol=1e-10)
        assert torch.allclose(log_slope.exp(), slopes[:, i], rtol=1e-8)
    outside = torch.tensor([-5.5, 6.0, 5.0, -1e6] * 5, dtype=torch.float64)
    z, log_slope = landscape.rational_quadratic_spline(outside, knots_x, knots_z, slopes)
    assert torch.equal(z, outside) and not log_slope.any()


def test_a_spline_rises_and_its_slope_is_the_derivative() -> None:
    knots = spline_of(1)
    x = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    knots = tuple(k.expand(len(x), -1) for k in knots)
    z, log_slope = landscape.rational_quadratic_spline(x, *knots)
    assert bool((z.diff() > 0).all())
    up, down = (landscape.rational_quadratic_spline(x + h, *knots)[0] for h in (1e-6, -1e-6))
    # At a knot the third derivative jumps: central differences are right to 1e-4 there.
    assert torch.allclose((up - down) / 2e-6, log_slope.exp(), rtol=1e-4, atol=1e-4)
    assert torch.allclose(landscape.rational_quadratic_inverse(z, *knots), x, atol=1e-9)


def test_gradients_of_a_spline_are_finite_outside_of_its_knots() -> None:
    flow = landscape.spline_flow(2, generator=seeded())
    x = torch.tensor([[9.0, -9.0], [0.0, 7.0], [5.0, -5.0]])
    (-flow.log_prob(x).mean()).backward()
    assert all(bool(p.grad.isfinite().all()) for p in flow.parameters())


def test_without_the_jacobian_the_score_is_no_density() -> None:
    flow = shaken(FLOWS["spline"](2))
    x = randn(300, 2)
    _, log_det = flow(x)
    wrong = flow.log_prob(x, jacobian=0)
    assert torch.allclose(flow.log_prob(x) - wrong, log_det)
    assert torch.allclose(wrong - flow.log_prob(x, jacobian=-1), log_det)
    # Shrinking all to a point is best for the score without it, and there the score ends.
    point = landscape.affine_flow(2, layers=2, hidden=(4,), generator=seeded()).double()
    scores = []
    for _ in range(3):
        loss = training.fit(
            point,
            lambda f, v: -f.log_prob(v, jacobian=0).mean(),
            x,
            steps=150,
            lr=0.05,
            generator=seeded(),
        ).loss
        scores.append(-float(loss[-10:].mean()))
    assert scores[0] < scores[1] < scores[2] <= -math.log(2 * math.pi)
    assert scores[2] > -math.log(2 * math.pi) - 0.1  # a Gaussian's own is 1 nat lower


def test_wrong_flows_are_refused() -> None:
    for make in (landscape.affine_flow, landscape.spline_flow):
        with pytest.raises(ValueError, match="at least 2"):
            make(1, generator=seeded())
        with pytest.raises(ValueError, match="at least 1"):
            make(2, layers=0, generator=seeded())


# ---------------------------------------------------------------------- autoregressive


def all_binary(d: int) -> Tensor:
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * d).reshape(-1, d)


@pytest.mark.parametrize("hidden", ((), (13,), (13, 17)))
@pytest.mark.parametrize("d", (1, 2, 5, 10))
def test_made_sums_to_one(d: int, hidden: tuple[int, ...]) -> None:
    made = shaken(Made(d, hidden, generator=seeded()), scale=1.0)
    log_p = made.log_prob(all_binary(d)).detach()
    assert float(log_p.logsumexp(dim=0)) == pytest.approx(0, abs=1e-10)
    assert d == 1 or log_p.std() > 0.5


@pytest.mark.parametrize("per_coordinate", (1, 3))
@pytest.mark.parametrize("hidden", ((), (13,), (13, 17)))
def test_each_output_sees_all_coordinates_before_it_and_no_other(
    hidden: tuple[int, ...], per_coordinate: int
) -> None:
    d = 6
    network = shaken(MaskedNetwork(d, hidden, per_coordinate, generator=seeded()))
    jacobian = torch.func.jacrev(network)(randn(d))  # (D, P, D)
    before = torch.ones(d, d).tril(-1).bool()[:, None].expand_as(jacobian)
    assert not jacobian[~before].any() and bool((jacobian[before] != 0).all())
    # Through the hidden layers alone, too: the direct connections must not hide a broken mask.
    inner = torch.func.jacrev(network.layers)(randn(d)).reshape(d, per_coordinate, d)
    assert not inner[~before].any() and bool((inner[before] != 0).all())


@pytest.mark.parametrize("hidden", ((), (13,), (13, 17)))
def test_one_coordinate_alone_is_the_same_and_asks_for_no_later_one(
    hidden: tuple[int, ...],
) -> None:
    d = 5
    network = shaken(MaskedNetwork(d, hidden, 2, generator=seeded()))
    x = randn(4, d)
    for i in range(d):
        known = torch.where(torch.arange(d) < i, x, math.nan)
        assert torch.allclose(network.at(known, i), network(x)[:, i], atol=1e-12)
    made = shaken(Made(d, hidden, generator=seeded()))
    assert torch.allclose(made.logit(x, 3), made.logits(x)[:, 3], atol=1e-12)


def test_only_connected_weights_are_counted() -> None:
    # D = 3, units 1, 2, 1, 2 see 1, 2, 1, 2 inputs; outputs see 0, 2, 4 units and 0, 1, 2 inputs.
    expected = (6 + 4) + (6 + 3) + (3 + 3)
    assert Made(3, (4,), generator=seeded()).n_parameters == expected
    assert sum(p.numel() for p in Made(3, (4,), generator=seeded()).parameters()) > expected


def test_made_samples_have_their_probabilities() -> None:
    made = shaken(Made(4, (7,), generator=seeded()), scale=1.0)
    n = 20_000
    x = made.sample(n, generator=seeded(2))
    assert bool(((x == 0) | (x == 1)).all())
    index = (x @ torch.tensor([8.0, 4.0, 2.0, 1.0], dtype=torch.float64)).long()
    expected = n * made.log_prob(all_binary(4)).detach().exp()
    chi2 = ((index.bincount(minlength=16) - expected).square() / expected).sum()
    assert chi2 < 44.3  # 15 degrees of freedom: false alarms 1e-4


def test_made_learns_what_pixels_share() -> None:
    data = datasets.ledger_sprites((2000, 1, 500), size=8)
    generator = seeded()
    made = Made(64, (64,), generator=generator)
    training.fit(
        made,
        lambda m, x: -m.log_prob(x).mean(),
        data.train,
        steps=300,
        lr=1e-2,
        generator=generator,
    )
    with torch.no_grad():
        nll = -made.log_prob(data.test).mean()
    p = data.train.mean(dim=0).clamp(0.01, 0.99)
    independent = -(data.test * p.log() + (1 - data.test) * (1 - p).log()).sum(dim=1).mean()
    assert nll < 0.75 * independent


# ---------------------------------------------------------------------- adversarial


def test_losses_are_those_of_the_paper() -> None:
    real, fake = randn(40), randn(30, seed=1)
    D = torch.sigmoid
    critic, forger = landscape.gan_losses(real, fake)
    assert critic == pytest.approx(float(-D(real).log().mean() - (1 - D(fake)).log().mean()))
    assert forger == pytest.approx(float(-D(fake).log().mean()))
    # Where the discriminator is sure, the generator still learns: this is "non-saturating".
    sure = torch.tensor([-40.0], requires_grad=True)
    landscape.gan_losses(real, sure)[1].backward()
    assert float(sure.grad) == pytest.approx(-1)


def test_the_penalty_is_half_the_squared_slope() -> None:
    w = randn(3)
    x = randn(20, 3).requires_grad_()
    logit = (x @ w)[:, None]
    assert landscape.gradient_penalty(logit, x) == pytest.approx(float(w.square().sum() / 2))
    w.requires_grad_()
    landscape.gradient_penalty((x @ w)[:, None], x).backward()
    assert torch.allclose(w.grad, w.detach())  # it can be minimised


def test_a_gan_finds_two_basins() -> None:
    generator = seeded(1)
    x = torch.randn(4000, 2, generator=generator) * torch.tensor([0.3, 1.0])
    x[:, 0] += torch.where(torch.rand(4000, generator=generator) < 0.5, 1.0, -1.0)
    gan = Gan(2, hidden=(32, 32), generator=generator)
    before = landscape.energy_distance(gan.sample(4000, generator=generator), x)[0]
    history = landscape.fit_gan(gan, x, steps=400, generator=generator)
    after = landscape.energy_distance(gan.sample(4000, generator=generator), x)[0]
    assert before > 0.5 and after < 0.3
    # Seeds 0 to 3 go from about 0.8 to 0.06, 0.09, 0.07 and 0.16; one basin alone is 0.8 away.
    assert history.generator.shape == history.discriminator.shape == (400,)
    assert 0.8 < float(history.discriminator[-50:].mean()) <= 2 * math.log(2) + 0.05
    assert all(p.isfinite().all() for p in gan.parameters())


def test_wrong_adversarial_fits_are_refused() -> None:
    gan = Gan(2, generator=seeded())
    with pytest.raises(ValueError, match=r"data must be \(N, 2\)"):
        landscape.fit_gan(gan, torch.zeros(5, 3), steps=1, generator=seeded())
    for wrong in ({"steps": 0}, {"steps": 1, "penalty": -1.0}, {"steps": 1, "batch": 0}):
        with pytest.raises(ValueError, match="at least 1 and penalty"):
            landscape.fit_gan(gan, torch.zeros(5, 2), generator=seeded(), **wrong)


# ---------------------------------------------------------------------- energy


def test_log_Z_of_gaussians() -> None:
    for d, box in ((1, BOX[:1]), (2, BOX)):
        found = landscape.log_Z(lambda x: x.square().sum(dim=-1) / 2, box)
        assert found == pytest.approx(d / 2 * math.log(2 * math.pi), abs=1e-5)
    # A box that is no square: the axes must not be mixed up.
    found = landscape.log_Z(
        lambda x: (x[:, 0] - 20).square() / 2 + 50 * x[:, 1].square(), ((12, 28), (-1, 1))
    )
    assert found == pytest.approx(math.log(2 * math.pi) - math.log(10), abs=1e-5)
    with pytest.raises(ValueError, match="does not vanish at the border"):
        landscape.log_Z(lambda x: x.square().sum(dim=-1) / 2, ((-8, 1), (-8, 8)))
    with pytest.raises(ValueError, match="1 or 2 dimensions, not 3"):
        landscape.log_Z(lambda x: x.square().sum(dim=-1), ((-1, 1),) * 3)


def test_langevin_keeps_its_density_at_any_step() -> None:
    x = randn(8000, 2)
    cov = torch.tensor([[1.0, 0.6], [0.6, 1.0]], dtype=torch.float64)
    start = x @ torch.linalg.cholesky(cov).T
    inverse = torch.linalg.inv(cov)
    end = landscape.langevin(
        lambda x: (x @ inverse * x).sum(dim=-1) / 2, start, steps=40, dt=0.3, generator=seeded(4)
    )
    assert (end != start).any(dim=1).float().mean() > 0.99
    # Four standard errors of a second moment, sqrt(2 / N): 0.063, three of them: false alarms
    # 2e-4. Steps that are all accepted end 30 % too wide.
    second = end.T @ end / len(end)
    assert torch.allclose(second, cov, atol=4 * math.sqrt(2 / len(end)))


def test_noise_contrast_is_lowest_at_the_log_ratio() -> None:
    base = Gaussian(torch.zeros(2, dtype=torch.float64), 4 * torch.eye(2, dtype=torch.float64))
    model = EnergyModel(base, (), generator=seeded()).double()
    x = randn(4000, 2) + 0.5

    class Ratio(nn.Module):  # log base(x) - log N(x; 1/2, I), and wrong ones
        def __init__(self, shift: float, slope: float) -> None:
            super().__init__()
            self.shift, self.slope = shift, slope

        def forward(self, x: Tensor) -> Tensor:
            log_p = -(x - 0.5).square().sum(dim=-1) / 2 - math.log(2 * math.pi)
            return (self.slope * (base.log_prob(x) - log_p) + self.shift)[:, None]

    def loss(shift: float, slope: float = 1.0) -> float:
        model.network = Ratio(shift, slope)
        return float(landscape.noise_contrastive_loss(seeded(3))(model, x))

    best = loss(0.0)
    for shift, slope in ((0.3, 1.0), (-0.3, 1.0), (0.0, 1.3), (0.0, 0.7), (0.0, -1.0)):
        assert loss(shift, slope) > best + 1e-3
    # With it the energy is -log p_data, and Z is 1.
    model.network = Ratio(0.0, 1.0)
    assert landscape.log_Z(model.energy, BOX, dtype=torch.float64) == pytest.approx(0, abs=1e-6)


def test_an_energy_model_learns_and_its_walkers_follow_it() -> None:
    wells = datasets.mueller_brown((4000, 1, 4000))
    units = landscape.standardise(wells.train)
    generator = seeded(3)
    u, held_out = units.forward(wells.train), units.forward(wells.test)
    model = EnergyModel(landscape.wide_gaussian(u), generator=generator)
    loss = landscape.noise_contrastive_loss(generator)
    training.fit(model, loss, u, steps=500, lr=training.cosine(1e-2, 500), generator=generator)
    log_Z = landscape.log_Z(model.energy, BOX)
    with torch.no_grad():
        log_q = -model.energy(held_out) - log_Z
    kl, error = mean_and_error(
        wells.truth.log_prob(wells.test.double()) + units.log_det - log_q.double()
    )
    # Seeds 0 to 3 end between 0.05 and 0.07; the Gaussian it tilts is 1.6 away.
    assert -4 * error < kl < 0.2
    # Its own population, from the grid. Some walkers share a start, which adds about an eighth to
    # the error: five of them are 4.4 honest ones, false alarms 1e-5.
    axis = torch.linspace(-8, 8, 801)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        p = (-model.energy(grid).double()).softmax(dim=0)
    exact = float(p[grid[:, 1] > 0].sum())
    x = model.sample(8000, steps=30, generator=generator)
    value, error = mean_and_error(x[:, 1] > 0)
    assert abs(value - exact) < 5 * error + 1e-3
    # Without the head start, thirty steps do not reach it: more than thirty errors off.
    x = model.sample(8000, steps=30, resample=False, generator=generator)
    assert abs(mean_and_error(x[:, 1] > 0)[0] - exact) > 10 * error


# ---------------------------------------------------------------------- the comparison


def mean_distance(mu: float, var: float) -> float:
    """<|t|> of t ~ N(mu, var)."""
    s = math.sqrt(var)
    return s * math.sqrt(2 / math.pi) * math.exp(-(mu**2) / (2 * var)) + mu * math.erf(
        mu / math.sqrt(2 * var)
    )


@pytest.mark.parametrize("mu", (0.0, 0.4))
def test_energy_distance_is_unbiased_and_its_error_honest(mu: float) -> None:
    exact = 2 * mean_distance(mu, 2) - 2 * mean_distance(0, 2)
    repeats, n = 300, 400
    x, y = randn(repeats, n, 1), mu + randn(repeats, n, 1, seed=1)
    found = torch.tensor(
        [landscape.energy_distance(a, b, block=20) for a, b in zip(x, y, strict=True)]
    )
    # Four standard errors of the mean of 300: false alarms 6e-5 each. A V-statistic, with the
    # pairs of a point with itself, would be 0.11 too high.
    error = float(found[:, 0].std()) / math.sqrt(repeats)
    assert abs(float(found[:, 0].mean()) - exact) < 4 * error and error < 0.005
    # The stated error is the scatter: each is known to 1 / sqrt(2 * 300) = 4 % or, as the
    # 20 blocks are skewed, a little worse.
    assert float(found[:, 1].square().mean().sqrt()) == pytest.approx(
        float(found[:, 0].std()), rel=0.2
    )


def test_energy_distance_uses_all_axes_and_refuses_too_little() -> None:
    x, y = randn(2000, 3), randn(2000, 3, seed=1)
    for d in range(3):
        shifted = y.clone()
        shifted[:, d] += 1
        value, error = landscape.energy_distance(x, shifted, block=200)
        assert value > 10 * error
    with pytest.raises(ValueError, match="as many points"):
        landscape.energy_distance(x, y[:-1])
    with pytest.raises(ValueError, match="fewer than two blocks"):
        landscape.energy_distance(x[:900], y[:900])


def test_standardised_units_and_their_jacobian() -> None:
    x = torch.tensor([3.0, 0.2]) * randn(500, 2).float() + torch.tensor([100.0, -1.0])
    units = landscape.standardise(x)
    u = units.forward(x)
    assert torch.allclose(u.mean(dim=0), torch.zeros(2), atol=1e-4)
    assert torch.allclose(u.std(dim=0), torch.ones(2), atol=1e-5)
    assert torch.allclose(units.inverse(u), x, atol=1e-4)
    jacobian = torch.func.jacrev(units.inverse)(u[0].double())
    assert units.log_det == pytest.approx(float(torch.linalg.slogdet(jacobian).logabsdet), abs=1e-6)
    with pytest.raises(ValueError, match="constant"):
        landscape.standardise(torch.ones(5, 2))
    with pytest.raises(ValueError, match="two points or more"):
        landscape.standardise(torch.ones(5))


def half_planes(n: int = 4000) -> tuple[Landscape, Gaussian, Tensor]:
    """Standard normal data, and a model that is one unit off along the first axis."""
    x = randn(n, 2)
    truth = Gaussian(torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    model = Gaussian(torch.tensor([1.0, 0.0], dtype=torch.float64), truth.cov)
    table = Landscape(x, truth.log_prob(x), lambda v: v[:, 0] > 0, 0.5)
    table.enter("truth", randn(n, 2, seed=1), truth.log_prob(x), "exact")
    return table, model, x


def test_a_landscape_measures_what_it_says() -> None:
    table, model, x = half_planes()
    row = table.enter(
        "shifted", model.sample(4000, generator=seeded(7)), model.log_prob(x), "exact", passes=1
    )
    # KL = 1/2; P(x_0 > 0) = Phi(1). Four standard errors each: false alarms 6e-5.
    assert abs(row.kl[0] - 0.5) < 4 * row.kl[1] and row.kl[1] < 0.02
    assert abs(row.population[0] - 0.841345) < 4 * row.population[1]
    assert row.distance[0] > 10 * row.distance[1]
    truth = table["truth"]
    assert truth.kl == (0.0, 0.0)
    # Eight blocks: Student's t with 7 degrees of freedom, false alarms 1e-4.
    assert abs(truth.distance[0]) < 8 * truth.distance[1]
    assert abs(truth.population[0] - 0.5) < 4 * truth.population[1]


def test_a_bound_on_a_few_points_and_a_second_run() -> None:
    table, model, x = half_planes(2000)
    samples = model.sample(2000, generator=seeded(7))
    table.enter("a", samples, model.log_prob(x[:100]), "bound")
    assert table["a"].kl == mean_and_error(table.log_p_data[:100] - model.log_prob(x[:100]))
    table.enter("a", samples)
    assert [f.name for f in table.families] == ["truth", "a"] and table["a"].kl is None
    with pytest.raises(KeyError, match="no row 'b'"):
        table["b"]


def small_table() -> Landscape:
    x = torch.zeros(2, 2)
    rows = [
        Family("truth", "exact", (0.0, 0.0), (-0.00001, 0.0008), (0.8021, 0.004), None, None),
        Family("<VAE>", "bound", (0.11519, 0.012), (0.009, 0.0014), (0.825, 0.0038), 4482, 1),
        Family("GAN", "none", None, (0.0132, 0.0008), (0.806, 0.004), 4482, 1),
    ]
    return Landscape(x, x[:, 0], lambda v: v[:, 0] > 0, 0.80212, families=rows)


def test_the_table_as_text_and_as_a_page() -> None:
    assert repr(small_table()).splitlines() == [
        "family  log p  KL(p_data || p_theta), nats  1000 x distance  population (0.802)"
        "  parameters  passes per draw",
        "-" * 108,
        "truth   exact                0.000 ± 0.000        0.0 ± 0.8       0.802 ± 0.004",
        "<VAE>   bound              ≤ 0.115 ± 0.012        9.0 ± 1.4       0.825 ± 0.004"
        "        4482                1",
        "GAN     none                   not defined       13.2 ± 0.8       0.806 ± 0.004"
        "        4482                1",
    ]
    page = small_table()._repr_html_()
    assert page.count("<tr") == 4 and page.count("<td") == 21 and page.count("<th ") == 7
    assert "&lt;VAE&gt;" in page and "<VAE>" not in page and ">≤ 0.115 ± 0.012<" in page


def test_wrong_rows_are_refused() -> None:
    table, model, x = half_planes(2000)
    samples = model.sample(2000, generator=seeded(7))
    log_p = model.log_prob(x)
    for wrong in ((None, "exact"), (log_p, "none"), (log_p, "lower bound")):
        with pytest.raises(ValueError, match="density must be"):
            table.enter("a", samples, *wrong)
    with pytest.raises(ValueError, match="one number each"):
        table.enter("a", samples, torch.cat([log_p, log_p]), "exact")
    with pytest.raises(ValueError, match="infinitely far"):
        table.enter("a", samples, torch.where(log_p < -4, -math.inf, log_p), "exact")
    assert [f.name for f in table.families] == ["truth"]


def test_time_is_taken_once_the_sampler_is_warm() -> None:
    asked = []

    def sample(n: int) -> Tensor:
        asked.append(n)
        return torch.zeros(n, 2)

    assert landscape.seconds_per_draw(sample, 50) >= 0 and asked == [50, 50]


# ---------------------------------------------------------------------- on the surface


@pytest.mark.parametrize(
    ("name", "steps", "worst"), [("autoregressive", 400, 0.05), ("spline", 200, 0.12)]
)
def test_densities_learn_the_surface(name: str, steps: int, worst: float) -> None:
    wells = datasets.mueller_brown((8000, 1, 4000))
    units = landscape.standardise(wells.train)
    u, held_out = units.forward(wells.train), units.forward(wells.test)
    generator = seeded(2)
    make = MixtureMade if name == "autoregressive" else landscape.spline_flow
    model = make(2, generator=generator)
    training.fit(
        model,
        lambda m, x: -m.log_prob(x).mean(),
        u,
        steps=steps,
        batch=256,
        lr=training.cosine(1e-2, steps),
        generator=generator,
    )
    with torch.no_grad():
        log_q = model.log_prob(held_out).double()
    log_p = wells.truth.log_prob(wells.test.double()) + units.log_det
    kl, error = mean_and_error(log_p - log_q)
    # Three seeds end below 0.014 and 0.031; a Gaussian is 1.4 away, no density below zero.
    assert -4 * error < kl < worst
    x = units.inverse(model.sample(8000, generator=generator))
    assert float(molecular.in_deep_basin(x).double().mean()) == pytest.approx(0.802, abs=0.05)


# ---------------------------------------------------------------------- what students build


def test_a_masked_layer_sees_what_is_before_it() -> None:
    x, weight, bias = randn(4, 5), randn(5, 5, seed=1), randn(5, seed=2)
    out = landscape.masked_linear(x, weight, bias)
    for d in range(5):
        assert torch.allclose(out[:, d], bias[d] + x[:, :d] @ weight[d, :d])


def test_logistic_regressions_in_a_row_are_a_distribution() -> None:
    model = shaken(landscape.FullyVisible(4))
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 4)
    log_p = model.log_prob(images)
    assert log_p.exp().sum().item() == pytest.approx(1)
    assert model.n_parameters == 6 + 4
    drawn = model.sample(20_000, generator=seeded())
    index = (drawn @ torch.tensor([8.0, 4.0, 2.0, 1.0], dtype=torch.float64)).long()
    found = torch.bincount(index, minlength=16) / 20_000
    error = (log_p.exp() * (1 - log_p.exp()) / 20_000).sqrt()
    assert ((found - log_p.exp()).abs() < 4.5 * error).all()  # 16 numbers: false alarms 1e-4


def test_an_affine_coupling_leads_back_and_its_determinant_is_that_of_autograd() -> None:
    x, log_scale, shift = randn(3, 4), randn(3, 2, seed=1), randn(3, 2, seed=2)
    z, log_det = landscape.affine_coupling(x, log_scale, shift)
    assert torch.equal(z[:, :2], x[:, :2])
    assert torch.allclose(shift + log_scale.exp() * z[:, 2:], x[:, 2:])
    for i in range(3):
        jacobian = torch.autograd.functional.jacobian(
            lambda row, i=i: landscape.affine_coupling(
                row[None], log_scale[i : i + 1], shift[i : i + 1]
            )[0][0],
            x[i],
        )
        assert torch.linalg.slogdet(jacobian).logabsdet == pytest.approx(float(log_det[i]))


def test_a_flow_takes_a_coupling_that_is_handed_in() -> None:
    asked = []

    def watched(x: Tensor, log_scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(x.shape)
        return landscape.affine_coupling(x, log_scale, shift)

    flow = landscape.affine_flow(4, layers=3, hidden=(5,), coupling=watched, generator=seeded())
    own = landscape.affine_flow(4, layers=3, hidden=(5,), generator=seeded())
    x = torch.randn(6, 4, generator=seeded())
    assert torch.equal(flow.log_prob(x), own.log_prob(x)) and asked == [(6, 4)] * 3


def test_the_contrastive_loss_is_lowest_at_the_true_ratio() -> None:
    """On a line with known densities, by quadrature."""
    axis = torch.linspace(-8, 8, 201, dtype=torch.float64)
    step = axis[1] - axis[0]
    data = torch.distributions.Normal(1.0, 0.7).log_prob(axis)
    noise = torch.distributions.Normal(0.0, 1.5).log_prob(axis)

    def loss(ratio: Tensor) -> float:
        """The expectation of the loss over both densities: weights in place of draws."""
        at_data = [landscape.contrastive_loss(r[None], torch.tensor([-1e4])) for r in ratio]
        at_noise = [landscape.contrastive_loss(torch.tensor([1e4]), r[None]) for r in ratio]
        return float(
            step * (data.exp() * torch.stack(at_data) + noise.exp() * torch.stack(at_noise)).sum()
        )

    best = loss(data - noise)
    for wrong in (0.3, -0.3):
        assert best < loss(data - noise + wrong) and best < loss((1 + wrong) * (data - noise))


def test_a_losses_hook_trains_both_networks() -> None:
    asked = []

    def watched(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        asked.append((real.shape, fake.shape))
        return landscape.gan_losses(real, fake)

    seen = []
    one, two = (Gan(2, hidden=(8,), generator=seeded()) for _ in range(2))
    x = torch.randn(100, 2, generator=seeded())
    landscape.fit_gan(
        one,
        x,
        steps=3,
        batch=16,
        losses=watched,
        watch=lambda step, gan: seen.append(step),
        generator=seeded(1),
    )
    landscape.fit_gan(two, x, steps=3, batch=16, generator=seeded(1))
    assert asked == [((16,), (16,))] * 6 and seen == [0, 1, 2]
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


# ---------------------------------------------------------------------- binary energies


def test_a_boltzmann_machines_walkers_draw_from_its_energy() -> None:
    machine = landscape.BoltzmannMachine(3, 2, generator=seeded())
    with torch.no_grad():
        machine.weight.copy_(torch.tensor([[1.5, -1.0, 0.5], [-0.5, 1.0, 1.0]]))
        machine.visible.copy_(torch.tensor([0.3, -0.4, 0.2]))
        machine.hidden.copy_(torch.tensor([-0.5, 0.4]))
        images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
        p = (-machine.energy(images)).softmax(dim=0)
        # The energy is the joint one with the hidden units summed over.
        hidden = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 2)
        joint = (
            (images @ machine.weight.T) @ hidden.T
            + (images @ machine.visible)[:, None]
            + hidden @ machine.hidden
        )
    assert torch.allclose(joint.exp().sum(dim=1) / joint.exp().sum(), p, atol=1e-6)
    drawn = machine.sample(40_000, steps=60, generator=seeded(1))
    found = torch.bincount((drawn @ torch.tensor([4.0, 2.0, 1.0])).long(), minlength=8) / 40_000
    assert ((found - p).abs() < 4.5 * (p * (1 - p) / 40_000).sqrt()).all()


def test_chased_walkers_bring_the_energy_to_the_data() -> None:
    generator = seeded(2)
    shapes = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0.0, 0, 0, 1, 1, 1]])
    data = shapes[torch.randint(2, (2000,), generator=generator)]
    machine = landscape.BoltzmannMachine(6, 8, generator=generator)
    loss = landscape.persistent_contrastive_loss(data, 100, generator)
    training.fit(machine, loss, data, steps=600, lr=2e-2, batch=100, generator=generator)
    drawn = machine.sample(1000, steps=200, generator=generator)
    counts = landscape.shape_counts(drawn, shapes)
    right = (drawn[:, None] == shapes).all(dim=2).any(dim=1).float().mean()
    assert right > 0.8 and (counts > 200).all()


def test_shapes_are_counted_by_the_nearest() -> None:
    shapes = torch.tensor([[0.0, 0, 0, 0], [1.0, 1, 1, 1], [1.0, 0, 0, 1]])
    x = torch.tensor([[0.0, 0, 1, 0], [1.0, 1, 1, 1], [1.0, 1, 1, 0], [0.0, 0, 0, 0]])
    assert landscape.shape_counts(x, shapes).tolist() == [2, 2, 0]
