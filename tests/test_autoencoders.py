"""Autoencoders and intrinsic dimension against exact truths."""

import math
from collections.abc import Callable

import pytest
import torch
from draws import seeded
from torch import Tensor, nn

from course_utils import autoencoders
from course_utils.autoencoders import (
    Autoencoder,
    LinearAutoencoder,
    dimension_curve,
    discarded_variance,
    interpolate,
    mlp,
    nearest_distances,
    pca,
    pca_eigenvalues,
    project,
    reconstruct,
    reconstruction_loss,
    two_nn_dimension,
)
from course_utils.simulators.sprites import draw_factors, render
from course_utils.training import cosine, evaluate, fit

F64 = torch.float64


def correlated(n: int = 200, d: int = 7, dtype: torch.dtype = F64) -> Tensor:
    """Points with different variances in oblique directions, far from the origin."""
    g = seeded(1)
    mix = torch.randn(d, d, generator=g, dtype=F64) * torch.arange(1, d + 1)
    return (torch.randn(n, d, generator=g, dtype=F64) @ mix + 5).to(dtype)


def sprites(n: int, vary: tuple[str, ...], seed: int = 1) -> Tensor:
    """Soft sprites of 14 x 14 pixels, the setting of lecture 03, (n, 196)."""
    return render(draw_factors(n, vary=vary, generator=seeded(seed)), 14, 1.0).flatten(1)


# ---------------------------------------------------------------------- loss, interpolation


def test_reconstruction_loss_sums_over_all_but_the_batch() -> None:
    x, x_hat = torch.zeros(3, 2, 5), torch.full((3, 2, 5), 2.0)
    x_hat[0] = 0
    assert reconstruction_loss(x, x_hat).item() == pytest.approx((0 + 40 + 40) / 3)
    assert reconstruction_loss(x[0, 0], x_hat[1, 0]).item() == 4  # five samples of one number
    x_hat = torch.randn(4, 6, dtype=F64, generator=seeded(), requires_grad=True)
    torch.autograd.gradcheck(lambda x_hat: reconstruction_loss(torch.ones(4, 6), x_hat), [x_hat])
    with pytest.raises(ValueError, match="must be alike"):
        reconstruction_loss(torch.zeros(4, 1), torch.zeros(4))  # would broadcast to (4, 4)


@pytest.mark.parametrize("shape", [(3,), (1,), (4, 5)])
def test_interpolate_is_straight_even_and_holds_both_ends(shape: tuple[int, ...]) -> None:
    g = seeded()
    z0, z1 = 1e3 * torch.randn(2, *shape, generator=g)
    for steps in (2, 3, 11):
        path = interpolate(z0, z1, steps)
        assert path.shape == (steps, *shape) and path.dtype == z0.dtype
        assert torch.equal(path[0], z0) and torch.equal(path[-1], z1)  # exactly
        step = (z1 - z0).expand(steps - 1, *shape) / (steps - 1)
        torch.testing.assert_close(path.diff(dim=0), step, rtol=1e-4, atol=1e-3)


def test_interpolate_refuses() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        interpolate(torch.zeros(3), torch.ones(3), 1)
    with pytest.raises(ValueError, match="one shape"):
        interpolate(torch.zeros(3), torch.ones(1), 5)


# ---------------------------------------------------------------------- PCA


@pytest.mark.parametrize(("n", "d"), [(200, 7), (5, 9), (1, 4)])
def test_components_are_orthonormal_for_every_k(n: int, d: int) -> None:
    x = correlated(n, d)
    for k in (0, 1, d):
        mean, components = pca(x, k)
        assert mean.shape == (d,) and components.shape == (k, d)
        torch.testing.assert_close(components @ components.T, torch.eye(k, dtype=F64))
        torch.testing.assert_close(mean, x.mean(dim=0))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (F64, 1e-12)])
def test_pca_agrees_with_the_singular_values(dtype: torch.dtype, tolerance: float) -> None:
    x = correlated(dtype=dtype)
    mean, components = pca(x, 3)
    _, s, rows = torch.linalg.svd(x.double() - x.double().mean(dim=0), full_matrices=False)
    torch.testing.assert_close(
        (components.double() * rows[:3]).sum(dim=1).abs(),
        torch.ones(3, dtype=F64), rtol=tolerance, atol=0,
    )  # fmt: skip
    eigenvalues = pca_eigenvalues(x)
    torch.testing.assert_close(eigenvalues.double(), s**2 / len(x), rtol=tolerance, atol=0)
    assert mean.dtype == components.dtype == eigenvalues.dtype == dtype


def test_pca_agrees_with_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    x = correlated()
    peer = PCA(4).fit(x.numpy())
    mean, components = pca(x, 4)
    torch.testing.assert_close(mean, torch.from_numpy(peer.mean_))
    cosines = (components * torch.from_numpy(peer.components_)).sum(dim=1).abs()
    torch.testing.assert_close(cosines, torch.ones(4, dtype=F64))
    variance = torch.from_numpy(peer.explained_variance_) * (len(x) - 1) / len(x)  # theirs: N - 1
    torch.testing.assert_close(pca_eigenvalues(x)[:4], variance)
    z = torch.from_numpy(peer.transform(x.numpy()))
    torch.testing.assert_close(project(x, mean, components).abs(), z.abs())


@pytest.mark.parametrize("k", range(8))
def test_error_is_the_sum_of_the_discarded_eigenvalues(k: int) -> None:
    x = correlated()
    mean, components = pca(x, k)
    x_hat = reconstruct(project(x, mean, components), mean, components)
    eigenvalues = pca_eigenvalues(x)
    shuffled = eigenvalues[torch.randperm(7, generator=seeded())]
    expected = discarded_variance(shuffled, k)
    torch.testing.assert_close(reconstruction_loss(x, x_hat), expected, rtol=1e-10, atol=1e-10)
    # No other k-dimensional plane through the mean does better.
    q = torch.linalg.qr(torch.randn(7, 7, generator=seeded(k), dtype=F64)).Q[:, :k].T
    other = reconstruct(project(x, mean, q), mean, q)
    assert reconstruction_loss(x, other) >= expected - 1e-10


def test_small_eigenvalues_survive_float32() -> None:
    """Deviations 1 and 1e-4: variances eight decades apart, more than float32 can add."""
    g = seeded()
    x = torch.randn(500, 2, generator=g) * torch.tensor([1.0, 1e-4])
    expected = x.double().var(dim=0, correction=0)
    torch.testing.assert_close(pca_eigenvalues(x).double(), expected, rtol=1e-2, atol=0)


def test_pca_refuses() -> None:
    x = correlated()
    for k in (-1, 8):
        with pytest.raises(ValueError, match="k must lie between 0 and D = 7"):
            pca(x, k)
        with pytest.raises(ValueError, match="0 <= k"):
            discarded_variance(torch.ones(7), k)
    for wrong in (torch.zeros(4, 3, 3), torch.zeros(5), torch.zeros(0, 3), torch.zeros(2, 2).int()):
        with pytest.raises(ValueError, match="images flattened"):
            pca(wrong, 1)


# ---------------------------------------------------------------------- networks


def test_a_linear_autoencoder_reaches_the_error_of_pca() -> None:
    x, k, steps = sprites(1000, ("x", "y", "scale")), 3, 800
    generator = seeded()
    model = LinearAutoencoder(196, k, generator=generator)

    def loss(model: nn.Module, x: Tensor) -> Tensor:
        return reconstruction_loss(x, model(x))

    fit(model, loss, x, steps=steps, lr=cosine(4e-2, steps), generator=generator)
    reached = evaluate(model, loss, x)["total"].item()
    best = discarded_variance(pca_eigenvalues(x), k).item()
    assert best * (1 - 1e-5) <= reached < best * 1.01
    # The same plane, too: what the decoder's columns span lies within the components.
    _, components = pca(x, k)
    basis = torch.linalg.qr(model.decoder[0].weight.detach()).Q  # (D, K)
    assert torch.linalg.svdvals(components @ basis).min() > 0.99


def test_autoencoder_shapes_widths_and_seed() -> None:
    model = Autoencoder(20, 3, (16, 8), generator=seeded(1))
    widths = [layer.out_features for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert widths == [16, 8, 3, 8, 16, 20]
    assert isinstance(model.encoder[-1], nn.Linear) and isinstance(model.decoder[-1], nn.Linear)
    x = torch.randn(5, 20, generator=seeded())
    z = model.encode(x)
    assert z.shape == (5, 3) and model.decode(z).shape == (5, 20)
    torch.testing.assert_close(model(x), model.decode(z))
    assert model.double()(x.double()).dtype == F64
    again, other = (Autoencoder(20, 3, (16, 8), generator=seeded(s)) for s in (1, 2))
    first = [a.encoder[0].weight for a in (model.float(), again, other)]
    assert torch.equal(first[0], first[1]) and not torch.equal(first[0], first[2])


def test_without_a_generator_torchs_own_is_drawn_from() -> None:
    torch.manual_seed(3)
    first = Autoencoder(20, 3)
    torch.manual_seed(3)
    assert torch.equal(first.encoder[0].weight, Autoencoder(20, 3).encoder[0].weight)
    assert not torch.equal(first.encoder[0].weight, Autoencoder(20, 3).encoder[0].weight)


def test_mlp_starts_like_torch() -> None:
    """U(-b, b), b = 1/sqrt(inputs); a mean over n draws has the error b / sqrt(3 n)."""
    layer = mlp((400, 300), generator=seeded())[0]
    bound = 400**-0.5
    for parameter in layer.parameters():
        assert parameter.requires_grad
        p = parameter.detach()
        assert p.abs().max() <= bound
        n = p.numel()
        assert p.mean().abs() < 4.5 * bound / math.sqrt(3 * n)  # false alarms: 7e-6 each
        assert p.square().mean().item() == pytest.approx(bound**2 / 3, rel=4.5 * 0.9 / math.sqrt(n))
    for widths in ((3,), (3, 0, 2)):
        with pytest.raises(ValueError, match="each at least 1"):
            mlp(widths, generator=seeded())


# ---------------------------------------------------------------------- neighbours


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_nearest_distances_agree_with_all_pairs(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autoencoders, "BLOCK", 37)  # several blocks and a smaller one
    g = seeded()
    x = torch.randn(150, 6, generator=g, dtype=dtype)
    y = torch.randn(90, 6, generator=g, dtype=dtype)
    pairs = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")
    expected = pairs.sort(dim=1).values[:, :4].to(dtype)
    torch.testing.assert_close(nearest_distances(x, y, 4), expected)
    pairs = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    expected = pairs.sort(dim=1).values[:, 1:3].to(dtype)  # the first is the point itself
    torch.testing.assert_close(nearest_distances(x, k=2), expected)
    assert nearest_distances(x, x).eq(0).all()  # in another set, an equal point counts


def test_tiny_distances_far_from_the_origin_do_not_cancel() -> None:
    """Pairs 1e-7 apart on a line in steps of 1e-3, a million away: |a|^2 would swallow both."""
    centre = 1e6 + 1e-3 * torch.arange(20, dtype=F64)[:, None].expand(20, 3)
    x = torch.cat([centre, centre + torch.tensor([2.0**-23, 0, 0], dtype=F64)])
    got = nearest_distances(x)
    torch.testing.assert_close(got, torch.full_like(got, 2.0**-23), rtol=1e-3, atol=0)


def test_neighbours_refuse() -> None:
    x = torch.randn(5, 3, generator=seeded())
    for y, k in ((None, 5), (None, 0), (x[:2], 3)):
        with pytest.raises(ValueError, match="neighbours asked for"):
            nearest_distances(x, y, k)
    with pytest.raises(ValueError, match="y must be"):
        nearest_distances(x, x[:, :2])


# ---------------------------------------------------------------------- intrinsic dimension


def torus(n: int, d: int, seed: int = 0) -> Tensor:
    """d angles, each as cosine and sine: curved, without an edge, evenly filled."""
    angle = 2 * math.pi * torch.rand(n, d, generator=seeded(seed), dtype=F64)
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def sphere(n: int, d: int, seed: int = 0) -> Tensor:
    x = torch.randn(n, d + 1, generator=seeded(seed), dtype=F64)
    return x / x.norm(dim=1, keepdim=True)


def gaussian(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=F64)


def cube(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.rand(n, d, generator=seeded(seed), dtype=F64)


def roll(n: int, d: int, seed: int = 0) -> Tensor:
    """A sheet, rolled up in three dimensions."""
    assert d == 2
    u, v = torch.rand(2, n, generator=seeded(seed), dtype=F64)
    t = 1.5 * math.pi * (1 + 2 * u)
    return torch.stack([t * t.cos(), 21 * v, t * t.sin()], dim=1)


def test_two_nn_is_its_formula() -> None:
    # On a line: r1 and r2 by hand.
    x = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    ratios = torch.tensor([3 / 1, 2 / 1, 3 / 2, 6 / 4])
    assert two_nn_dimension(x).item() == pytest.approx(4 / ratios.log().sum().item())
    assert two_nn_dimension(x).shape == () and two_nn_dimension(x).dtype == torch.float32


# Biases at N = 2000, as fractions: below 0.01 where there is neither edge nor much curvature.
@pytest.mark.parametrize(
    ("points", "d", "bias"),
    [
        (torus, 1, 0.01),
        (torus, 3, 0.01),
        (sphere, 2, 0.01),
        (sphere, 5, 0.02),
        (gaussian, 2, 0.01),
        (gaussian, 5, 0.02),
        (cube, 2, 0.02),
        (roll, 2, 0.01),
    ],
)
def test_dimension_of_known_manifolds(points: Callable[..., Tensor], d: int, bias: float) -> None:
    n = 2000
    got = two_nn_dimension(points(n, d, seed=d)).item()
    # 3.5 standard errors beside the bias: at most 8 * 5e-4 = 0.4 % false alarms, seeds fixed.
    assert abs(got / d - 1) < bias + 3.5 * autoencoders.NEIGHBOURS_SHARE / math.sqrt(n)


def test_standard_error_is_the_stated_one() -> None:
    n, repeats = 300, 100
    estimates = torch.stack([two_nn_dimension(torus(n, 2, seed=s)) for s in range(repeats)])
    assert abs(estimates.mean() - 2) < 4 * estimates.std() / math.sqrt(repeats) + 0.02
    # The deviation of 100 draws is known to 7 %: three of these, and the range 1.1 to 1.5.
    assert 1.1 * 0.79 < estimates.std() * math.sqrt(n) / 2 < 1.5 * 1.21


def test_dimension_does_not_depend_on_scale_place_or_embedding() -> None:
    x = gaussian(500, 3)
    rows = torch.linalg.qr(torch.randn(40, 3, generator=seeded(5), dtype=F64)).Q.T  # (3, 40)
    d = two_nn_dimension(x)
    torch.testing.assert_close(two_nn_dimension(100 + 1e-3 * x @ rows), d, rtol=1e-6, atol=0)
    torch.testing.assert_close(two_nn_dimension(x.float()).double(), d, rtol=1e-3, atol=0)


def test_duplicates_are_removed() -> None:
    x = gaussian(300, 3)
    copies = torch.cat([x, x[:100], x[:50]])[torch.randperm(450, generator=seeded())]
    torch.testing.assert_close(two_nn_dimension(copies), two_nn_dimension(x), rtol=1e-9, atol=0)
    for few in (x[:2], x[:1], x[:2].repeat(5, 1)):
        with pytest.raises(ValueError, match="At least 3 different points"):
            two_nn_dimension(few)


def test_bias_of_a_cube_falls_with_the_number_of_points() -> None:
    """Near an edge the neighbours are further than inside: the estimate is low, and rises."""
    sizes = [50, 400, 3200]
    d, error = dimension_curve(cube(16_000, 5), sizes, repeats=40, generator=seeded())
    assert d.shape == error.shape == (3,)
    gap = 5 - d
    assert (gap > 4 * error).all() and (gap.diff() < 0).all()
    assert gap[0] - gap[-1] > 3 * error[0].hypot(error[-1])  # false alarms: 1e-3
    blocks = torch.tensor([40, 40, 5], dtype=F64)
    expected = autoencoders.NEIGHBOURS_SHARE * d / (torch.tensor(sizes) * blocks).sqrt()
    torch.testing.assert_close(error, expected)
    with pytest.raises(ValueError, match="between 3 and N = 100"):
        dimension_curve(cube(100, 2), [101], generator=seeded())


@pytest.mark.parametrize(
    "vary",
    [("x",), ("scale",), ("x", "y"), ("scale", "orientation"), ("x", "y", "scale")],
    ids="-".join,
)
def test_dimension_of_sprites_is_the_number_of_factors(vary: tuple[str, ...]) -> None:
    n, d = 3000, len(vary)
    got = two_nn_dimension(sprites(n, vary)).item()
    assert abs(got / d - 1) < 0.15  # and one standard error is 2.6 %
