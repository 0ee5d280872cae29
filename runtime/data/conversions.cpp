// Columns whose elements a program takes in another type. f64 to f32 rounds; all else keeps every value.
#include "ir/diagnostic.h"
#include "runtime/data/dataset.h"
#include "runtime/data/decoded.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nnc {
namespace {

// Calls f with a value of the type whose elements a dtype has, of 4 or 8 bytes.
template <class F>
void with_elements(DType dtype, F&& f) {
  switch (dtype) {
  case DType::f64: return f(f64{});
  case DType::f32: return f(f32{});
  case DType::i64: return f(i64{});
  case DType::i32: return f(i32{});
  default: throw CompilerBug("a column of narrow elements is converted");
  }
}

// Is the value of `from` one of To? A float that an integer becomes must hold it exactly.
template <class To, class From>
bool holds(From from) {
  if constexpr (std::is_floating_point_v<From>) return true;
  else if constexpr (std::is_floating_point_v<To>) {
    auto const most = i64{1} << std::numeric_limits<To>::digits;
    return static_cast<i64>(from) >= -most && static_cast<i64>(from) <= most;
  } else {
    return static_cast<i64>(from) >= static_cast<i64>(std::numeric_limits<To>::min()) &&
           static_cast<i64>(from) <= static_cast<i64>(std::numeric_limits<To>::max());
  }
}

// The first element that is none of To, or nothing.
template <class To, class From>
std::optional<size_t> convert(std::span<From const> from, std::span<To> to) {
  for (size_t i = 0; i < from.size(); ++i) {
    if (!holds<To>(from[i])) return i;
    to[i] = static_cast<To>(from[i]);
  }
  return std::nullopt;
}

} // namespace

NamedTensor const* Conversions::column(NamedTensor const& column, DType dtype, std::string& problem) {
  auto const from = column.tensor.dtype();
  if (!column_fits(from, dtype)) return nullptr;
  std::lock_guard const lock(mutex_);
  auto& made = made_[{column.tensor.bytes().data(), dtype}];
  if (made) return made.get();
  auto result = room_for(dtype, column.tensor.shape());
  with_elements(from, [&]<class From>(From) {
    with_elements(dtype, [&]<class To>(To) {
      auto const values = column.tensor.as<From>();
      auto const bad = convert<To, From>(values, result.writable_as<To>());
      if (!bad) return;
      auto const row = *bad / std::max<size_t>(1, values.size() / static_cast<size_t>(column.tensor.shape()[0]));
      problem = fmt::format("example {} of '{}' has {}, which no {} is", row, column.name, values[*bad], name(dtype));
    });
  });
  if (!problem.empty()) return nullptr;
  words_.push_back(fmt::format("'{}' is {}, and {} in the model: it is converted", column.name, name(from), name(dtype)));
  made = std::make_unique<NamedTensor>(NamedTensor{column.name, std::move(result)});
  return made.get();
}

std::vector<std::string> Conversions::words() const {
  std::lock_guard const lock(mutex_);
  return words_;
}

} // namespace nnc
