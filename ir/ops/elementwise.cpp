// Elementwise operators: element i of the result is made of element i of the operands; operands of rank 0 serve every
// element. Floats are computed in f64 and rounded once by the evaluator, integers wrap in their own width.
#include "ir/ops/rules.h"

#include <cmath>
#include <numbers>

namespace nnc {

using namespace rules;

namespace {

constexpr u32 arithmetic = elementwise | exact;

std::vector<DType> const& all_numbers() {
  static std::vector<DType> const list{DType::f32, DType::i32, DType::u8, DType::i64};
  return list;
}
std::vector<DType> floats() { return {DType::f32}; }
std::vector<DType> integers() { return {DType::i32, DType::i64, DType::u8}; }
std::vector<DType> booleans() { return {DType::bool_}; }
std::vector<DType> everything() {
  return {DType::f32, DType::i32, DType::u8, DType::i64, DType::bool_, DType::f64, DType::f16, DType::bf16, DType::i8};
}

constexpr auto floored_quotient = [](i64 a, i64 b) {
  if (b == 0) return i64{0};
  if (b == -1) return wrapping_sub(0, a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
};
constexpr auto floored_remainder = [](i64 a, i64 b) {
  return b == 0 ? i64{0} : wrapping_sub(a, wrapping_mul(floored_quotient(a, b), b));
};

constexpr auto sign_of = [](f64 x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }; // keeps NaN and both zeros

template <DType fits>
std::vector<Refusal> binary_errors() {
  return binary_refusals(fits);
}
std::vector<Refusal> needs_floats_1() { return refused_dtype(1, DType::i32, "expected floats"); }
std::vector<Refusal> needs_floats_2() {
  auto all = binary_refusals(DType::f32);
  all.push_back(refused_dtype(2, DType::i32, "expected floats").front());
  return all;
}
std::vector<Refusal> needs_numbers_1() { return refused_dtype(1, DType::bool_, "expected numbers"); }
std::vector<Refusal> needs_numbers_2() {
  auto all = binary_refusals(DType::f32);
  all.push_back(refused_dtype(2, DType::bool_, "expected numbers").front());
  return all;
}
std::vector<Refusal> needs_integers_2() {
  auto all = binary_refusals(DType::i32);
  all.push_back(refused_dtype(2, DType::f32, "expected integers").front());
  return all;
}
std::vector<Refusal> needs_booleans_2() {
  return {{{.operands = {bool_of({3}), bool_of({4})}}, "shapes do not fit"},
          refused_dtype(2, DType::i32, "expected bools").front()};
}

std::vector<Sample> samples_1() { return elementwise_samples(1, floats(), -4, 4); }
std::vector<Sample> samples_1_positive() { return elementwise_samples(1, floats(), 0.1, 4); }
std::vector<Sample> samples_1_inside() { return elementwise_samples(1, floats(), -0.9, 0.9); }
std::vector<Sample> number_samples_1() { return elementwise_samples(1, all_numbers()); }
std::vector<Sample> number_samples_2() { return elementwise_samples(2, all_numbers()); }
std::vector<Sample> comparison_samples() { return elementwise_samples(2, all_numbers(), -2, 2, 0, 3); }
std::vector<Sample> bool_samples_2() { return elementwise_samples(2, booleans(), 0, 1, 0, 1); }

bool is_plain_literal(V v) {
  auto const& c = v.b->function().values[v.id].constant;
  return c && !std::isnan(c->f);
}

// The derivative of max and min goes to the operand that was taken, a NaN too; to the first where both are equal. What
// was taken shows in y alone where one of them is a literal: `beyond` is gt for max, `within` is le.
void gradient_of_choice(Grad& g, OpCode beyond, OpCode within) {
  V const none = like(g.dy(), 0);
  if (is_plain_literal(g.x(1))) {
    V second = compare(beyond, g.y(), g.x(0));
    return g.to(0, select(second, none, g.dy()));
  }
  V first = compare(within, g.y(), g.x(0)); // false where y is NaN
  if (!is_plain_literal(g.x(0))) first = apply(OpCode::or_, {first, compare(OpCode::ne, g.x(0), g.x(0))});
  g.to(0, select(first, g.dy(), none));
  g.to(1, select(first, none, g.dy()));
}

// y = a^b. To a: b a^(b-1), where b = 0 gives 0 even at a = 0. To b: y ln a, with ln 0 taken as 0.
void gradient_of_pow(Grad& g) {
  auto const& exponent = g.builder().function().values[g.x(1).id].constant;
  if (exponent && (exponent->f == 2 || exponent->f == 3)) {
    g.to(0, g.dy() * (exponent->f * (exponent->f == 2 ? g.x(0) : g.x(0) * g.x(0))));
  } else if (exponent && exponent->f != 0) {
    g.to(0, g.dy() * (exponent->f * apply(OpCode::pow, {g.x(0), like(g.x(0), exponent->f - 1)})));
  } else if (!exponent && g.wants(0)) {
    V lower = select(compare(OpCode::eq, g.x(1), like(g.x(1), 0)), like(g.x(1), 1), g.x(1) - 1.0);
    g.to(0, g.dy() * (g.x(1) * apply(OpCode::pow, {g.x(0), lower})));
  }
  if (g.wants(1)) {
    V base = select(compare(OpCode::eq, g.x(0), like(g.x(0), 0)), like(g.x(0), 1), g.x(0));
    g.to(1, g.dy() * (g.y() * apply(OpCode::log, {base})));
  }
}

// sqrt(1 - x^2), without cancellation near -1 and 1.
V cosine_of_sine(V x) { return apply(OpCode::sqrt, {(1.0 - x) * (1.0 + x)}); }

std::vector<Type> select_type(TypeQuery const& q) {
  if (q.operands[0].dtype != DType::bool_) refuse("the condition of select is bool, found " + q.operands[0].text());
  need_same_dtype(q.operands.subspan(1));
  return {{q.operands[1].dtype, joined_shape(q.operands)}};
}

std::vector<Tensor> evaluate_select(Node const&, std::span<Tensor const> x, std::span<Type const> result) {
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  for (size_t i = 0, n = elements(y); i < n; ++i) {
    Tensor const& from = int_at(x[0], i) ? x[1] : x[2];
    if (is_float(y.dtype)) y.f[i] = float_at(from, i);
    else y.i[i] = int_at(from, i);
  }
  return {y};
}

std::vector<Sample> select_samples() {
  std::vector<Sample> out;
  for (DType d : everything())
    for (auto const& shapes : std::vector<std::vector<Shape>>{{{4}, {4}, {4}},
                                                              {{2, 3}, {}, {2, 3}},
                                                              {{2, 3}, {2, 3}, {}},
                                                              {{}, {3}, {3}},
                                                              {{3}, {}, {}},
                                                              {{}, {}, {}},
                                                              {{0}, {0}, {0}}})
      out.push_back({.operands = {bool_of(shapes[0]), {d, shapes[1]}, {d, shapes[2]}}, .int_low = 0, .int_high = 1});
  return out;
}

std::vector<Type> convert_type(TypeQuery const& q) {
  if (q.stated->shape != q.operands[0].shape) refuse("convert keeps the shape of " + q.operands[0].text());
  return {*q.stated};
}

std::vector<Tensor> evaluate_convert(Node const&, std::span<Tensor const> x, std::span<Type const> result) {
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  for (size_t i = 0, n = elements(y); i < n; ++i) {
    bool from_float = is_float(x[0].dtype);
    if (is_float(y.dtype)) // a large i64 goes to f32 at once: by way of f64 it would be rounded twice
      y.f[i] = from_float              ? x[0].f[i]
               : y.dtype == DType::f32 ? f64{static_cast<f32>(x[0].i[i])}
                                       : static_cast<f64>(x[0].i[i]);
    else y.i[i] = from_float ? saturate_to(y.dtype, x[0].f[i]) : x[0].i[i];
  }
  return {y};
}

std::vector<Sample> convert_samples() {
  std::vector<Sample> out;
  for (DType from : everything())
    for (DType to : everything())
      for (Shape const& shape : {Shape{7}, Shape{2, 3}, Shape{}})
        out.push_back({.operands = {{from, shape}},
                       .stated = Type{to, shape},
                       .low = -300,
                       .high = 300,
                       .int_low = -2,
                       .int_high = 300});
  return out;
}

} // namespace

// ---- arithmetic ----------------------------------------------------------------------------------------------------

constinit Op const ops::add{
    .name = "add",
    .doc = "sum of two tensors, element by element",
    .arity = 2,
    .traits = arithmetic | commutative,
    .type = elementwise_type<Takes::numbers>,
    .gradient = [](Grad& g) { g.to(0, g.dy()), g.to(1, g.dy()); },
    .evaluate = each2([](f64 a, f64 b) { return a + b; }, wrapping_add),
    .samples = number_samples_2,
    .errors = needs_numbers_2,
    .written = "+",
};
constinit Op const ops::sub{
    .name = "sub",
    .doc = "difference of two tensors, element by element",
    .arity = 2,
    .traits = arithmetic,
    .type = elementwise_type<Takes::numbers>,
    .gradient = [](Grad& g) { g.to(0, g.dy()), g.wants(1) ? g.to(1, -g.dy()) : void(); },
    .evaluate = each2([](f64 a, f64 b) { return a - b; }, wrapping_sub),
    .samples = number_samples_2,
    .errors = needs_numbers_2,
    .written = "-",
};
constinit Op const ops::mul{
    .name = "mul",
    .doc = "product of two tensors, element by element",
    .arity = 2,
    .traits = arithmetic | commutative,
    .type = elementwise_type<Takes::numbers>,
    .gradient =
        [](Grad& g) {
          if (g.wants(0)) g.to(0, g.dy() * g.x(1));
          if (g.wants(1)) g.to(1, g.dy() * g.x(0));
        },
    .evaluate = each2([](f64 a, f64 b) { return a * b; }, wrapping_mul),
    .samples = number_samples_2,
    .errors = needs_numbers_2,
    .written = "*",
};
constinit Op const ops::div{
    .name = "div",
    .doc = "quotient of two float tensors, element by element",
    .arity = 2,
    .traits = arithmetic,
    .type = elementwise_type<Takes::floats>,
    .gradient =
        [](Grad& g) { // y = a / b: dy/da = 1 / b, dy/db = -y / b
          if (g.wants(0) || g.wants(1)) {
            V da = g.dy() / g.x(1);
            g.to(0, da);
            if (g.wants(1)) g.to(1, -(da * g.y()));
          }
        },
    .evaluate = each2([](f64 a, f64 b) { return a / b; }),
    .samples = [] { return elementwise_samples(2, floats(), 0.5, 3); },
    .errors = needs_floats_2,
    .written = "/",
};
constinit Op const ops::floor_div{
    .name = "floor_div",
    .doc = "quotient of integers, rounded down; by zero it is 0, and counted",
    .arity = 2,
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::integers>,
    .evaluate = each2(nullptr, floored_quotient),
    .samples = [] { return elementwise_samples(2, integers(), 0, 0, -9, 9); },
    .errors = needs_integers_2,
    .written = "//",
};
constinit Op const ops::mod{
    .name = "mod",
    .doc = "rest of floor_div: has the sign of the divisor; by zero it is 0, and counted",
    .arity = 2,
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::integers>,
    .evaluate = each2(nullptr, floored_remainder),
    .samples = [] { return elementwise_samples(2, integers(), 0, 0, -9, 9); },
    .errors = needs_integers_2,
    .written = "%",
};
constinit Op const ops::pow{
    .name = "pow",
    .doc = "a to the power of b; special values as IEEE 754 pow: x^0 = 1, negative a with a fraction in b gives NaN",
    .arity = 2,
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = gradient_of_pow,
    .evaluate = each2([](f64 a, f64 b) { return std::pow(a, b); }),
    .samples = [] { return elementwise_samples(2, floats(), 0.2, 3); },
    .errors = needs_floats_2,
    .written = "^",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::atan2{
    .name = "atan2",
    .doc = "angle of the point (x, y) from the first axis, for the operands y, x: in [-pi, pi], with the sign of y. "
           "Special values as IEEE 754 atan2",
    .arity = 2,
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient =
        [](Grad& g) { // to y: x / (x^2 + y^2), to x: -y / (x^2 + y^2)
          V share = g.dy() / (g.x(0) * g.x(0) + g.x(1) * g.x(1));
          g.to(0, share * g.x(1));
          g.to(1, -(share * g.x(0)));
        },
    .evaluate = each2([](f64 y, f64 x) { return std::atan2(y, x); }),
    .samples = [] { return elementwise_samples(2, floats(), -3, 3); },
    .errors = needs_floats_2,
    .written = "atan2(y, x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::max{
    .name = "max",
    .doc = "the larger of two, NaN if one is: b < a or a is NaN ? a : b. The derivative goes to the "
           "operand that was taken, to a where both are equal",
    .arity = 2,
    .traits = arithmetic,
    .type = elementwise_type<Takes::numbers>,
    .gradient = [](Grad& g) { gradient_of_choice(g, OpCode::gt, OpCode::le); },
    .evaluate = each2(larger, [](i64 a, i64 b) { return b < a ? a : b; }),
    .samples = number_samples_2,
    .errors = needs_numbers_2,
    .written = "maximum(a, b)",
};
constinit Op const ops::min{
    .name = "min",
    .doc = "the smaller of two, NaN if one is: a < b or a is NaN ? a : b. The derivative goes to the "
           "operand that was taken, to a where both are equal",
    .arity = 2,
    .traits = arithmetic,
    .type = elementwise_type<Takes::numbers>,
    .gradient = [](Grad& g) { gradient_of_choice(g, OpCode::lt, OpCode::ge); },
    .evaluate = each2(smaller, [](i64 a, i64 b) { return a < b ? a : b; }),
    .samples = number_samples_2,
    .errors = needs_numbers_2,
    .written = "minimum(a, b)",
};

// ---- one operand ---------------------------------------------------------------------------------------------------

constinit Op const ops::neg{
    .name = "neg",
    .doc = "-x; changes the sign of zeros and NaNs too",
    .traits = arithmetic,
    .type = elementwise_type<Takes::numbers>,
    .gradient = [](Grad& g) { g.to(0, -g.dy()); },
    .evaluate = each1([](f64 x) { return -x; }, [](i64 x) { return wrapping_sub(0, x); }),
    .samples = number_samples_1,
    .errors = needs_numbers_1,
    .written = "-",
};
constinit Op const ops::abs{
    .name = "abs",
    .doc = "absolute value; the derivative at 0 is 0",
    .traits = arithmetic,
    .type = elementwise_type<Takes::numbers>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * apply(OpCode::sign, {g.x(0)})); },
    .evaluate = each1([](f64 x) { return std::abs(x); }, [](i64 x) { return x < 0 ? wrapping_sub(0, x) : x; }),
    .samples = number_samples_1,
    .errors = needs_numbers_1,
    .written = "abs(x)",
};
constinit Op const ops::sign{
    .name = "sign",
    .doc = "-1, 0 or 1; keeps NaN and the sign of zero",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::numbers>,
    .evaluate = each1(sign_of, [](i64 x) { return i64{x > 0} - i64{x < 0}; }),
    .samples = number_samples_1,
    .errors = needs_numbers_1,
    .written = "sign(x)",
};
constinit Op const ops::floor{
    .name = "floor",
    .doc = "largest integer that is not above x",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::floats>,
    .evaluate = each1([](f64 x) { return std::floor(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "floor(x)",
};
constinit Op const ops::ceil{
    .name = "ceil",
    .doc = "smallest integer that is not below x",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::floats>,
    .evaluate = each1([](f64 x) { return std::ceil(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "ceil(x)",
};
constinit Op const ops::trunc{
    .name = "trunc",
    .doc = "x without its fraction, rounded toward 0",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::floats>,
    .evaluate = each1([](f64 x) { return std::trunc(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "trunc(x)",
};
constinit Op const ops::round{
    .name = "round",
    .doc = "nearest integer, ties to the even one",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::floats>,
    .evaluate = each1([](f64 x) { return std::nearbyint(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "round(x)",
};
constinit Op const ops::exp{
    .name = "exp",
    .doc = "e to the power of x",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * g.y()); },
    .evaluate = each1([](f64 x) { return std::exp(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "exp(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::expm1{
    .name = "expm1",
    .doc = "exp(x) - 1, without cancellation near 0",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * apply(OpCode::exp, {g.x(0)})); }, // y + 1 would lose the tail below -17
    .evaluate = each1([](f64 x) { return std::expm1(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "expm1(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::exp2{
    .name = "exp2",
    .doc = "2 to the power of x; exact where x is whole",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * (std::numbers::ln2 * g.y())); },
    .evaluate = each1([](f64 x) { return std::exp2(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "exp2(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::log{
    .name = "log",
    .doc = "natural logarithm; 0 gives -inf, negative numbers NaN",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() / g.x(0)); },
    .evaluate = each1([](f64 x) { return std::log(x); }),
    .samples = samples_1_positive,
    .errors = needs_floats_1,
    .written = "log(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::log1p{
    .name = "log1p",
    .doc = "log(1 + x), without cancellation near 0; -1 gives -inf, numbers below NaN",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() / (1.0 + g.x(0))); },
    .evaluate = each1([](f64 x) { return std::log1p(x); }),
    .samples = [] { return elementwise_samples(1, floats(), -0.9, 4); },
    .errors = needs_floats_1,
    .written = "log1p(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::log2{
    .name = "log2",
    .doc = "logarithm to the base 2, exact for powers of 2; 0 gives -inf, negative numbers NaN",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() / (std::numbers::ln2 * g.x(0))); },
    .evaluate = each1([](f64 x) { return std::log2(x); }),
    .samples = samples_1_positive,
    .errors = needs_floats_1,
    .written = "log2(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::tanh{
    .name = "tanh",
    .doc = "hyperbolic tangent",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * (1.0 - g.y() * g.y())); }, // dy/dx = 1 - y^2
    .evaluate = each1([](f64 x) { return std::tanh(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "tanh(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::sinh{
    .name = "sinh",
    .doc = "hyperbolic sine",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * apply(OpCode::cosh, {g.x(0)})); },
    .evaluate = each1([](f64 x) { return std::sinh(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "sinh(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::cosh{
    .name = "cosh",
    .doc = "hyperbolic cosine",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * apply(OpCode::sinh, {g.x(0)})); },
    .evaluate = each1([](f64 x) { return std::cosh(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "cosh(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::erf{
    .name = "erf",
    .doc = "error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient =
        [](Grad& g) { // dy/dx = 2 / sqrt(pi) exp(-x^2)
          V bell = apply(OpCode::exp, {-(g.x(0) * g.x(0))});
          g.to(0, g.dy() * (2 * std::numbers::inv_sqrtpi * bell));
        },
    .evaluate = each1([](f64 x) { return std::erf(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "erf(x)",
    .accuracy = "at most 4 ulp",
};
constinit Op const ops::sqrt{
    .name = "sqrt",
    .doc = "square root, correctly rounded; -0 gives -0, other negative numbers NaN",
    .traits = arithmetic,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, (0.5 * g.dy()) / g.y()); }, // dy/dx = 1 / (2 y)
    .evaluate = each1([](f64 x) { return std::sqrt(x); }),
    .samples = samples_1_positive,
    .errors = needs_floats_1,
    .written = "sqrt(x)",
};
constinit Op const ops::rsqrt{
    .name = "rsqrt",
    .doc = "1 / sqrt(x), rounded after the root and after the division",
    .traits = elementwise,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * (-0.5 * (g.y() * g.y() * g.y()))); }, // dy/dx = -y^3 / 2
    .evaluate = each1([](f64 x) { return 1 / std::sqrt(x); }),
    .samples = samples_1_positive,
    .errors = needs_floats_1,
    .written = "rsqrt(x)",
    .accuracy = "at most 1.5 ulp",
};
constinit Op const ops::cbrt{
    .name = "cbrt",
    .doc = "cube root, of negative numbers too",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() / (3.0 * (g.y() * g.y()))); },
    .evaluate = each1([](f64 x) { return std::cbrt(x); }),
    .samples = samples_1_positive,
    .errors = needs_floats_1,
    .written = "cbrt(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::sin{
    .name = "sin",
    .doc = "sine of x in radians; where abs(x) >= 2^31 compiled code takes x for 0",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * apply(OpCode::cos, {g.x(0)})); },
    .evaluate = each1([](f64 x) { return std::sin(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "sin(x)",
    .accuracy = "at most 2 ulp, for abs(x) < 2^31",
};
constinit Op const ops::cos{
    .name = "cos",
    .doc = "cosine of x in radians; where abs(x) >= 2^31 compiled code takes x for 0",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, -(g.dy() * apply(OpCode::sin, {g.x(0)}))); },
    .evaluate = each1([](f64 x) { return std::cos(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "cos(x)",
    .accuracy = "at most 2 ulp, for abs(x) < 2^31",
};
constinit Op const ops::tan{
    .name = "tan",
    .doc = "tangent of x in radians; where abs(x) >= 2^31 compiled code takes x for 0",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() * (1.0 + g.y() * g.y())); },
    .evaluate = each1([](f64 x) { return std::tan(x); }),
    .samples = [] { return elementwise_samples(1, floats(), -1.2, 1.2); },
    .errors = needs_floats_1,
    .written = "tan(x)",
    .accuracy = "at most 2 ulp, for abs(x) < 2^31",
};
constinit Op const ops::asin{
    .name = "asin",
    .doc = "angle in [-pi/2, pi/2] that has this sine; NaN outside of [-1, 1]",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() / cosine_of_sine(g.x(0))); },
    .evaluate = each1([](f64 x) { return std::asin(x); }),
    .samples = samples_1_inside,
    .errors = needs_floats_1,
    .written = "asin(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::acos{
    .name = "acos",
    .doc = "angle in [0, pi] that has this cosine; NaN outside of [-1, 1]",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, -(g.dy() / cosine_of_sine(g.x(0)))); },
    .evaluate = each1([](f64 x) { return std::acos(x); }),
    .samples = samples_1_inside,
    .errors = needs_floats_1,
    .written = "acos(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::atan{
    .name = "atan",
    .doc = "angle in [-pi/2, pi/2] that has this tangent",
    .traits = elementwise | costly,
    .type = elementwise_type<Takes::floats>,
    .gradient = [](Grad& g) { g.to(0, g.dy() / (1.0 + g.x(0) * g.x(0))); },
    .evaluate = each1([](f64 x) { return std::atan(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "atan(x)",
    .accuracy = "at most 2 ulp",
};
constinit Op const ops::stop_gradient{
    .name = "stop_gradient",
    .doc = "x itself; no derivative passes through",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::anything>,
    .evaluate = each1([](f64 x) { return x; }, [](i64 x) { return x; }),
    .samples = [] { return elementwise_samples(1, everything(), -2, 2, 0, 1); },
    .errors =
        [] {
          return std::vector<Refusal>{{{.operands = {f32_of({3}), f32_of({3})}}, "takes 1 operands"}};
        },
    .written = "stop_gradient(x)",
};

// ---- comparison and logic ------------------------------------------------------------------------------------------

constinit Op const ops::eq{
    .name = "eq",
    .doc = "a == b; false when one is NaN",
    .arity = 2,
    .traits = arithmetic | compares | commutative | no_derivative,
    .type = comparison_type<Takes::anything>,
    .evaluate = each2([](f64 a, f64 b) { return a == b; }, [](i64 a, i64 b) { return a == b; }),
    .samples = [] { return elementwise_samples(2, everything(), -2, 2, 0, 1); },
    .errors = binary_errors<DType::f32>,
    .written = "==",
};
constinit Op const ops::ne{
    .name = "ne",
    .doc = "a != b; true when one is NaN",
    .arity = 2,
    .traits = arithmetic | compares | commutative | no_derivative,
    .type = comparison_type<Takes::anything>,
    .evaluate = each2([](f64 a, f64 b) { return a != b; }, [](i64 a, i64 b) { return a != b; }),
    .samples = [] { return elementwise_samples(2, everything(), -2, 2, 0, 1); },
    .errors = binary_errors<DType::f32>,
    .written = "!=",
};
constinit Op const ops::lt{
    .name = "lt",
    .doc = "a < b; false when one is NaN",
    .arity = 2,
    .traits = arithmetic | compares | no_derivative,
    .type = comparison_type<Takes::numbers>,
    .evaluate = each2([](f64 a, f64 b) { return a < b; }, [](i64 a, i64 b) { return a < b; }),
    .samples = comparison_samples,
    .errors = needs_numbers_2,
    .written = "<",
};
constinit Op const ops::le{
    .name = "le",
    .doc = "a <= b; false when one is NaN",
    .arity = 2,
    .traits = arithmetic | compares | no_derivative,
    .type = comparison_type<Takes::numbers>,
    .evaluate = each2([](f64 a, f64 b) { return a <= b; }, [](i64 a, i64 b) { return a <= b; }),
    .samples = comparison_samples,
    .errors = needs_numbers_2,
    .written = "<=",
};
constinit Op const ops::gt{
    .name = "gt",
    .doc = "a > b; false when one is NaN",
    .arity = 2,
    .traits = arithmetic | compares | no_derivative,
    .type = comparison_type<Takes::numbers>,
    .evaluate = each2([](f64 a, f64 b) { return a > b; }, [](i64 a, i64 b) { return a > b; }),
    .samples = comparison_samples,
    .errors = needs_numbers_2,
    .written = ">",
};
constinit Op const ops::ge{
    .name = "ge",
    .doc = "a >= b; false when one is NaN",
    .arity = 2,
    .traits = arithmetic | compares | no_derivative,
    .type = comparison_type<Takes::numbers>,
    .evaluate = each2([](f64 a, f64 b) { return a >= b; }, [](i64 a, i64 b) { return a >= b; }),
    .samples = comparison_samples,
    .errors = needs_numbers_2,
    .written = ">=",
};
constinit Op const ops::is_nan{
    .name = "is_nan",
    .doc = "is x NaN",
    .traits = arithmetic | compares | no_derivative,
    .type = comparison_type<Takes::floats>,
    .evaluate = each1([](f64 x) -> i64 { return std::isnan(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "is_nan(x)",
};
constinit Op const ops::is_finite{
    .name = "is_finite",
    .doc = "is x a number, neither NaN nor infinite",
    .traits = arithmetic | compares | no_derivative,
    .type = comparison_type<Takes::floats>,
    .evaluate = each1([](f64 x) -> i64 { return std::isfinite(x); }),
    .samples = samples_1,
    .errors = needs_floats_1,
    .written = "is_finite(x)",
};
constinit Op const ops::and_{
    .name = "and",
    .doc = "both of two bools",
    .arity = 2,
    .traits = arithmetic | commutative | no_derivative,
    .type = elementwise_type<Takes::booleans>,
    .evaluate = each2(nullptr, [](i64 a, i64 b) { return a & b; }),
    .samples = bool_samples_2,
    .errors = needs_booleans_2,
    .written = "and",
};
constinit Op const ops::or_{
    .name = "or",
    .doc = "at least one of two bools",
    .arity = 2,
    .traits = arithmetic | commutative | no_derivative,
    .type = elementwise_type<Takes::booleans>,
    .evaluate = each2(nullptr, [](i64 a, i64 b) { return a | b; }),
    .samples = bool_samples_2,
    .errors = needs_booleans_2,
    .written = "or",
};
constinit Op const ops::xor_{
    .name = "xor",
    .doc = "exactly one of two bools",
    .arity = 2,
    .traits = arithmetic | commutative | no_derivative,
    .type = elementwise_type<Takes::booleans>,
    .evaluate = each2(nullptr, [](i64 a, i64 b) { return a ^ b; }),
    .samples = bool_samples_2,
    .errors = needs_booleans_2,
    .written = "xor(a, b)",
};
constinit Op const ops::not_{
    .name = "not",
    .doc = "the other bool",
    .traits = arithmetic | no_derivative,
    .type = elementwise_type<Takes::booleans>,
    .evaluate = each1(nullptr, [](i64 a) { return a ^ 1; }),
    .samples = [] { return elementwise_samples(1, booleans(), 0, 1, 0, 1); },
    .errors = [] { return refused_dtype(1, DType::i32, "expected bools"); },
    .written = "not",
};
constinit Op const ops::select{
    .name = "select",
    .doc = "where the first operand is true the second, else the third; the side not taken gets the derivative 0",
    .arity = 3,
    .traits = arithmetic,
    .type = select_type,
    .gradient =
        [](Grad& g) {
          if (g.wants(1)) g.to(1, rules::select(g.x(0), g.dy(), like(g.dy(), 0)));
          if (g.wants(2)) g.to(2, rules::select(g.x(0), like(g.dy(), 0), g.dy()));
        },
    .evaluate = evaluate_select,
    .samples = select_samples,
    .errors =
        [] {
          return std::vector<Refusal>{
              {{.operands = {f32_of({3}), f32_of({3}), f32_of({3})}}, "the condition of select is bool"},
              {{.operands = {bool_of({3}), f32_of({3}), i32_of({3})}}, "different dtypes"},
              {{.operands = {bool_of({3}), f32_of({4}), f32_of({4})}}, "shapes do not fit"}};
        },
};
constinit Op const ops::convert{
    .name = "convert",
    .doc = "another dtype. Float to integer truncates and saturates, NaN gives 0; to a narrower integer wraps; to "
           "bool: is not 0",
    .traits = arithmetic | stated_type,
    .type = convert_type,
    .gradient =
        [](Grad& g) {
          if (g.wants(0)) g.to(0, {&g.builder(), g.builder().convert(g.dy().id, g.x(0).type().dtype)});
        },
    .evaluate = evaluate_convert,
    .samples = convert_samples,
    .errors =
        [] {
          return std::vector<Refusal>{{{.operands = {f32_of({3})}, .stated = i32_of({4})}, "keeps the shape"},
                                      {{.operands = {f32_of({3})}}, "must be stated"}};
        },
};

} // namespace nnc
