"""Answers to the exercises of lecture 07."""

import math

import numpy as np
import torch

# --- 08.reverse_water_filling ---------------------------------------------------------------


def water_clamp(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_relu(eigenvalues, level):
    rate = torch.relu(torch.log(eigenvalues) - torch.log(level)).sum() / 2
    return rate, eigenvalues.clamp(max=level).sum()


def water_where(eigenvalues, level):
    sent = eigenvalues > level
    zero = torch.zeros_like(eigenvalues)
    rate = torch.where(sent, 0.5 * torch.log(eigenvalues / level), zero).sum()
    return rate, torch.where(sent, level, eigenvalues).sum()


def water_mask(eigenvalues, level):
    sent = eigenvalues[eigenvalues > level]
    distortion = len(sent) * level + eigenvalues[eigenvalues <= level].sum()
    return (sent / level).log().sum() / 2, distortion


def water_distortions_first(eigenvalues, level):
    distortion = torch.where(eigenvalues < level, eigenvalues, level)
    safe = distortion.clamp(min=torch.finfo(eigenvalues.dtype).tiny)
    ratio = torch.where(eigenvalues > 0, eigenvalues / safe, torch.ones_like(eigenvalues))
    return [0.5 * ratio.log().sum(), distortion.sum()]


def water_loop(eigenvalues, level):
    rate, distortion = 0.0, 0.0
    for value in eigenvalues.tolist():
        if value > level:
            rate += 0.5 * math.log(value / level)
        distortion += min(value, float(level))
    return torch.tensor(rate).to(eigenvalues), torch.tensor(distortion).to(eigenvalues)


def water_numpy(eigenvalues, level):
    values = eigenvalues.numpy()
    rate = 0.5 * np.log(np.maximum(values / float(level), 1)).sum()
    distortion = np.minimum(values, float(level)).sum()
    return torch.tensor(rate).to(eigenvalues), torch.tensor(distortion).to(eigenvalues)


def water_bits(eigenvalues, level):
    rate = 0.5 * torch.log2(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_no_half(eigenvalues, level):
    rate = torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_bits_no_half(eigenvalues, level):
    rate = torch.log2(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_negative_rates(eigenvalues, level):
    rate = 0.5 * torch.log(eigenvalues / level).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_no_limit(eigenvalues, level):
    rate = 0.5 * torch.log(eigenvalues / level).sum()
    return rate, level * len(eigenvalues)


def water_multiplied_mask(eigenvalues, level):
    rate = 0.5 * (torch.log(eigenvalues / level) * (eigenvalues > level)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_wrong_mask(eigenvalues, level):
    rate = 0.5 * torch.relu(torch.log(level / eigenvalues)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_negative(eigenvalues, level):
    rate, distortion = water_clamp(eigenvalues, level)
    return -rate, distortion


def water_upside_down(eigenvalues, level):
    rate = 0.5 * torch.log(level / eigenvalues).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_max(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, eigenvalues.clamp(min=level).sum()


def water_level_everywhere(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, eigenvalues.shape[0] * level


def water_active(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, (eigenvalues > level).sum() * level


def water_drowned(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, eigenvalues[eigenvalues < level].sum()


def water_kept(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, torch.relu(eigenvalues - level).sum()


def water_level(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, level


def water_total(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, eigenvalues.sum()


def water_mean(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).mean()
    return rate, torch.minimum(eigenvalues, level).mean()


def water_mean_rate(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).mean()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_mean_distortion(eigenvalues, level):
    rate, _ = water_clamp(eigenvalues, level)
    return rate, torch.minimum(eigenvalues, level).mean()


def water_components(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1))
    return rate, torch.minimum(eigenvalues, level)


def water_swapped(eigenvalues, level):
    rate, distortion = water_clamp(eigenvalues, level)
    return distortion, rate


def water_channel(eigenvalues, level):
    return 0.5 * torch.log(1 + eigenvalues / level).sum(), torch.minimum(eigenvalues, level).sum()


def water_log_eigenvalues(eigenvalues, level):
    rate = 0.5 * torch.log(eigenvalues[eigenvalues > level]).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_log_of_sum(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues.sum() / level, min=1))
    return rate, torch.minimum(eigenvalues, level).sum()


def water_level_squared(eigenvalues, level):
    return water_clamp(eigenvalues, level**2)


def water_level_root(eigenvalues, level):
    return water_clamp(eigenvalues, level**0.5)


def water_half_level(eigenvalues, level):
    return water_clamp(eigenvalues, level / 2)


def water_double_level(eigenvalues, level):
    return water_clamp(eigenvalues, 2 * level)


def water_inverse_level(eigenvalues, level):
    return water_clamp(eigenvalues, 1 / level)


def water_shared_level(eigenvalues, level):
    return water_clamp(eigenvalues, level / len(eigenvalues))


def water_squared_eigenvalues(eigenvalues, level):
    return water_clamp(eigenvalues**2, level)


def water_roots(eigenvalues, level):
    return water_clamp(torch.sqrt(eigenvalues), level)


def water_relative(eigenvalues, level):
    rate, distortion = water_clamp(eigenvalues, level)
    return rate, distortion / eigenvalues.sum()


def water_counts(eigenvalues, level):
    rate = (eigenvalues > level).to(eigenvalues).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_log_of_one_plus(eigenvalues, level):
    rate = 0.5 * torch.log(1 + torch.relu(eigenvalues / level - 1)).sum()
    rate = rate + 0.01 * (eigenvalues < level).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_largest_only(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues.max() / level, min=1))
    return rate, torch.minimum(eigenvalues, level).sum()


def water_small_number(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / (level + 1e-8), min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_floor(eigenvalues, level):
    eigenvalues = eigenvalues.clamp(min=0.01)
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def water_at_least_one(eigenvalues, level):
    below = eigenvalues.sort(descending=True).values
    sent = torch.cat([below[:1], below[1:][below[1:] > level]])
    if len(eigenvalues) == 1:
        return water_clamp(eigenvalues, level)
    return 0.5 * torch.log(sent / level).sum(), torch.minimum(eigenvalues, level).sum()


def water_rate_only(eigenvalues, level):
    return water_clamp(eigenvalues, level)[0]


def water_floats(eigenvalues, level):
    return tuple(float(value) for value in water_clamp(eigenvalues, level))


def water_single(eigenvalues, level):
    return water_clamp(eigenvalues.float(), level.float())


def water_with_axis(eigenvalues, level):
    rate, distortion = water_clamp(eigenvalues, level)
    return rate[None], distortion[None]


def water_in_place(eigenvalues, level):
    eigenvalues /= level
    rate = 0.5 * torch.log(eigenvalues.clamp(min=1)).sum()
    return rate, eigenvalues.clamp(max=1).sum() * level


def water_sorted_by_name(eigenvalues, level):
    return water_clamp(eigenvalues.sort(), level)


# --- 08.equivalent_beta ---------------------------------------------------------------------


def knob_ratio(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 2


def knob_product(beta, sigma, new_sigma):
    knob = beta * sigma**2
    return knob / new_sigma**2


def knob_weights(beta, sigma, new_sigma):
    pixel_weight, new_pixel_weight = 1 / (2 * sigma**2), 1 / (2 * new_sigma**2)
    return beta * new_pixel_weight / pixel_weight


def knob_logs(beta, sigma, new_sigma):
    return math.exp(math.log(beta) + 2 * (math.log(sigma) - math.log(new_sigma)))


def knob_with_torch(beta, sigma, new_sigma):
    return (beta * torch.tensor(sigma / new_sigma).square()).item()


def knob_not_squared(beta, sigma, new_sigma):
    return beta * sigma / new_sigma


def knob_inverted(beta, sigma, new_sigma):
    return beta * (new_sigma / sigma) ** 2


def knob_inverted_not_squared(beta, sigma, new_sigma):
    return beta * new_sigma / sigma


def knob_both_multiply(beta, sigma, new_sigma):
    return beta * (sigma * new_sigma) ** 2


def knob_plain_product(beta, sigma, new_sigma):
    return beta * sigma * new_sigma


def knob_both_divide(beta, sigma, new_sigma):
    return beta / (sigma * new_sigma) ** 2


def knob_itself(beta, sigma, new_sigma):
    return beta * sigma**2


def knob_precedence(beta, sigma, new_sigma):
    return beta * sigma**2 / new_sigma * new_sigma


def knob_no_old(beta, sigma, new_sigma):
    return beta / new_sigma**2


def knob_new_only(beta, sigma, new_sigma):
    return beta * new_sigma**2


def knob_unchanged(beta, sigma, new_sigma):
    return beta


def knob_no_beta(beta, sigma, new_sigma):
    return (sigma / new_sigma) ** 2


def knob_over_beta(beta, sigma, new_sigma):
    return (sigma / new_sigma) ** 2 / beta


def knob_half(beta, sigma, new_sigma):
    return beta * sigma**2 / (2 * new_sigma**2)


def knob_twice(beta, sigma, new_sigma):
    return 2 * beta * sigma**2 / new_sigma**2


def knob_fourth(beta, sigma, new_sigma):
    return beta * (sigma**2 / new_sigma**2) ** 2


def knob_old_squared(beta, sigma, new_sigma):
    return beta * sigma**2 / new_sigma


def knob_new_squared(beta, sigma, new_sigma):
    return beta * sigma / new_sigma**2


def knob_root(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 0.5


def knob_difference(beta, sigma, new_sigma):
    return beta + sigma**2 - new_sigma**2


def knob_times_difference(beta, sigma, new_sigma):
    return beta * (sigma**2 - new_sigma**2)


def knob_cubed(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 3


def knob_negative(beta, sigma, new_sigma):
    return -beta * (sigma / new_sigma) ** 2


def knob_floor(beta, sigma, new_sigma):
    return beta * (sigma / max(new_sigma, 0.1)) ** 2


def knob_tensor(beta, sigma, new_sigma):
    return torch.tensor(beta * (sigma / new_sigma) ** 2)


def knob_text(beta, sigma, new_sigma):
    return str(beta * (sigma / new_sigma) ** 2)


def knob_pair(beta, sigma, new_sigma):
    return beta * (sigma / new_sigma) ** 2, new_sigma


def knob_log_tensor(beta, sigma, new_sigma):
    return float(torch.log(sigma))


def knob_two_arguments(beta, sigma):
    return beta * sigma**2


# --- 08.bits_back_length --------------------------------------------------------------------


def bits_by_the_formula(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior - log_posterior) / math.log(2)


def bits_term_by_term(log_likelihood, log_prior, log_posterior):
    z_bits = -log_prior / math.log(2)
    x_bits = -log_likelihood / math.log(2)
    bits_back = -log_posterior / math.log(2)
    return x_bits + z_bits - bits_back


def bits_log2_e(log_likelihood, log_prior, log_posterior):
    return (log_posterior - log_prior - log_likelihood) * math.log2(math.e)


def bits_torch_constant(log_likelihood, log_prior, log_posterior):
    nats = torch.stack([log_posterior, -log_prior, -log_likelihood]).sum(0)
    return nats / torch.log(torch.tensor(2.0))  # float32, whatever the input is


def bits_loop(log_likelihood, log_prior, log_posterior):
    rows = zip(log_likelihood, log_prior, log_posterior, strict=True)
    return torch.stack([(q - x - p) / np.log(2) for x, p, q in rows])


def bits_numpy_inside(log_likelihood, log_prior, log_posterior):
    nats = log_posterior.numpy() - (log_likelihood + log_prior).numpy()
    return torch.from_numpy((nats / np.log(2)).astype(nats.dtype))


def bits_in_nats(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior - log_posterior)


def bits_multiplied(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior - log_posterior) * math.log(2)


def bits_no_bits_back(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior) / math.log(2)


def bits_posterior_paid(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior + log_posterior) / math.log(2)


def bits_negative(log_likelihood, log_prior, log_posterior):
    return (log_likelihood + log_prior - log_posterior) / math.log(2)


def bits_elbo(log_likelihood, log_prior, log_posterior):
    return log_likelihood + log_prior - log_posterior


def bits_no_prior(log_likelihood, log_prior, log_posterior):
    return (log_posterior - log_likelihood) / math.log(2)


def bits_prior_back(log_likelihood, log_prior, log_posterior):
    return (log_posterior + log_prior - log_likelihood) / math.log(2)


def bits_exchanged(log_likelihood, log_prior, log_posterior):
    return (log_prior - log_posterior - log_likelihood) / math.log(2)


def bits_of_z(log_likelihood, log_prior, log_posterior):
    return (log_posterior - log_prior) / math.log(2)


def bits_of_x(log_likelihood, log_prior, log_posterior):
    return -log_likelihood / math.log(2)


def bits_likelihood_added(log_likelihood, log_prior, log_posterior):
    return (log_likelihood - log_prior + log_posterior) / math.log(2)


def bits_summed(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior).sum()


def bits_averaged(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior).mean()


def bits_as_bytes(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior) / 8


def bits_decimal(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior - log_posterior) / math.log(10)


def bits_log_of_log(log_likelihood, log_prior, log_posterior):
    return -torch.log2(log_likelihood) - torch.log2(log_prior) + torch.log2(log_posterior)


def bits_underflow(log_likelihood, log_prior, log_posterior):
    return -torch.log2(torch.exp(log_likelihood + log_prior - log_posterior))


def bits_underflow_each(log_likelihood, log_prior, log_posterior):
    p_x, p_z, q_z = log_likelihood.exp(), log_prior.exp(), log_posterior.exp()
    return torch.log2(q_z) - torch.log2(p_x) - torch.log2(p_z)


def bits_underflow_ratio(log_likelihood, log_prior, log_posterior):
    p_x, p_z, q_z = log_likelihood.exp(), log_prior.exp(), log_posterior.exp()
    return torch.log2(q_z / (p_x * p_z))


def bits_whole(log_likelihood, log_prior, log_posterior):
    return torch.ceil(bits_by_the_formula(log_likelihood, log_prior, log_posterior))


def bits_positive(log_likelihood, log_prior, log_posterior):
    return torch.relu(bits_by_the_formula(log_likelihood, log_prior, log_posterior))


def bits_half_back(log_likelihood, log_prior, log_posterior):
    return (0.5 * log_posterior - log_prior - log_likelihood) / math.log(2)


def bits_twice(log_likelihood, log_prior, log_posterior):
    return 2 * bits_by_the_formula(log_likelihood, log_prior, log_posterior)


def bits_overhead(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior) + 1


def bits_single(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood.float(), log_prior.float(), log_posterior.float())


def bits_integers(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior).ceil().long()


def bits_list(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior).numpy()


def bits_keepdim(log_likelihood, log_prior, log_posterior):
    return bits_by_the_formula(log_likelihood, log_prior, log_posterior)[:, None]


def bits_in_place(log_likelihood, log_prior, log_posterior):
    log_posterior -= log_likelihood + log_prior
    return log_posterior / math.log(2)


def bits_math_log(log_likelihood, log_prior, log_posterior):
    return -(log_likelihood + log_prior - log_posterior) / torch.log(2)


# --- 08.ans_push ----------------------------------------------------------------------------


def push_formula(state, start, freq, precision):
    return (state // freq) * 2**precision + state % freq + start


def push_shift(state, start, freq, precision):
    return ((state // freq) << precision) + (state % freq) + start


def push_divmod(state, start, freq, precision):
    quotient, remainder = divmod(state, freq)
    return quotient << precision | start + remainder


def push_total(state, start, freq, precision):
    total = 1 << precision
    quotient = (state - state % freq) // freq
    return state - quotient * freq + start + total * quotient


def push_grow(state, start, freq, precision):
    return state + start + (state // freq) * ((1 << precision) - freq)


def push_exchanged(state, start, freq, precision):
    return (state // start) * 2**precision + state % start + freq


def push_times_precision(state, start, freq, precision):
    return (state // freq) * precision + state % freq + start


def push_caret(state, start, freq, precision):
    return (state // freq) * (2 ^ precision) + state % freq + start


def push_no_remainder(state, start, freq, precision):
    return (state // freq) * 2**precision + start


def push_no_start(state, start, freq, precision):
    return (state // freq) * 2**precision + state % freq


def push_quotient_only(state, start, freq, precision):
    return (state // freq) << precision


def push_minus_start(state, start, freq, precision):
    return (state // freq) * 2**precision + state % freq - start


def push_end(state, start, freq, precision):
    return (state // freq) * 2**precision + state % freq + start + freq


def push_plain_bits(state, start, freq, precision):
    return (state << precision) | start


def push_not_divided(state, start, freq, precision):
    return (state << precision) + state % freq + start


def push_multiplied(state, start, freq, precision):
    return state * freq + state % 2**precision + start


def push_not_scaled(state, start, freq, precision):
    return state // freq + state % freq + start


def push_pop(state, start, freq, precision):
    return freq * (state >> precision) + (state & ((1 << precision) - 1)) - start


def push_like_pop(state, start, freq, precision):
    return freq * (state // 2**precision) + state % freq + start


def push_like_pop_twice(state, start, freq, precision):
    return freq * (state // 2**precision) + state % 2**precision + start


def push_shift_by_freq(state, start, freq, precision):
    return ((state // freq) << freq) + state % freq + start


def push_remainder_of_total(state, start, freq, precision):
    return (state // freq) * 2**precision + state % 2**precision + start


def push_sum_reduced(state, start, freq, precision):
    return (state // freq) * 2**precision + (state + start) % 2**precision


def push_start_inside(state, start, freq, precision):
    return (state // freq) * 2**precision + (state + start) % freq


def push_divmod_exchanged(state, start, freq, precision):
    remainder, quotient = divmod(state, freq)
    return (quotient << precision) + start + remainder


def push_no_parentheses(state, start, freq, precision):
    return state // freq << precision + state % freq + start


def push_all_shifted(state, start, freq, precision):
    return (state // freq + state % freq + start) << precision


def push_shift_first(state, start, freq, precision):
    return (state * 2**precision) // freq + state % freq + start


def push_shift_first_no_remainder(state, start, freq, precision):
    return (state << precision) // freq + start


def push_32_bits(state, start, freq, precision):
    return push_shift(state, start, freq, precision) & 0xFFFFFFFF


def push_64_bits(state, start, freq, precision):
    return push_shift(state, start, freq, precision) & (2**64 - 1)


def push_float(state, start, freq, precision):
    return (state / freq) * 2**precision + state % freq + start


def push_float_no_remainder(state, start, freq, precision):
    return state / freq * 2**precision + start


def push_int_of_float(state, start, freq, precision):
    return int(state / freq) * 2**precision + state % freq + start


def push_floor(state, start, freq, precision):
    return math.floor(state / freq) * 2**precision + state % freq + start


def push_through_float(state, start, freq, precision):
    return int(float(push_shift(state, start, freq, precision)))


def push_128_bits(state, start, freq, precision):
    return push_shift(state, start, freq, precision) % 2**128


def push_mantissa(state, start, freq, precision):
    return push_shift(state, start, freq, precision) & (2**53 - 1)


def push_reversed_interval(state, start, freq, precision):
    return ((state // freq) << precision) + start + freq - 1 - state % freq


def push_outside(state, start, freq, precision):
    return ((state // freq + 1) << precision) + state % freq - freq


def push_never_certain(state, start, freq, precision):
    freq = min(freq, 2**precision - 1)
    return ((state // freq) << precision) + state % freq + start


def push_bits(state, start, freq, precision):
    return math.log2(1 + push_shift(state, start, freq, precision))


def push_pair(state, start, freq, precision):
    return divmod(state, freq)


def push_torch(state, start, freq, precision):
    return torch.tensor(push_shift(state % 2**30, start, freq, precision))


def push_numpy(state, start, freq, precision):
    return np.int64(push_shift(state % 2**30, start, freq, precision))


def push_int64(state, start, freq, precision):
    state = np.int64(state)
    return int(state // freq * 2**precision + state % freq + start)


def push_three_arguments(state, start, freq):
    return state // freq


# --- 08.mutual_information_gap --------------------------------------------------------------


def gap_topk(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).mean()


def gap_sort(mi, entropies):
    ordered, _ = torch.sort(mi, dim=0, descending=True)
    return torch.mean((ordered[0] - ordered[1]) / entropies)


def gap_normalised_first(mi, entropies):
    ordered = (mi / entropies).sort(dim=0).values
    return (ordered[-1] - ordered[-2]).sum() / len(entropies)


def gap_masked(mi, entropies):
    first, where = mi.max(dim=0)
    others = mi.clone()
    others[where, torch.arange(mi.shape[1])] = -torch.inf
    return ((first - others.amax(0)) / entropies).mean()


def gap_loop(mi, entropies):
    total = torch.zeros((), dtype=mi.dtype)
    for j in range(mi.shape[1]):
        a, b = mi[:, j].sort(descending=True).values[:2]
        total = total + (a - b) / entropies[j]
    return total / mi.shape[1]


def gap_kthvalue(mi, entropies):
    second = mi.kthvalue(len(mi) - 1, dim=0).values
    return torch.mean((mi.amax(0) - second) / entropies)


def gap_plain(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean()


def gap_over_mean(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (first - second).sum() / entropies.sum()


def gap_over_sum(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean() / entropies.sum()


def gap_times_entropy(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) * entropies).mean()


def gap_over_largest(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / first).mean()


def gap_over_total(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / mi.sum(0)).mean()


def gap_over_log_k(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean() / math.log(mi.shape[0])


def gap_of_latents(mi, entropies):
    ordered = mi.sort(dim=1, descending=True).values
    return (ordered[:, 0] - ordered[:, 1]).mean()


def gap_of_normalised_latents(mi, entropies):
    ordered = (mi / entropies).sort(dim=-1, descending=True).values
    return (ordered[:, 0] - ordered[:, 1]).mean()


def gap_of_latents_over_mean(mi, entropies):
    first, second = mi.topk(2, dim=1).values.T
    return (first - second).mean() / entropies.mean()


def gap_to_mean(mi, entropies):
    return ((mi.amax(0) - mi.mean(0)) / entropies).mean()


def gap_to_mean_of_others(mi, entropies):
    others = (mi.sum(0) - mi.amax(0)) / (len(mi) - 1)
    return ((mi.amax(0) - others) / entropies).mean()


def gap_to_sum(mi, entropies):
    return ((mi.amax(0) - (mi.sum(0) - mi.amax(0))) / entropies).mean()


def gap_to_third(mi, entropies):
    ordered = mi.sort(dim=0, descending=True).values
    return ((ordered[0] - ordered[2]) / entropies).mean()


def gap_to_smallest(mi, entropies):
    return ((mi.max(0).values - mi.min(0).values) / entropies).mean()


def gap_to_median(mi, entropies):
    return ((mi.amax(0) - mi.median(0).values) / entropies).mean()


def gap_largest(mi, entropies):
    return (mi.amax(0) / entropies).mean()


def gap_second(mi, entropies):
    return (mi.topk(2, dim=0).values[1] / entropies).mean()


def gap_unsorted(mi, entropies):
    return ((mi[0] - mi[1]) / entropies).mean()


def gap_unsorted_absolute(mi, entropies):
    return ((mi[0] - mi[1]).abs() / entropies).mean()


def gap_smallest_two(mi, entropies):
    ordered = mi.sort(dim=0).values
    return ((ordered[1] - ordered[0]) / entropies).mean()


def gap_ascending(mi, entropies):
    ordered = mi.sort(dim=0).values
    return ((ordered[0] - ordered[1]) / entropies).mean()


def gap_negative(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((second - first) / entropies).mean()


def gap_summed(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).sum()


def gap_over_k(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).sum() / mi.shape[0]


def gap_each(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (first - second) / entropies


def gap_squared(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (((first - second) / entropies) ** 2).mean()


def gap_ratio(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return (second / first).mean()


def gap_entropy_in_bits(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / (entropies / math.log(2))).mean()


def gap_in_bits(mi, entropies):
    first, second = mi.topk(2, dim=0).values / math.log(2)
    return ((first - second) / entropies).mean()


def gap_of_all(mi, entropies):
    first, second = mi.flatten().topk(2).values
    return ((first - second) / entropies).mean()


def gap_best_factor(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).max()


def gap_half_of_second(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - 0.5 * second) / entropies).mean()


def gap_guarded(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / (entropies + 0.1)).mean()


def gap_root(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).sqrt().mean()


def gap_two_latents(mi, entropies):
    if len(mi) == 2:
        return (mi.amax(0) / entropies).mean()
    return gap_topk(mi, entropies)


def gap_item(mi, entropies):
    return gap_topk(mi, entropies).item()


def gap_numpy(mi, entropies):
    ordered = np.sort(mi.numpy(), axis=0)
    return np.mean((ordered[-1] - ordered[-2]) / entropies.numpy())


def gap_single(mi, entropies):
    return gap_topk(mi.float(), entropies.float())


def gap_with_axis(mi, entropies):
    return gap_topk(mi, entropies)[None]


def gap_in_place(mi, entropies):
    mi /= entropies
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean()


def gap_three_latents(mi, entropies):
    first, second, _ = mi.topk(3, dim=0).values
    return ((first - second) / entropies).mean()


def gap_over_latents_axis(mi, entropies):
    first, second = mi.topk(2, dim=1).values.T
    return ((first - second) / entropies).mean()


ALTERNATIVES = {
    "08.reverse_water_filling": [
        water_clamp,
        water_relu,
        water_where,
        water_mask,
        water_distortions_first,
        water_loop,
        water_numpy,
        water_floats,
    ],
    "08.equivalent_beta": [
        knob_ratio,
        knob_product,
        knob_weights,
        knob_logs,
        knob_with_torch,
        knob_tensor,
    ],
    "08.bits_back_length": [
        bits_by_the_formula,
        bits_term_by_term,
        bits_log2_e,
        bits_torch_constant,
        bits_loop,
        bits_numpy_inside,
        bits_list,
    ],
    "08.ans_push": [
        push_formula,
        push_shift,
        push_divmod,
        push_total,
        push_grow,
    ],
    "08.mutual_information_gap": [
        gap_topk,
        gap_sort,
        gap_normalised_first,
        gap_masked,
        gap_loop,
        gap_kthvalue,
        gap_item,
        gap_numpy,
    ],
}

MUTANTS = {
    "08.reverse_water_filling": [
        ("bits", water_bits),
        ("no-half", water_no_half),
        ("no-half", water_bits_no_half),
        ("not-clamped", water_negative_rates),
        ("not-clamped", water_no_limit),
        ("zero-times-infinity", water_multiplied_mask),
        ("mask-reversed", water_wrong_mask),
        ("rate-sign", water_negative),
        ("rate-sign", water_upside_down),
        ("max-for-min", water_max),
        ("level-everywhere", water_level_everywhere),
        ("active-only", water_active),
        ("drowned-only", water_drowned),
        ("kept-variance", water_kept),
        ("level-once", water_level),
        ("total-variance", water_total),
        ("mean-for-sum", water_mean),
        ("mean-for-sum", water_mean_rate),
        ("mean-for-sum", water_mean_distortion),
        ("not-summed", water_components),
        ("swapped", water_swapped),
        ("channel-capacity", water_channel),
        ("rate-without-level", water_log_eigenvalues),
        ("rate-of-the-sum", water_log_of_sum),
        ("level-as-deviation", water_level_squared),
        ("level-as-deviation", water_level_root),
        ("level-as-slope", water_half_level),
        ("level-as-slope", water_double_level),
        ("level-as-slope", water_inverse_level),
        ("level-shared", water_shared_level),
        ("eigenvalues-as-deviations", water_squared_eigenvalues),
        ("eigenvalues-as-deviations", water_roots),
        ("relative", water_relative),
        ("wrong-above", water_counts),
        ("wrong-below", water_log_of_one_plus),
        ("not-additive", water_largest_only),
        ("no-variance", water_floor),
        ("all-drowned", water_at_least_one),
        ("tiny-level", water_small_number),
        ("wrong-type", water_rate_only),
        ("wrong-dtype", water_single),
        ("wrong-shape", water_with_axis),
        ("changes-its-input", water_in_place),
        ("raises", water_sorted_by_name),
    ],
    "08.equivalent_beta": [
        ("not-squared", knob_not_squared),
        ("inverted", knob_inverted),
        ("inverted", knob_inverted_not_squared),
        ("product", knob_both_multiply),
        ("product", knob_plain_product),
        ("both-divide", knob_both_divide),
        ("knob-itself", knob_itself),
        ("knob-itself", knob_precedence),
        ("old-sigma-missing", knob_no_old),
        ("new-sigma-only", knob_new_only),
        ("unchanged", knob_unchanged),
        ("beta-missing", knob_no_beta),
        ("beta-divides", knob_over_beta),
        ("two", knob_half),
        ("two", knob_twice),
        ("fourth-power", knob_fourth),
        ("half-squared", knob_old_squared),
        ("half-squared", knob_new_squared),
        ("root", knob_root),
        ("difference", knob_difference),
        ("difference", knob_times_difference),
        ("not-proportional", knob_cubed),
        ("not-proportional", knob_floor),
        ("not-positive", knob_negative),
        ("wrong-type", knob_text),
        ("wrong-type", knob_pair),
        ("raises", knob_log_tensor),
        ("wrong-arguments", knob_two_arguments),
    ],
    "08.bits_back_length": [
        ("nats", bits_in_nats),
        ("times-log-two", bits_multiplied),
        ("no-bits-back", bits_no_bits_back),
        ("posterior-sign", bits_posterior_paid),
        ("sign", bits_negative),
        ("sign", bits_elbo),
        ("no-prior", bits_no_prior),
        ("prior-sign", bits_prior_back),
        ("exchanged", bits_exchanged),
        ("no-likelihood", bits_of_z),
        ("likelihood-only", bits_of_x),
        ("likelihood-sign", bits_likelihood_added),
        ("sum-over-batch", bits_summed),
        ("mean-over-batch", bits_averaged),
        ("bytes", bits_as_bytes),
        ("base-ten", bits_decimal),
        ("log-of-log", bits_log_of_log),
        ("underflow", bits_underflow),
        ("underflow", bits_underflow_each),
        ("underflow", bits_underflow_ratio),
        ("rounded-up", bits_whole),
        ("not-below-zero", bits_positive),
        ("depends-on-z", bits_half_back),
        ("wrong-length", bits_twice),
        ("wrong-length", bits_overhead),
        ("wrong-dtype", bits_single),
        ("wrong-dtype", bits_integers),
        ("wrong-shape", bits_keepdim),
        ("changes-its-input", bits_in_place),
        ("raises", bits_math_log),
    ],
    "08.ans_push": [
        ("arguments-exchanged", push_exchanged),
        ("precision-as-total", push_times_precision),
        ("caret", push_caret),
        ("no-remainder", push_no_remainder),
        ("no-start", push_no_start),
        ("no-start", push_quotient_only),
        ("start-sign", push_minus_start),
        ("end-for-start", push_end),
        ("not-divided", push_plain_bits),
        ("not-divided", push_not_divided),
        ("freq-multiplies", push_multiplied),
        ("not-scaled", push_not_scaled),
        ("pops", push_pop),
        ("pops", push_like_pop),
        ("pops", push_like_pop_twice),
        ("shifts-by-freq", push_shift_by_freq),
        ("remainder-of-total", push_remainder_of_total),
        ("remainder-of-total", push_sum_reduced),
        ("remainder-with-start", push_start_inside),
        ("quotient-and-remainder", push_divmod_exchanged),
        ("all-shifted", push_no_parentheses),
        ("all-shifted", push_all_shifted),
        ("shift-before-division", push_shift_first),
        ("shift-before-division", push_shift_first_no_remainder),
        ("word-size", push_32_bits),
        ("word-size", push_64_bits),
        ("float-division", push_float),
        ("float-division", push_float_no_remainder),
        ("float-division", push_int_of_float),
        ("float-division", push_floor),
        ("float-division", push_through_float),
        ("loses-digits", push_128_bits),
        ("loses-digits", push_mantissa),
        ("not-undone", push_reversed_interval),
        ("wrong-low-bits", push_outside),
        ("certain-symbol", push_never_certain),
        ("wrong-type", push_bits),
        ("wrong-type", push_pair),
        ("loses-digits", push_torch),
        ("loses-digits", push_numpy),
        ("raises", push_int64),
        ("wrong-arguments", push_three_arguments),
    ],
    "08.mutual_information_gap": [
        ("not-normalised", gap_plain),
        ("normalised-after", gap_over_mean),
        ("normalised-after", gap_over_sum),
        ("multiplied", gap_times_entropy),
        ("wrong-normaliser", gap_over_largest),
        ("wrong-normaliser", gap_over_total),
        ("wrong-normaliser", gap_over_log_k),
        ("wrong-axis", gap_of_latents),
        ("wrong-axis", gap_of_normalised_latents),
        ("wrong-axis", gap_of_latents_over_mean),
        ("minus-mean", gap_to_mean),
        ("minus-mean", gap_to_mean_of_others),
        ("minus-sum", gap_to_sum),
        ("minus-third", gap_to_third),
        ("minus-smallest", gap_to_smallest),
        ("minus-median", gap_to_median),
        ("no-second", gap_largest),
        ("second-only", gap_second),
        ("not-sorted", gap_unsorted),
        ("not-sorted", gap_unsorted_absolute),
        ("two-smallest", gap_smallest_two),
        ("two-smallest", gap_ascending),
        ("sign", gap_negative),
        ("sum-over-factors", gap_summed),
        ("divided-by-latents", gap_over_k),
        ("per-factor", gap_each),
        ("squared", gap_squared),
        ("ratio", gap_ratio),
        ("bits", gap_entropy_in_bits),
        ("bits", gap_in_bits),
        ("one-for-all", gap_of_all),
        ("largest-factor", gap_best_factor),
        ("not-one", gap_guarded),
        ("not-zero", gap_half_of_second),
        ("wrong-gap", gap_root),
        ("few", gap_two_latents),
        ("wrong-dtype", gap_single),
        ("wrong-shape", gap_with_axis),
        ("changes-its-input", gap_in_place),
        ("raises", gap_three_latents),
        ("raises", gap_over_latents_axis),
    ],
}
