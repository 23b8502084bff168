"""Are these what was asked for, and are they many? Draws with labels, judged beside the data."""

import torch
from torch import Tensor


def recognised(x: Tensor, wanted: Tensor, known: Tensor, labels: Tensor) -> float:
    """The share of the draws whose nearest known sample has the label that was asked for.

    Args:
        x: draws, (n, D).
        wanted: what was asked for, (n,).
        known: real samples, best ones that no model has been trained on, (N, D).
        labels: theirs, (N,).
    """
    nearest = torch.cdist(x, known).argmin(dim=1)
    return float((labels[nearest] == wanted).double().mean())


def spread_within(x: Tensor, labels: Tensor) -> float:
    """How far samples of one label lie from their mean: root mean square, averaged over labels.

    Args:
        x: (n, D).
        labels: (n,).
    """
    found = []
    for label in labels.unique():
        mine = x[labels == label]
        found.append((mine - mine.mean(dim=0)).square().sum(dim=1).mean().sqrt())
    return float(torch.stack(found).mean())


def different_neighbours(x: Tensor, known: Tensor) -> int:
    """How many different known samples are the nearest one of some draw: a measure of variety.

    Draws that repeat each other, or keep to a part of the data, have few. Compare with the number
    for as many real samples.

    Args:
        x: draws, (n, D).
        known: real samples, (N, D).
    """
    return len(torch.cdist(x, known).argmin(dim=1).unique())
