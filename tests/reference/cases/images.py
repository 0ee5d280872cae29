"""Convolutions, pooling, and more or fewer elements along an axis."""
import torch
import torch.nn.functional as F

from framework import Case, case

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def image(d, channels, axes, low=5):
    """Three axes are short ones, so that the stored file stays small."""
    low = min(low, 3) if axes == 3 else low
    return d.normal(1 if d.stored and axes == 3 else d.size(1, 3), channels, *d.shape(axes, low, max(low, 9 - 2 * axes)))


def column(v, axes):
    return v.reshape(-1, *[1] * axes)


def convolution(d, axes):
    groups = d.pick(1, 3)
    stride, padding, dilation = d.pick((1, "same"), (2, "valid"), (2, 1)) + (d.pick(1, 2),)
    channels, features, size = groups * d.size(1, 2), groups * d.size(1, 2), d.size(2, 3)
    dilation = 1 if axes == 3 else dilation  # so that the kernel is no longer than a short image
    text = f'"{padding}"' if isinstance(padding, str) else padding
    name = f"conv{axes}d"

    def f(x, **p):
        return CONVOLUTIONS[axes](x, p[f"{name}_weight"], p[f"{name}_bias"], stride, padding, dilation, groups)

    return Case(f"y = {name}(x, {features}, {size}, stride = {stride}, padding = {text}, dilation = {dilation}, "
                f"groups = {groups})", f, inputs={"x": image(d, channels, axes)},
                params={f"{name}.weight": d.normal(features, channels // groups, *[size] * axes),
                        f"{name}.bias": d.normal(features)})


@case(covers="conv1d", variants=4)
def conv1d(d):
    return convolution(d, 1)


@case(covers="conv2d", variants=4)
def conv2d(d):
    return convolution(d, 2)


@case(covers="conv3d", variants=2)
def conv3d(d):
    return convolution(d, 3)


@case(covers="conv_transpose", variants=4)
def conv_transpose(d):
    axes, stride = d.pick(1, 2), d.pick(1, 2, 3)
    groups = d.pick(1, 2)
    channels, features, size = groups * d.size(1, 3), groups * d.size(1, 3), d.size(2, 4)
    padding, more = d.pick(0, 1), d.pick(0, stride - 1)

    def f(x, conv_transpose_weight, conv_transpose_bias):
        return TRANSPOSED[axes](x, conv_transpose_weight, conv_transpose_bias, stride, padding, more, groups)

    return Case(f"y = conv_transpose(x, {features}, {size}, stride = {stride}, padding = {padding}, groups = {groups}, "
                f"output_padding = {more})", f, inputs={"x": image(d, channels, axes, 2)},
                params={"conv_transpose.weight": d.normal(channels, features // groups, *[size] * axes),
                        "conv_transpose.bias": d.normal(features)})


@case(covers="depthwise_conv", variants=4)
def depthwise_conv(d):
    multiplier, axes = d.pick(1, 3), d.pick(1, 2)
    channels, size, stride = d.size(1, 4), d.size(1, 3), d.pick(1, 2)
    features = channels * multiplier

    def f(x, depthwise_conv_weight, depthwise_conv_bias):
        return CONVOLUTIONS[axes](x, depthwise_conv_weight, depthwise_conv_bias, stride, "valid", groups=channels)

    return Case(f'y = depthwise_conv(x, {size}, {multiplier}, {stride}, "valid")', f,
                inputs={"x": image(d, channels, axes)},
                params={"depthwise_conv.weight": d.normal(features, 1, *[size] * axes),
                        "depthwise_conv.bias": d.normal(features)})


@case(covers="separable_conv", variants=4)
def separable_conv(d):
    multiplier, axes = d.pick(1, 3), d.pick(1, 2)
    channels, features, size = d.size(1, 4), d.size(1, 5), d.size(1, 3)

    def f(x, separable_conv_depthwise_conv_weight, separable_conv_weight, separable_conv_bias):
        y = CONVOLUTIONS[axes](x, separable_conv_depthwise_conv_weight, None, 1, "same", groups=channels)
        return CONVOLUTIONS[axes](y, separable_conv_weight, separable_conv_bias)

    return Case(f"y = separable_conv(x, {features}, {size}, {multiplier})", f, inputs={"x": image(d, channels, axes)},
                params={"separable_conv.depthwise_conv.weight": d.normal(channels * multiplier, 1, *[size] * axes),
                        "separable_conv.weight": d.normal(features, channels * multiplier, *[1] * axes),
                        "separable_conv.bias": d.normal(features)})


@case(covers="window", variants=2)
def window(d):
    n, size, stride = d.size(5, 12), d.size(1, 3), d.pick(1, 2)
    return Case(f"y = window(x, [{size}], [1], stride = {stride})", lambda x: x.unfold(1, size, stride),
                inputs={"x": d.normal(d.size(1, 4), n)})


@case(covers="max_pool", variants=4)
def max_pool(d):
    axes, padding = d.pick(1, 2), d.pick(0, 1)
    size, stride = d.size(2, 4), d.pick(1, 2, 3)
    pool = {1: F.max_pool1d, 2: F.max_pool2d}[axes]
    return Case(f"y = max_pool(x, {size}, {stride}, {padding})", lambda x: pool(x, size, stride, padding),
                inputs={"x": image(d, d.size(1, 3), axes)})


@case(covers="mean_pool", variants=6)
def mean_pool(d):
    axes, padding = d.pick(1, 2), d.pick(0, 1)
    size, stride, counted = d.size(2, 4), d.pick(1, 2, 3), d.pick(True, False)
    pool = {1: F.avg_pool1d, 2: F.avg_pool2d}[axes]
    return Case(f"y = mean_pool(x, {size}, {stride}, {padding}, count_padding = {'true' if counted else 'false'})",
                lambda x: pool(x, size, stride, padding, count_include_pad=counted),
                inputs={"x": image(d, d.size(1, 3), axes)})


@case(covers="global_mean_pool global_max_pool", variants=2)
def global_pool(d):
    axes = d.pick(1, 2)
    places = list(range(2, 2 + axes))
    return Case("y = global_mean_pool(x)\nz = global_max_pool(x)", lambda x: [x.mean(places), x.amax(places)],
                inputs={"x": image(d, d.size(1, 3), axes)}, outputs=("y", "z"))


@case(covers="adaptive_mean_pool adaptive_max_pool", variants=4)
def adaptive_pool(d):
    axes, largest = d.pick(1, 2), d.pick(False, True)
    x = image(d, d.size(1, 3), axes)
    to = [d.size(1, 12) for _ in range(axes)]
    pools = {(1, False): F.adaptive_avg_pool1d, (1, True): F.adaptive_max_pool1d,
             (2, False): F.adaptive_avg_pool2d, (2, True): F.adaptive_max_pool2d}
    return Case(f"y = adaptive_{'max' if largest else 'mean'}_pool(x, {to})", lambda x: pools[axes, largest](x, to),
                inputs={"x": x})


@case(covers="squeeze_excite")
def squeeze_excite(d):
    ratio = d.pick(2, 3)
    channels = ratio * d.size(1, 3)
    inside = channels // ratio

    def f(x, squeeze_excite_dense_weight, squeeze_excite_dense_bias, squeeze_excite_dense_2_weight,
          squeeze_excite_dense_2_bias):
        h = torch.relu(x.mean((2, 3)) @ squeeze_excite_dense_weight + squeeze_excite_dense_bias)
        return x * torch.sigmoid(h @ squeeze_excite_dense_2_weight + squeeze_excite_dense_2_bias)[..., None, None]

    return Case(f"y = squeeze_excite(x, {ratio})", f, inputs={"x": image(d, channels, 2)},
                params={"squeeze_excite.dense.weight": d.normal(channels, inside),
                        "squeeze_excite.dense.bias": d.normal(inside),
                        "squeeze_excite.dense_2.weight": d.normal(inside, channels),
                        "squeeze_excite.dense_2.bias": d.normal(channels)},
                gradient_within=1e-4)  # few means, so that what passes the relu may nearly cancel


@case(covers="patches", variants=2)
def patches(d):
    size = d.pick(2, 3)
    x = d.normal(d.size(1, 3), d.size(1, 3), size * d.size(1, 3), size * d.size(1, 3))
    return Case(f"y = patches(x, {size})", lambda x: F.unfold(x, size, stride=size).transpose(1, 2), inputs={"x": x})


@case(covers="repeat", variants=2)
def repeat(d):
    axis, times = d.pick(1, -1), d.size(1, 4)
    return Case(f"y = repeat(x, {times}, axis = {axis})", lambda x: x.repeat_interleave(times, axis),
                inputs={"x": d.normal(*d.shape(3, high=6))})


@case(covers="pad_with", variants=5)
def pad_with(d):
    mode, axes = d.pick("constant", "reflect", "edge", "wrap"), d.pick(1, 2)
    x = image(d, d.size(1, 3), axes, 4)
    low, high = ([0, 0] + [int(d.random.integers(0, 4)) for _ in range(axes)] for _ in range(2))
    names = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    around = [n for axis in range(axes + 1, 1, -1) for n in (low[axis], high[axis])]
    value = 2 if mode == "constant" else 0
    return Case(f'y = pad_with(x, {low}, {high}, "{mode}", {value})', lambda x: F.pad(x, around, names[mode], value),
                inputs={"x": x})


@case(covers="pad_with", variants=2)
def pad_symmetric(d):
    n, low, high = d.size(5, 9), d.size(1, 5), d.pick(0, 3)

    def f(x):
        return torch.cat([x[:, :low].flip(1), x, x[:, n - high:].flip(1)], 1)

    return Case(f'y = pad_with(x, [0, {low}], [0, {high}], "symmetric")', f, inputs={"x": d.normal(d.size(1, 3), n)})


@case(covers="resize", variants=6)
def resize(d):
    how, axes = d.pick("linear", "corners", "nearest"), d.pick(1, 2, 3)
    x = image(d, d.size(1, 2), axes, 2)
    to = [d.size(1, 12) for _ in range(axes)]
    names = {1: "linear", 2: "bilinear", 3: "trilinear"}
    options = {"linear": "", "corners": ", align_corners = true", "nearest": ', "nearest"'}

    def f(x):
        if how == "nearest":
            return F.interpolate(x, to, mode="nearest")
        return F.interpolate(x, to, mode=names[axes], align_corners=how == "corners")

    return Case(f"y = resize(x, {to}{options[how]})", f, inputs={"x": x}, within=2e-5)


@case(covers="upsample", variants=4)
def upsample(d):
    how, factor = d.pick("nearest", "linear"), d.pick(2, 3)
    return Case(f'y = upsample(x, {factor}, "{how}")',
                lambda x: F.interpolate(x, scale_factor=factor, mode="nearest" if how == "nearest" else "bilinear"),
                inputs={"x": image(d, d.size(1, 2), 2, 2)})


@case(covers="pixel_shuffle pixel_unshuffle", variants=2)
def pixel_shuffle(d):
    factor = d.pick(2, 3)
    x = d.normal(d.size(1, 3), factor * factor * d.size(1, 2), d.size(1, 4), d.size(1, 4))
    z = d.normal(d.size(1, 3), d.size(1, 3), factor * d.size(1, 3), factor * d.size(1, 3))[:1].repeat(len(x), 0)
    return Case(f"y = pixel_shuffle(x, {factor})\nv = pixel_unshuffle(z, {factor})",
                lambda x, z: [F.pixel_shuffle(x, factor), F.pixel_unshuffle(z, factor)], inputs={"x": x, "z": z},
                outputs=("y", "v"))


@case(covers="resize", variants=4)
def resize_cubic(d):
    corners = d.pick(False, True)
    to = [d.size(1, 12) for _ in range(2)]
    return Case(f'y = resize(x, {to}, "cubic", align_corners = {str(corners).lower()})',
                lambda x: F.interpolate(x, to, mode="bicubic", align_corners=corners),
                inputs={"x": image(d, d.size(1, 2), 2, 2)}, within=2e-5)


@case(covers="channel_shuffle", variants=2)
def channel_shuffle(d):
    groups, axes = d.pick(2, 3), d.pick(1, 2)
    return Case(f"y = channel_shuffle(x, {groups})",
                lambda x: torch.cat([x[:, i::x.shape[1] // groups] for i in range(x.shape[1] // groups)], 1),
                inputs={"x": image(d, groups * d.size(1, 4), axes)})


@case(covers="lp_pool", variants=6)
def lp_pool(d):
    power, axes = d.pick(1, 2, 2.5), d.pick(1, 2)
    size, stride = d.size(2, 4), d.pick(1, 2, 3)
    pool = {1: F.lp_pool1d, 2: F.lp_pool2d}[axes]
    return Case(f"y = lp_pool(x, {power}, {size}, {stride})", lambda x: pool(x.abs(), power, size, stride),
                inputs={"x": image(d, d.size(1, 3), axes)}, within=2e-5)


@case(covers="local_response_norm", variants=4)
def local_response_norm(d):
    size, axes = d.pick(5, 4, 1, 3), d.pick(1, 2)
    alpha, beta, k = d.number(0.1, 2), d.number(0.3, 1.5), d.number(0.5, 2)
    return Case(f"y = local_response_norm(x, {size}, {alpha}, {beta}, {k})",
                lambda x: F.local_response_norm(x, size, alpha, beta, k), inputs={"x": image(d, d.size(1, 9), axes)})
