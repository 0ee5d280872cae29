"""What draws: properties that every draw has, and frequencies, loosely. The program computes them; most are 0 or 1."""
import math

import numpy as np

from framework import Script, case

EXACT, LOOSE = 1e-6, 0.1


def properties(program, batch, expected, within=EXACT):
    """A script with `row`, an input of zeros, one for each example, whose outputs are these numbers; a pair is a number and
    how far the output may be off, as a share of it (of 1e-3 at least)."""
    lines = [line.strip() for line in program.strip().split("\n")]
    script = Script("model m {\n  input row: f32[batch]\n" + "".join(f"  {line}\n" for line in lines) + "}", within)
    script.input("row", np.zeros(batch, np.float32)).run(batch)
    for n, v in expected.items():
        value, bound = v if isinstance(v, tuple) else (v, None)
        script.output(n, np.asarray(value, np.float32), bound)
    return script


@case(covers="dropout spatial_dropout drop_path", variants=3)
def dropouts(d):
    kind = d.pick("dropout", "spatial_dropout", "drop_path")
    axes = {"dropout": "[]", "spatial_dropout": "[2]", "drop_path": "[1, 2]"}[kind]
    return properties(f"""
  x = uniform([batch, 3, 4], 0.5, 2) + row[:, none, none]
  y = {kind}(x, 0.25, training = true)
  kept = y != 0
  output wrong = sum(i32(kept and abs(y * 0.75 - x) > 0.00001))
  output torn = max(max(i32(kept), {axes}) - min(i32(kept), {axes}))
  output share = mean(f32(kept))
  output same = sum(abs({kind}(x, 0.25) - x))
""", 400,
                      {"wrong": 0, "torn": 0, "share": (0.75, 0.05), "same": 0})


@case(covers="alpha_dropout gaussian_noise gaussian_dropout")
def noise(d):
    return properties("""
  x = normal([batch, 50]) + row[:, none]
  a = alpha_dropout(x, 0.3, training = true)
  output mean_a = mean(a) + 1
  output std_a = std(a)
  b = gaussian_noise(x, 0.5, training = true) - x
  output mean_b = mean(b) + 1
  output std_b = std(b)
  c = gaussian_dropout(ones_like(x), 0.2, training = true)
  output mean_c = mean(c)
  output std_c = std(c)
  output same = sum(abs(alpha_dropout(x) - x) + abs(gaussian_noise(x) - x) + abs(gaussian_dropout(x) - x))
""", 200,
                      {"mean_a": 1, "std_a": 1, "mean_b": 1, "std_b": 0.5, "mean_c": 1, "std_c": 0.5, "same": (0, 1e-6)},
                      0.04)


@case(covers="random_gamma random_beta log_gamma_draw", variants=2)
def gamma_and_beta(d):
    a, b = d.pick(0.2, 2.5), d.number(0.3, 3)
    return properties(f"""
  g = random_gamma([20000], {a}) + sum(row)
  output mean_g = mean(g)
  output var_g = var(g)
  h = random_beta([20000], {a}, {b})
  output mean_h = mean(h)
  output std_h = std(h)
  output outside = sum(i32(h < 0 or h > 1 or is_nan(h)))
""", 1, {"mean_g": a, "var_g": (a, 0.15), "mean_h": a / (a + b),
                               "std_h": math.sqrt(a * b / (a + b + 1)) / (a + b), "outside": (0, 1e-6)}, 0.05)


@case(covers="random_flip", variants=2)
def random_flip(d):
    axis = d.pick(-1, -2)
    return properties(f"""
  x = uniform([batch, 2, 3, 5]) + along(row, 0, 4)
  y = random_flip(x, {axis}, 0.3, training = true)
  mirrored = all(y == reverse(x, {axis}), [1, 2, 3])
  output wrong = sum(i32(not mirrored and not all(y == x, [1, 2, 3])))
  output share = mean(f32(mirrored))
  output same = sum(abs(random_flip(x) - x))
""", 1000, {"wrong": 0, "share": (0.3, LOOSE), "same": 0})


PLACES = "16 * f32(iota(7))[:, none] + f32(iota(9)) + 1"  # each pixel says where it was


@case(covers="random_shift", variants=2)
def random_shift(d):
    edge = d.pick(False, True)
    mode = ', mode = "edge"' if edge else ""
    return properties(f"""
  image = along(row, 0, 4) + {PLACES}
  y = random_shift(image, 2{mode}, training = true)
  moved_by = image - y
  inside = y > 0
  first = moved_by[:, 0, 3, 4]
  output kinds = sum(i32(inside[:, :, 2:5, 2:7] and moved_by[:, :, 2:5, 2:7] != first[:, none, none, none]))
  down, right = i32(round(first / 16)), i32(first) - 16 * i32(round(first / 16))
  output far = max(maximum(abs(down), abs(right)))
  output down_ = mean(f32(down ^ 2))
  output right_ = mean(f32(right ^ 2))
  left = (7 - abs(down)) * (9 - abs(right))
  output blank = sum(i32(sum(i32(inside), [1, 2, 3]) != {'63' if edge else 'left'}))
  output same = sum(abs(random_shift(image) - image))
""", 500,
                      {"kinds": 0, "far": 2, "down_": (2, LOOSE), "right_": (2, LOOSE), "blank": 0, "same": 0})


@case(covers="random_crop")
def random_crop(d):
    return properties(f"""
  image = along(row, 0, 4) + {PLACES}
  y = random_crop(image, [4, 6], training = true)
  first = y[:, 0, 0, 0] - 1
  output wrong = sum(i32(y - image[:, :, :4, :6] != first[:, none, none, none]))
  output down = mean(floor(first / 16))
  output right = mean(first % 16)
  output most = max(first)
  output middle = sum(abs(random_crop(image, [4, 6]) - image[:, :, 1:5, 1:7]))
""", 500,
                      {"wrong": 0, "down": (1.5, LOOSE), "right": (1.5, LOOSE), "most": 51, "middle": 0})


@case(covers="cutout random_box")
def cutout(d):
    # The square around a place reaches 1 in front of it and 1 behind it, but for the edges.
    expected = (3 - 2 / 7) * (3 - 2 / 9)
    return properties("""
  x = uniform([batch, 2, 7, 9], 0.5, 1) + along(row, 0, 4)
  hole = cutout(x, 3, training = true) == 0
  tall, wide = sum(max(i32(hole), [1, 3]), 1), sum(max(i32(hole), [1, 2]), 1)
  output wrong = sum(i32(sum(i32(hole), [1, 2, 3]) != 2 * tall * wide or tall > 3 or wide > 3 or tall < 2))
  output area = mean(f32(tall * wide))
  output same = sum(abs(cutout(x, 3) - x))
""", 500, {"wrong": 0, "area": (expected, 0.05), "same": 0})


@case(covers="random_brightness random_contrast")
def brightness_and_contrast(d):
    return properties("""
  x = uniform([batch, 2, 3, 3]) + along(row, 0, 4)
  more = random_brightness(x, 0.3, training = true) - x
  output uneven = max(max(more, [1, 2, 3]) - min(more, [1, 2, 3])) + 1
  output far = sum(i32(abs(more) > 0.30001))
  output std_more = std(more)
  m = mean(x, [2, 3], keep = true)
  y = random_contrast(x, 0.3, training = true)
  factor = sum((y - m) * (x - m), [1, 2, 3]) / sum((x - m) ^ 2, [1, 2, 3])
  output shifted = max(abs(m + factor[:, none, none, none] * (x - m) - y)) + 1
  output std_factor = std(factor)
  output mean_factor = mean(factor)
  output same = sum(abs(random_brightness(x) - x) + abs(random_contrast(x) - x))
""", 500, {"uneven": (1, 1e-5), "far": 0, "std_more": (0.3 / math.sqrt(3), LOOSE), "shifted": (1, 1e-5),
                               "std_factor": (0.3 / math.sqrt(3), LOOSE), "mean_factor": (1, LOOSE), "same": 0})


@case(covers="mixup cutmix")
def mixing(d):
    # Every image has one value, which is also its target: what is mixed must agree with it.
    return properties("""
  x = uniform([batch]) + row
  image = broadcast(x[:, none, none, none], [batch, 1, 20, 30])
  y, t = mixup(image, x[:, none], 0.4, training = true)
  output agree = max(abs(y[:, 0] - t[:, none])) + 1
  other = reverse(x, 0)
  unlike = abs(x - other) > 0.05
  count_of = sum(f32(unlike))
  share = (t[:, 0] - other) / (x - other)
  output outside = sum(i32(unlike and (share < -0.001 or share > 1.001)))
  output mean_share = sum(select(unlike, share, 0)) / count_of
  output square_share = sum(select(unlike, share * share, 0)) / count_of
  z, u = cutmix(image, x[:, none], training = true)
  output whole = sum(i32(z != image and z != reverse(image, 0)))
  output areas = max(abs(mean(z, [1, 2, 3]) - u[:, 0])) + 1
  kept = (u[:, 0] - other) / (x - other)
  output mean_kept = sum(select(unlike, kept, 0)) / count_of
  same_y, same_t = mixup(image, x[:, none])
  same_z, same_u = cutmix(image, x[:, none])
  output same = sum(abs(same_y - image) + abs(same_z - image)) + sum(abs(same_t - same_u))
""", 800,
                      {"agree": (1, 1e-5), "outside": 0, "mean_share": (0.5, LOOSE),
                       "square_share": (0.25 + 1 / (4 * 1.8), LOOSE), "whole": 0, "areas": (1, 1e-5),
                       "mean_kept": (cutmix_share(), 0.06), "same": 0})


def cutmix_share(height=20, width=30, draws=200000):
    """How much of an image stays on the average, by drawing in numpy."""
    random = np.random.default_rng(1)
    side = np.sqrt(random.uniform(size=draws))
    covered = 1
    for n in (height, width):
        size = (side * n).astype(int)
        start = random.integers(0, n, draws) - size // 2
        covered = covered * (np.minimum(start + size, n) - np.maximum(start, 0))
    return float(1 - (covered / (height * width)).mean())
