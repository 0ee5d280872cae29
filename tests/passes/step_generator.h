// Random steps: a function with a loss, a parameter that is updated by its gradient, a number that tunes, and outputs;
// elementwise chains, rows, sums of columns, products, movements of data.
#pragma once

#include "ir/builder.h"

#include <algorithm>
#include <fmt/core.h>
#include <random>

namespace nnc::step_test {

// Draws a function whose values have the shapes [batch,4], [4,4], [batch], [4] and [].
class Generator {
public:
  // `gathers`: the batch comes as the rows of whole columns, as in training; else as it is.
  Generator(u32 seed, bool gathers) : random_(seed), make_(f_) {
    auto const batch_role = gathers ? Role::input : Role::none;
    f_.name = "f";
    Shape const shapes[] = {{Symbol::batch, 4}, {4, 4}, {Symbol::batch}, {4}, {}};
    for (auto const& s : shapes)
      values_.push_back(make_.argument(fmt::format("x{}", values_.size()), {DType::f32, s},
                                       !s.empty() && s[0] == Dim(Symbol::batch) ? batch_role : Role::none));
    labels_ = make_.argument("labels", {DType::i32, {Symbol::batch}}, batch_role);
    weight_ = make_.argument("w", {DType::f32, {4, 4}}, Role::param);
    rate_ = make_.argument("rate", scalar_of(DType::f64), Role::scalar);
    values_.push_back(weight_);
    values_.push_back(make_.convert(rate_, DType::f32));
  }

  Module finish(int nodes) {
    while (nodes-- > 0) step();
    auto loss = values_.back();
    std::vector<i64> all(make_.type(loss).shape.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<i64>(i);
    if (!all.empty()) loss = make_.reduce(OpCode::reduce_sum, loss, all);
    make_.result("loss", loss, Role::loss);
    auto dw = make_.make_many(OpCode::grad, {loss, weight_}, {}, {make_.type(weight_)}).front();
    V const w{&make_, weight_}, g{&make_, dw};
    make_.result("w", (w - 0.125 * g).id, Role::param);
    for (int i = 0; i < 3; ++i) make_.result(fmt::format("y{}", i), any(), Role::output);
    Module m;
    m.functions.push_back(std::move(f_));
    return m;
  }

private:
  u32 below(size_t n) { return static_cast<u32>(random_() % n); }
  ValueId any() { return values_[below(values_.size())]; }
  Shape const& shape(ValueId v) { return make_.type(v).shape; }
  ValueId of_shape(Shape const& s) { // recent ones more often, so that chains grow
    std::vector<ValueId> fit;
    for (auto v : values_)
      if (shape(v) == s) fit.push_back(v);
    return fit.empty() ? no_value : fit[std::max(below(fit.size()), below(fit.size()))];
  }
  void keep(ValueId v) { values_.push_back(v); }

  void step() {
    switch (below(9)) {
    case 0: return unary();
    case 1:
    case 2: return binary();
    case 3: return reduction();
    case 4: return broadcast();
    case 5: return product();
    case 6: return movement();
    case 7: return choice();
    default: return softmax();
    }
  }

  void unary() {
    OpCode const ops[] = {OpCode::tanh, OpCode::neg, OpCode::sin, OpCode::abs, OpCode::stop_gradient};
    keep(make_.make(ops[below(std::size(ops))], {any()}));
  }
  void binary() {
    auto a = any();
    auto const s = shape(a);
    auto b = below(3) ? of_shape(s) : of_shape({});
    OpCode const ops[] = {OpCode::add, OpCode::sub, OpCode::mul, OpCode::max, OpCode::min};
    auto y = make_.make(ops[below(std::size(ops))], below(2) ? std::vector<ValueId>{a, b} : std::vector<ValueId>{b, a});
    keep(below(3) ? y : make_.make(OpCode::mul, {y, make_.like(y, 0.5)}));
  }
  void reduction() {
    auto x = any();
    auto rank = static_cast<i64>(shape(x).size());
    if (rank == 0) return;
    OpCode const op = below(3) ? OpCode::reduce_sum : OpCode::reduce_max;
    keep(make_.reduce(op, x, {static_cast<i64>(below(static_cast<size_t>(rank)))}));
  }
  void broadcast() {
    Shape const to{Symbol::batch, 4};
    if (below(2)) keep(make_.broadcast(of_shape({4}), to, {1}));
    else keep(make_.broadcast(of_shape({Symbol::batch}), to, {0}));
  }
  void product() {
    auto x = of_shape({Symbol::batch, 4}), w = of_shape({4, 4});
    Attributes const plain{{"contract_lhs", std::vector<i64>{1}}, {"contract_rhs", std::vector<i64>{0}}};
    Attributes const turned{{"contract_lhs", std::vector<i64>{1}}, {"contract_rhs", std::vector<i64>{1}}};
    Attributes const batches{{"contract_lhs", std::vector<i64>{0}}, {"contract_rhs", std::vector<i64>{0}}};
    auto which = below(4);
    auto y = which == 0 ? make_.make(OpCode::dot, {x, x}, batches)
                        : make_.make(OpCode::dot, {x, w}, which == 1 ? turned : plain);
    keep(make_.make(OpCode::tanh, {y}));
  }
  void movement() {
    auto x = of_shape({4, 4}), row = of_shape({Symbol::batch, 4});
    switch (below(5)) {
    case 0: return keep(make_.transpose(x, {1, 0}));
    case 1: return keep(make_.make(OpCode::reverse, {row}, {{"axes", std::vector<i64>{1}}}));
    case 2: return keep(make_.make(OpCode::gather, {x, labels_}, {{"axis", i64{0}}}));
    case 3: {
      Attributes const left{{"start", std::vector<Dim>{0, 0}}, {"limit", std::vector<Dim>{4, 2}}};
      auto half = make_.make(OpCode::slice, {x}, left);
      return keep(make_.make(OpCode::concat, {half, half}, {{"axis", i64{1}}}));
    }
    default: {
      auto flat = make_.reshape(x, {16});
      return keep(make_.reshape(make_.make(OpCode::tanh, {flat}), {4, 4}));
    }
    }
  }
  void choice() {
    auto a = any();
    auto b = of_shape(shape(a));
    keep(make_.make(OpCode::select, {make_.make(OpCode::gt, {a, b}), b, a}));
  }
  void softmax() {
    auto x = of_shape({Symbol::batch, 4});
    Shape const s{Symbol::batch, 4};
    auto top = make_.broadcast(make_.reduce(OpCode::reduce_max, x, {1}), s, {0});
    auto e = make_.make(OpCode::exp, {make_.make(OpCode::sub, {x, top})});
    keep(make_.make(OpCode::div, {e, make_.broadcast(make_.reduce(OpCode::reduce_sum, e, {1}), s, {0})}));
  }

  std::mt19937 random_;
  Function f_;
  Builder make_;
  std::vector<ValueId> values_;
  ValueId labels_, weight_, rate_;
};

} // namespace nnc::step_test
