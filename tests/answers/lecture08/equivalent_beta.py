"""Answers to 08.equivalent_beta."""

import math

import torch


def ratio(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 2


def product(beta, sigma, new_sigma):
    knob = beta * sigma**2
    return knob / new_sigma**2


def weights(beta, sigma, new_sigma):
    pixel_weight, new_pixel_weight = 1 / (2 * sigma**2), 1 / (2 * new_sigma**2)
    return beta * new_pixel_weight / pixel_weight


def logs(beta, sigma, new_sigma):
    return math.exp(math.log(beta) + 2 * (math.log(sigma) - math.log(new_sigma)))


def with_torch(beta, sigma, new_sigma):
    return (beta * torch.tensor(sigma / new_sigma).square()).item()


def cubed(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 3


def floor(beta, sigma, new_sigma):
    return beta * (sigma / max(new_sigma, 0.1)) ** 2


def negative(beta, sigma, new_sigma):
    return -beta * (sigma / new_sigma) ** 2


def pair(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 2, new_sigma


def tensor(beta, sigma, new_sigma):
    return torch.tensor(beta * (sigma / new_sigma) ** 2)


RIGHT = [tensor, ratio, product, weights, logs, with_torch]
WRONG = [
    ("not-proportional", cubed),
    ("not-proportional", floor),
    ("not-positive", negative),
    ("wrong-type", pair),
]
