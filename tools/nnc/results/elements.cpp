#include "tools/nnc/results/elements.h"

#include <bit>
#include <cmath>
#include <fmt/core.h>

namespace command {
namespace {

float widened(nnc::bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

// binary16: a sign, 5 bits of exponent biased by 15, 10 of mantissa.
float widened(nnc::f16 x) {
  int const exponent = x.bits >> 10 & 31;
  float const mantissa = static_cast<float>(x.bits & 1023);
  float const sign = x.bits >> 15 ? -1.0F : 1.0F;
  if (exponent == 31) return mantissa != 0 ? std::nanf("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

// Calls `see` with the elements in a type that C++ calculates with; f16 and bf16 come as float.
template <class See>
auto with_elements(nnc::Array const& array, std::size_t first, std::size_t count, See see) {
  auto const part = [&](auto all) { return decltype(all)(all.data() + first, count); };
  auto const wide = [&](auto all) {
    std::vector<float> floats;
    floats.reserve(count);
    for (auto const x : part(all)) floats.push_back(widened(x));
    return floats;
  };
  if (array.dtype == "f32") return see(part(array.as<float>()));
  if (array.dtype == "f64") return see(part(array.as<double>()));
  if (array.dtype == "i64") return see(part(array.as<std::int64_t>()));
  if (array.dtype == "i32") return see(part(array.as<std::int32_t>()));
  if (array.dtype == "i8") return see(part(array.as<std::int8_t>()));
  if (array.dtype == "u8") return see(part(array.as<std::uint8_t>()));
  if (array.dtype == "f16") return see(wide(array.as<nnc::f16>()));
  if (array.dtype == "bf16") return see(wide(array.as<nnc::bf16>()));
  return see(part(array.as<bool>()));
}

template <class T>
std::string text_of(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return "nan"; // of either sign
    return fmt::format("{}", value);
  }
  return std::to_string(static_cast<std::int64_t>(value));
}

} // namespace

std::vector<std::string> texts(nnc::Array const& array, std::int64_t first, std::int64_t count) {
  return with_elements(array, static_cast<std::size_t>(first), static_cast<std::size_t>(count), [](auto const& all) {
    std::vector<std::string> out;
    out.reserve(all.size());
    for (auto const x : all) out.push_back(text_of(x));
    return out;
  });
}

std::vector<double> numbers(nnc::Array const& array) {
  return with_elements(array, 0, static_cast<std::size_t>(count_of(array.shape)), [](auto const& all) {
    std::vector<double> out;
    out.reserve(all.size());
    for (auto const x : all) out.push_back(static_cast<double>(x));
    return out;
  });
}

std::int64_t count_of(std::vector<std::int64_t> const& shape, std::size_t axis) {
  std::int64_t count = 1;
  for (; axis < shape.size(); ++axis) count *= shape[axis];
  return count;
}

bool per_example(nnc::Array const& array, std::int64_t examples) {
  return !array.shape.empty() && array.shape[0] == examples;
}

} // namespace command
