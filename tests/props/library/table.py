#!/usr/bin/env python3
"""Writes table.txt: values and first derivatives of the functions of the library, from closed forms in 60 digits.

    tests/props/library/table.py > tests/props/library/table.txt        (needs python3-mpmath)

A function is tried as an expression of one float x, at 0, -0, +-1e-8, +-1, +-20, +-100, +-1e30, +-inf and NaN, all
rounded to f32; ties are where x meets a constant of the expression, 1, -1 or 0. Conventions where a derivative is a
choice:

    a maximum or minimum of equals     to the first operand; so relu has 0 at 0
    abs, norm, std at their kinks      0
    NaN                                the derivative of the branch that was taken: 1 for relu, maximum, clamp; 0 for select
    log, 1 / x below 0                 1 / x and -1 / x^2 go on, though the value of log is NaN
    safe_* where they are not defined  the value 0 with the derivative 0
    sin, cos, tan beyond 2^31          of 0, as ir/OPERATORS.md says
    a softmax with inf in its row      NaN, as in PyTorch; -inf has no share

A deviation is so many ulp of f32, or an absolute bound with its reason. Results beyond f32 are infinite, subnormal ones
may be 0.
"""
import struct
from mpmath import mp, mpf, exp, expm1, log, log1p, tanh, erf, sqrt, sin, cos, pi, floor, nint, inf, nan, isnan, isinf, asin, acos, atan, tan, sinh, cosh, ceil

mp.dps = 60


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


POINTS = [0.0, -0.0] + [s * f32(v) for v in (1e-8, 1, 20, 100, 1e30, float("inf")) for s in (1, -1)] + [float("nan")]


def negative_zero(x):
    return str(x) == "-0.0"


def text(v):
    if v is None:
        return "none"  # no derivative passes
    if isinstance(v, bool):
        return "1" if v else "0"
    if isnan(v):
        return "nan"
    if isinf(v):
        return "inf" if v > 0 else "-inf"
    v = mpf(v)
    if abs(v) > 1e300:  # more than enough to be infinite, or 0, in f32
        return "inf" if v > 0 else "-inf"
    return mp.nstr(v, 20) if abs(v) > 1e-300 else "0"


# ---- closed forms that serve several functions ------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return log1p(exp(-abs(x))) + max(x, 0)


def phi(x):
    return exp(-x * x / 2) / sqrt(2 * pi)


def normal(x):  # the share of a standard normal below x
    return mp.ncdf(x)


def gelu_near(x):
    k = sqrt(2 / pi)
    t = tanh(k * (x + mpf("0.044715") * x**3))
    return x / 2 * (1 + t), (1 + t) / 2 + x / 2 * (1 - t * t) * k * (1 + 3 * mpf("0.044715") * x * x)


def share(x):  # softmax of (x, 1, -2) at its first place
    return 1 / (1 + exp(1 - x) + exp(-2 - x))


def row_sum(x):
    return log(exp(x) + exp(mpf(1)) + exp(mpf(-2)))


def both(value, slope):
    return lambda x: (value(x), slope(x))


def sign(x):
    return (x > 0) - (x < 0)


def ends(at_minus, at_plus, at_nan=(nan, nan)):
    return {"-inf": at_minus, "inf": at_plus, "nan": at_nan}


TABLE = []


def add(name, expression, f, special, ulps, bound=0, why="", slope_ulps=None, slope_bound=None):
    """`special`: results at the infinities and NaN, and at other points where the closed form has none."""
    TABLE.append((name, expression, f, special, ulps, bound, slope_ulps or ulps + 4,
                  bound if slope_bound is None else slope_bound, why))


def only(f):  # no derivative
    return lambda x: (f(x), None)


# ---- builtins -------------------------------------------------------------------------------------------------------

add("exp", "exp(x)", both(exp, exp), ends((0, 0), (inf, inf)), 2)
add("expm1", "expm1(x)", both(expm1, exp), ends((-1, 0), (inf, inf)), 2)
add("log", "log(x)", lambda x: (log(x) if x > 0 else nan, 1 / x),
    {"0": (-inf, inf), "-0": (-inf, -inf), **ends((nan, 0), (inf, 0))}, 2)
add("log1p", "log1p(x)", lambda x: (log1p(x) if x > -1 else -inf if x == -1 else nan, inf if x == -1 else 1 / (1 + x)),
    ends((nan, 0), (inf, 0)), 2)
add("tanh", "tanh(x)", both(tanh, lambda x: 1 - tanh(x) ** 2), ends((-1, 0), (1, 0)), 2, 0, "1 - y^2 cancels",
    slope_bound=1.2e-7)
add("erf", "erf(x)", both(erf, lambda x: 2 / sqrt(pi) * exp(-x * x)), ends((-1, 0), (1, 0)), 4)
add("sqrt", "sqrt(x)", lambda x: (sqrt(x), 1 / (2 * sqrt(x))) if x > 0 else (nan, nan),
    {"0": (0, inf), "-0": (0, -inf), **ends((nan, nan), (inf, 0))}, 1)
add("rsqrt", "rsqrt(x)", lambda x: (1 / sqrt(x), -1 / (2 * x * sqrt(x))) if x > 0 else (nan, nan),
    {"0": (inf, -inf), "-0": (-inf, inf), **ends((nan, nan), (0, 0))}, 2)
add("sin", "sin(x)", both(sin, cos), {"1e+30": (0, 1), "-1e+30": (0, 1), **ends((nan, nan), (nan, nan))}, 4)
add("cos", "cos(x)", both(cos, lambda x: -sin(x)), {"1e+30": (1, 0), "-1e+30": (1, 0), **ends((nan, nan), (nan, nan))}, 4)
add("abs", "abs(x)", both(abs, sign), ends((inf, -1), (inf, 1)), 0)
add("sign", "sign(x)", only(sign), ends((-1, None), (1, None), (nan, None)), 0)
add("floor", "floor(x)", only(floor), ends((-inf, None), (inf, None), (nan, None)), 0)
add("round", "round(x)", only(nint), ends((-inf, None), (inf, None), (nan, None)), 0)
add("is_nan", "f32(is_nan(x))", only(lambda x: False), ends((0, None), (0, None), (1, None)), 0)
add("is_finite", "f32(is_finite(x))", only(lambda x: True), ends((0, None), (0, None), (0, None)), 0)
add("stop_gradient", "stop_gradient(x)", only(lambda x: x), ends((-inf, None), (inf, None), (nan, None)), 0)
add("tan", "tan(x)", both(tan, lambda x: 1 + tan(x) ** 2),
    {"1e+30": (0, 1), "-1e+30": (0, 1), **ends((nan, nan), (nan, nan))}, 4)
add("asin", "asin(x)", lambda x: (asin(x), inf if abs(x) == 1 else 1 / sqrt(1 - x * x)) if abs(x) <= 1 else (nan, nan),
    ends((nan, nan), (nan, nan)), 4)
add("acos", "acos(x)", lambda x: (acos(x), -inf if abs(x) == 1 else -1 / sqrt(1 - x * x)) if abs(x) <= 1 else (nan, nan),
    ends((nan, nan), (nan, nan)), 4)
add("atan", "atan(x)", both(atan, lambda x: 1 / (1 + x * x)), ends((-pi / 2, 0), (pi / 2, 0)), 4)
add("atan2", "atan2(x, 1)", both(atan, lambda x: 1 / (1 + x * x)), ends((-pi / 2, 0), (pi / 2, 0)), 4)
add("sinh", "sinh(x)", both(sinh, cosh), ends((-inf, inf), (inf, inf)), 4)
add("cosh", "cosh(x)", both(cosh, sinh), ends((inf, -inf), (inf, inf)), 4)
add("exp2", "exp2(x)", both(lambda x: mpf(2) ** x, lambda x: mpf(2) ** x * log(2)), ends((0, 0), (inf, inf)), 2)
add("log2", "log2(x)", lambda x: (log(x) / log(2) if x > 0 else nan, 1 / (x * log(2))),
    {"0": (-inf, inf), "-0": (-inf, -inf), **ends((nan, 0), (inf, 0))}, 2)
add("cbrt", "cbrt(x)", lambda x: (sign(x) * mp.cbrt(abs(x)), 1 / (3 * mp.cbrt(abs(x)) ** 2)),
    {"0": (0, inf), "-0": (0, inf), **ends((-inf, 0), (inf, 0))}, 2)
add("ceil", "ceil(x)", only(ceil), ends((-inf, None), (inf, None), (nan, None)), 0)
add("trunc", "trunc(x)", only(lambda x: sign(x) * floor(abs(x))), ends((-inf, None), (inf, None), (nan, None)), 0)
add("xor", "f32(xor(x > 0, x > 1))", only(lambda x: (x > 0) != (x > 1)), ends((0, None), (0, None), (0, None)), 0)
add("maximum", "maximum(x, 1)", lambda x: (max(x, 1), int(x >= 1)), ends((1, 0), (inf, 1), (nan, 1)), 0)
add("maximum", "maximum(1, x)", lambda x: (max(x, 1), int(x > 1)), ends((1, 0), (inf, 1), (nan, 1)), 0)
add("maximum", "maximum(-3, x)", lambda x: (max(x, -3), int(x > -3)), ends((-3, 0), (inf, 1), (nan, 1)), 0)
add("minimum", "minimum(x, 1)", lambda x: (min(x, 1), int(x <= 1)), ends((-inf, 1), (1, 0), (nan, 1)), 0)
add("minimum", "minimum(0, x)", lambda x: (min(x, 0), int(x < 0)), ends((-inf, 1), (0, 0), (nan, 1)), 0)
add("select", "select(x > 0, x, 2)", lambda x: (x if x > 0 else 2, int(x > 0)), ends((2, 0), (inf, 1), (2, 0)), 0)
add("convert", "convert(x, f32)", lambda x: (x, 1), ends((-inf, 1), (inf, 1), (nan, 1)), 0)
add("grad", "grad(sum(square(x)), x)", lambda x: (2 * x, 2), ends((-inf, 2), (inf, 2), (nan, 2)), 0)

# ---- activations ------------------------------------------------------------------------------------------------------

add("relu", "relu(x)", lambda x: (max(x, 0), int(x > 0)), ends((0, 0), (inf, 1), (nan, 1)), 0)
add("leaky_relu", "leaky_relu(x, 0.25)", lambda x: (x, 1) if x > 0 else (x / 4, 0.25),
    ends((-inf, 0.25), (inf, 1), (nan, 0.25)), 0)
add("sigmoid", "sigmoid(x)", both(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)), ends((0, 0), (1, 0)), 3, 2e-35,
    "exp is held below exp(80)")
add("gelu", "gelu(x)", both(lambda x: x * normal(x), lambda x: normal(x) + x * phi(x)), ends((0, 0), (inf, 1)), 4, 5e-7,
    "1 + erf cancels", slope_bound=1e-6)
add("gelu", "gelu(x, approximate = true)", lambda x: gelu_near(x) if abs(x) < 50 else (x, 1) if x > 0 else (0, 0),
    ends((0, 0), (inf, 1)), 4, 5e-7, "1 + tanh cancels", slope_bound=1e-6)
add("silu", "silu(x)", both(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    ends((0, 0), (inf, 1)), 4, 2e-33, "exp is held below exp(80)", slope_ulps=16)
add("softplus", "softplus(x)", both(softplus, sigmoid), ends((0, 0), (inf, 1)), 3)
add("softplus", "softplus(x, beta = 4)", both(lambda x: softplus(4 * x) / 4, lambda x: sigmoid(4 * x)), ends((0, 0), (inf, 1)), 3)
add("log_sigmoid", "log_sigmoid(x)", both(lambda x: -softplus(-x), lambda x: sigmoid(-x)), ends((-inf, 1), (0, 0)), 3)
pair = "stack(x, ones_like(x), axis = 1)"
row = "stack(x, ones_like(x), -2 * ones_like(x), axis = 1)"
add("softmax", f"softmax({row})[:, 0]", both(share, lambda x: share(x) * (1 - share(x))), ends((0, 0), (nan, nan)), 4,
    1e-38, "s - s^2 cancels", slope_bound=1.2e-7)
add("log_softmax", f"log_softmax({row})[:, 0]", both(lambda x: -log1p(exp(1 - x) + exp(-2 - x)), lambda x: 1 - share(x)),
    ends((-inf, 1), (nan, nan)), 4, 1.2e-7, "the sum of exponentials is rounded near 1")

add("relu6", "relu6(x)", lambda x: (min(max(x, 0), 6), int(0 < x < 6)), ends((0, 0), (6, 0), (nan, 1)), 0)
add("prelu", "prelu(x)", lambda x: (x, 1) if x > 0 else (x / 4, 0.25), ends((-inf, 0.25), (inf, 1), (nan, 1.25)), 0)
add("rrelu", "rrelu(x, 0.125, 0.375)", lambda x: (x, 1) if x > 0 else (x / 4, 0.25),
    ends((-inf, 0.25), (inf, 1), (nan, 0.25)), 0)
add("elu", "elu(x, 2)", lambda x: (x, 1) if x > 0 else (2 * expm1(x), 2 * exp(x)), ends((-2, 0), (inf, 1)), 2)
SCALE, ALPHA = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")
add("selu", "selu(x)", lambda x: (SCALE * x, SCALE) if x > 0 else (SCALE * ALPHA * expm1(x), SCALE * ALPHA * exp(x)),
    ends((-SCALE * ALPHA, 0), (inf, SCALE)), 4)
add("celu", "celu(x, 2)", lambda x: (x, 1) if x > 0 else (2 * expm1(x / 2), exp(x / 2)), ends((-2, 0), (inf, 1)), 2)
add("hard_tanh", "hard_tanh(x)", lambda x: (min(max(x, -1), 1), int(-1 < x < 1)), ends((-1, 0), (1, 0), (nan, 1)), 0)
add("hard_sigmoid", "hard_sigmoid(x)", lambda x: (min(max(x + 3, 0), 6) / 6, mpf(-3 < x < 3) / 6),
    ends((0, 0), (1, 0), (nan, mpf(1) / 6)), 2)
add("hard_silu", "hard_silu(x)", lambda x: (x * min(max(x + 3, 0), 6) / 6, (2 * x + 3) / 6 if abs(x) < 3 else int(x > 0)),
    ends((0, 0), (inf, 1)), 4)
add("hard_shrink", "hard_shrink(x, 1)", lambda x: (x, 1) if abs(x) > 1 else (0, 0), ends((-inf, 1), (inf, 1), (nan, 1)), 0)
add("soft_shrink", "soft_shrink(x, 1)", lambda x: (x - sign(x), 1) if abs(x) > 1 else (0, 0),
    ends((-inf, 1), (inf, 1), (nan, 0)), 0)
add("tanh_shrink", "tanh_shrink(x)", both(lambda x: x - tanh(x), lambda x: tanh(x) ** 2), ends((-inf, 1), (inf, 1)), 4,
    6e-8, "x - tanh(x) cancels", slope_bound=1e-20)
add("threshold", "threshold(x, 1, 2)", lambda x: (x, 1) if x > 1 else (2, 0), ends((2, 0), (inf, 1), (nan, 1)), 0)
add("mish", "mish(x)", both(lambda x: x * tanh(softplus(x)),
                            lambda x: tanh(softplus(x)) + x * sigmoid(x) / mp.cosh(softplus(x)) ** 2 if abs(x) < 1000 else int(x > 0)),
    ends((0, 0), (inf, 1)), 4, 0, "1 - tanh^2 cancels", slope_bound=2e-6)
add("softsign", "softsign(x)", both(lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2), ends((-1, 0), (1, 0)), 3)


def hyperbola(x):
    return (x + sqrt(x * x + 4)) / 2 if x > 0 else 2 / (sqrt(x * x + 4) - x)


add("squareplus", "squareplus(x)", both(lambda x: hyperbola(x), lambda x: hyperbola(x) / sqrt(x * x + 4)),
    ends((0, 0), (inf, 1)), 4)
add("sparse_plus", "sparse_plus(x)", lambda x: (max(x, 0), int(x > 0)) if abs(x) >= 1 else ((x + 1) ** 2 / 4, (x + 1) / 2),
    ends((0, 0), (inf, 1)), 2)
add("sparse_sigmoid", "sparse_sigmoid(x)", lambda x: (min(max((x + 1) / 2, 0), 1), mpf(abs(x) < 1) / 2),
    ends((0, 0), (1, 0), (nan, 0.5)), 1)
halves = "stack(ones_like(x), x, axis = 1)"
add("glu", f"glu({halves})[:, 0]", both(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)), ends((0, 0), (1, 0)), 3, 2e-35,
    "exp is held below exp(80)")
add("softmin", f"softmin({row})[:, 2]", both(lambda x: 1 / (1 + exp(-3) + exp(-2 - x)),
                                             lambda x: exp(-2 - x) / (1 + exp(-3) + exp(-2 - x)) ** 2),
    ends((nan, nan), (1 / (1 + exp(mpf(-3))), 0)), 4, 1e-38, "", slope_ulps=16)
low_row = "stack(x, 0.5 * ones_like(x), -2 * ones_like(x), axis = 1)"
add("sparsemax", f"sparsemax({low_row})[:, 0]", lambda x: (min(max((x + 0.5) / 2, 0), 1), mpf(-0.5 < x < 1.5) / 2),
    ends((0, 0), (nan, nan)), 2, 1.2e-7, "sums of shares are rounded near 1")


def share_of_1(x):  # softmax of (x, 1, -2) at its second place
    return 1 / (1 + exp(x - 1) + exp(mpf(-3)))


def focal(p, dp):  # -(1 - p)^2 log(p) and its derivative, of a probability whose derivative is dp
    return -((1 - p) ** 2) * log(p), dp * (2 * (1 - p) * log(p) - (1 - p) ** 2 / p)


# ---- losses and metrics -------------------------------------------------------------------------------------------------

label = "1 + 0 * i32(x > 2)"
label_0 = "0 * i32(x > 2)"
add("cross_entropy", f"cross_entropy({row}, {label}, reduce = \"none\")", both(lambda x: row_sum(x) - 1, share),
    ends((row_sum(mpf(-10**6)) - 1, 0), (nan, nan)), 4, 1.2e-7, "the sum of exponentials is rounded near 1")
add("mean_squared_error", "mean_squared_error(x, ones_like(x), reduce = \"none\")",
    both(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1)), ends((inf, -inf), (inf, inf)), 2)
for target, at_minus, at_plus in ((0, (0, 0), (inf, 1)), (1, (inf, -1), (0, 0)), (0.25, (inf, -0.25), (inf, 0.75))):
    add("binary_cross_entropy", f"binary_cross_entropy(x, {target} + 0 * ones_like(x), reduce = \"none\")",
        both(lambda x, t=target: softplus(x) - x * t, lambda x, t=target: sigmoid(x) - t), ends(at_minus, at_plus), 4,
        0, "near 0 both sides of the difference count", slope_bound=6e-8)

loss_of = lambda call: call + ', reduce = "none")'
absolute = lambda x: (abs(x - 1), sign(x - 1))
add("mean_absolute_error", loss_of("mean_absolute_error(x, ones_like(x)"), absolute, ends((inf, -1), (inf, 1)), 1)
add("mean_absolute_percentage_error", loss_of("mean_absolute_percentage_error(x, ones_like(x)"),
    lambda x: (100 * abs(x - 1), 100 * sign(x - 1)), ends((inf, -100), (inf, 100)), 2)
add("mean_squared_log_error", loss_of("mean_squared_log_error(x, zeros_like(x)"),
    lambda x: (log1p(x) ** 2, 2 * log1p(x) / (1 + x)) if x > 0 else (0, 0), ends((0, 0), (inf, nan), (nan, nan)), 8)
add("huber", loss_of("huber(x, ones_like(x), 2"),
    lambda x: ((x - 1) ** 2 / 2, x - 1) if abs(x - 1) <= 2 else (2 * abs(x - 1) - 2, 2 * sign(x - 1)),
    ends((inf, -2), (inf, 2)), 2)
add("log_cosh", loss_of("log_cosh(x, zeros_like(x)"),
    both(lambda x: log(cosh(x)) if abs(x) < 1000 else abs(x) - log(2), tanh), ends((inf, -1), (inf, 1)), 4)
add("log_of_cosh", "log_of_cosh(x)", both(lambda x: log(cosh(x)) if abs(x) < 1000 else abs(x) - log(2), tanh),
    ends((inf, -1), (inf, 1)), 4)
add("quantile_error", loss_of("quantile_error(x, ones_like(x), 0.25"),
    lambda x: (mpf(3) / 4 * (x - 1), mpf(3) / 4) if x > 1 else (mpf(1 - x) / 4, -mpf(1) / 4 if x < 1 else 0),
    ends((inf, -0.25), (inf, 0.75), (nan, 0.5)), 2)
add("hinge", loss_of("hinge(x, ones_like(x)"), lambda x: (max(0, 1 - x), -int(x < 1)), ends((inf, -1), (0, 0), (nan, -1)), 1)
add("squared_hinge", loss_of("squared_hinge(x, ones_like(x)"), lambda x: (max(0, 1 - x) ** 2, -2 * max(0, 1 - x)),
    ends((inf, -inf), (0, 0)), 2)
add("soft_margin", loss_of("soft_margin(x, ones_like(x)"), both(lambda x: softplus(-x), lambda x: -sigmoid(-x)),
    ends((inf, -1), (0, 0)), 3)
add("categorical_hinge", loss_of(f"categorical_hinge({row}, {label_0}"), lambda x: (max(0, 2 - x), -int(x < 2)),
    ends((inf, -1), (0, 0), (nan, -1)), 1)
add("multi_margin", loss_of(f"multi_margin({row}, {label}, 2"), lambda x: (max(0, x + 1) / 3, mpf(x > -1) / 3),
    ends((0, 0), (inf, mpf(1) / 3), (nan, mpf(1) / 3)), 2)
add("multilabel_margin", loss_of(f"multilabel_margin({row}, stack(zeros_like(x), ones_like(x), zeros_like(x), axis = 1)"),
    lambda x: (max(0, x) / 3, mpf(x > 0) / 3), ends((0, 0), (inf, mpf(1) / 3), (nan, mpf(1) / 3)), 2)
add("generalized_cross_entropy", loss_of(f"generalized_cross_entropy({row}, {label}"),
    lambda x: (2 - 2 * sqrt(share_of_1(x)), sqrt(share_of_1(x)) * share(x)),
    ends((2 - 2 * sqrt(share_of_1(-mpf(10) ** 6)), 0), (nan, nan)), 8, 1.2e-7, "the sum of exponentials is rounded near 1")
add("focal_cross_entropy", loss_of(f"focal_cross_entropy({row}, {label}"),
    lambda x: focal(share_of_1(x), -share_of_1(x) * share(x)), ends(focal(share_of_1(-mpf(10) ** 6), 0), (nan, nan)), 64,
    1e-6, "1 - p cancels", slope_bound=2e-6)
for target, at_minus, at_plus in ((0, (0, 0), (inf, 1)), (1, (inf, -1), (0, 0))):
    sided = -1 if target else 1  # of the same logit
    add("binary_focal_cross_entropy", loss_of(f"binary_focal_cross_entropy(x, {target} + 0 * ones_like(x)"),
        lambda x, k=sided: focal(sigmoid(-k * x), -k * sigmoid(x) * sigmoid(-x)) if k * x < 1000 else (k * x, k),
        ends(at_minus, at_plus), 16, 1e-30, "sigmoid is held below exp(80)", slope_bound=3e-6)
quarter = mpf(1) / 4
shares = "stack(0.25 * ones_like(x), 0.75 * ones_like(x), zeros_like(x), axis = 1)"
two = "stack(x, ones_like(x), -inf * ones_like(x), axis = 1)"
cross = both(lambda x: softplus(x - 1) + 1 - (x + 3) / 4, lambda x: sigmoid(x - 1) - quarter)
inner = quarter * log(quarter) + 3 * quarter * log(3 * quarter)
add("soft_cross_entropy", loss_of(f"soft_cross_entropy({two}, {shares}"), cross, ends((inf, -0.25), (nan, nan)), 4, 1.2e-7,
    "terms cancel")
add("kl_divergence", loss_of(f"kl_divergence({two}, {shares}"),
    both(lambda x: cross(x)[0] + inner, lambda x: cross(x)[1]), ends((inf, -0.25), (nan, nan)), 4, 1.2e-7, "terms cancel")
add("gaussian_nll", loss_of("gaussian_nll(x, ones_like(x), 2 * ones_like(x)"),
    both(lambda x: (log(mpf(2)) + (x - 1) ** 2 / 2) / 2, lambda x: (x - 1) / 2), ends((inf, -inf), (inf, inf)), 4)
add("poisson_nll", loss_of("poisson_nll(x, zeros_like(x)"), both(exp, exp), ends((0, 0), (inf, inf)), 2)
add("poisson_nll", loss_of("poisson_nll(x, 2 * ones_like(x)"), both(lambda x: exp(x) - 2 * x, lambda x: exp(x) - 2),
    ends((inf, -2), (inf, inf)), 4)
for f, more in (("tversky", ", smooth = 0.5"), ("dice", "")):
    add(f, loss_of(f"{f}(stack(x, axis = 1), stack(ones_like(x), axis = 1){more}"),
        both(lambda x: 1 - (2 * sigmoid(x) + 1) / (sigmoid(x) + 2), lambda x: -3 * sigmoid(x) * sigmoid(-x) / (sigmoid(x) + 2) ** 2),
        ends((0.5, 0), (0, 0)), 8, 1.2e-7, "1 - t / n cancels")
add("normalized", f"normalized({pair})[:, 0]", both(lambda x: x / sqrt(x * x + 1), lambda x: (x * x + 1) ** (-mpf(3) / 2)),
    ends((nan, nan), (nan, nan)), 4, 2e-7, "1 - y^2 cancels")
add("cosine_similarity", f"cosine_similarity({pair}, stack(ones_like(x), zeros_like(x), axis = 1))",
    both(lambda x: x / sqrt(x * x + 1), lambda x: (x * x + 1) ** (-mpf(3) / 2)), ends((nan, nan), (nan, nan)), 4, 2e-7,
    "1 - y^2 cancels")
add("cosine_embedding", loss_of(f"cosine_embedding({pair}, stack(ones_like(x), zeros_like(x), axis = 1), ones_like(x)"),
    both(lambda x: 1 - x / sqrt(x * x + 1), lambda x: -((x * x + 1) ** (-mpf(3) / 2))), ends((nan, nan), (nan, nan)), 4, 2e-7,
    "1 - y cancels")
add("hinge_embedding", loss_of("hinge_embedding(x, -ones_like(x)"), lambda x: (max(0, 1 - x), -int(x < 1)),
    ends((inf, -1), (0, 0), (nan, -1)), 1)
column = "stack(x, axis = 1)"
add("contrastive", loss_of(f"contrastive({column}, stack(ones_like(x), axis = 1), ones_like(x)"),
    lambda x: ((x - 1) ** 2, 2 * (x - 1)), ends((inf, nan), (inf, nan)), 2)
add("margin_ranking", loss_of("margin_ranking(x, zeros_like(x), ones_like(x), 1"), lambda x: (max(0, 1 - x), -int(x < 1)),
    ends((inf, -1), (0, 0), (nan, -1)), 1)
add("triplet", loss_of(f"triplet(zeros_like({column}), {column}, 30 * ones_like({column})"),
    lambda x: (max(0, abs(x) - 29), sign(x) * int(abs(x) > 29)), ends((inf, nan), (inf, nan)), 2)
add("ctc", loss_of(f"ctc(stack({row}, axis = 1), 1 + 0 * i32(stack(x, axis = 1) > 2), 1 + 0 * i32(x > 2), 1 + 0 * i32(x > 2)"),
    both(lambda x: row_sum(x) - 1, share), ends((row_sum(mpf(-10**6)) - 1, 0), (nan, nan)), 4, 1.2e-7,
    "the sum of exponentials is rounded near 1")

add("accuracy", f"accuracy({row}, {label_0})", only(lambda x: x >= 1), ends((0, None), (1, None), (0, None)), 0)
add("binary_accuracy", "binary_accuracy(x, ones_like(x))", only(lambda x: x > 0), ends((0, None), (1, None), (0, None)), 0)

# ---- tensors ------------------------------------------------------------------------------------------------------------

add("mean", f"mean({pair}, axis = 1)", lambda x: ((x + 1) / 2, 0.5), ends((-inf, 0.5), (inf, 0.5), (nan, 0.5)), 1)
add("var", f"var({pair}, axis = 1)", lambda x: ((x - 1) ** 2 / 4, (x - 1) / 2), ends((nan, nan), (nan, nan)), 4)
add("std", f"std({pair}, axis = 1)", lambda x: (abs(x - 1) / 2, mpf(sign(x - 1)) / 2), ends((nan, nan), (nan, nan)), 4)
add("norm", f"norm({pair}, axis = 1)", lambda x: (sqrt(x * x + 1), x / sqrt(x * x + 1)), ends((inf, nan), (inf, nan)), 4)
add("norm", "norm(stack(x, axis = 1), axis = 1)", lambda x: (abs(x), sign(x)), ends((inf, nan), (inf, nan)), 2)
add("safe_sqrt", "safe_sqrt(x)", lambda x: (sqrt(x), 1 / (2 * sqrt(x))) if x > 0 else (0, 0),
    ends((0, 0), (inf, 0), (nan, 1)), 1)
add("safe_log", "safe_log(x)", lambda x: (log(x), 1 / x) if x > 0 else (0, 0), ends((0, 0), (inf, 0), (nan, 1)), 2)
add("safe_divide", "safe_divide(1, x)", lambda x: (1 / x, -1 / (x * x)) if x != 0 else (0, 0), ends((0, 0), (0, 0)), 1)
add("safe_divide", "safe_divide(x, x - 1)", lambda x: (x / (x - 1), -1 / (x - 1) ** 2) if x != 1 else (0, 0),
    ends((nan, nan), (nan, nan)), 2, 1e-36, "at 1e30 1 / b and y / b cancel", slope_bound=1.2e-7)
add("log_sum_exp", f"log_sum_exp({row})", both(row_sum, share), ends((row_sum(mpf(-10**6)), 0), (inf, nan)), 4)
add("log_add_exp", "log_add_exp(x, 1)", both(lambda x: softplus(x - 1) + 1, lambda x: sigmoid(x - 1)),
    ends((1, 0), (inf, 1)), 4, slope_bound=1.2e-7, why="1 - s cancels")
add("log_add_exp", "log_add_exp(x, -x)", both(lambda x: softplus(2 * x) - x, tanh), ends((inf, -1), (inf, 1)), 4,
    slope_bound=2.4e-7, why="the two sides cancel")
add("clamp", "clamp(x, -1, 1)", lambda x: (min(max(x, -1), 1), int(-1 <= x <= 1)), ends((-1, 0), (1, 0), (nan, 1)), 0)
add("square", "square(x)", lambda x: (x * x, 2 * x), ends((inf, -inf), (inf, inf)), 1)

add("cumulative_sum", f"cumulative_sum({pair})[:, 1]", lambda x: (x + 1, 1), ends((-inf, 1), (inf, 1), (nan, 1)), 1)
add("cumulative_sum", f"cumulative_sum({pair}, exclusive = true)[:, 1]", lambda x: (x, 1),
    ends((-inf, 1), (inf, 1), (nan, 1)), 0)
add("cumulative_sum", f"cumulative_sum({pair}, reverse = true)[:, 0]", lambda x: (x + 1, 1),
    ends((-inf, 1), (inf, 1), (nan, 1)), 1)
add("cumulative_product", f"cumulative_product({pair})[:, 1]", lambda x: (x, 1), ends((-inf, 1), (inf, 1), (nan, 1)), 0)
add("cumulative_product", "cumulative_product(stack(x, x, axis = 1))[:, 1]", lambda x: (x * x, 2 * x),
    ends((inf, -inf), (inf, inf)), 1)
add("cumulative_max", f"cumulative_max({pair})[:, 1]", lambda x: (max(x, 1), int(x >= 1)), ends((1, 0), (inf, 1), (nan, 1)),
    0)
add("cumulative_max", f"cumulative_max({pair}, reverse = true)[:, 0]", lambda x: (max(x, 1), int(x > 1)),
    ends((1, 0), (inf, 1), (nan, 1)), 0)
add("recurrence", f"recurrence({pair}, {pair}, 1)[:, 1]", lambda x: (2 * x + 1, 2), ends((-inf, 2), (inf, 2), (nan, 2)), 1)
add("sort", f"sort({pair})[:, 0]", lambda x: (min(x, 1), int(x <= 1)), ends((-inf, 1), (1, 0), (1, 0)), 0)
add("sort", f"sort({pair}, descending = true)[:, 0]", lambda x: (max(x, 1), int(x >= 1)), ends((1, 0), (inf, 1), (1, 0)), 0)
add("turned", "turned(x)", lambda x: (-x, -1), ends((inf, -1), (-inf, -1), (nan, -1)), 0)

# ---- what takes no floats, or has nothing of its own to compute -----------------------------------------------------

SKIPPED = {
    "reduced": "the mean or sum of a loss", "weighted": "a product of a loss", "spread_behind": "moves elements",
    "info_nce": "meets other examples", "circle": "meets other examples",
    "zeros": "makes a tensor", "tensor_of": "makes a tensor", "ones": "makes a tensor", "zeros_like": "makes a tensor", "ones_like": "makes a tensor",
    "one_hot": "takes ints", "front_axis": "takes ints",
    "flatten": "moves elements", "split": "moves elements", "unstack": "moves elements", "stack": "moves elements",
    "moved": "moves elements", "update": "moves elements", "widened": "converts", "narrowed": "converts",
    "wide_dtype": "gives a dtype",
    "any": "takes bools", "all": "takes bools", "segment_sum": "adds rows",
    "between": "moves elements", "along": "moves elements", "pushed": "moves elements", "least": "gives a number", "is_float": "looks at a type",
    "dynamic_slice": "takes ints", "dynamic_update": "takes ints", "updated": "takes ints", "updated_floats": "takes ints",
    "top_k_accuracy": "tests/runtime/metrics_test.cpp", "confusion_matrix": "tests/runtime/metrics_test.cpp",
    "precision": "tests/runtime/metrics_test.cpp", "recall": "tests/runtime/metrics_test.cpp",
    "f1_score": "tests/runtime/metrics_test.cpp", "perplexity": "tests/runtime/metrics_test.cpp",
    "r2": "tests/runtime/metrics_test.cpp", "auc": "tests/runtime/metrics_test.cpp",
    "flatten_all": "moves elements", "diagonal": "moves elements",
    "gumbel_softmax": "draws", "argsort": "gives ints", "sorted": "gives a list",
    "largest_so_far": "is cumulative_max", "reversed_max": "is cumulative_max", "top_k": "gives a list", "in_order": "gives a list", "permutation": "takes ints",
}

for name, why in SKIPPED.items():
    print(f"nothing of {name}: {why}")
for name, expression, f, special, ulps, bound, slope_ulps, slope_bound, why in TABLE:
    print(f"function {name}: {expression}")
    print(f"  within {ulps} ulp or {bound:g}, derivative {slope_ulps} ulp or {slope_bound:g}" + (f": {why}" if why else ""))
    for x in POINTS:
        key = "-0" if negative_zero(x) else "nan" if x != x else f"{x:g}"
        value, slope = special[key] if key in special else f(mpf(x))
        print(f"  {x!r} {text(value)} {text(slope)}")
