// Every function of codegen/math/ against MPFR, in f32 and in f64: within the ulps that its entry in the operator table
// states, on random bits, and on random numbers where the function has its own steps.
#include "codegen/math/apply.h"
#include "codegen/math/plain.h"
#include "ir/random.h"

#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <map>
#include <mpfr.h>
#include <numbers>

using namespace nnc;

namespace {

using Exact = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
using Exact2 = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

std::map<OpCode, Exact> const one_operand{
    {OpCode::exp, mpfr_exp},     {OpCode::expm1, mpfr_expm1}, {OpCode::exp2, mpfr_exp2},      {OpCode::log, mpfr_log},
    {OpCode::log1p, mpfr_log1p}, {OpCode::log2, mpfr_log2},   {OpCode::tanh, mpfr_tanh},      {OpCode::sinh, mpfr_sinh},
    {OpCode::cosh, mpfr_cosh},   {OpCode::erf, mpfr_erf},     {OpCode::rsqrt, mpfr_rec_sqrt}, {OpCode::cbrt, mpfr_cbrt},
    {OpCode::sin, mpfr_sin},     {OpCode::cos, mpfr_cos},     {OpCode::tan, mpfr_tan},        {OpCode::asin, mpfr_asin},
    {OpCode::acos, mpfr_acos},   {OpCode::atan, mpfr_atan},
};
std::map<OpCode, Exact2> const two_operands{{OpCode::pow, mpfr_pow}, {OpCode::atan2, mpfr_atan2}};

template <class X>
constexpr DType dtype = std::is_same_v<X, f32> ? DType::f32 : DType::f64;

class Number { // of MPFR
public:
  explicit Number(mpfr_prec_t bits) { mpfr_init2(x, bits); }
  ~Number() { mpfr_clear(x); }
  Number(Number const&) = delete;
  Number& operator=(Number const&) = delete;
  mpfr_t x;
};

class Measure {
public:
  // How far y is from what MPFR has made, in ulps of X there; a subnormal one may be flushed to 0.
  template <class X>
  f64 ulps(X y) {
    if (mpfr_nan_p(exact_.x)) return std::isnan(y) ? 0 : HUGE_VAL;
    X const nearest = rounded<X>();
    if (y == nearest) return 0;
    if (!std::isfinite(y) || !std::isfinite(nearest)) return HUGE_VAL;
    constexpr X least = std::numeric_limits<X>::min();
    if (std::fabs(nearest) <= least && y == 0) return 0;
    constexpr int digits = std::numeric_limits<X>::digits;
    int const exponent = std::max(std::ilogb(nearest), std::numeric_limits<X>::min_exponent - 1);
    mpfr_sub_d(rest_.x, exact_.x, f64{y}, MPFR_RNDN);
    mpfr_mul_2si(rest_.x, rest_.x, digits - 1 - exponent, MPFR_RNDN);
    return std::fabs(mpfr_get_d(rest_.x, MPFR_RNDN));
  }

  template <class X>
  f64 of(OpCode op, X a, X b) {
    math::Plain plain;
    std::array<math::Lane, 2> const operands{a, b};
    auto const count = static_cast<size_t>(info(op).arity);
    auto y = math::apply<math::Plain>(plain, op, dtype<X>, dtype<X>, std::span(operands).first(count));
    mpfr_set_d(a_.x, f64{a}, MPFR_RNDN), mpfr_set_d(b_.x, f64{b}, MPFR_RNDN);
    if (count == 1) one_operand.at(op)(exact_.x, a_.x, MPFR_RNDN);
    else two_operands.at(op)(exact_.x, a_.x, b_.x, MPFR_RNDN);
    return ulps(plain.as<X>(y));
  }

private:
  template <class X>
  X rounded() const {
    if constexpr (std::is_same_v<X, f32>) return mpfr_get_flt(exact_.x, MPFR_RNDN);
    else return mpfr_get_d(exact_.x, MPFR_RNDN);
  }
  Number a_{53}, b_{53}, exact_{180}, rest_{180};
};

// Numbers of any size, and of the sizes where functions change their ways.
template <class X>
class Draw {
public:
  X operator()() {
    switch (word() % 5) {
    case 0: return any();
    case 3: return near(word() % 1'000'000 * (std::numbers::pi / 2), 1e-3);
    case 1: return near(word() % 2 ? 1 : 0.5, 1e-3);
    case 2: return static_cast<X>((fraction() - 0.5) * 8);
    default: return static_cast<X>((fraction() - 0.5) * 1500);
    }
  }

private:
  u32 word() {
    if (used_ == 4) words_ = philox({block_++, 7, 0, 0}, philox_key(5)), used_ = 0;
    return words_[used_++];
  }
  f64 fraction() { return word() * 0x1p-32 + word() * 0x1p-64; }
  X near(f64 at, f64 by) { return static_cast<X>((word() % 2 ? at : -at) + (fraction() - 0.5) * by); }
  X any() {
    u64 const bits = u64{word()} << 32 | word();
    X x{};
    if constexpr (std::is_same_v<X, f32>) x = __builtin_bit_cast(f32, static_cast<u32>(bits));
    else x = __builtin_bit_cast(f64, bits);
    return std::isfinite(x) && std::fabs(x) >= std::numeric_limits<X>::min() ? x : X{1.5};
  }
  std::array<u32, 4> words_{};
  size_t used_ = 4;
  u32 block_ = 0;
};

template <class X>
void check(OpCode op, f64 most) {
  constexpr int samples = 20'000;
  bool const bounded = info(op).accuracy.ends_with("abs(x) < 2^31");
  Measure measure;
  Draw<X> draw;
  f64 worst = 0;
  X at[2]{};
  for (int i = 0; i < samples; ++i) {
    X const a = draw(), b = draw();
    if (bounded && !(std::fabs(a) < 0x1p31)) continue;
    f64 const ulps = measure.of(op, a, b);
    if (ulps > worst) worst = ulps, at[0] = a, at[1] = b;
  }
  auto const text = fmt::format("{} {} {:a} {:a}: {} ulp", info(op).name, name(dtype<X>), at[0], at[1], worst);
  INFO(text);
  if (std::getenv("NNC_ACCURACY")) fmt::print("{}\n", text);
  CHECK(worst <= most);
}

} // namespace

// NNC_ACCURACY=1 prints the worst of each.
TEST_CASE("functions are within the ulps that their entries state") {
  for (auto op : all_ops()) {
    if (!info(op).has(elementwise) || info(op).accuracy.empty()) continue;
    f64 const most = std::stod(std::string(info(op).accuracy.substr(std::string_view("at most ").size())));
    REQUIRE_MESSAGE((one_operand.contains(op) || two_operands.contains(op)), info(op).name);
    check<f32>(op, most);
    check<f64>(op, most);
  }
}
