// The errors of the mathematical functions, in units in the last place, over dense samples of their whole range.
#include "codegen/math/plain.h"
#include "codegen/math/powers.h"

#include <doctest/doctest.h>

#include <functional>

using namespace nnc;

namespace {

// Distance of y from the exact value in ulps of f32 at the exact value; a subnormal one may be flushed to 0.
double ulps(float y, double exact) {
  if (std::isnan(exact)) return std::isnan(y) ? 0 : 1e9;
  if (std::isinf(static_cast<float>(exact))) return y == static_cast<float>(exact) ? 0 : 1e9;
  double const smallest = std::numeric_limits<float>::min();
  if (std::fabs(exact) < smallest && y == 0) return 0; // flushed
  return std::fabs(y - exact) / std::ldexp(1.0, std::ilogb(std::max(std::fabs(exact), smallest)) - 23);
}

template <class F, class G>
double worst(F ours, G exact, int stride = 1009) {
  double most = 0;
  for (std::uint32_t bits = 0; bits < 0xffffffffU - static_cast<std::uint32_t>(stride);
       bits += static_cast<std::uint32_t>(stride)) {
    float x = __builtin_bit_cast(float, bits);
    if (std::fabs(x) < std::numeric_limits<float>::min() && x != 0) continue; // read as zero by kernels
    most = std::max(most, ulps(ours(x), exact(static_cast<double>(x))));
  }
  return most;
}

math::Plain plain;

} // namespace

TEST_CASE("exp, expm1, log, log1p and tanh are within 2 ulp everywhere") {
  CHECK(worst([](float x) { return math::exp(plain, x); }, [](double x) { return std::exp(x); }) <= 2);
  CHECK(worst([](float x) { return math::log(plain, x); }, [](double x) { return std::log(x); }) <= 2);
  CHECK(worst([](float x) { return math::tanh(plain, x); }, [](double x) { return std::tanh(x); }) <= 2);
  CHECK(worst([](float x) { return math::expm1(plain, x); }, [](double x) { return std::expm1(x); }) <= 2);
  CHECK(worst([](float x) { return math::log1p(plain, x); }, [](double x) { return std::log1p(x); }) <= 2);
}

TEST_CASE("erf, sin and cos are within 4 ulp") {
  CHECK(worst([](float x) { return math::erf(plain, x); }, [](double x) { return std::erf(x); }) <= 4);
  auto near = [](auto f, auto g) { // the reduction holds up to 2^31
    return worst([&](float x) { return std::fabs(x) < 0x1p31F ? f(x) : 0.0F; },
                 [&](double x) { return std::fabs(x) < 0x1p31 ? g(x) : 0.0; });
  };
  CHECK(near([](float x) { return math::sin(plain, x); }, [](double x) { return std::sin(x); }) <= 4);
  CHECK(near([](float x) { return math::cos(plain, x); }, [](double x) { return std::cos(x); }) <= 4);
  CHECK(math::sin(plain, 1e30F) == 0); // beyond: of 0
  CHECK(math::cos(plain, 1e30F) == 1);
  CHECK(std::isnan(math::sin(plain, std::numeric_limits<float>::infinity())));
}

TEST_CASE("pow is within 4 ulp, and its special values are those of IEEE 754") {
  double most = 0;
  for (float x = 0.01F; x < 50; x *= 1.0371F)
    for (float y = -20; y < 20; y += 0.1713F)
      most = std::max(most, ulps(math::pow(plain, x, y), std::pow(static_cast<double>(x), y)));
  CHECK(most <= 4);
  float const inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  float const values[] = {0.0F, -0.0F, 1,     -1,  0.5F, -0.5F, 2,           -2,           3,
                          -3,   2.5F,  -2.5F, inf, -inf, nan,   16777216.0F, -16777215.0F, 1e30F};
  for (float x : values)
    for (float y : values) {
      INFO(x << " ^ " << y);
      double exact = std::pow(static_cast<double>(x), static_cast<double>(y));
      float got = math::pow(plain, x, y);
      CHECK(ulps(got, exact) <= 4);
      if (exact == 0 && got == 0) CHECK(std::signbit(got) == std::signbit(exact));
    }
}

TEST_CASE("special values of exp, expm1, log, log1p, tanh and erf") {
  float const inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(math::exp(plain, inf) == inf);
  CHECK(math::exp(plain, -inf) == 0);
  CHECK(math::exp(plain, 0.0F) == 1);
  CHECK(std::isnan(math::exp(plain, nan)));
  CHECK(math::expm1(plain, inf) == inf);
  CHECK(math::expm1(plain, -inf) == -1);
  CHECK(math::expm1(plain, 88.8F) == inf);
  CHECK(std::signbit(math::expm1(plain, -0.0F)));
  CHECK_FALSE(std::signbit(math::expm1(plain, 0.0F)));
  CHECK(math::expm1(plain, 1.2e-38F) == 1.2e-38F);
  CHECK(std::isnan(math::expm1(plain, nan)));
  CHECK(math::log1p(plain, inf) == inf);
  CHECK(math::log1p(plain, -1.0F) == -inf);
  CHECK(std::isnan(math::log1p(plain, -1.0001F)));
  CHECK(std::isnan(math::log1p(plain, -inf)));
  CHECK(std::signbit(math::log1p(plain, -0.0F)));
  CHECK_FALSE(std::signbit(math::log1p(plain, 0.0F)));
  CHECK(math::log1p(plain, -1.2e-38F) == -1.2e-38F);
  CHECK(std::isnan(math::log1p(plain, nan)));
  CHECK(math::log(plain, 0.0F) == -inf);
  CHECK(math::log(plain, -0.0F) == -inf);
  CHECK(math::log(plain, 1.0F) == 0);
  CHECK(std::isnan(math::log(plain, -1.0F)));
  CHECK(math::log(plain, inf) == inf);
  CHECK(std::isnan(math::log(plain, nan)));
  CHECK(math::tanh(plain, inf) == 1);
  CHECK(math::tanh(plain, -inf) == -1);
  CHECK(std::signbit(math::tanh(plain, -0.0F)));
  CHECK(math::erf(plain, inf) == 1);
  CHECK(math::erf(plain, -inf) == -1);
  CHECK(std::isnan(math::erf(plain, nan)));
  CHECK(std::signbit(math::sin(plain, -0.0F)));
  CHECK(std::isnan(math::sin(plain, inf)));
}

TEST_CASE("the f64 functions of numbers that only tune") {
  auto close = [](double y, double exact) {
    return std::fabs(y - exact) <= 1e-13 * std::fabs(exact) || (std::isnan(y) && std::isnan(exact)) || y == exact;
  };
  for (double x = -700; x < 700; x += 0.37) CHECK(close(math::exp(plain, x), std::exp(x)));
  for (double x = 1e-300; x < 1e300; x *= 7.3) CHECK(close(math::log(plain, x), std::log(x)));
  for (double x = 1e-300; x < 1e300; x *= 7.3) {
    CHECK(close(math::log1p(plain, x), std::log1p(x)));
    CHECK(close(math::log1p(plain, -x), std::log1p(-x)));
    CHECK(close(math::expm1(plain, x), std::expm1(x)));
    CHECK(close(math::expm1(plain, -x), std::expm1(-x)));
  }
  for (double x = -40; x < 711; x += 0.13) CHECK(close(math::expm1(plain, x), std::expm1(x)));
  for (double x = 0.9; x < 1.1; x += 0.001) CHECK(std::fabs(math::log(plain, x) - std::log(x)) < 1e-16);
  for (double x = -5; x < 5; x += 0.01) CHECK(close(math::tanh(plain, x), std::tanh(x)));
  for (double x = -7; x < 7; x += 0.0037)
    CHECK(std::fabs(math::erf(plain, x) - std::erf(x)) <= 1e-15 * std::fabs(std::erf(x)));
  CHECK(math::erf(plain, 1e300) == 1);
  CHECK(math::erf(plain, -std::numeric_limits<double>::infinity()) == -1);
  CHECK(std::signbit(math::erf(plain, -0.0)));
  CHECK(std::isnan(math::erf(plain, std::numeric_limits<double>::quiet_NaN())));
  for (double x = -50; x < 50; x += 0.1) {
    CHECK(std::fabs(math::sin(plain, x) - std::sin(x)) < 1e-15);
    CHECK(std::fabs(math::cos(plain, x) - std::cos(x)) < 1e-15);
  }
  for (int n = 1; n < 100000; n = n * 3 + 1)
    CHECK(close(math::pow(plain, 0.999, static_cast<double>(n)), std::pow(0.999, n)));
}
