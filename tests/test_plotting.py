"""Figures hold the data they claim, in the colours of their roles, and come with their sentence."""

import io
import itertools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib import colors
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image

from course_utils import datasets, plotting
from course_utils.authoring.execute import kernel_environment
from course_utils.plotting import ROLE
from course_utils.simulators import collider
from course_utils.simulators.sprites import ENUMERATED_NAMES, enumerated_factors

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def seen(colour: str, blindness: str) -> np.ndarray:
    """CIELAB coordinates of a colour as a reader with this kind of vision sees it."""
    c = np.array(colors.to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(BLINDNESS[blindness]) @ linear, 0, 1)
    rgb_to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    t = np.array(rgb_to_xyz) @ linear / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_every_two_roles_can_be_told_apart(blindness: str) -> None:
    # A distance of 2.3 in CIELAB is just noticeable; 20 is plain even for thin lines.
    for one, other in itertools.combinations(ROLE, 2):
        distance = np.linalg.norm(seen(ROLE[one], blindness) - seen(ROLE[other], blindness))
        assert distance > 20, f"{one} and {other} look alike with {blindness}: {distance:.0f}"


def colour_of(artist: object) -> str:
    get = getattr(artist, "get_color", None) or artist.get_facecolor
    colour = get()
    return colors.to_hex(colour if isinstance(colour, str) else np.atleast_2d(colour)[0]).upper()


def test_collider_angles_show_events_and_density() -> None:
    c = torch.linspace(-1, 1, 101)
    p = 3 / 8 * (1 + c**2)
    events = torch.tensor([-0.9, -0.3, 0.3, 0.35])
    _, ax = plotting.figure()
    bars, line = plotting.collider_angles(ax, events, c, p, bins=4)
    assert np.allclose(bars.get_data().values, [0.5, 0.5, 1.0, 0.0])  # count / (4 events * 0.5)
    assert np.allclose(line.get_ydata(), p)
    assert (colour_of(bars), colour_of(line)) == (ROLE["data"], ROLE["truth"])
    assert ax.get_xlabel() and ax.get_ylabel()


def test_tile_puts_image_number_i_in_row_i_div_columns() -> None:
    images = torch.arange(5.0)[:, None, None].expand(5, 2, 3)
    sheet = plotting.tile(images, columns=2, gap=1, fill=-1.0)
    assert sheet.shape == (3 * 3 - 1, 2 * 4 - 1)
    for i in range(5):
        top, left = 3 * (i // 2), 4 * (i % 2)
        assert (sheet[top : top + 2, left : left + 3] == i).all()
    assert (sheet[6:8, 4:7] == -1).all()  # the place left over
    assert (sheet[2] == -1).all() and (sheet[:, 3] == -1).all()  # the gaps
    assert plotting.tile(images, columns=2, gap=0).shape == (6, 6)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (2, 1, 4, 4)])
def test_tile_says_which_shape_it_needs(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(B, h, w\)"):
        plotting.tile(torch.zeros(shape))


def test_field_is_transposed_with_axis_0_to_the_right() -> None:
    delta = torch.zeros(4, 4)
    delta[3, 0] = 9.0  # far along axis 0, low along axis 1: lower right
    _, ax = plotting.figure()
    shown = plotting.field(ax, delta, log=True)
    assert shown.origin == "lower"
    assert np.isclose(shown.get_array()[0, 3], 1.0) and np.isclose(shown.get_array()[3, 0], 0.0)
    linear = plotting.field(ax, delta)
    low, high = linear.get_clim()
    assert low == -high  # the mean is the middle of the colours
    empty = plotting.field(ax, torch.full((4, 4), -1.0), log=True)
    assert np.isfinite(empty.get_array()).all()


def test_power_and_growth_hold_measured_and_true_values() -> None:
    k, power, error = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([3.0, 2.0, 1.0]), torch.ones(3)
    _, ax = plotting.figure()
    points, line = plotting.power_spectrum(ax, k, power, error, k_true=k, truth=2 * power)
    assert np.allclose(points.lines[0].get_ydata(), power)
    assert np.allclose(line.get_ydata(), 2 * power)
    bars = points.lines[2][0].get_segments()
    assert np.allclose([b[1][1] - b[0][1] for b in bars], 2.0)  # one error up, one down
    assert (colour_of(points.lines[0]), colour_of(line)) == (ROLE["data"], ROLE["truth"])
    _, ax = plotting.figure()
    points, line = plotting.growth(ax, torch.tensor([0.1, 0.2, 0.4]), torch.tensor([1.0, 2.0, 5.0]))
    assert np.allclose(line.get_ydata(), [1, 2, 4]) and np.allclose(points.get_ydata(), [1, 2, 5])


def test_maps_of_the_plane_put_axis_0_along_x() -> None:
    x, y = torch.linspace(0, 1, 11), torch.linspace(0, 2, 21)
    p = torch.zeros(11, 21)
    p[2, 15] = 4.0  # at x = 0.2, y = 1.5
    _, ax = plotting.figure()
    shown = plotting.boltzmann_map(ax, x, y, p)
    row, column = np.unravel_index(shown.get_array().argmax(), shown.get_array().shape)
    left, right, low, high = shown.get_extent()
    assert np.isclose(left + (column + 0.5) * (right - left) / 11, 0.2)
    assert np.isclose(low + (row + 0.5) * (high - low) / 21, 1.5)
    assert np.isclose(shown.get_array().max(), 2.0)  # the colour follows the square root

    bar = plotting.density_bar(shown)
    marks = {
        float(t.get_text()): at
        for t, at in zip(bar.ax.get_yticklabels(), bar.get_ticks(), strict=True)
    }
    assert marks[1.0] == 1.0 and np.isclose(marks[2.0], 2**0.5) and max(marks) < 4.0

    energy = (x[:, None] - 0.2) ** 2 + (y - 1.5) ** 2
    lines = plotting.energy_contours(ax, x, y, energy, minima=[[0.2, 1.5]], highest=0.06, levels=3)
    centre = np.mean(lines.get_paths()[1].vertices, axis=0)
    assert np.allclose(centre, [0.2, 1.5], atol=0.05)
    assert colour_of(plotting.walkers(ax, torch.rand(5, 2))) == ROLE["model"]


def test_the_evolution_shows_stored_draws_of_the_ledgers_sprites() -> None:
    fig, ax = plotting.figure(width=9.4, height=2.2)
    plotting.evolution(ax)
    fig.canvas.draw()
    words = {word for row in plotting.EVOLUTION for word in row}
    assert words == {text.get_text() for text in ax.texts} and len(ax.images) == 6
    width, tall = fig.canvas.get_width_height()
    for box in (text.get_window_extent() for text in ax.texts):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= tall
    starts = [(15 * i, 15 * j) for i in range(3) for j in range(3)]
    pages = [torch.from_numpy(np.asarray(image.get_array())) for image in ax.images]
    drawn = [[page[i : i + 14, j : j + 14].flatten() for i, j in starts] for page in pages]
    draws = torch.stack([torch.stack(nine) for nine in drawn]).float()  # (6, 9, 196)
    sprites = datasets.ledger_sprites()
    assert torch.equal(draws[0], sprites.test[:9])
    nearest = torch.cdist(draws[-1], sprites.truth.templates.float(), p=1).argmin(-1)
    hearts = enumerated_factors()["shape"][nearest] == ENUMERATED_NAMES.index("heart")
    assert hearts.sum() >= 8  # the last one was told to draw hearts


@pytest.mark.parametrize("n", [7, 8])
def test_the_half_grid_is_that_of_rfft2(n: int) -> None:
    _, ax = plotting.figure()
    kept = plotting.half_grid(ax, n).get_offsets()
    assert len(kept) == torch.fft.rfft2(torch.zeros(n, n)).numel()
    hollow = ax.collections[0].get_offsets()
    assert len(kept) + len(hollow) == n * n
    assert set(map(tuple, kept[:, ::-1].tolist())).isdisjoint(map(tuple, hollow[:, ::-1].tolist()))


def test_lund_plane_and_radial_distribution_hold_their_points() -> None:
    _, ax = plotting.figure()
    dots = plotting.lund_plane(ax, [1.0, 2.0], [3.0, 4.0], cuts=(0, 5, 1, 6))
    assert np.allclose(dots.get_offsets(), [[1, 3], [2, 4]])
    assert set(ax.lines[0].get_xdata()) == {0, 5} and set(ax.lines[0].get_ydata()) == {1, 6}
    _, ax = plotting.figure()
    line = plotting.radial_distribution(ax, [1.0, 2.0], [0.5, 1.5], truth=[1.0, 1.0])
    assert np.allclose(line.get_ydata(), [0.5, 1.5]) and colour_of(line) == ROLE["data"]


def test_jet_images_keep_three_decades_and_their_gaps() -> None:
    jets = torch.zeros(2, 3, 3)
    jets[0, 1, 1], jets[1, 0, 0] = 100.0, 1e-9
    _, ax = plotting.figure()
    shown = plotting.jet_images(ax, jets, 2)
    assert np.isclose(shown.get_array().max(), 100) and np.isclose(shown.get_array().min(), 0.1)
    assert shown.get_array().mask[:, 3].all()  # the gap is no pixel of a jet
    assert shown.origin == "upper"  # row 0 of a jet image is its top


@pytest.mark.parametrize(
    ("draw", "height", "words"),
    [
        (plotting.families, 5.2, [row[0] for row in plotting.FAMILIES]),
        (plotting.timeline, 4.9, [row[2] for row in plotting.TIMELINE]),
        (plotting.bottleneck_drawing, 2.5, ["D pixels", "K numbers"]),
    ],
)
def test_schematics_show_every_entry_inside_the_page_and_apart(
    draw: object, height: float, words: list[str]
) -> None:
    fig, ax = plotting.figure(width=8.6, height=height)
    draw(ax)
    fig.canvas.draw()
    texts = [t for t in ax.texts if t.get_text()]
    assert set(words) <= {t.get_text() for t in texts}
    boxes = [t.get_window_extent() for t in texts]
    width, tall = fig.canvas.get_width_height()
    for text, box in zip(texts, boxes, strict=True):
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= tall
        assert inside, f"{text.get_text()!r} is cut off"
    for (one, a), (other, b) in itertools.combinations(zip(texts, boxes, strict=True), 2):
        assert not a.overlaps(b), f"{one.get_text()!r} overlaps {other.get_text()!r}"


def a_figure() -> Figure:
    fig, ax = plotting.figure()
    plotting.density(ax, [0.0, 1.0], [1.0, 2.0])
    return fig


def test_png_has_the_same_bytes_each_time_and_names_no_software() -> None:
    png = plotting.png(a_figure())
    assert png == plotting.png(a_figure())
    assert Image.open(io.BytesIO(png)).info == {}
    assert len(png) < 60_000


def test_png_keeps_the_colours_of_the_roles() -> None:
    fig, ax = plotting.figure(1, 1)
    for i, colour in enumerate(ROLE.values()):
        ax.axvspan(i, i + 1, color=colour, linewidth=0)
    pixels = np.asarray(Image.open(io.BytesIO(plotting.png(fig))).convert("RGB"))
    for colour in ROLE.values():
        want = np.round(255 * np.array(colors.to_rgb(colour)))
        assert (abs(pixels - want).max(-1) <= 2).sum() > 1000


def test_encode_zooms_and_paints_exactly() -> None:
    palette = np.stack([np.arange(256)] * 3, 1).astype(np.uint8)
    palette[7] = (10, 200, 30)
    png = plotting.encode(np.array([[7, 0]], np.uint8), palette=palette, zoom=3)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert pixels.shape == (3, 6, 3)
    assert (pixels[:, :3] == (10, 200, 30)).all() and (pixels[:, 3:] == 0).all()
    png = plotting.encode(np.array([[[9, 8, 7], [200, 100, 0]]], np.uint8), zoom=3)
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert (pixels[:, :3] == (9, 8, 7)).all() and (pixels[:, 3:] == (200, 100, 0)).all()


def test_show_displays_the_picture_then_its_sentence() -> None:
    InteractiveShell.instance()
    sentence = "At kT = 10 the share is 0.97, not 0.50 * 2."
    with capture_output() as captured:
        plotting.show(a_figure(), sentence)
    picture, caption = captured.outputs
    assert set(picture.data) == {"image/png", "text/plain"}
    assert picture.data["text/plain"] == caption.data["text/plain"] == sentence
    assert picture.metadata["image/png"]["alt"] == sentence
    assert caption.data["text/markdown"] == sentence.replace("*", r"\*")
    assert captured.stdout == captured.stderr == ""
    width, _ = plotting.size_of(picture.data["image/png"])
    assert (
        picture.metadata["image/png"]["width"] < width
    )  # finer than the page: sharp on any screen


@pytest.mark.parametrize("sentence", ["", "  ", "two\nlines"])
def test_show_wants_one_sentence(sentence: str) -> None:
    with pytest.raises(ValueError, match="one sentence"):
        plotting.show(a_figure(), sentence)


def test_plotting_leaves_pyplot_alone() -> None:
    code = (
        "import sys, course_utils.plotting as p; p.figure();"
        "assert 'matplotlib.pyplot' not in sys.modules;"
        "import matplotlib; assert not matplotlib.rcParams['axes.spines.top']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_inverse_transform_goes_across_to_the_curve_and_down() -> None:
    c = torch.linspace(-1, 1, 401, dtype=torch.float64)
    u = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    _, ax = plotting.figure()
    lines = plotting.inverse_transform(ax, c, collider.cdf(c), u=u)
    for path, height in zip(lines.get_segments(), u.tolist(), strict=True):
        (left, a), (x, b), (below, zero) = path
        assert (left, a, b, zero) == (-1.0, height, height, 0.0) and x == below
        # Linear interpolation on a grid of 0.005 is off by h^2 / 8 times the curvature: 3e-6.
        assert float(collider.cdf(torch.tensor([x]).double())) == pytest.approx(height, abs=1e-5)


def test_lecture_02_figures_hold_what_they_are_given() -> None:
    _, ax = plotting.figure()
    line = plotting.log_likelihood(ax, [0.1, 0.2, 0.3], [-2.0, 0.0, -2.0])
    assert np.allclose(line.get_xydata(), [[0.1, -2], [0.2, 0], [0.3, -2]])
    assert colour_of(line) == ROLE["model"]
    _, ax = plotting.figure()
    seen, bars = plotting.model_selection(
        ax, [1, 2, 5], [0.9, 0.1, -0.4], [1.0, 0.3, 0.8], [0.1] * 3
    )
    assert np.allclose(seen.get_ydata(), [0.9, 0.1, -0.4])
    assert np.allclose(bars.lines[0].get_ydata(), [1.0, 0.3, 0.8])
    assert np.allclose(bars.lines[2][0].get_segments()[1], [[2, 0.2], [2, 0.4]])
    _, ax = plotting.figure()
    line = plotting.fit_history(ax, [2.0, 1.0, 0.4], level=0.3, label="yours", known="ours")
    assert list(line.get_ydata()) == [2.0, 1.0, 0.4] and ax.lines[1].get_ydata()[0] == 0.3
    _, ax = plotting.figure()
    lines = plotting.learning_curves(ax, [10, 100], {"one": [2.0, 1.0], "two": [5.0, 0.1]})
    assert [list(line.get_ydata()) for line in lines] == [[2.0, 1.0], [5.0, 0.1]]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["one", "two"]


# --- lecture 03


def test_dimension_curves_share_axes_and_stay_inside() -> None:
    _, ax = plotting.figure()
    sizes, error = torch.tensor([50, 100]), torch.tensor([0.5, 0.3])
    plotting.dimension_curve(ax, sizes, torch.tensor([2.1, 2.0]), error, truth=2, label="a")
    high = plotting.dimension_curve(ax, sizes, torch.tensor([13.0, 12.0]), error, truth=10)
    line = high.lines[0]
    assert line.get_xdata().tolist() == [50, 100] and line.get_ydata().tolist() == [13.0, 12.0]
    assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 13.5  # the second curve is seen too
    truths = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert truths == [2, 10]


def test_spectrum_and_sweep_hold_their_values() -> None:
    _, ax = plotting.figure()
    line = plotting.spectrum(ax, torch.tensor([4.0, 2.0, 1.0, 0.5]), count=3)
    assert line.get_xdata().tolist() == [1, 2, 3] and line.get_ydata().tolist() == [4.0, 2.0, 1.0]
    assert ax.get_yscale() == "log"
    _, ax = plotting.figure()
    network, pca = torch.tensor([0.5, 0.1]), torch.tensor([0.9, 0.8])
    line, dashed = plotting.bottleneck_sweep(ax, (1, 3), network, pca, truth=3)
    assert line.get_ydata().tolist() == network.tolist() and line.get_label() == "network"
    assert dashed.get_ydata().tolist() == pca.tolist() and dashed.get_label() == "PCA"
    assert line.get_color() == ROLE["model"] and ax.get_yscale() == "log"


def test_loss_curves_average_over_windows_that_widen() -> None:
    _, ax = plotting.figure()
    losses = torch.arange(1000.0)
    one, two = plotting.loss_curves(ax, {"a": losses, "b": torch.ones(10)}, points=20)
    x, y = one.get_xydata().T
    assert y[0] == 0 and (np.diff(x) > 0).all() and np.allclose(y, x - 1)  # steps count from 1
    assert set(two.get_ydata()) == {1.0}
    assert len(ax.lines) == 2


def test_loss_curves_draw_every_step_beneath_the_means_when_asked() -> None:
    _, ax = plotting.figure()
    losses = torch.arange(100.0) % 7
    (line,) = plotting.loss_curves(ax, {"a": losses}, points=20, each=True)
    steps, means = ax.lines
    assert means is line
    assert np.array_equal(steps.get_xydata(), np.stack([np.arange(1, 101), losses], 1))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a"]


def test_latent_maps_hold_codes_colours_and_draws() -> None:
    codes = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    _, ax = plotting.figure()
    dots = plotting.latent_map(ax, codes, codes[:, 0], label="scale", cyclic=True)
    assert np.array_equal(dots.get_offsets(), codes.numpy())
    assert np.array_equal(dots.get_array(), codes[:, 0].numpy())
    ends = dots.get_cmap()([0.0, 1.0])
    assert abs(ends[0] - ends[1]).max() < 0.1  # 0 and 180 degrees are one orientation
    assert dots.colorbar.ax.get_ylabel() == "scale"
    _, ax = plotting.figure()
    seen, drawn = plotting.latent_draws(ax, codes, codes[:5] + 1)
    assert np.array_equal(seen.get_offsets(), codes.numpy()) and len(drawn.get_offsets()) == 5
    assert plotting.latent_draws(ax, codes)[1] is None


# --- lectures 04 and 05


def test_ellipses_are_level_lines_of_their_gaussian() -> None:
    cov = torch.tensor([[2.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    mean = torch.tensor([1.0, -2.0], dtype=torch.float64)
    ellipse = plotting.ellipse_of(torch.zeros(2), torch.eye(2), n_std=1.0)
    plotting.move_ellipse(ellipse, mean, cov, n_std=1.5)
    edge = torch.from_numpy(ellipse.get_verts()[::2]) - mean  # between them: control points
    distance = (edge * torch.linalg.solve(cov, edge.T).T).sum(dim=1).sqrt()
    assert torch.allclose(distance, torch.full_like(distance, 1.5), rtol=1e-6)


def test_weights_are_areas() -> None:
    log_w = torch.tensor([5000.0, 5000.0 + math.log(3.0), -1e4], dtype=torch.float64)
    areas = plotting.weight_areas(log_w)
    assert areas[1] == pytest.approx(3 * areas[0]) and areas[2] == 0.0
    _, ax = plotting.figure()
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    dots = plotting.weighted_draws(ax, z, torch.zeros(3))
    assert np.array_equal(dots.get_offsets(), z.numpy())
    assert np.allclose(dots.get_sizes(), dots.get_sizes()[0])


def test_a_posterior_is_drawn_with_its_guess() -> None:
    axis = torch.linspace(-2, 2, 5)
    log_density = torch.full((25,), -20.0)
    log_density[5 * 3 + 1] = 0.0  # z_1 = 1, z_2 = -1
    mu, log_var = torch.tensor([0.5, -0.5]), torch.tensor([0.0, -2.0])
    _, ax = plotting.figure()
    shown, guess = plotting.posterior_map(ax, (axis, axis), log_density, mu, log_var)
    assert shown.get_array()[1, 3] == shown.get_array().max()  # transposed: axis 0 to the right
    assert (guess.get_center() == (0.5, -0.5) and guess.width > guess.height) or guess.angle
    assert ax.get_xlim() == (-4.5, 5.5)  # five of the largest deviation, 1, to each side
    other = plotting.second_guess(ax, mu + 1, log_var, truth=torch.tensor([0.1, 0.2]))
    assert other.get_center() == (1.5, 0.5) and other.get_linestyle() == "--"
    assert ax.lines[-1].get_xydata().tolist() == [pytest.approx([0.1, 0.2])]
    assert ax.get_xlim() == (-4.5, 5.5)  # large enough for this one
    plotting.second_guess(ax, mu + 9, log_var, truth=torch.tensor([0.1, 0.2]))
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert right > 9.5 + 2 and high > 8.5 + 1 and right - left == pytest.approx(high - low)


def test_lecture_04_and_05_curves_hold_their_values() -> None:
    _, ax = plotting.figure()
    seen, truth = plotting.efficiency(ax, [1, 2], [0.2, 0.1], [0.25, 0.05], draws=100)
    assert list(seen.get_ydata()) == [0.2, 0.1] and list(truth.get_ydata()) == [0.25, 0.05]
    assert any(list(line.get_ydata()) == [0.01, 0.01] for line in ax.lines)
    _, ax = plotting.figure()
    one, two = plotting.nats_missed(ax, [1, 2], {"a": [0.0, 3.0], "b": [0.5, 1.0]})
    assert list(one.get_ydata()) == [0.0, 3.0] and list(two.get_ydata()) == [0.5, 1.0]
    _, ax = plotting.figure()
    (line,) = plotting.ascent(ax, {"EM": torch.tensor([10.0, 1.0, 0.0])})
    assert line.get_xydata().tolist() == [[1, 10], [2, 1]]  # a gap of 0 has no logarithm
    _, ax = plotting.figure()
    line = plotting.importance_bounds(ax, [1, 10], [-0.5, -0.1], [0.1, 0.05], best=-0.2)
    assert list(line.get_ydata()) == [-0.5, -0.1]
    _, ax = plotting.figure()
    (steps,) = plotting.gradient_spread(ax, {"a": torch.tensor([0.0, 1.0, 1.0])}, truth=0.5)
    height, edges, _ = steps.get_data()
    assert (height * np.diff(edges)).sum() == pytest.approx(1)
    _, ax = plotting.figure()
    _, line = plotting.line_and_noise(
        ax, torch.zeros(4, 2), torch.tensor([[1.0], [2.0]]), torch.tensor([0.0, 1.0])
    )
    assert line.get_xydata().tolist() == [[-3, -5], [3, 7]]


# --- lecture 07


def test_a_bent_line_is_drawn_through_its_map_with_axis_0_to_the_right() -> None:
    axis = torch.linspace(-2, 2, 5)
    p = torch.zeros(5, 5)
    p[4, 1] = 1.0  # x_1 = 2, x_2 = -1
    curve = torch.tensor([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    _, ax = plotting.figure()
    plotting.bent_line(ax, curve, 0.3, (axis, axis), p.flatten(), curve[:2], every=2)
    assert ax.images[0].get_array()[1, 4] == 1.0
    assert [tuple(disc.center) for disc in ax.patches] == [(-1, 0), (1, 0)]
    assert [text.get_text() for text in ax.texts] == ["A", "B"]
    _, ax = plotting.figure()
    plotting.prior_and_posteriors(ax, axis, p[0], torch.stack([p[4], p[1]], dim=1))
    assert [list(line.get_ydata()) for line in ax.lines] == [[0] * 5, [0, 1, 0, 0, 0], [0] * 5]


def test_two_processes_are_drawn_with_their_numbers() -> None:
    _, ax = plotting.figure()
    plotting.processes(ax, 1.234, 5.678)
    written = " ".join(text.get_text() for text in ax.texts)
    assert "1.23 nats" in written and "5.68 nats" in written
    across = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert across["nature"] < across["x"] < across["z"] < across["prior"]


def test_message_lengths_show_what_each_step_adds_or_takes() -> None:
    _, ax = plotting.figure()
    plotting.message_lengths(ax, [10.0, 4.0, 9.0], ["first", "pop", "push"])
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert bars == [(0, 10), (0, 4), (4, 6), (0, 4), (4, 5)]
    assert [text.get_text() for text in ax.texts] == ["10.0", "4.0 (-6.0)", "9.0 (+5.0)"]


def test_water_covers_what_is_lost() -> None:
    _, ax = plotting.figure()
    lost, told = plotting.water_filling(ax, torch.tensor([0.1, 4.0, 1.0]), 0.5, floor=0.05)
    tops = [bar.get_y() + bar.get_height() for bar in lost]
    assert tops == pytest.approx([0.5, 0.5, 0.1])
    assert [bar.get_y() + bar.get_height() for bar in told] == pytest.approx([4, 1, 0.1])
    assert told[2].get_height() == 0.0


def test_limits_and_planes_hold_their_values() -> None:
    rate, distortion = torch.tensor([2.0, 0.0, 1.0]), torch.tensor([1.0, 4.0, 2.0])
    _, ax = plotting.figure()
    limit, points = plotting.shannon_limit(
        ax, rate, distortion, {"found": ([1.5], [1.7])}, ylabel="error"
    )
    assert limit.get_xydata().tolist() == [[0, 4], [1, 2], [2, 1]]  # in order of the rate
    assert points.get_xydata().tolist() == [[1.5, 1.7]] and ax.get_ylabel() == "error"
    assert points.get_color() == ROLE["model"] and limit.get_color() == ROLE["truth"]
    _, ax = plotting.figure()
    models, line = plotting.rd_plane(ax, rate, distortion, 3.0)
    assert models.get_xydata().tolist() == [[2, 1], [0, 4], [1, 2]]
    assert line.get_xydata().sum(axis=1).tolist() == [3, 3]


def test_residual_spectra_stand_on_the_smaller_of_power_and_level() -> None:
    k, power = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([8.0, 2.0, 0.5])
    _, ax = plotting.figure()
    whole, law, found = plotting.residual_spectra(ax, k, power, [1.0], [torch.ones(3)])
    assert list(whole.get_ydata()) == [8, 2, 0.5] and list(law.get_ydata()) == [1, 1, 0.5]
    assert list(found.get_ydata()) == [1, 1, 1]


def test_information_is_written_into_its_cells() -> None:
    _, ax = plotting.figure()
    shown = plotting.information(ax, torch.tensor([[1.23, -0.01]]), ["x", "y"])
    assert np.allclose(shown.get_array(), [[1.23, -0.01]])
    assert [text.get_text() for text in ax.texts] == ["1.2", "0.0"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "y"]


def test_the_two_networks_are_named_and_connected() -> None:
    _, ax = plotting.figure()
    plotting.two_networks(ax)
    words = " ".join(text.get_text() for text in ax.texts)
    assert "encoder" in words and "decoder" in words and "rate" in words and "distortion" in words
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == 10
    _, ax = plotting.figure()
    plotting.two_networks(ax, known="physics")
    words = " ".join(text.get_text() for text in ax.texts)
    assert "physics" in words and "theta" not in words and "encoder" in words


def test_a_gallery_shows_every_family_over_one_density() -> None:
    x, y = torch.linspace(-1, 1, 5), torch.linspace(-2, 2, 9)
    samples = {"a": torch.tensor([[0.5, 1.0]]), "b": torch.zeros(3, 2)}
    _, axes = plotting.figure(1, 2)
    dots = plotting.family_gallery(axes, (x, y, torch.ones(5, 9)), samples)
    assert [ax.get_title(loc="left") for ax in axes] == ["a", "b"]
    assert dots[0].get_offsets().tolist() == [[0.5, 1.0]] and len(dots[1].get_offsets()) == 3
    assert all(ax.get_xlim() == (-1, 1) and ax.get_ylim() == (-2, 2) for ax in axes)
    with pytest.raises(ValueError):
        plotting.family_gallery(axes[:1], (x, y, torch.ones(5, 9)), samples)


def test_the_gap_stands_beside_a_line_of_one_over_t() -> None:
    _, ax = plotting.figure()
    gaps = {"one": torch.tensor([0.5, 0.2]), "other": torch.tensor([3.0, 2.0])}
    line, one, other = plotting.bound_gap(ax, torch.tensor([10, 20]), gaps)
    assert np.allclose(one.get_xydata(), [[10, 0.5], [20, 0.2]])
    assert np.allclose(other.get_xydata(), [[10, 3.0], [20, 2.0]])
    assert np.allclose(line.get_xydata(), [[10, 0.4], [20, 0.2]])  # through the first one's last


def test_scores_are_drawn_as_arrows_and_errors_by_noise() -> None:
    _, (left, right) = plotting.figure(1, 2)
    at, exact = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, -1.0]])
    below, above = plotting.score_field(left, at, exact, 2 * exact)
    assert (below.U, below.V, above.U, above.V) == (1, -1, 2, -2)
    assert below.scale == above.scale  # or their lengths could not be compared
    (line,) = plotting.score_errors(right, torch.tensor([0.1, 0.9]), {"a": torch.ones(2) / 10})
    assert np.allclose(line.get_xydata(), [[0.1, 0.1], [0.9, 0.1]])
    assert right.get_legend() is None  # a single line needs none


def test_a_chain_is_drawn_by_step() -> None:
    _, ax = plotting.figure()
    values = torch.tensor([3.0, 2.0])
    assert plotting.along_chain(ax, values).get_xydata().tolist() == [[0, 3], [1, 2]]
    assert plotting.along_chain(ax, values, start=1).get_xydata().tolist() == [[1, 3], [2, 2]]


# ---------------------------------------------------------------- where somebody works


def test_where_somebody_works_a_picture_has_alternative_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """JupyterLab gives a PNG none; where outputs are stored it stays a PNG."""
    shown: list[dict] = []
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setattr(plotting.base, "get_ipython", lambda: shell)
    monkeypatch.setattr(plotting.base, "display", lambda data, **more: shown.append(data))
    fig, _ = plotting.figure()
    monkeypatch.delenv("COURSE_STORED", raising=False)
    plotting.show(fig, 'A "quoted" <sentence> about a figure.')
    assert 'alt="A &quot;quoted&quot; &lt;sentence&gt; about a figure."' in shown[0]["text/html"]
    (tmp_path / "kernel").mkdir()
    variables = kernel_environment(tmp_path / "kernel")
    monkeypatch.setenv("COURSE_STORED", variables[plotting.base.STORED_VARIABLE])
    plotting.show(fig, "A sentence about a figure.")
    assert "image/png" in shown[2] and "text/html" not in shown[2]
