// Every gradient rule against central differences, first and second order.
//
//   loss = sum(r * op(x, ...))      r random, so that no symmetry hides a wrong term
//   first order:  the rule's d loss / dx against differences of loss
//   second order: the derivative of sum(q * d loss / dx), made of the rule by rules, against differences of the rule
//
// Everything runs in f64 without rounding. A central difference with step h = 1e-5 is off by h^2 f''' / 6, some 1e-10,
// and by 1e-16 |loss| / h, some 1e-10 for these sizes; 1e-6 of the size of the gradient leaves room for steep samples.
#include "ir/evaluate.h"
#include "passes/differentiate.h"
#include "tests/props/samples.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::props;

namespace {

constexpr f64 tolerance = 1e-6;
constexpr f64 h = 1e-5;

// Adds sum(r * y) for every y, r a new argument each.
ValueId weighted_sum(Builder& b, std::vector<ValueId> const& ys, std::string const& name) {
  ValueId sum = b.constant(DType::f32, 0);
  for (size_t i = 0; i < ys.size(); ++i) {
    ValueId r = b.argument(name + std::to_string(i), b.type(ys[i]), Role::none);
    std::vector<i64> axes;
    for (i64 a = 0; a < b.type(ys[i]).rank(); ++a) axes.push_back(a);
    ValueId product = b.convert(b.make(OpCode::mul, {ys[i], r}), DType::f32);
    sum = b.make(OpCode::add, {sum, axes.empty() ? product : b.reduce(OpCode::reduce_sum, product, axes)});
  }
  return sum;
}

// `f` evaluates y (its first result) and the derivatives of y by `by` (its other results).
void check_against_differences(Module const& m, std::vector<size_t> const& by, u64 seed, Sample const& s) {
  Function const& f = m.functions[0];
  Draw draw(seed);
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < f.arguments.size(); ++i) {
    Type const& t = f.type(f.arguments[i].value);
    bool operand = i < s.operands.size();
    inputs.push_back(draw_tensor(draw, t, operand ? s.low : -1, operand ? s.high : 1, s.int_low, s.int_high));
  }
  Evaluation const how{.exact = true};
  auto results = evaluate(m, f, inputs, how);
  for (size_t k = 0; k < by.size(); ++k) {
    Tensor& x = inputs[by[k]];
    Tensor const& slope = results[k + 1];
    f64 size = 1;
    for (f64 g : slope.f) size = std::max(size, std::abs(g));
    for (size_t j = 0; j < x.f.size(); ++j) {
      f64 at = x.f[j];
      x.f[j] = at + h;
      f64 up = evaluate(m, f, inputs, how)[0].f[0];
      x.f[j] = at - h;
      f64 down = evaluate(m, f, inputs, how)[0].f[0];
      x.f[j] = at;
      CHECK(std::abs((up - down) / (2 * h) - slope.f[j]) <= tolerance * size);
    }
  }
}

// Replaces the results by y and its derivatives.
std::vector<ValueId> differentiate_by(Function& f, ValueId y, std::vector<ValueId> const& by) {
  auto slopes = append_gradient({}, f, f.body.nodes, y, by);
  f.results.clear();
  f.results.push_back({"y", y, Role::none});
  for (size_t k = 0; k < slopes.size(); ++k) f.results.push_back({"d" + std::to_string(k), slopes[k], Role::none});
  return slopes;
}

struct Operands {
  std::vector<size_t> numbers; // which arguments are float tensors
  std::vector<ValueId> values;
};
Operands float_operands(Function const& f, Sample const& s) {
  Operands out;
  for (size_t i = 0; i < s.operands.size(); ++i)
    if (is_float(s.operands[i].dtype)) {
      out.numbers.push_back(i);
      out.values.push_back(f.arguments[i].value);
    }
  return out;
}

size_t large(Sample const& s) { // differences of both orders evaluate once or twice per element
  size_t n = 0;
  for (auto const& t : s.operands) n += static_cast<size_t>(count_of(extents_of(t)));
  return n;
}

} // namespace

TEST_CASE("gradients of first and second order") {
  size_t checked = 0;
  for_each_sample([&](OpCode code, Sample const& s, std::string const& what) {
    if (info(code).has(no_derivative) || large(s) > 400) return;
    Module m = module_of(code, s);
    Function& f = m.functions[0];
    auto by = float_operands(f, s);
    if (by.values.empty() || f.type(f.results[0].value).dtype != DType::f32) return;
    INFO(what);
    Builder b(f);
    ValueId loss = weighted_sum(b, {f.results[0].value}, "r");
    auto slopes = differentiate_by(f, loss, by.values);
    check_against_differences(m, by.numbers, 11, s);
    ValueId second = weighted_sum(b, slopes, "q");
    differentiate_by(f, second, by.values);
    check_against_differences(m, by.numbers, 13, s);
    ++checked;
  });
  CHECK(checked > 90);
}

TEST_CASE("every operator with a gradient rule has a sample that checks it") {
  for (auto code : all_ops()) {
    Op const& op = info(code);
    if (!op.gradient) continue;
    INFO(op.name);
    auto samples = op.samples();
    bool differentiable = std::any_of(samples.begin(), samples.end(), [&](Sample const& s) {
      return large(s) > 0 && large(s) <= 400 &&
             std::any_of(s.operands.begin(), s.operands.end(), [](Type const& t) { return is_float(t.dtype); });
    });
    CHECK(differentiable);
  }
}

TEST_CASE("what has no derivative passes none") {
  for (auto code : all_ops()) {
    if (!info(code).has(no_derivative)) continue;
    for (auto const& s : info(code).samples()) {
      Module m = module_of(code, s);
      Function& f = m.functions[0];
      auto by = float_operands(f, s);
      if (by.values.empty() || f.type(f.results[0].value).dtype != DType::f32) continue;
      INFO(described(code, 0, s));
      Builder b(f);
      differentiate_by(f, weighted_sum(b, {f.results[0].value}, "r"), by.values);
      auto inputs = draw_operands(s, 3);
      inputs.push_back(Tensor::zeros(DType::f32, extents_of(f.type(f.arguments.back().value))));
      auto results = evaluate(m, f, inputs);
      for (size_t k = 1; k < results.size(); ++k)
        for (f64 g : results[k].f) CHECK(g == 0);
    }
  }
}
