// Sounds at another rate.
#pragma once

#include "ir/basic.h"

#include <span>
#include <vector>

namespace nnc {

// ceil(samples to / from)
i64 resampled_length(i64 samples, i64 from, i64 to);

// A sinc that ends at the Nyquist frequency of the lower rate, in a window of Blackman over 32 of its zeros on each side:
// with c = min(1, to / from) and t = m from / to - n
//
//     y[m] = sum over n of x[n] h(t) / sum over n of h(t),      h(t) = sinc(c t) w(c t / 32),
//     sinc(t) = sin(pi t) / (pi t),  w(u) = 0.42 + 0.5 cos(pi u) + 0.08 cos(2 pi u) for |u| < 1
//
// where x is 0 before its beginning and behind its end. Sums are of f64.
std::vector<f32> resample(std::span<f32 const> sound, i64 from, i64 to);

} // namespace nnc
