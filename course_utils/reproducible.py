"""One call at the head of a lecture, after which a second run gives the same numbers."""

import torch

OTHER_STREAM = 1000  # added to a lecture's seed for whatever draws without a generator


def begin(seed: int) -> torch.Generator:
    """Make a lecture repeatable, and return the generator that its cells hand to what they draw.

    One thread: the course's tensors are small, so a second one costs more than it gives, and sums
    that threads share out are added up in another order on each machine.

    What draws without a generator, such as the first weights of an `nn.Linear`, is seeded too, with
    another stream: a model does not start from the numbers that made its data, and one layer more
    in your own model changes nothing that the lecture draws later.

    Args:
        seed: the lecture's own number.

    Returns:
        A generator on the CPU, at the start of the stream of that seed.

    >>> begin(6).initial_seed(), torch.get_num_threads()
    (6, 1)
    """
    torch.set_num_threads(1)
    torch.manual_seed(OTHER_STREAM + seed)
    return torch.Generator().manual_seed(seed)
