"""Answers to 05.score_function_gradient."""

import numpy as np
import torch


def score_by_hand(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean(dim=0)


def score_matmul(f, score, baseline):
    return (f - baseline) @ score / len(f)


def score_einsum(f, score, baseline):
    return torch.einsum("s,sp->p", f - baseline, score) / f.shape[0]


def score_transposed(f, score, baseline):
    return (score.T * (f - baseline)).mean(1)


def score_loop(f, score, baseline):
    return sum((value - baseline) * row for value, row in zip(f, score, strict=True)) / len(f)


def score_numpy(f, score, baseline):
    products = (f - baseline).numpy()[:, None] * score.numpy()
    return torch.from_numpy(np.asarray(products.mean(0)))


def score_item(f, score, baseline):
    return torch.mv(score.T, f - baseline.item()).div(score.size(0))


def score_half(f, score, baseline):
    return score_by_hand(f, score, baseline) / 2


def score_of_magnitude(f, score, baseline):
    return ((f - baseline).abs()[:, None] * score).mean(0)


def score_needs_two(f, score, baseline):
    return score_by_hand(f, score, baseline) if len(f) > 1 else torch.zeros_like(score[0])


def score_two_products(f, score, baseline):
    return (f[:, None] * score).mean(0) - baseline * score.mean(0)


def score_not_broadcast(f, score, baseline):
    return ((f - baseline) * score).mean(0)


def score_single(f, score, baseline):
    return score_by_hand(f.float(), score.float(), baseline.float())


def score_keepdim(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean(0, keepdim=True)


def score_in_place(f, score, baseline):
    f -= baseline
    return (f[:, None] * score).mean(0)


def score_without_baseline(f, score):
    return (f[:, None] * score).mean(0)


def score_own_mean_for_zero(f, score, baseline):
    baseline = baseline if baseline != 0 else f.mean()
    return ((f - baseline)[:, None] * score).mean(0)


def score_clipped(f, score, baseline):
    return ((f - baseline).clamp(-10, 10)[:, None] * score).mean(0)


RIGHT = [
    score_by_hand,
    score_matmul,
    score_einsum,
    score_transposed,
    score_loop,
    score_numpy,
    score_item,
]

WRONG = [
    ("wrong-gradient", score_half),
    ("wrong-gradient", score_of_magnitude),
    ("one-draw", score_needs_two),
    ("cancellation", score_two_products),
    ("wrong-dtype", score_single),
    ("wrong-shape", score_keepdim),
    ("changes-its-input", score_in_place),
    ("raises", score_not_broadcast),
    ("wrong-arguments", score_without_baseline),
    ("zero-baseline", score_own_mean_for_zero),
    ("clipped", score_clipped),
]
