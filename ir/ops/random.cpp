// Random bits: a function of seed, step, the path of the draw and the element, so that any draw can be made again.
//
//   element e, 64 elements to a group: block c = (e / 64) * 16 + e % 16, word (e / 16) % 4 of
//   philox(counter = {c, path_hash(path), low and high half of step}, key = {low and high half of seed})
//
// A third operand is the number of the first element, where the draw is a part of a larger one.
//
// so that 16 lanes that draw 16 neighbouring blocks at once give 64 neighbouring elements.
#include "ir/random.h"
#include "ir/ops/rules.h"

#include <fmt/core.h>

namespace nnc {

using namespace rules;

namespace {

std::vector<Type> random_bits_type(TypeQuery const& q) {
  if (q.operands.size() != 2 && q.operands.size() != 3)
    refuse(fmt::format("expected seed, step and perhaps the number of the first element, found {} operands",
                       q.operands.size()));
  for (auto const& t : q.operands)
    if (t != scalar_of(DType::i64)) refuse("seed and step are i64[], found " + t.text());
  if (q.stated->dtype != DType::i32) refuse("random bits are i32, found " + q.stated->text());
  return {*q.stated};
}

std::vector<Tensor> evaluate_random_bits(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  Tensor y = Tensor::zeros(DType::i32, extents_of(result[0]));
  auto seed = static_cast<u64>(x[0].i[0]), step = static_cast<u64>(x[1].i[0]);
  u32 path = path_hash(n.attributes.get<std::string>("path"));
  u64 const first = x.size() == 3 ? static_cast<u64>(x[2].i[0]) : 0;
  for (size_t i = 0; i < y.i.size(); ++i) {
    u64 const e = first + i;
    auto block = static_cast<u32>((e / 64) * 16 + e % 16);
    auto words = philox({block, path, static_cast<u32>(step), static_cast<u32>(step >> 32)}, philox_key(seed));
    y.i[i] = static_cast<i32>(words[(e / 16) % 4]);
  }
  return {std::move(y)};
}

std::vector<Sample> random_bits_samples() {
  std::vector<Sample> out;
  for (Shape const& shape : {Shape{5}, Shape{3, 50}, Shape{}, Shape{0}})
    out.push_back({.operands = {scalar_of(DType::i64), scalar_of(DType::i64)},
                   .attributes = {{"path", std::string("dropout")}},
                   .stated = i32_of(shape),
                   .int_low = 0,
                   .int_high = i64{1} << 40});
  out.push_back(out[1]);
  out.back().operands.push_back(scalar_of(DType::i64)); // from any element on
  out.back().int_high = i64{1} << 30;
  return out;
}

std::vector<Refusal> random_bits_errors() {
  auto with = [](Type seed, Type y) {
    return Sample{.operands = {std::move(seed), scalar_of(DType::i64)},
                  .attributes = {{"path", std::string("a")}},
                  .stated = std::move(y)};
  };
  return {
      {with(i32_of({}), i32_of({3})), "seed and step are i64[]"},
      {Sample{.operands = {scalar_of(DType::i64)}, .attributes = {{"path", std::string("a")}}, .stated = i32_of({3})},
       "found 1 operands"},
      {with(scalar_of(DType::i64), f32_of({3})), "random bits are i32"}};
}

constexpr AttributeSpec random_attributes[] = {
    {"path", AttributeKind::string, false, "where the draw stands in the program"}};

} // namespace

constinit Op const ops::random_bits{
    .name = "random_bits",
    .doc =
        "32 random bits per element, by Philox4x32-10 of seed, step, path and element; a third operand is the number "
        "of the first element",
    .arity = -1,
    .traits = exact | nnc::random | stated_type | no_derivative,
    .attributes = random_attributes,
    .type = random_bits_type,
    .evaluate = evaluate_random_bits,
    .samples = random_bits_samples,
    .errors = random_bits_errors,
};

} // namespace nnc
