"""Answers to the exercises of lecture 03."""

import math

import numpy as np
import torch
from torch.nn import functional

# --- 03.pca ---------------------------------------------------------------------------------


def pca_svd(x, k):
    mean = x.mean(0)
    _, _, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, vh[:k]


def pca_eigh(x, k):
    mean = x.mean(0)
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return mean, vectors.flip(1)[:, :k].T


def pca_sorted(x, k):
    mean = x.mean(0)
    d = x - mean
    values, vectors = torch.linalg.eigh(d.T @ d / len(x))
    return mean, vectors[:, values.argsort(descending=True)[:k]].T


def pca_left(x, k):
    mean = x.mean(0, keepdim=True)
    u = torch.linalg.svd((x - mean).T)[0]
    return [mean[0], -u[:, :k].T]


def pca_numpy(x, k):
    data = x.numpy()
    _, _, vh = np.linalg.svd(data - data.mean(0), full_matrices=False)
    return x.mean(0), torch.from_numpy(vh[:k].copy())


def pca_gram(x, k):
    mean = x.mean(0)
    d = x - mean
    vectors = torch.linalg.eigh(d @ d.T).eigenvectors.flip(1)[:, :k]
    return mean, functional.normalize(vectors.T @ d, dim=1)


def pca_deflation(x, k):
    mean = x.mean(0)
    cov = torch.cov((x - mean).T, correction=0).double()
    rows = []
    for _ in range(k):
        v = torch.ones(len(cov), dtype=torch.float64) + torch.arange(len(cov)) / 10
        for _ in range(200):
            v = functional.normalize(cov @ v, dim=0)
        cov = cov - (v @ cov @ v) * torch.outer(v, v)
        rows.append(v)
    return mean, torch.stack(rows).to(x.dtype)


def pca_smallest(x, k):
    mean = x.mean(0)
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return mean, vectors[:, :k].T


def pca_ascending(x, k):
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), vectors[:, -k:].T


def pca_rows(x, k):
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), vectors.flip(1)[:k]


def pca_rows_ascending(x, k):
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), vectors[:k]


def pca_rows_flipped(x, k):
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), vectors.flip(0)[:k]


def pca_rows_flipped_twice(x, k):
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), vectors.flip(0).flip(1)[:k]


def pca_columns_of_vh(x, k):
    mean = x.mean(0)
    _, _, vh = torch.linalg.svd(x - mean)
    return mean, vh[:, :k].T


def pca_raw(x, k):
    return x.mean(0), torch.linalg.svd(x)[2][:k]


def pca_one_mean(x, k):
    return x.mean(0), torch.linalg.svd(x - x.mean())[2][:k]


def pca_mean_of_each(x, k):
    return x.mean(0), torch.linalg.svd(x - x.mean(1)[:, None])[2][:k]


def pca_standardised(x, k):
    mean = x.mean(0)
    return mean, torch.linalg.svd((x - mean) / x.std(0))[2][:k]


def pca_correlation(x, k):
    _, vectors = torch.linalg.eigh(torch.corrcoef(x.T))
    return x.mean(0), vectors.flip(1)[:, :k].T


def pca_times_s(x, k):
    mean = x.mean(0)
    _, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, s[:k, None] * vh[:k]


def pca_loadings(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), (vectors * values.sqrt()).flip(1)[:, :k].T


def pca_loadings_with_n(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    return x.mean(0), (vectors * values.sqrt()).flip(1)[:, :k].T


def pca_times_eigenvalues(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    return x.mean(0), (vectors * values).flip(1)[:, :k].T


def pca_times_unbiased_eigenvalues(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), (vectors * values).flip(1)[:, :k].T


def pca_times_scatter(x, k):
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean))
    return mean, (vectors * values).flip(1)[:, :k].T


def pca_whitened(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    return x.mean(0), (vectors / values.sqrt()).flip(1)[:, :k].T


def pca_whitened_unbiased(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), (vectors / values.sqrt()).flip(1)[:, :k].T


def pca_over_s(x, k):
    mean = x.mean(0)
    _, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, vh[:k] / s[:k, None]


def pca_mean_again(x, k):
    x = x - x.mean(0)
    return pca_svd(x, k)


def pca_global_mean_returned(x, k):
    return x.mean().expand(x.shape[1]), pca_svd(x, k)[1]


def pca_first_sample(x, k):
    return x[0], pca_svd(x, k)[1]


def pca_not_unit(x, k):
    mean, components = pca_svd(x, k)
    return mean, 2 * components


def pca_random(x, k):
    q = torch.linalg.qr(torch.randn(x.shape[1], k, dtype=x.dtype)).Q
    return x.mean(0), q.T


def pca_axes(x, k):
    return x.mean(0), torch.eye(x.shape[1], dtype=x.dtype)[:k]


def pca_shuffled(x, k):
    mean, components = pca_svd(x, k)
    return mean, components.roll(1, 0)


def pca_turned(x, k):
    mean, components = pca_svd(x, k)
    a, b = math.cos(0.1), math.sin(0.1)
    turned = [a * components[0] + b * components[-1], a * components[-1] - b * components[0]]
    return mean, torch.stack([turned[0], *components[1:-1], turned[1]])[:k]


def pca_few_iterations(x, k):
    mean, components = pca_svd(x, x.shape[1] - 1)
    start = components.T[:, :k] + 0.1 * components.T[:, -1:]
    cov = torch.cov(x.T)
    return mean, torch.linalg.qr(cov @ start).Q.T


def pca_expanded(x, k):
    mean = x.mean(0)
    cov = x.T @ x / len(x) - torch.outer(mean, mean)
    return mean, torch.linalg.eigh(cov).eigenvectors.flip(1)[:, :k].T


def pca_as_columns(x, k):
    mean, components = pca_svd(x, k)
    return mean, components.T


def pca_mean_axis(x, k):
    return x.mean(1), pca_svd(x, k)[1]


def pca_scores(x, k):
    mean, components = pca_svd(x, k)
    return mean, (x - mean) @ components.T


def pca_swapped(x, k):
    return pca_svd(x, k)[::-1]


def pca_three_values(x, k):
    mean = x.mean(0)
    _, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, vh[:k], s[:k]


def pca_all(x, k):
    mean = x.mean(0)
    return mean, torch.linalg.svd(x - mean)[2]


def pca_only_components(x, k):
    return pca_svd(x, k)[1]


def pca_complex(x, k):
    _, vectors = torch.linalg.eig(torch.cov(x.T))
    return x.mean(0), vectors[:, :k].T


def pca_single(x, k):
    return pca_svd(x.float(), k)


def pca_in_place(x, k):
    mean = x.mean(0)
    x -= mean
    return mean, torch.linalg.svd(x)[2][:k]


def pca_fixed(x):
    return pca_svd(x, 2)


def pca_misspelt(x, k):
    return x.mean(0), torch.linalg.pca(x)[:k]


# --- 03.discarded_variance ------------------------------------------------------------------


def discard_sorted(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum()


def discard_ascending(eigenvalues, k):
    return torch.sort(eigenvalues)[0][: len(eigenvalues) - k].sum()


def discard_negative_index(eigenvalues, k):
    return eigenvalues.sort().values[:-k].sum()


def discard_difference(eigenvalues, k):
    return eigenvalues.sum() - eigenvalues.topk(k).values.sum()


def discard_topk(eigenvalues, k):
    return eigenvalues.topk(len(eigenvalues) - k, largest=False).values.sum()


def discard_python(eigenvalues, k):
    return sum(sorted(eigenvalues, reverse=True)[k:], torch.zeros_like(eigenvalues[0]))


def discard_by_projection(eigenvalues, k):
    data = torch.diag(eigenvalues.sqrt())
    _, _, vh = torch.linalg.svd(data)
    residual = data - data @ vh[:k].T @ vh[:k]
    return residual.square().sum()


def discard_kept(eigenvalues, k):
    return torch.topk(eigenvalues, k)[0].sum()


def discard_after_k(eigenvalues, k):
    return eigenvalues[k:].sum()


def discard_before_k(eigenvalues, k):
    return eigenvalues[:-k].sum() if k < len(eigenvalues) else eigenvalues[:0].sum()


def discard_first_k(eigenvalues, k):
    return eigenvalues[:k].sum()


def discard_last_k(eigenvalues, k):
    return eigenvalues[-k:].sum()


def discard_ascending_after_k(eigenvalues, k):
    return eigenvalues.sort().values[k:].sum()


def discard_k_smallest(eigenvalues, k):
    return eigenvalues.topk(k, largest=False).values.sum()


def discard_mean(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].mean()


def discard_per_dimension(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum() / eigenvalues.numel()


def discard_root(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum() ** 0.5


def discard_roots(eigenvalues, k):
    return (eigenvalues.sort(descending=True).values[k:] ** 0.5).sum()


def discard_squares(eigenvalues, k):
    return (eigenvalues.sort(descending=True).values[k:] ** 2).sum()


def discard_fraction(eigenvalues, k):
    return 1 - eigenvalues.topk(k).values.sum() / eigenvalues.sum()


def discard_kept_fraction(eigenvalues, k):
    return eigenvalues.sort(descending=True).values.cumsum(0)[k - 1] / eigenvalues.sum()


def discard_next(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k]


def discard_too_few(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k + 1 :].sum()


def discard_too_many(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k - 1 :].sum()


def discard_half(eigenvalues, k):
    return 0.5 * eigenvalues.sort(descending=True).values[k:].sum()


def discard_nothing(eigenvalues, k):
    return eigenvalues.sum()


def discard_negative(eigenvalues, k):
    return eigenvalues.topk(k).values.sum() - eigenvalues.sum()


def discard_product(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].prod()


def discard_at_least_one(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[max(k, 1) :].sum()


def discard_never_empty(eigenvalues, k):
    return eigenvalues.sort().values[: max(len(eigenvalues) - k, 1)].sum()


def discard_at_least_two(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[max(k, 2) :].sum()


def discard_vector(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:]


def discard_item(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum().item()


def discard_single(eigenvalues, k):
    return eigenvalues.float().sort(descending=True).values[k:].sum()


def discard_in_place(eigenvalues, k):
    largest = eigenvalues.topk(k).indices
    eigenvalues[largest] = 0
    return eigenvalues.sum()


def discard_bad_sort(eigenvalues, k):
    return eigenvalues.sort(reverse=True)[k:].sum()


# --- 03.two_nn_dimension --------------------------------------------------------------------


def two_nn_cdist(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_topk(x):
    r = torch.cdist(x, x).topk(3, largest=False).values
    return 1 / (r[:, 2].log() - r[:, 1].log()).mean()


def two_nn_diagonal(x):
    squared = (x[:, None] - x[None]).pow(2).sum(-1)
    squared.fill_diagonal_(torch.inf)
    r = squared.topk(2, largest=False).values
    return 2 * len(x) / (r[:, 1] / r[:, 0]).log().sum()


def two_nn_gram(x):
    d = x - x.mean(0)
    norm = d.square().sum(1)
    squared = (norm[:, None] + norm - 2 * d @ d.T).clamp(min=0)
    squared = squared + torch.diag(torch.full_like(norm, torch.inf))
    r2, r1 = squared.kthvalue(2, dim=1).values.sqrt(), squared.min(dim=1).values.sqrt()
    return torch.reciprocal(torch.log(r2 / r1).mean())


def two_nn_loop(x):
    total = 0
    for i, point in enumerate(x):
        others = torch.cat([x[:i], x[i + 1 :]])
        r = (others - point).norm(dim=1).sort().values
        total = total + torch.log(r[1] / r[0])
    return len(x) / total


def two_nn_careful(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / (r[:, 1] + 1e-8)).sum()


def two_nn_tree(x):
    from scipy.spatial import cKDTree

    r, _ = cKDTree(x.numpy()).query(x.numpy(), k=3)
    return torch.tensor(len(x) / np.log(r[:, 2] / r[:, 1]).sum(), dtype=x.dtype)


def _two_distances(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return r[:, 1], r[:, 2]


def two_nn_inverse(x):
    r1, r2 = _two_distances(x)
    return torch.log(r2 / r1).sum() / len(x)


def two_nn_upside_down(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log(r1 / r2).sum()


def two_nn_self(x):
    r = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").sort(dim=1).values
    return len(x) / torch.log(r[:, 1] / r[:, 0]).sum()


def two_nn_self_upside_down(x):
    r = (x[:, None] - x).norm(dim=2).topk(2, largest=False).values
    return len(x) / (r[:, 0] - r[:, 0] / r[:, 1] * torch.inf).sum()


def two_nn_squared(x):
    r = (x[:, None] - x).square().sum(2).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_base_two(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log2(r2 / r1).sum()


def two_nn_base_ten(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log10(r2 / r1).sum()


def two_nn_ratios(x):
    r1, r2 = _two_distances(x)
    return len(x) / (r2 / r1).sum()


def two_nn_mean_ratio(x):
    r1, r2 = _two_distances(x)
    return (r2 / r1).mean()


def two_nn_log_of_mean(x):
    r1, r2 = _two_distances(x)
    return 1 / torch.log((r2 / r1).mean())


def two_nn_ratio_of_means(x):
    r1, r2 = _two_distances(x)
    return 1 / torch.log(r2.sum() / r1.sum())


def two_nn_mean_of_inverses(x):
    r1, r2 = _two_distances(x)
    return (1 / torch.log(r2 / r1)).mean()


def two_nn_median(x):
    r1, r2 = _two_distances(x)
    return 1 / torch.log(r2 / r1).median()


def two_nn_unbiased(x):
    r1, r2 = _two_distances(x)
    return (len(x) - 1) / torch.log(r2 / r1).sum()


def two_nn_sum(x):
    r1, r2 = _two_distances(x)
    return 1 / torch.log(r2 / r1).sum()


def two_nn_fit(x):
    r1, r2 = _two_distances(x)
    n = len(x)
    log_mu = (r2 / r1).log().sort().values[: n - 1]
    f = torch.arange(1, n, dtype=x.dtype) / n
    return torch.linalg.lstsq(log_mu[:, None], -torch.log(1 - f)[:, None]).solution[0, 0]


def two_nn_third_second(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return len(x) / torch.log(r[:, 3] / r[:, 2]).sum()


def two_nn_third_first(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return len(x) / torch.log(r[:, 3] / r[:, 1]).sum()


def two_nn_farthest(x):
    r = torch.cdist(x, x).sort(dim=1, descending=True).values
    return len(x) / torch.log(r[:, 0] / r[:, 1]).sum()


def two_nn_city(x):
    r = torch.cdist(x, x, p=1).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_differences(x):
    r1, r2 = _two_distances(x)
    return len(x) / (r2 - r1).sum()


def two_nn_axes(x):
    return torch.tensor(x.shape[1], dtype=x.dtype)


def two_nn_shifted_ratio(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log(r2 / (r1 + 1e-2)).sum()


def two_nn_small_epsilon(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log((r2 + 1e-4) / (r1 + 1e-4)).sum()


def two_nn_capped(x):
    r = (x[:, None] - x).norm(dim=2) + 1e3 * torch.eye(len(x), dtype=x.dtype)
    r1, r2 = r.topk(2, largest=False).values.T
    return len(x) / torch.log(r2 / r1).sum()


def two_nn_needs_four(x):
    r = torch.cdist(x, x).sort(dim=1).values
    r1, r2 = (r[:, 1], r[:, 2]) if len(x) > 3 else (r[:, 1], 2 * r[:, 2])
    return len(x) / torch.log(r2 / r1).sum()


def two_nn_dot_products(x):
    r = (1 - functional.normalize(x) @ functional.normalize(x).T).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_first_axes(x):
    return two_nn_cdist(x[:, :5])


def two_nn_each(x):
    r1, r2 = _two_distances(x)
    return 1 / torch.log(r2 / r1)


def two_nn_integer(x):
    return round(two_nn_cdist(x).item())


def two_nn_single(x):
    return two_nn_cdist(x.float())


def two_nn_numpy(x):
    r = np.sort(np.linalg.norm(x.numpy()[:, None] - x.numpy(), axis=2), axis=1)
    return len(x) / np.log(r[:, 2] / r[:, 1]).sum()


def two_nn_in_place(x):
    x -= x.mean(0)
    return two_nn_cdist(x)


def two_nn_wrong_axis(x):
    return two_nn_cdist(x.T)


def two_nn_misspelt(x):
    return len(x) / torch.distances(x).sum()


# --- 03.interpolate -------------------------------------------------------------------------


def walk_weights(z0, z1, steps):
    t = torch.linspace(0, 1, steps)[:, None]  # float32, whatever z0 is
    return (1 - t) * z0 + t * z1


def walk_lerp(z0, z1, steps):
    return torch.lerp(z0, z1, torch.linspace(0, 1, steps, dtype=z0.dtype).unsqueeze(1))


def walk_loop(z0, z1, steps):
    return torch.stack([z0 + i / (steps - 1) * (z1 - z0) for i in range(steps)])


def walk_outer(z0, z1, steps):
    return z0 + torch.outer(torch.arange(steps, dtype=z0.dtype) / (steps - 1), z1 - z0)


def walk_cumulative(z0, z1, steps):
    jumps = ((z1 - z0) / (steps - 1)).expand(steps - 1, -1)
    return torch.cat([z0[None], z0 + jumps.cumsum(0)])


def walk_resampled(z0, z1, steps):
    ends = torch.stack([z0, z1], dim=1)[None]  # (1, K, 2)
    path = functional.interpolate(ends, size=steps, mode="linear", align_corners=True)
    return path[0].T


def walk_numpy(z0, z1, steps):
    return torch.from_numpy(np.linspace(z0.numpy(), z1.numpy(), steps))


def walk_without_end(z0, z1, steps):
    return torch.stack([z0 + i / steps * (z1 - z0) for i in range(steps)])


def walk_without_start(z0, z1, steps):
    return torch.stack([z0 + (i + 1) / steps * (z1 - z0) for i in range(steps)])


def walk_inside(z0, z1, steps):
    t = torch.linspace(0, 1, steps + 2, dtype=z0.dtype)[1:-1, None]
    return torch.lerp(z0, z1, t)


def walk_one_more(z0, z1, steps):
    return torch.stack([z0 + i / steps * (z1 - z0) for i in range(steps + 1)])


def walk_two_more(z0, z1, steps):
    return torch.cat([z0[None], walk_inside(z0, z1, steps), z1[None]])


def walk_one_less(z0, z1, steps):
    return walk_lerp(z0, z1, steps - 1)


def walk_open(z0, z1, steps):
    return walk_lerp(z0, z1, steps)[:-1]


def walk_back(z0, z1, steps):
    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None]
    return t * z0 + (1 - t) * z1


def walk_slerp(z0, z1, steps):
    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None]
    omega = torch.arccos(torch.dot(z0 / z0.norm(), z1 / z1.norm()))
    return torch.sin((1 - t) * omega) / omega.sin() * z0 + torch.sin(t * omega) / omega.sin() * z1


def walk_roots(z0, z1, steps):
    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None]
    return torch.sqrt(1 - t) * z0 + torch.sqrt(t) * z1


def walk_smooth(z0, z1, steps):
    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None]
    return z0 + (3 * t**2 - 2 * t**3) * (z1 - z0)


def walk_cosine(z0, z1, steps):
    t = torch.linspace(0, math.pi, steps, dtype=z0.dtype)[:, None]
    return z0 + (1 - torch.cos(t)) / 2 * (z1 - z0)


def walk_added(z0, z1, steps):
    return z0 + torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None] * z1


def walk_from_zero(z0, z1, steps):
    return torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None] * (z1 - z0)


def walk_far(z0, z1, steps):
    return z0 + torch.arange(steps)[:, None] * (z1 - z0)


def walk_nowhere(z0, z1, steps):
    return z0.repeat(steps, 1)


def walk_middle(z0, z1, steps):
    return ((z0 + z1) / 2).repeat(steps, 1)


def walk_half(z0, z1, steps):
    return z0 + torch.linspace(0, 0.5, steps, dtype=z0.dtype)[:, None] * (z1 - z0)


def walk_squared(z0, z1, steps):
    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None] ** 2
    return z0 + t * (z1 - z0)


def walk_normalised(z0, z1, steps):
    path = walk_lerp(z0, z1, steps)
    return path / path.norm(dim=1, keepdim=True)


def walk_columns(z0, z1, steps):
    return walk_lerp(z0, z1, steps).T


def walk_list(z0, z1, steps):
    return [z0 + i / (steps - 1) * (z1 - z0) for i in range(steps)]


def walk_unsqueezed_wrong(z0, z1, steps):
    return z0 + torch.linspace(0, 1, steps, dtype=z0.dtype) * (z1 - z0)


def walk_single(z0, z1, steps):
    return walk_lerp(z0.float(), z1.float(), steps)


def walk_in_place(z0, z1, steps):
    z1 -= z0
    return z0 + torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None] * z1


def walk_flat(z0, z1, steps):
    return walk_lerp(z0, z1, steps).flatten()


def walk_without_steps(z0, z1):
    return walk_lerp(z0, z1, 10)


# --- 03.reconstruction_loss -----------------------------------------------------------------


def loss_flat(x, x_hat):
    return (x - x_hat).square().flatten(1).sum(1).mean()


def loss_divided(x, x_hat):
    return ((x - x_hat) ** 2).sum() / x.shape[0]


def loss_functional(x, x_hat):
    return functional.mse_loss(x_hat, x, reduction="sum") / len(x)


def loss_norms(x, x_hat):
    return torch.linalg.vector_norm((x_hat - x).reshape(len(x), -1), dim=1).pow(2).mean()


def loss_axes(x, x_hat):
    return torch.sum((x - x_hat) ** 2, dim=tuple(range(1, x.ndim))).mean()


def loss_loop(x, x_hat):
    return sum(((a - b) ** 2).sum() for a, b in zip(x, x_hat, strict=True)) / len(x)


def loss_scaled_mean(x, x_hat):
    return functional.mse_loss(x, x_hat) * x[0].numel()


def loss_mse(x, x_hat):
    return functional.mse_loss(x_hat, x)


def loss_sum(x, x_hat):
    return functional.mse_loss(x_hat, x, reduction="sum")


def loss_exchanged(x, x_hat):
    return (x - x_hat).square().sum(0).mean()


def loss_last_axis(x, x_hat):
    return ((x - x_hat) ** 2).sum(dim=-1).mean()


def loss_axis_one(x, x_hat):
    return ((x - x_hat) ** 2).sum(dim=1).mean()


def loss_two_axes(x, x_hat):
    return ((x - x_hat) ** 2).sum(dim=(-1, -2)).mean()


def loss_per_sample(x, x_hat):
    return (x - x_hat).square().flatten(1).sum(1)


def loss_distance(x, x_hat):
    return (x - x_hat).flatten(1).norm(dim=1).mean()


def loss_root(x, x_hat):
    return (x - x_hat).square().flatten(1).sum(1).mean().sqrt()


def loss_norm(x, x_hat):
    return (x - x_hat).norm()


def loss_half(x, x_hat):
    return 0.5 * (x - x_hat).square().flatten(1).sum(1).mean()


def loss_absolute(x, x_hat):
    return functional.l1_loss(x_hat, x, reduction="sum") / len(x)


def loss_signed(x, x_hat):
    return (x - x_hat).flatten(1).sum(1).mean()


def loss_signed_back(x, x_hat):
    return (x_hat - x).flatten(1).sum(1).mean()


def loss_square_last(x, x_hat):
    return (x_hat - x).flatten(1).sum(1).pow(2).mean()


def loss_relative(x, x_hat):
    return (x - x_hat).square().sum() / (x**2).sum()


def loss_negative(x, x_hat):
    return -(x - x_hat).square().flatten(1).sum(1).mean()


def loss_huber(x, x_hat):
    return functional.smooth_l1_loss(x_hat, x, reduction="sum") / len(x)


def loss_expanded(x, x_hat):
    return (x**2 - 2 * x * x_hat + x_hat**2).sum() / len(x)


def loss_of_numbers(x, x_hat):
    return torch.tensor(loss_divided(x, x_hat).item(), dtype=x.dtype)


def loss_no_grad(x, x_hat):
    with torch.no_grad():
        return loss_divided(x, x_hat)


def loss_half_detached(x, x_hat):
    return ((x - x_hat) * (x - x_hat.detach())).sum() / len(x)


def loss_item(x, x_hat):
    return loss_divided(x, x_hat).item()


def loss_numpy(x, x_hat):
    return np.square(x.numpy() - x_hat.numpy()).sum() / len(x)


def loss_single(x, x_hat):
    return loss_divided(x.float(), x_hat.float())


def loss_with_axis(x, x_hat):
    return loss_divided(x, x_hat).reshape(1)


def loss_elements(x, x_hat):
    return (x - x_hat) ** 2


def loss_in_place(x, x_hat):
    x_hat -= x
    return x_hat.square().sum() / len(x)


def loss_images_only(x, x_hat):
    _, channels, height, width = x.shape
    return functional.mse_loss(x, x_hat) * channels * height * width


ALTERNATIVES = {
    "03.pca": [pca_svd, pca_eigh, pca_sorted, pca_left, pca_numpy, pca_gram, pca_deflation],
    "03.discarded_variance": [
        discard_sorted,
        discard_ascending,
        discard_difference,
        discard_topk,
        discard_python,
        discard_by_projection,
    ],
    "03.two_nn_dimension": [
        two_nn_cdist,
        two_nn_topk,
        two_nn_diagonal,
        two_nn_gram,
        two_nn_loop,
        two_nn_careful,
        two_nn_tree,
    ],
    "03.interpolate": [
        walk_weights,
        walk_lerp,
        walk_loop,
        walk_outer,
        walk_cumulative,
        walk_resampled,
        walk_numpy,
    ],
    "03.reconstruction_loss": [
        loss_flat,
        loss_divided,
        loss_functional,
        loss_norms,
        loss_axes,
        loss_loop,
        loss_scaled_mean,
    ],
}

MUTANTS = {
    "03.pca": [
        ("smallest", pca_smallest),
        ("smallest-first", pca_ascending),
        ("rows-for-columns", pca_rows),
        ("rows-for-columns", pca_rows_ascending),
        ("rows-for-columns", pca_rows_flipped),
        ("rows-for-columns", pca_rows_flipped_twice),
        ("rows-for-columns", pca_columns_of_vh),
        ("not-centred", pca_raw),
        ("global-mean", pca_one_mean),
        ("centred-per-sample", pca_mean_of_each),
        ("standardised", pca_standardised),
        ("standardised", pca_correlation),
        ("scaled", pca_times_s),
        ("scaled", pca_loadings),
        ("scaled", pca_loadings_with_n),
        ("scaled", pca_times_eigenvalues),
        ("scaled", pca_times_unbiased_eigenvalues),
        ("scaled", pca_times_scatter),
        ("whitened", pca_whitened),
        ("whitened", pca_whitened_unbiased),
        ("whitened", pca_over_s),
        ("mean-of-centred", pca_mean_again),
        ("wrong-mean", pca_global_mean_returned),
        ("wrong-mean", pca_first_sample),
        ("not-orthonormal", pca_not_unit),
        ("not-the-best", pca_random),
        ("not-the-best", pca_axes),
        ("not-sorted", pca_shuffled),
        ("approximate", pca_turned),
        ("approximate", pca_few_iterations),
        ("cancellation", pca_expanded),
        ("wrong-shape", pca_as_columns),
        ("wrong-shape", pca_mean_axis),
        ("wrong-shape", pca_scores),
        ("wrong-shape", pca_swapped),
        ("wrong-shape", pca_all),
        ("wrong-type", pca_three_values),
        ("wrong-type", pca_only_components),
        ("wrong-dtype", pca_complex),
        ("wrong-dtype", pca_single),
        ("changes-its-input", pca_in_place),
        ("wrong-arguments", pca_fixed),
        ("raises", pca_misspelt),
    ],
    "03.discarded_variance": [
        ("kept", discard_kept),
        ("assumes-descending", discard_after_k),
        ("assumes-ascending", discard_before_k),
        ("assumes-sorted", discard_first_k),
        ("assumes-sorted", discard_last_k),
        ("worst-components", discard_ascending_after_k),
        ("k-smallest", discard_k_smallest),
        ("mean-not-sum", discard_mean),
        ("per-dimension", discard_per_dimension),
        ("root", discard_root),
        ("root-of-each", discard_roots),
        ("squared", discard_squares),
        ("fraction", discard_fraction),
        ("fraction", discard_kept_fraction),
        ("next-eigenvalue", discard_next),
        ("one-too-few", discard_too_few),
        ("one-too-many", discard_too_many),
        ("half", discard_half),
        ("total", discard_nothing),
        ("negative", discard_negative),
        ("does-not-add-up", discard_product),
        ("does-not-add-up", discard_at_least_two),
        ("empty-for-none", discard_negative_index),
        ("not-all-at-the-start", discard_at_least_one),
        ("not-zero-at-the-end", discard_never_empty),
        ("wrong-shape", discard_vector),
        ("wrong-type", discard_item),
        ("wrong-dtype", discard_single),
        ("changes-its-input", discard_in_place),
        ("raises", discard_bad_sort),
    ],
    "03.two_nn_dimension": [
        ("inverse", two_nn_inverse),
        ("ratio-upside-down", two_nn_upside_down),
        ("self-as-neighbour", two_nn_self),
        ("self-as-neighbour", two_nn_self_upside_down),
        ("squared-distances", two_nn_squared),
        ("other-base", two_nn_base_two),
        ("other-base", two_nn_base_ten),
        ("no-logarithm", two_nn_ratios),
        ("no-logarithm", two_nn_mean_ratio),
        ("log-of-mean", two_nn_log_of_mean),
        ("log-of-mean", two_nn_ratio_of_means),
        ("mean-of-inverses", two_nn_mean_of_inverses),
        ("median", two_nn_median),
        ("n-minus-one", two_nn_unbiased),
        ("not-averaged", two_nn_sum),
        ("regression", two_nn_fit),
        ("other-neighbours", two_nn_third_second),
        ("other-neighbours", two_nn_third_first),
        ("other-neighbours", two_nn_farthest),
        ("city-block", two_nn_city),
        ("distance-differences", two_nn_differences),
        ("number-of-axes", two_nn_axes),
        ("wrong-estimate", two_nn_shifted_ratio),
        ("wrong-estimate", two_nn_small_epsilon),
        ("wrong-estimate", two_nn_dot_products),
        ("depends-on-units", two_nn_capped),
        ("three-points", two_nn_needs_four),
        ("depends-on-axes", two_nn_first_axes),
        ("wrong-shape", two_nn_each),
        ("wrong-type", two_nn_integer),
        ("wrong-type", two_nn_numpy),
        ("wrong-dtype", two_nn_single),
        ("changes-its-input", two_nn_in_place),
        ("wrong-estimate", two_nn_wrong_axis),
        ("raises", two_nn_misspelt),
    ],
    "03.interpolate": [
        ("end-left-out", walk_without_end),
        ("start-left-out", walk_without_start),
        ("both-ends-left-out", walk_inside),
        ("one-row-too-many", walk_one_more),
        ("one-row-too-many", walk_two_more),
        ("one-row-too-few", walk_one_less),
        ("one-row-too-few", walk_open),
        ("reversed", walk_back),
        ("spherical", walk_slerp),
        ("square-root-weights", walk_roots),
        ("eased", walk_smooth),
        ("eased", walk_cosine),
        ("difference-missing", walk_added),
        ("starts-at-zero", walk_from_zero),
        ("past-the-end", walk_far),
        ("constant", walk_nowhere),
        ("midpoint", walk_middle),
        ("halfway", walk_half),
        ("uneven", walk_squared),
        ("wrong-ends", walk_normalised),
        ("wrong-shape", walk_columns),
        ("wrong-shape", walk_flat),
        ("wrong-type", walk_list),
        ("wrong-dtype", walk_single),
        ("changes-its-input", walk_in_place),
        ("raises", walk_unsqueezed_wrong),
        ("wrong-arguments", walk_without_steps),
    ],
    "03.reconstruction_loss": [
        ("mean-over-all", loss_mse),
        ("sum-over-batch", loss_sum),
        ("wrong-axis", loss_exchanged),
        ("last-axis-only", loss_last_axis),
        ("second-axis-only", loss_axis_one),
        ("last-two-axes-only", loss_two_axes),
        ("not-averaged", loss_per_sample),
        ("root", loss_distance),
        ("root", loss_root),
        ("root", loss_norm),
        ("half", loss_half),
        ("absolute", loss_absolute),
        ("not-squared", loss_signed),
        ("not-squared", loss_signed_back),
        ("square-of-sum", loss_square_last),
        ("relative", loss_relative),
        ("negative", loss_negative),
        ("wrong-loss", loss_huber),
        ("cancellation", loss_expanded),
        ("no-gradient", loss_of_numbers),
        ("no-gradient", loss_no_grad),
        ("wrong-gradient", loss_half_detached),
        ("wrong-type", loss_item),
        ("wrong-type", loss_numpy),
        ("wrong-dtype", loss_single),
        ("wrong-shape", loss_with_axis),
        ("wrong-shape", loss_elements),
        ("changes-its-input", loss_in_place),
        ("raises", loss_images_only),
    ],
}
