// dot: sums of products over any axes of two tensors, for each index of the batch axes. The matrix product x @ w is
// dot {contract_lhs=[1], contract_rhs=[0]}.
#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

namespace nnc {

using namespace rules;

namespace {

using Integers = std::vector<i64>;

// The axes of both operands by what they do; the free ones are those that are neither contracted nor batch axes.
struct Axes {
  Integers batch_lhs, batch_rhs, contract_lhs, contract_rhs, free_lhs, free_rhs;
};

Integers both(Integers a, Integers const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Axes axes_of(Attributes const& a, int rank_lhs, int rank_rhs) {
  Axes x;
  x.contract_lhs = a.get<Integers>("contract_lhs");
  x.contract_rhs = a.get<Integers>("contract_rhs");
  x.batch_lhs = a.get_or<Integers>("batch_lhs", {});
  x.batch_rhs = a.get_or<Integers>("batch_rhs", {});
  x.free_lhs = axes_without(rank_lhs, both(x.batch_lhs, x.contract_lhs));
  x.free_rhs = axes_without(rank_rhs, both(x.batch_rhs, x.contract_rhs));
  return x;
}

void check_pairs(TypeQuery const& q, Integers const& lhs, Integers const& rhs, std::string_view what) {
  if (lhs.size() != rhs.size())
    refuse(fmt::format("{} {} axes of one operand, {} of the other", what, lhs.size(), rhs.size()));
  for (size_t k = 0; k < lhs.size(); ++k) {
    auto l = static_cast<size_t>(lhs[k]), r = static_cast<size_t>(rhs[k]);
    if (q.operands[0].shape[l] != q.operands[1].shape[r])
      refuse(fmt::format("axis {} of {} does not fit axis {} of {}", l, q.operands[0].text(), r, q.operands[1].text()));
  }
}

std::vector<Type> dot_type(TypeQuery const& q) {
  Type const &lhs = q.operands[0], &rhs = q.operands[1];
  need(lhs, Takes::numbers);
  need_same_dtype(q.operands);
  Axes a = axes_of(q.attributes, lhs.rank(), rhs.rank());
  check_axes(both(a.batch_lhs, a.contract_lhs), lhs.rank(), "axis");
  check_axes(both(a.batch_rhs, a.contract_rhs), rhs.rank(), "axis");
  check_pairs(q, a.contract_lhs, a.contract_rhs, "contracts");
  check_pairs(q, a.batch_lhs, a.batch_rhs, "pairs");
  Shape summed;
  for (i64 k : a.contract_lhs) summed.push_back(lhs.shape[static_cast<size_t>(k)]);
  check_order(q.attributes, summed);
  Type y{lhs.dtype, {}};
  for (i64 axis : both(a.batch_lhs, a.free_lhs)) y.shape.push_back(lhs.shape[static_cast<size_t>(axis)]);
  for (i64 axis : a.free_rhs) y.shape.push_back(rhs.shape[static_cast<size_t>(axis)]);
  return {y};
}

Integers counting(size_t from, size_t count) {
  Integers v(count);
  std::iota(v.begin(), v.end(), static_cast<i64>(from));
  return v;
}

// The space: batch axes, free axes of lhs, free axes of rhs, contracted axes.
std::optional<IndexMap> dot_map(MapQuery const& q) {
  auto const rank = [&](size_t i) { return static_cast<int>(q.shape(i).size()); };
  Axes const a = axes_of(q.node.attributes, rank(0), rank(1));
  bool const left = q.operand == 0;
  Integers axes(q.read().size());
  auto place = [&](Integers const& listed, size_t from) {
    for (size_t i = 0; i < listed.size(); ++i) axes[static_cast<size_t>(listed[i])] = static_cast<i64>(from + i);
  };
  size_t const rows = a.batch_lhs.size(), columns = rows + a.free_lhs.size(), summed = columns + a.free_rhs.size();
  place(left ? a.batch_lhs : a.batch_rhs, 0);
  place(left ? a.free_lhs : a.free_rhs, left ? rows : columns);
  place(left ? a.contract_lhs : a.contract_rhs, summed);
  return map_of_axes(axes);
}

ValueId make_dot(Builder& b, ValueId lhs, ValueId rhs, Integers contract_lhs, Integers contract_rhs, Integers batch_lhs,
                 Integers batch_rhs) {
  Attributes a{{"contract_lhs", std::move(contract_lhs)}, {"contract_rhs", std::move(contract_rhs)}};
  if (!batch_lhs.empty()) {
    a.set("batch_lhs", std::move(batch_lhs));
    a.set("batch_rhs", std::move(batch_rhs));
  }
  return b.make(OpCode::dot, {lhs, rhs}, a);
}

// The axes of `value` come as listed (named by the operand's axis); bring them into the operand's own order.
ValueId in_operand_order(Builder& b, ValueId value, Integers const& listed) {
  Integers permutation(listed.size());
  for (size_t i = 0; i < listed.size(); ++i) permutation[static_cast<size_t>(listed[i])] = static_cast<i64>(i);
  return b.transpose(value, permutation);
}

// The contracted axes of `own` in the order in which those of `other` increase.
Integers by_other(Integers const& own, Integers const& other) {
  Integers order = counting(0, own.size()), out;
  std::sort(order.begin(), order.end(),
            [&](i64 i, i64 j) { return other[static_cast<size_t>(i)] < other[static_cast<size_t>(j)]; });
  for (i64 i : order) out.push_back(own[static_cast<size_t>(i)]);
  return out;
}

// y[b, m, n] = sum_k l[b, m, k] r[b, n, k] for lists of axes b, m, n, k:
//   dl[b, m, k] = sum_n dy[b, m, n] r[b, n, k]        dr[b, k, n] = sum_m l[b, m, k] dy[b, m, n]
// An operand whose first axis is contracted comes out of the product with its sides exchanged, so that nothing has to
// be transposed: a batch in front of the other operand stays in front.
bool in_front(Integers const& axes) { return std::find(axes.begin(), axes.end(), 0) != axes.end(); }

void gradient_of_dot(Grad& g) {
  Builder& b = g.builder();
  Axes a = axes_of(g.attributes(), g.x(0).type().rank(), g.x(1).type().rank());
  size_t nb = a.batch_lhs.size(), nm = a.free_lhs.size(), nn = a.free_rhs.size();
  auto batch = counting(0, nb), m = counting(nb, nm), n = counting(nb + nm, nn);
  if (g.wants(0)) {
    bool exchanged = nb == 0 && in_front(a.contract_lhs);
    ValueId d = exchanged ? make_dot(b, g.x(1).id, g.dy().id, a.free_rhs, n, {}, {}) // [k as they lie in r, m]
                          : make_dot(b, g.dy().id, g.x(1).id, n, a.free_rhs, batch,
                                     a.batch_rhs); // [batch, m, k as they lie in r]
    auto k = by_other(a.contract_lhs, a.contract_rhs);
    g.to(0, {&b, in_operand_order(b, d, exchanged ? both(k, a.free_lhs) : both(both(a.batch_lhs, a.free_lhs), k))});
  }
  if (g.wants(1)) {
    bool exchanged = nb == 0 && !in_front(a.contract_rhs);
    ValueId d = exchanged ? make_dot(b, g.dy().id, g.x(0).id, m, a.free_lhs, {}, {}) // [n, k as they lie in l]
                          : make_dot(b, g.x(0).id, g.dy().id, a.free_lhs, m, a.batch_lhs,
                                     batch); // [batch, k as they lie in l, n]
    auto k = by_other(a.contract_rhs, a.contract_lhs);
    g.to(1, {&b, in_operand_order(b, d, exchanged ? both(a.free_rhs, k) : both(both(a.batch_rhs, k), a.free_rhs))});
  }
}

std::vector<i64> offsets_along(Tensor const& t, Integers const& axes) {
  auto strides = strides_of(t.shape);
  Integers extents, steps;
  for (i64 a : axes) {
    extents.push_back(t.shape[static_cast<size_t>(a)]);
    steps.push_back(strides[static_cast<size_t>(a)]);
  }
  return offsets(extents, steps);
}

std::vector<Tensor> evaluate_dot(Node const& node, std::span<Tensor const> x, std::span<Type const> result) {
  Axes a = axes_of(node.attributes, static_cast<int>(x[0].shape.size()), static_cast<int>(x[1].shape.size()));
  auto batch_l = offsets_along(x[0], a.batch_lhs), m = offsets_along(x[0], a.free_lhs),
       k_l = offsets_along(x[0], a.contract_lhs);
  auto batch_r = offsets_along(x[1], a.batch_rhs), n = offsets_along(x[1], a.free_rhs),
       k_r = offsets_along(x[1], a.contract_rhs);
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  // Each sum goes along k in order; the sums of a row advance together, so that the second operand is read as it lies.
  auto rows = [&](auto const& l, auto const& r, auto& out, auto step) {
    auto* sums = out.data();
    for (size_t i = 0; i < batch_l.size(); ++i)
      for (i64 row : m) {
        for (size_t k = 0; k < k_l.size(); ++k) {
          auto const p = l[static_cast<size_t>(batch_l[i] + row + k_l[k])];
          for (size_t j = 0; j < n.size(); ++j)
            sums[j] = step(sums[j], p, r[static_cast<size_t>(batch_r[i] + n[j] + k_r[k])]);
        }
        sums += n.size();
      }
  };
  if (is_float(y.dtype)) rows(x[0].f, x[1].f, y.f, [](f64 sum, f64 p, f64 q) { return sum + p * q; });
  else rows(x[0].i, x[1].i, y.i, [](i64 sum, i64 p, i64 q) { return wrapping_add(sum, wrapping_mul(p, q)); });
  return {std::move(y)};
}

Sample dot_of(Type lhs, Type rhs, Integers contract_lhs, Integers contract_rhs, Integers batch_lhs = {},
              Integers batch_rhs = {}) {
  Sample s{.operands = {std::move(lhs), std::move(rhs)}};
  s.attributes.set("contract_lhs", std::move(contract_lhs));
  s.attributes.set("contract_rhs", std::move(contract_rhs));
  if (!batch_lhs.empty() || !batch_rhs.empty()) {
    s.attributes.set("batch_lhs", std::move(batch_lhs));
    s.attributes.set("batch_rhs", std::move(batch_rhs));
  }
  return s;
}

Sample in_order(Sample s, Order order) {
  s.attributes.set("order", order);
  return s;
}

std::vector<Sample> dot_samples() {
  return {
      dot_of(f32_of({3, 4}), f32_of({4, 2}), {1}, {0}),
      dot_of(f32_of({3, 4}), f32_of({2, 4}), {1}, {1}),
      dot_of(f32_of({4, 3}), f32_of({4, 2}), {0}, {0}),
      dot_of(f32_of({5}), f32_of({5}), {0}, {0}),
      dot_of(f32_of({3}), f32_of({2}), {}, {}),
      dot_of(f32_of({}), f32_of({2}), {}, {}),
      dot_of(f32_of({3, 4}), f32_of({4, 3}), {0, 1}, {1, 0}),
      dot_of(f32_of({2, 3, 4}), f32_of({2, 4, 5}), {2}, {1}, {0}, {0}),
      dot_of(f32_of({3, 2, 4}), f32_of({5, 4, 2}), {2}, {1}, {1}, {2}),
      dot_of(f32_of({2, 3, 4, 5}), f32_of({5, 3, 6}), {1, 3}, {1, 0}),
      dot_of(f32_of({17, 33}), f32_of({33, 19}), {1}, {0}),
      dot_of(f32_of({3, 0}), f32_of({0, 2}), {1}, {0}),
      in_order(dot_of(f32_of({3, 75}), f32_of({75, 5}), {1}, {0}), {Order::Kind::chain, 16}),
      in_order(dot_of(f32_of({3, 75}), f32_of({75}), {1}, {0}), {Order::Kind::lanes, 16}),
      in_order(dot_of(f32_of({2, 7, 5, 3}), f32_of({2, 7, 5, 6}), {0, 1, 2}, {0, 1, 2}), {Order::Kind::chain, 2, 1}),
      dot_of({DType::i32, {3, 4}}, {DType::i32, {4, 2}}, {1}, {0})};
}

std::vector<Refusal> dot_errors() {
  return {{dot_of(f32_of({3, 4}), f32_of({5, 2}), {1}, {0}), "axis 1 of f32[3,4] does not fit axis 0 of f32[5,2]"},
          {in_order(dot_of(f32_of({3, 4}), f32_of({4, 2}), {1}, {0}), {Order::Kind::chain, 2, 1}),
           "blocks cut axis 1 of 1 that are summed"},
          {dot_of(f32_of({3, 4}), i32_of({4, 2}), {1}, {0}), "different dtypes"},
          {dot_of(f32_of({3, 4}), f32_of({4, 2}), {1}, {}), "contracts 1 axes of one operand"},
          {dot_of(f32_of({3, 4}), f32_of({4, 2}), {2}, {0}), "outside"},
          {dot_of(f32_of({3, 4}), f32_of({4, 2}), {1}, {0}, {1}, {1}), "given twice"},
          {dot_of(bool_of({3, 4}), bool_of({4, 2}), {1}, {0}), "expected numbers"}};
}

constexpr AttributeSpec dot_attributes[] = {
    {"contract_lhs", AttributeKind::integers, false,
     "axes of the first operand that are summed; the last in the list fastest"},
    {"contract_rhs", AttributeKind::integers, false, "the axes of the second operand that they meet"},
    {"batch_lhs", AttributeKind::integers, true, "axes of the first operand that stay and are paired"},
    {"batch_rhs", AttributeKind::integers, true, "the axes of the second operand that they are paired with"},
    {"order", AttributeKind::order, true, "order of the sum; set by the pass `order`"}};

} // namespace

constinit Op const ops::dot{
    .name = "dot",
    .doc = "sums of products over pairs of axes; the result has the batch axes, the free axes of the first, those of "
           "the second",
    .arity = 2,
    .traits = contracts | accumulates,
    .attributes = dot_attributes,
    .type = dot_type,
    .map = dot_map,
    .gradient = gradient_of_dot,
    .evaluate = evaluate_dot,
    .samples = dot_samples,
    .errors = dot_errors,
};

} // namespace nnc
