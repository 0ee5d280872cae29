#include "runtime/data/resample.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

namespace nnc {
namespace {

constexpr f64 zeros = 32;
constexpr size_t most_kept = 1 << 20; // weights

f64 kernel(f64 t) { // in zeros of the sinc
  if (std::abs(t) >= zeros) return 0;
  f64 const angle = std::numbers::pi * t, u = std::numbers::pi * t / zeros;
  f64 const sinc = t == 0 ? 1 : std::sin(angle) / angle;
  return sinc * (0.42 + 0.5 * std::cos(u) + 0.08 * std::cos(2 * u));
}

// The weights of the samples around one that lies `phase` of a sample behind the sample 0: of -reach .. reach + 1.
std::vector<f64> weights_of(f64 phase, f64 cutoff, i64 reach) {
  std::vector<f64> weights;
  f64 sum = 0;
  for (i64 n = -reach; n <= reach + 1; ++n) {
    weights.push_back(kernel(cutoff * (phase - static_cast<f64>(n))));
    sum += weights.back();
  }
  for (auto& weight : weights) weight /= sum;
  return weights;
}

} // namespace

// Of the parts of a second that both rates have in common the products are small enough.
i64 resampled_length(i64 samples, i64 from, i64 to) {
  i64 const common = std::gcd(from, to);
  i64 const up = to / common, down = from / common;
  return (samples * up + down - 1) / down;
}

std::vector<f32> resample(std::span<f32 const> sound, i64 from, i64 to) {
  if (from == to) return {sound.begin(), sound.end()};
  i64 const common = std::gcd(from, to), up = to / common, down = from / common;
  f64 const cutoff = std::min(1.0, static_cast<f64>(to) / static_cast<f64>(from));
  auto const reach = static_cast<i64>(std::ceil(zeros / cutoff));
  auto const count = std::ssize(sound);
  std::vector<f32> result(static_cast<size_t>(resampled_length(count, from, to)));
  // New samples lie at as many places between two old ones as `up` says.
  std::map<i64, std::vector<f64>> kept;
  auto const most = std::max<size_t>(1, most_kept / static_cast<size_t>(2 * reach + 2));
  for (i64 m = 0; m < std::ssize(result); ++m) {
    i64 const at = m * down / up, phase = m * down % up;
    auto found = kept.find(phase);
    if (found == kept.end()) {
      if (kept.size() >= most) kept.clear();
      found = kept.emplace(phase, weights_of(static_cast<f64>(phase) / static_cast<f64>(up), cutoff, reach)).first;
    }
    auto const& weights = found->second;
    f64 sum = 0;
    i64 const first = std::max<i64>(0, at - reach), last = std::min(count - 1, at + reach + 1);
    for (i64 n = first; n <= last; ++n)
      sum += weights[static_cast<size_t>(n - at + reach)] * static_cast<f64>(sound[static_cast<size_t>(n)]);
    result[static_cast<size_t>(m)] = static_cast<f32>(sum);
  }
  return result;
}

} // namespace nnc
