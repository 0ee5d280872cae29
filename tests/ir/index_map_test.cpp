// Index maps against the evaluator: an element that a map names must be the element that the operator gives.
#include "ir/builder.h"
#include "ir/evaluate.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/tensor.h"

#include <doctest/doctest.h>
#include <numeric>
#include <random>

using namespace nnc;

namespace {

std::vector<i64> point_of(i64 number, std::vector<i64> const& extents) {
  std::vector<i64> point(extents.size());
  for (size_t i = extents.size(); i-- > 0; number /= extents[i]) point[i] = number % extents[i];
  return point;
}

struct Indices { // what a coordinate by data reads, and the extents of the space
  Tensor const& held;
  IndexMap map;
  std::vector<i64> space;
};

// The number of the element that is read at a point, in row-major order; nothing where the guard does not hold.
std::optional<i64> element_at(IndexMap const& map, std::vector<i64> const& shape, std::vector<i64> const& point,
                              std::optional<Indices> const& data = {}) {
  i64 element = 0;
  size_t axis = 0;
  for (auto const& c : map.coordinates) {
    i64 extent = 1;
    for (int k = 0; k < c.axes; ++k) extent *= shape[axis++];
    i64 index = c.offset.value({});
    for (auto const& t : c.terms) index += t.step.value({}) * point[static_cast<size_t>(t.axis)];
    if (c.by_data) {
      auto const at = element_at(data->map, data->held.shape, point);
      i64 last = extent - 1;
      for (auto const& t : c.terms) last -= t.step.value({}) * (data->space[static_cast<size_t>(t.axis)] - 1);
      index += std::clamp<i64>(data->held.i[static_cast<size_t>(*at)], 0, last);
    }
    if (c.guarded && (index < 0 || index % c.divide != 0 || index / c.divide >= extent)) return {};
    index /= c.divide;
    REQUIRE(index >= 0);
    REQUIRE(index < extent);
    element = element * extent + index;
  }
  return element;
}

struct Use { // one use of an operator: a function of its operands, and what they hold
  Function f;
  std::vector<Tensor> operands;
  Node const& node() const { return f.body.nodes.back(); }
};

Use use_of(OpCode op, Sample const& s, std::mt19937& random) {
  Use use;
  use.f.name = "f";
  Builder b(use.f);
  std::vector<ValueId> operands;
  for (auto const& t : s.operands) {
    operands.push_back(b.argument("x" + std::to_string(operands.size()), t, Role::input));
    Tensor x = Tensor::zeros(t.dtype, extents_of(t));
    for (auto& v : x.f) v = std::uniform_int_distribution<int>(-9, 9)(random);
    for (auto& v : x.i) v = std::uniform_int_distribution<i64>(s.int_low, s.int_high)(random);
    use.operands.push_back(std::move(x));
  }
  b.make_all(op, operands, s.attributes, s.stated ? &*s.stated : nullptr);
  return use;
}

std::vector<Tensor> evaluated(Use const& use) {
  auto const& n = use.node();
  std::vector<Type> types{use.f.type(n.result())};
  return info(n.op).evaluate(n, use.operands, types);
}

f64 number(Tensor const& t, i64 at) {
  auto const k = static_cast<size_t>(at);
  return t.f.empty() ? static_cast<f64>(t.i[k]) : t.f[k];
}

void check_moves(Use const& use) {
  auto const& n = use.node();
  auto const y = evaluated(use).front();
  auto const first = index_map(use.f, n, 0);
  REQUIRE(first);
  size_t const sources = depends_on_data(*first) ? 1 : n.operands.size();
  for (i64 k = 0; k < y.size(); ++k) {
    auto const point = point_of(k, y.shape);
    std::optional<f64> value;
    for (size_t i = 0; i < sources && !value; ++i) {
      auto const map = index_map(use.f, n, i);
      std::optional<Indices> indices;
      if (sources < n.operands.size()) indices.emplace(Indices{use.operands[1], *index_map(use.f, n, 1), y.shape});
      auto const at = element_at(*map, use.operands[i].shape, point, indices);
      if (at) value = number(use.operands[i], *at);
    }
    REQUIRE(value);
    CHECK(*value == number(y, k));
  }
}

// Sums of products over the axes that the result does not have: dot, and reduce_sum as a product of one.
void check_sums(Use const& use) {
  auto const& n = use.node();
  auto const y = evaluated(use).front();
  std::vector<i64> space;
  for (auto const& d : space_of(use.f, n)) space.push_back(d.value({}));
  std::vector<f64> sums(static_cast<size_t>(y.size()), 0);
  i64 const points = std::accumulate(space.begin(), space.end(), i64{1}, std::multiplies<>());
  i64 const inner = y.size() == 0 ? 0 : points / y.size();
  for (i64 k = 0; k < points; ++k) {
    f64 product = 1;
    for (size_t i = 0; i < n.operands.size(); ++i) {
      auto const at = element_at(*index_map(use.f, n, i), use.operands[i].shape, point_of(k, space));
      product *= at ? number(use.operands[i], *at) : 0; // beside an image
    }
    sums[static_cast<size_t>(k / inner)] += product;
  }
  for (i64 k = 0; k < y.size(); ++k) CHECK(sums[static_cast<size_t>(k)] == number(y, k));
}

} // namespace

TEST_CASE("every operator that moves or sums elements has a map that tells the truth") {
  std::mt19937 random(1);
  int moved = 0, summed = 0;
  for (auto op : all_ops()) {
    auto const& entry = info(op);
    if (entry.has(structural) || !entry.samples) continue;
    CAPTURE(entry.name);
    for (auto const& s : entry.samples()) {
      auto const use = use_of(op, s, random);
      if (entry.has(moves_data)) {
        ++moved;
        check_moves(use);
      } else if ((entry.has(contracts) || entry.join == OpCode::add) && is_float(s.operands[0].dtype)) {
        ++summed;
        check_sums(use);
      } else if (entry.has(reduces)) {
        CHECK(space_of(use.f, use.node()).size() == use.operands[0].shape.size());
      }
    }
  }
  CHECK(moved > 60);
  CHECK(summed > 10);
}

TEST_CASE("the composition of two maps reads what one after the other reads") {
  std::mt19937 random(2);
  auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  int composed = 0, strided = 0;
  for (int round = 0; round < 4000; ++round) {
    Function f;
    f.name = "f";
    Builder b(f);
    Shape shape;
    for (int k = draw(1, 3); k > 0; --k) shape.push_back(std::vector<i64>{1, 2, 3, 4}[static_cast<size_t>(draw(0, 3))]);
    ValueId v = b.argument("x", {DType::f32, shape}, Role::input);
    for (int step = 0; step < 2; ++step) {
      Shape const s = f.type(v).shape;
      std::vector<i64> axes(s.size());
      std::iota(axes.begin(), axes.end(), 0);
      switch (draw(0, 4)) {
      case 0: {
        std::shuffle(axes.begin(), axes.end(), random);
        v = b.make(OpCode::transpose, {v}, {{"permutation", axes}});
        break;
      }
      case 1: {
        Shape wide = s;
        auto const at = draw(0, static_cast<int>(s.size()));
        wide.insert(wide.begin() + at, 2);
        for (auto& a : axes) a += a >= at;
        v = b.make(OpCode::broadcast, {v}, {{"axes", axes}}, Type{DType::f32, wide});
        break;
      }
      case 2: {
        Shape flat = s;
        if (flat.size() > 1) flat[1] = flat[0] * flat[1], flat.erase(flat.begin());
        else flat = {1, flat[0]};
        v = b.reshape(v, flat);
        break;
      }
      case 3: {
        std::vector<Dim> start, limit;
        for (auto const& d : s) {
          i64 const n = *d.constant(), from = draw(0, static_cast<int>(n) - 1);
          start.emplace_back(from);
          limit.emplace_back(draw(static_cast<int>(from) + 1, static_cast<int>(n)));
        }
        v = b.make(OpCode::slice, {v}, {{"start", start}, {"limit", limit}});
        break;
      }
      default: v = b.make(OpCode::reverse, {v}, {{"axes", std::vector<i64>{draw(0, static_cast<int>(s.size()) - 1)}}});
      }
    }
    if (f.body.nodes.size() < 2) continue;
    auto const &first = f.body.nodes[0], &second = f.body.nodes[1];
    auto const inner = *index_map(f, first, 0), outer = *index_map(f, second, 0);
    auto const between = extents_of(f.type(first.result())), from = extents_of(f.type(first.operands[0])),
               to = extents_of(f.type(v));
    auto const both = compose(outer, inner, f.type(first.result()).shape, f.type(first.operands[0]).shape);
    if (!both) continue;
    ++composed;
    auto const strides =
        strides_through(*both, f.type(first.operands[0]).shape, row_major(f.type(first.operands[0]).shape), to.size());
    strided += strides.has_value();
    i64 const points = std::accumulate(to.begin(), to.end(), i64{1}, std::multiplies<>());
    for (i64 k = 0; k < points; ++k) {
      auto const point = point_of(k, to);
      auto const middle = *element_at(outer, between, point);
      auto const element = *element_at(inner, from, point_of(middle, between));
      CHECK(*element_at(*both, from, point) == element);
      if (!strides) continue;
      i64 at = strides->offset.value({});
      for (size_t i = 0; i < point.size(); ++i) at += strides->steps[i].value({}) * point[i];
      CHECK(at == element);
    }
  }
  CHECK(composed > 2000);
  CHECK(strided > 1500);
}

TEST_CASE("runs of axes are one index where nobody needs them apart") {
  Function f;
  f.name = "f";
  Builder b(f);
  auto x = b.argument("x", {DType::f32, {Symbol::batch, 4, 6}}, Role::input);
  auto as_one = [&](ValueId v, size_t first, size_t last) {
    auto const& n = f.body.nodes.back();
    return reads_as_one(*index_map(f, n, 0), f.type(n.operands[0]).shape, f.type(v).shape, first, last);
  };
  auto slice = [&](Dim from, Dim to) {
    return b.make(OpCode::slice, {x},
                  {{"start", std::vector<Dim>{0, 0, from}}, {"limit", std::vector<Dim>{Symbol::batch, 4, to}}});
  };
  auto v = slice(0, 3);
  CHECK(as_one(v, 0, 2));
  CHECK_FALSE(as_one(v, 1, 3)); // rows of 3 out of rows of 6
  v = b.reshape(x, {Symbol::batch, 24});
  CHECK(as_one(v, 0, 2));
  v = b.reshape(x, {Dim(Symbol::batch) * 4, 6});
  CHECK(as_one(v, 0, 2));
  v = b.broadcast(x, {Symbol::batch, 4, 6, 5}, {0, 1, 2});
  CHECK(as_one(v, 0, 3));
  CHECK_FALSE(as_one(v, 2, 4));
  CHECK(as_one(v, 3, 4));
}
