// What the registry-driven tests share: a module with one function that uses an operator as a sample says, and operands
// drawn as the sample says.
#pragma once

#include "ir/builder.h"
#include "ir/op.h"
#include "ir/random.h"
#include "ir/tensor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace nnc::props {

// A stream of random words that depends on its seed alone.
class Draw {
public:
  explicit Draw(u64 seed) : key_(philox_key(seed)) {}
  u32 word() {
    if (used_ == 4) {
      words_ = philox({block_++, 0, 0, 0}, key_);
      used_ = 0;
    }
    return words_[used_++];
  }
  f64 uniform(f64 low, f64 high) { return low + (high - low) * (word() * 0x1p-32); }
  i64 integer(i64 low, i64 high) { // both included
    u64 wide = (u64{word()} << 32) | word();
    return low + static_cast<i64>(wide % (static_cast<u64>(high - low) + 1));
  }
  bool chance(f64 p) { return uniform(0, 1) < p; }
  template <class List>
  auto const& one_of(List const& list) {
    return list[static_cast<size_t>(integer(0, static_cast<i64>(list.size()) - 1))];
  }

private:
  PhiloxKey key_;
  std::array<u32, 4> words_{};
  u32 block_ = 0;
  size_t used_ = 4;
};

inline Tensor draw_tensor(Draw& draw, Type const& t, f64 low, f64 high, i64 int_low, i64 int_high) {
  Tensor x = Tensor::zeros(t.dtype, extents_of(t));
  for (auto& v : x.f) v = round_to(t.dtype, draw.uniform(low, high));
  for (auto& v : x.i)
    v = wrap_to(t.dtype, t.dtype == DType::bool_ ? draw.integer(0, 1) : draw.integer(int_low, int_high));
  return x;
}

inline std::vector<Tensor> draw_operands(Sample const& s, u64 seed) {
  Draw draw(seed);
  std::vector<Tensor> out;
  for (auto const& t : s.operands) out.push_back(draw_tensor(draw, t, s.low, s.high, s.int_low, s.int_high));
  return out;
}

// func @f(%a, %b, ...) -> (y): y = op a, b, ...; further results are y1, y2 ...
inline Module module_of(OpCode code, Sample const& s) {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  std::vector<ValueId> operands;
  for (size_t i = 0; i < s.operands.size(); ++i) {
    bool number = s.operands[i] == scalar_of(DType::f64);
    operands.push_back(
        b.argument(std::string(1, static_cast<char>('a' + i)), s.operands[i], number ? Role::scalar : Role::none));
  }
  for (ValueId const v : b.make_all(code, operands, s.attributes, s.stated ? &*s.stated : nullptr)) {
    std::string const name = f.results.empty() ? "y" : "y" + std::to_string(f.results.size());
    f.values[v].name = name;
    b.result(name, v, Role::none);
  }
  return m;
}

// "dot sample 3 (f32[3,4], f32[2,4])", for messages.
inline std::string described(OpCode code, size_t number, Sample const& s) {
  std::string out = std::string(info(code).name) + " sample " + std::to_string(number) + " (";
  for (size_t i = 0; i < s.operands.size(); ++i) out += (i ? ", " : "") + s.operands[i].text();
  return out + ")";
}

// The sample with another dtype in the place of f32, or of i32 (indices): nothing where it has none of it, or the
// operator refuses that.
inline std::optional<Sample> swapped(OpCode code, Sample s, DType from, DType to) {
  bool any = false;
  auto swap = [&](Type& t) {
    if (t.dtype == from) t.dtype = to, any = true;
  };
  for (auto& t : s.operands) swap(t);
  if (s.stated) swap(*s.stated);
  try {
    if (any) (void)result_types(code, s.operands, s.attributes, s.stated ? &*s.stated : nullptr);
  } catch (Error const&) {
    return {};
  }
  return any ? std::optional(std::move(s)) : std::nullopt;
}

// The samples of an operator, and the first few of them in each dtype that it takes and they do not have.
inline std::vector<Sample> samples_of(OpCode code) {
  constexpr size_t few = 3;
  auto const own = info(code).samples();
  auto out = own;
  for (int d = 0; d < dtype_count; ++d)
    for (DType from : {DType::f32, DType::i32}) {
      auto const to = static_cast<DType>(d);
      auto const has = [&](Sample const& s) {
        return std::any_of(s.operands.begin(), s.operands.end(), [&](Type const& t) { return t.dtype == to; }) ||
               (s.stated && s.stated->dtype == to);
      };
      if (std::any_of(own.begin(), own.end(), has)) continue;
      size_t made = 0;
      for (auto const& s : own)
        if (made < few)
          if (auto other = swapped(code, s, from, to)) out.push_back(*other), ++made;
    }
  return out;
}

// Runs `check(code, sample, description)` for every sample of every operator; gives how many there were.
template <class Check>
size_t for_each_sample(Check check) {
  size_t count = 0;
  for (auto code : all_ops()) {
    if (!info(code).samples) continue;
    auto const samples = samples_of(code);
    for (size_t i = 0; i < samples.size(); ++i, ++count) check(code, samples[i], described(code, i, samples[i]));
  }
  return count;
}

} // namespace nnc::props
