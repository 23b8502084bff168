"""The honest rival of a learned compressor: an adaptive context coder, without a network.

It reads binary images pixel by pixel. Ten of the pixels that are known already, those above and to
the left of the next one, are its context: one of 1024. For each context it has counted how often
the next pixel was 1, and codes it with that probability. Both sides count alike, so nothing is sent
but the pixels: no model, no training. This is how the fax standard JBIG works (ITU-T T.82, 1993),
here with an asymmetric numeral system for its arithmetic coder.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .bits_back import pixels

# (row, column) of the context, relative to the next pixel: JBIG's template of three rows.
TEMPLATE = (
    *((-2, -1), (-2, 0), (-2, 1)),
    *((-1, -2), (-1, -1), (-1, 0), (-1, 1), (-1, 2)),
    *((0, -2), (0, -1)),
)
MARGIN = 2  # of zeros around an image, as wide as the template
PRECISION = 16  # bits: probabilities are whole multiples of 2^-16
WORD = 32  # bits; the state lies in [2^32, 2^64)
SLOTS = 1 << PRECISION


def encode_contexts(images: Tensor) -> bytes:
    """Binary images, all in one message.

    Args:
        images: 0 and 1, (N, H, W).

    Returns:
        The file: 8 bytes of state, then words of 4 bytes. It does not hold N, H and W.

    Raises:
        ValueError: if images are not (N, H, W), or a pixel is not 0 or 1.
    """
    if images.ndim != 3:
        raise ValueError(f"images must be (N, H, W), got {tuple(images.shape)}.")
    counts, intervals = _Counts(), []
    for image in pixels(images, 2).reshape(images.shape).tolist():
        known = _blank(len(image), len(image[0]))
        for i, j in np.ndindex(len(image), len(image[0])):
            context, pixel = _context(known, i, j), image[i][j]
            intervals.append(_interval(counts.zeros(context), pixel))
            counts.add(context, pixel)
            known[i + MARGIN][j + MARGIN] = pixel
    state, words = 1 << WORD, []
    for start, freq in reversed(intervals):  # a stack: what is pushed last comes off first
        if state >> (2 * WORD - PRECISION) >= freq:
            words.append(state & ((1 << WORD) - 1))
            state >>= WORD
        state = (state // freq << PRECISION) + state % freq + start
    return state.to_bytes(8, "little") + np.array(words, "<u4").tobytes()


def decode_contexts(message: bytes, shape: Sequence[int]) -> Tensor:
    """The images of `encode_contexts`.

    Args:
        message: the file.
        shape: (N, H, W).

    Returns:
        0 and 1, (N, H, W), float32.

    Raises:
        ValueError: if the message is damaged, cut off, or of another shape.
    """
    state = int.from_bytes(message[:8], "little")
    words = np.frombuffer(message[8 : 8 + (len(message) - 8) // 4 * 4], "<u4").tolist()
    counts, images = _Counts(), np.zeros(tuple(shape), np.float32)
    for image in images:
        known = _blank(*image.shape)
        for i, j in np.ndindex(*image.shape):
            context = _context(known, i, j)
            zeros, slot = counts.zeros(context), state & (SLOTS - 1)
            pixel = int(slot >= zeros)
            start, freq = _interval(zeros, pixel)
            state = freq * (state >> PRECISION) + slot - start
            if state < 1 << WORD and words:
                state = state << WORD | words.pop()
            counts.add(context, pixel)
            known[i + MARGIN][j + MARGIN] = image[i, j] = pixel
    if state != 1 << WORD or words:
        raise ValueError("The message is damaged, cut off, or holds images of another shape.")
    return torch.from_numpy(images)


class _Counts:
    """How often a 0 and a 1 followed each context; half of each is counted beforehand."""

    def __init__(self) -> None:
        self.seen = [[1, 1] for _ in range(1 << len(TEMPLATE))]  # in halves

    def zeros(self, context: int) -> int:
        """Slots of the symbol 0, by Krichevsky and Trofimov's estimate; 1 has the others."""
        zeros, ones = self.seen[context]
        return (SLOTS - 2) * zeros // (zeros + ones) + 1

    def add(self, context: int, pixel: int) -> None:
        self.seen[context][pixel] += 2


def _interval(zeros: int, pixel: int) -> tuple[int, int]:
    return (zeros, SLOTS - zeros) if pixel else (0, zeros)


def _blank(height: int, width: int) -> list[list[int]]:
    return [[0] * (width + 2 * MARGIN) for _ in range(height + 2 * MARGIN)]


def _context(known: list[list[int]], i: int, j: int) -> int:
    """The pixels of the template around (i, j), as the bits of a number."""
    context = 0
    for row, column in TEMPLATE:
        context = 2 * context + known[i + MARGIN + row][j + MARGIN + column]
    return context
