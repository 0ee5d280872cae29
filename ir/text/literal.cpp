#include "ir/text/literal.h"

#include "ir/tensor.h"

#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace nnc {

std::string literal_text(DType dtype, Scalar s) {
  if (dtype == DType::bool_) return s.i ? "true" : "false";
  if (!is_float(dtype)) return std::to_string(s.i);
  if (std::isnan(s.f)) return "nan";
  if (std::isinf(s.f)) return s.f < 0 ? "-inf" : "inf";
  if (s.f == 0) return std::signbit(s.f) ? "-0" : "0";
  return dtype == DType::f32 ? fmt::format("{}", static_cast<f32>(s.f)) : fmt::format("{}", s.f);
}

std::optional<Scalar> parse_literal(DType dtype, std::string_view text) {
  if (dtype == DType::bool_) {
    if (text == "true") return Scalar{.i = 1};
    if (text == "false") return Scalar{.i = 0};
    return {};
  }
  char const* end = text.data() + text.size();
  if (!is_float(dtype)) {
    i64 i = 0;
    auto r = std::from_chars(text.data(), end, i);
    if (r.ec != std::errc{} || r.ptr != end || wrap_to(dtype, i) != i) return {};
    return Scalar{.i = i};
  }
  // f32 is read as f32, so that the shortest text gives back the same bits without rounding twice.
  f64 x = 0;
  std::from_chars_result r{};
  if (dtype == DType::f32) {
    f32 y = 0;
    r = std::from_chars(text.data(), end, y);
    x = y;
  } else {
    r = std::from_chars(text.data(), end, x);
  }
  f64 const y = round_to(dtype, x);
  if (r.ec != std::errc{} || r.ptr != end || std::isfinite(x) != std::isfinite(y)) return {};
  return Scalar{.f = y};
}

std::optional<DType> literal_dtype(Function const& f, Node const& n) {
  for (auto v : n.operands)
    if (!f.values[v].constant) return f.type(v).dtype;
  if (!n.results.empty()) return f.type(n.results.front()).dtype;
  return {};
}

} // namespace nnc
