#include "runtime/statistics.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace nnc {
namespace {

struct Moments {
  std::vector<f64> mean, deviation, least, largest; // of each number of an example
};

// Two passes: the squares of distances from the mean lose nothing where the mean is large.
template <class T>
Moments moments_of(T const* elements, i64 first, i64 examples, size_t width) {
  Moments moments{.mean = std::vector<f64>(width),
                  .deviation = std::vector<f64>(width),
                  .least = std::vector<f64>(width, INFINITY),
                  .largest = std::vector<f64>(width, -INFINITY)};
  auto const n = static_cast<f64>(examples);
  auto const* const begin = elements + static_cast<size_t>(first) * width;
  auto const* const end = begin + static_cast<size_t>(examples) * width;
  for (auto const* row = begin; row != end; row += width)
    for (size_t i = 0; i < width; ++i) {
      auto const value = static_cast<f64>(row[i]);
      moments.mean[i] += value;
      moments.least[i] = std::min(moments.least[i], value);
      moments.largest[i] = std::max(moments.largest[i], value);
    }
  for (auto& sum : moments.mean) sum /= n;
  for (auto const* row = begin; row != end; row += width)
    for (size_t i = 0; i < width; ++i) {
      auto const distance = static_cast<f64>(row[i]) - moments.mean[i];
      moments.deviation[i] += distance * distance;
    }
  for (auto& sum : moments.deviation) {
    sum = std::sqrt(sum / n);
    if (sum == 0) sum = 1; // dividing by it leaves the zeros of a constant
  }
  return moments;
}

Moments moments_of(HostTensor const& column, i64 first, i64 examples) {
  auto const width = static_cast<size_t>(column.elements() / column.shape()[0]);
  auto const of = [&]<class T>(T) { return moments_of(column.as<T>().data(), first, examples, width); };
  switch (column.dtype()) {
  case DType::f64: return of(f64{});
  case DType::f32: return of(f32{});
  case DType::i64: return of(i64{});
  case DType::i32: return of(i32{});
  case DType::i8: return of(i8{});
  case DType::u8:
  case DType::bool_: return of(u8{});
  case DType::f16: {
    std::vector<f32> wide;
    for (auto const bits : column.as<u16>()) wide.push_back(static_cast<f32>(std::bit_cast<_Float16>(bits)));
    return moments_of(wide.data(), first, examples, width);
  }
  case DType::bf16: {
    std::vector<f32> wide;
    for (auto const bits : column.as<u16>()) wide.push_back(std::bit_cast<f32>(static_cast<u32>(bits) << 16));
    return moments_of(wide.data(), first, examples, width);
  }
  }
  throw CompilerBug("a column of an unknown type");
}

std::vector<f64> const& statistic(Moments const& moments, Statistic kind) {
  switch (kind) {
  case Statistic::mean: return moments.mean;
  case Statistic::std: return moments.deviation;
  case Statistic::least: return moments.least;
  default: return moments.largest;
  }
}

} // namespace

void set_statistics(SessionState& state, Section const& section, Dataset const& set) {
  auto const& inputs = state.program().inputs();
  std::map<std::string, Moments> known;
  for (auto const& kept : state.tensors(Role::state)) {
    auto const wanted = statistic_of(kept.name);
    if (!wanted) continue;
    auto const input = std::ranges::find(inputs, wanted->input, &BoundInput::name);
    auto const* column = input == inputs.end() ? nullptr : section.columns[static_cast<size_t>(input - inputs.begin())];
    if (!column) throw Error(Code::data, fmt::format("{} has no column for '{}'", set.name, kept.name));
    auto target = state.tensor(kept.name)->writable_as<f32>();
    if (wanted->kind == Statistic::missing) {
      auto const missing = set.missing.find(column->name);
      std::ranges::fill(target, 0.0f);
      if (missing != set.missing.end() && missing->second.counts.size() == target.size())
        std::ranges::copy(missing->second.counts, target.begin());
      continue;
    }
    auto const found = known.find(column->name);
    auto const& moments =
        found != known.end()
            ? found->second
            : known.emplace(column->name, moments_of(column->tensor, section.first, section.examples)).first->second;
    std::ranges::transform(statistic(moments, wanted->kind), target.begin(), [](f64 v) { return static_cast<f32>(v); });
  }
}

} // namespace nnc
