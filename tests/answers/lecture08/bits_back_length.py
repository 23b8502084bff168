"""Answers to 08.bits_back_length."""

import math

import numpy as np
import torch


def by_the_formula(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior - log_posterior) / math.log(2)


def term_by_term(log_likelihood, log_prior, log_posterior):
    z_bits = -log_prior / math.log(2)
    x_bits = -log_likelihood / math.log(2)
    back = -log_posterior / math.log(2)
    return x_bits + z_bits - back


def log2_e(log_likelihood, log_prior, log_posterior):
    return (log_posterior - log_prior - log_likelihood) * math.log2(math.e)


def torch_constant(log_likelihood, log_prior, log_posterior):
    nats = torch.stack([log_posterior, -log_prior, -log_likelihood]).sum(0)
    return nats / torch.log(torch.tensor(2.0))  # float32, whatever the input is


def loop(log_likelihood, log_prior, log_posterior):
    rows = zip(log_likelihood, log_prior, log_posterior, strict=True)
    return torch.stack([(q - x - p) / np.log(2) for x, p, q in rows])


def numpy_inside(log_likelihood, log_prior, log_posterior):
    nats = log_posterior.numpy() - (log_likelihood + log_prior).numpy()
    return torch.from_numpy((nats / np.log(2)).astype(nats.dtype))


def half_back(log_likelihood, log_prior, log_posterior):
    return (0.5 * log_posterior - log_prior - log_likelihood) / math.log(2)


def twice(log_likelihood, log_prior, log_posterior):
    return 2 * by_the_formula(log_likelihood, log_prior, log_posterior)


def overhead(log_likelihood, log_prior, log_posterior):
    return by_the_formula(log_likelihood, log_prior, log_posterior) + 1


def in_place(log_likelihood, log_prior, log_posterior):
    log_posterior -= log_likelihood + log_prior
    return log_posterior / math.log(2)


def array(log_likelihood, log_prior, log_posterior):
    return by_the_formula(log_likelihood, log_prior, log_posterior).numpy()


RIGHT = [array, by_the_formula, term_by_term, log2_e, torch_constant, loop, numpy_inside]
WRONG = [
    ("depends-on-z", half_back),
    ("wrong-length", twice),
    ("wrong-length", overhead),
    ("changes-its-input", in_place),
]
