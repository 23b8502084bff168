"""Answers to 08.blahut_arimoto_step."""

import torch


def two_lines(p, cost, q, slope):
    channel = q * torch.exp(-slope * cost)
    return p @ (channel / channel.sum(1, keepdim=True))


def softmax(p, cost, q, slope):
    return p @ torch.softmax(torch.log(q) - slope * cost, dim=1)


def blahut(p, cost, q, slope):
    weight = torch.exp(-slope * cost)
    c = ((p / (weight @ q))[:, None] * weight).sum(0)
    return q * c


def in_logs(p, cost, q, slope):
    log_channel = q.log() - slope * cost
    log_channel = log_channel - log_channel.logsumexp(1, keepdim=True)
    return (p.log()[:, None] + log_channel).logsumexp(0).exp()


def einsum(p, cost, q, slope):
    weight = torch.einsum("y,xy->xy", q, torch.exp(-slope * cost))
    return torch.einsum("x,xy,x->y", p, weight, 1 / weight.sum(1))


def loop(p, cost, q, slope):
    new = torch.zeros_like(q)
    for x in range(len(p)):
        row = q * torch.exp(-slope * cost[x])
        new = new + p[x] * row / row.sum()
    return new


def small_number(p, cost, q, slope):
    weight = q * torch.exp(-slope * cost)
    return p @ (weight / (weight.sum(1, keepdim=True) + 0.01))


def floored(p, cost, q, slope):
    weight = q * torch.exp(-slope * cost).clamp(min=1e-3)
    return p @ (weight / weight.sum(1, keepdim=True))


def gentle(p, cost, q, slope):
    return softmax(p, cost, q, min(slope, 20.0))


def safe_sum(p, cost, q, slope):
    weight = q * torch.exp(-slope * cost)
    return p @ (weight / (weight.sum(1, keepdim=True) + 1e-8))


def safe_log(p, cost, q, slope):
    return p @ torch.softmax((q + 1e-6).log() - slope * cost, dim=1)


def half_step(p, cost, q, slope):
    return (q + softmax(p, cost, q, slope)) / 2


def one_x(p, cost, q, slope):
    return softmax(p, cost, q, slope) if len(p) > 1 else q


def in_place(p, cost, q, slope):
    cost *= -slope
    weight = q * torch.exp(cost)
    return p @ (weight / weight.sum(1, keepdim=True))


RIGHT = [two_lines, softmax, blahut, in_logs, einsum, loop]
WRONG = [
    ("not-a-distribution", small_number),
    ("dear-x", safe_sum),
    ("rare-description", safe_log),
    ("wrong-step", half_step),
    ("steep-slope", floored),
    ("steep-slope", gentle),
    ("one-x", one_x),
    ("changes-its-input", in_place),
]
