// Random typed graphs from the operator table: @f with some arguments, `size` nodes, a few results; if wanted also the
// derivatives of a scalar made of the float results. A node whose value is not finite or that stands near a jump of its
// operator is dropped and counted, so that what is left can be compared between two ways of computing it.
#pragma once

#include "ir/evaluate.h"
#include "ir/scan.h"
#include "ir/verify.h"
#include "passes/differentiate.h"
#include "tests/props/samples.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace nnc::props {

// What the graphs so far have covered.
struct Coverage {
  std::map<std::string, int> operators;                     // "add f32"
  std::map<std::string, int> ranks;                         // "add rank 2"
  std::map<std::pair<std::string, std::string>, int> edges; // producer -> consumer
  int dropped = 0;
};

// One row, a few, exactly what rows are padded to, and one more.
inline i64 batch_of(u64 seed) {
  static constexpr i64 batches[] = {3, 1, 17, 16, 5};
  return batches[seed / 2 % std::size(batches)];
}

inline Type bound_type(Type t, u64 seed) {
  Bindings b;
  b[0] = batch_of(seed);
  for (auto& d : t.shape) d = d.value(b);
  return t;
}

// The inputs depend on the seed, the name and the type of an argument, so that a shrunk module draws the same ones.
inline Tensor input_for(Type const& type, std::string const& name, u64 seed) {
  Draw draw(seed ^ (u64{path_hash(name)} << 20));
  return draw_tensor(draw, bound_type(type, seed), -1.5, 1.5, 0, 5);
}
inline std::vector<Tensor> inputs_for(Function const& f, u64 seed) {
  std::vector<Tensor> out;
  for (auto const& a : f.arguments) out.push_back(input_for(f.type(a.value), f.values[a.value].name, seed));
  return out;
}

// Does an elementwise node bend by more than roundings may blow up, or jump, when an operand moves by so much? The
// second difference says so: of floor near an integer, a quotient or a logarithm near 0, the tangent near its poles.
inline bool bends(Node const& n, std::vector<Tensor> const& x, Type const& result, f64 step) {
  auto value = [&](size_t operand, f64 by) {
    auto moved = x;
    for (auto& v : moved[operand].f) v += by;
    return info(n.op).evaluate(n, moved, {&result, 1}).front();
  };
  for (size_t k = 0; k < x.size(); ++k) {
    if (!is_float(x[k].dtype)) continue;
    Tensor const low = value(k, -step), here = value(k, 0), high = value(k, step);
    for (size_t i = 0; i < here.f.size(); ++i)
      if (!(std::abs(low.f[i] - 2 * here.f[i] + high.f[i]) <= step * (1 + std::abs(here.f[i])))) return true;
  }
  return false;
}

// Near a jump a rounding decides between two far values; nobody can compare those.
inline bool near_a_jump(Node const& n, std::vector<Tensor> const& x, Type const& result) {
  f64 margin = 1e-3; // beyond what roundings of the coarsest type in sight make of values of about 1
  auto widen = [&](DType d) { margin = std::max(margin, d == DType::bf16 ? 0.06 : d == DType::f16 ? 0.01 : 0); };
  for (auto const& t : x) widen(t.dtype);
  widen(result.dtype);
  auto near_integer = [&](Tensor const& t) {
    return std::any_of(t.f.begin(), t.f.end(), [&](f64 v) { return std::abs(v - std::nearbyint(v)) < margin; });
  };
  switch (n.op) {
  case OpCode::convert: return is_float(x[0].dtype) && !is_float(result.dtype) && near_integer(x[0]);
  case OpCode::eq:
  case OpCode::ne:
  case OpCode::lt:
  case OpCode::le:
  case OpCode::gt:
  case OpCode::ge:
  case OpCode::max:
  case OpCode::min:
    for (size_t i = 0; is_float(x[0].dtype) && i < std::max(x[0].f.size(), x[1].f.size()); ++i)
      if (std::abs(x[0].f[x[0].shape.empty() ? 0 : i] - x[1].f[x[1].shape.empty() ? 0 : i]) < margin) return true;
    return false;
  case OpCode::argmax:
  case OpCode::argmin:
  case OpCode::sort:
  case OpCode::cumulative_max:
  case OpCode::reduce_max:
  case OpCode::reduce_min: {
    auto sorted = x[0].f; // stricter than needed: any two elements that are near
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i] - sorted[i - 1] < margin) return true;
    return false;
  }
  default: return info(n.op).has(elementwise) && is_float(result.dtype) && bends(n, x, result, margin);
  }
}

class Generator {
public:
  Generator(u64 seed, Coverage& coverage, bool regions = false)
      : seed_(seed), draw_(seed), coverage_(coverage), regions_(regions) {}

  Module run(int size, bool with_gradient) {
    f_.name = "f";
    auto arguments = draw_.integer(2, 4);
    for (i64 i = 0; i < arguments; ++i) new_argument(random_type());
    for (int i = 0, tries = 0; i < size && tries < 20 * size; ++tries) i += add_node();
    give_results();
    if (with_gradient) add_gradient();
    return std::move(m_);
  }

private:
  Builder make() { return Builder(f_); }
  Type const& type(ValueId v) const { return f_.values[v].type; }

  ValueId new_argument(Type t) {
    while (is_large({.type = t, .name = {}, .at = {}, .constant = {}})) t = random_type();
    auto v = make().argument("x" + std::to_string(f_.arguments.size()), std::move(t), Role::none);
    keep(v, input_for(type(v), f_.values[v].name, seed_), "argument");
    return v;
  }
  void keep(ValueId v, Tensor t, std::string producer) {
    tensors_[v] = std::move(t);
    producers_[v] = std::move(producer);
    values_.push_back(v);
  }

  Dim random_extent() {
    if (draw_.chance(0.05)) return 1;
    return draw_.one_of(std::vector<i64>{2, 3, 4, 5, 17, 2, 3, 4, 5, 17, 33, 64});
  }
  // Any, f32 as often as all others.
  DType random_dtype() {
    return draw_.chance(0.5) ? DType::f32 : static_cast<DType>(draw_.integer(0, dtype_count - 1));
  }
  Type random_type() {
    Type t;
    t.dtype = random_dtype();
    auto rank = draw_.integer(0, 3);
    for (i64 i = 0; i < rank; ++i)
      t.shape.push_back(i == 0 && draw_.chance(0.4) ? Dim(Symbol::batch) : random_extent());
    return t;
  }

  // ---- operands
  // --------------------------------------------------------------------------------------------------------

  // Some value that fits; recent ones are likelier, so that graphs get deep.
  template <class Fits>
  std::optional<ValueId> pick(Fits fits) {
    std::vector<ValueId> fitting;
    for (auto v : values_)
      if (fits(type(v))) fitting.push_back(v);
    if (fitting.empty()) return {};
    i64 last = static_cast<i64>(fitting.size()) - 1;
    return fitting[static_cast<size_t>(draw_.chance(0.5) ? draw_.integer(std::max<i64>(0, last - 3), last)
                                                         : draw_.integer(0, last))];
  }
  ValueId literal(DType d) {
    if (d == DType::bool_) return make().integer(d, draw_.integer(0, 1));
    if (is_float(d)) return make().constant(d, draw_.one_of(std::vector<f64>{0, 1, 0.5, -2, 3}));
    return make().integer(d, draw_.integer(0, 4));
  }
  // Beside `x`: the same dtype, and the same shape or rank 0.
  ValueId beside(ValueId x) {
    if (draw_.chance(0.2)) return literal(type(x).dtype);
    auto v = pick([&](Type const& t) {
      return t.dtype == type(x).dtype && (t.shape == type(x).shape || t.rank() == 0 || type(x).rank() == 0);
    });
    return v.value_or(literal(type(x).dtype));
  }
  i64 random_axis(Type const& t) { return draw_.integer(0, t.rank() - 1); }

  // ---- nodes
  // -----------------------------------------------------------------------------------------------------------

  struct Use {
    std::vector<ValueId> operands;
    Attributes attributes;
    std::optional<Type> stated;
  };

  // A use of the operator with values of this graph, or nothing if none come to mind.
  std::optional<Use> use_of(OpCode code) {
    Op const& op = info(code);
    auto any = pick([](Type const&) { return true; });
    auto shaped = pick([](Type const& t) { return t.rank() > 0; });
    if (op.has(elementwise)) {
      if (code == OpCode::select) {
        auto a = *any;
        auto c =
            pick([&](Type const& t) { return t.dtype == DType::bool_ && (t.shape == type(a).shape || t.rank() == 0); });
        return c ? std::optional<Use>({{*c, a, beside(a)}, {}, {}}) : std::nullopt;
      }
      if (code == OpCode::convert) {
        return Use{{*any}, {}, Type{random_dtype(), type(*any).shape}};
      }
      auto x = pick([&](Type const& t) { return fits(op, t); });
      if (!x) return {};
      if (op.arity == 1) return Use{{*x}, {}, {}};
      return draw_.chance(0.5) ? Use{{*x, beside(*x)}, {}, {}} : Use{{beside(*x), *x}, {}, {}};
    }
    if (code == OpCode::iota) {
      Type t{random_dtype(), {random_extent(), random_extent()}};
      return Use{{}, {{"axis", draw_.integer(0, 1)}}, t};
    }
    if (!shaped) return {};
    return use_of_shaped(code, *shaped);
  }

  bool fits(Op const& op, Type const& t) {
    std::vector<Type> operands(static_cast<size_t>(op.arity), t);
    try {
      (void)op.type({operands, {}, nullptr});
      return true;
    } catch (Error const&) {
      return false;
    }
  }

  std::optional<Use> use_of_shaped(OpCode code, ValueId v) {
    Type const t = type(v);
    auto axis = static_cast<size_t>(random_axis(t));
    switch (code) {
    case OpCode::reshape: return Use{{v}, {}, Type{t.dtype, merged_or_split(t.shape)}};
    case OpCode::transpose: {
      std::vector<i64> p(t.shape.size());
      for (size_t i = 0; i < p.size(); ++i) p[i] = static_cast<i64>(i);
      for (size_t i = p.size(); i-- > 1;)
        std::swap(p[i], p[static_cast<size_t>(draw_.integer(0, static_cast<i64>(i)))]);
      return Use{{v}, {{"permutation", p}}, {}};
    }
    case OpCode::broadcast: {
      if (t.rank() >= 4) return {};
      Type y = t;
      std::vector<i64> axes;
      auto at = draw_.integer(t.shape.front() == Dim(Symbol::batch) ? 1 : 0, t.rank());
      y.shape.insert(y.shape.begin() + at, random_extent());
      for (i64 a = 0; a < y.rank(); ++a)
        if (a != at) axes.push_back(a);
      return Use{{v}, {{"axes", axes}}, y};
    }
    case OpCode::slice: {
      auto extent = t.shape[axis].constant();
      if (!extent || *extent < 2) return {};
      std::vector<Dim> start(t.shape.size(), Dim(0)), limit = t.shape;
      i64 a = draw_.integer(0, *extent - 1), b = draw_.integer(a + 1, *extent);
      start[axis] = a;
      limit[axis] = b;
      Attributes attributes{{"start", start}, {"limit", limit}};
      if (draw_.chance(0.4)) {
        std::vector<i64> stride(t.shape.size(), 1);
        stride[axis] = draw_.integer(1, 3);
        attributes.set("stride", stride);
      }
      return Use{{v}, attributes, {}};
    }
    case OpCode::pad: {
      if (!t.shape[axis].is_constant()) return {};
      std::vector<Dim> low(t.shape.size(), Dim(0)), high = low;
      low[axis] = draw_.integer(0, 2);
      high[axis] = draw_.integer(0, 2);
      Attributes attributes{{"low", low}, {"high", high}};
      if (draw_.chance(0.4)) {
        std::vector<i64> interior(t.shape.size(), 0);
        interior[axis] = draw_.integer(0, 2);
        attributes.set("interior", interior);
      }
      return Use{{v, literal(t.dtype)}, attributes, {}};
    }
    case OpCode::concat: {
      if (!t.shape[axis].is_constant()) return {};
      Use u{{v}, {{"axis", static_cast<i64>(axis)}}, {}};
      auto more = pick([&](Type const& o) {
        if (o.dtype != t.dtype || o.rank() != t.rank()) return false;
        for (size_t i = 0; i < o.shape.size(); ++i)
          if (i != axis && o.shape[i] != t.shape[i]) return false;
        return o.shape[axis].is_constant();
      });
      u.operands.push_back(*more); // v itself fits
      return u;
    }
    case OpCode::reverse: return Use{{v}, {{"axes", std::vector<i64>{static_cast<i64>(axis)}}}, {}};
    case OpCode::gather:
    case OpCode::scatter_add: return indexed(code, v, axis);
    case OpCode::sort: {
      Use u{{v}, {{"axis", static_cast<i64>(axis)}}, {}};
      auto const length = t.shape[axis].constant();
      if (length && draw_.chance(0.5)) u.attributes.set("first", draw_.integer(std::min<i64>(1, *length), *length));
      return u;
    }
    case OpCode::cumulative_max: return Use{{v}, {{"axis", static_cast<i64>(axis)}}, {}};
    case OpCode::recurrence: return recurrence(v, axis);
    case OpCode::reduce_sum:
    case OpCode::reduce_max:
    case OpCode::reduce_min:
    case OpCode::reduce_prod: {
      std::vector<i64> axes;
      for (i64 a = 0; a < t.rank(); ++a)
        if (a == static_cast<i64>(axis) || draw_.chance(0.3)) axes.push_back(a);
      return Use{{v}, {{"axes", axes}}, {}};
    }
    case OpCode::argmax:
    case OpCode::argmin: return Use{{v}, {{"axis", static_cast<i64>(axis)}}, {}};
    case OpCode::dot: {
      auto w = pick([&](Type const& o) {
        return o.dtype == t.dtype && std::count(o.shape.begin(), o.shape.end(), t.shape[axis]);
      });
      if (!w) return {};
      Shape const& o = type(*w).shape;
      i64 other = std::find(o.begin(), o.end(), t.shape[axis]) - o.begin();
      return Use{
          {v, *w},
          {{"contract_lhs", std::vector<i64>{static_cast<i64>(axis)}}, {"contract_rhs", std::vector<i64>{other}}},
          {}};
    }
    case OpCode::convolution: return convolution(v, axis);
    case OpCode::window: {
      if (!t.shape[axis].is_constant() || t.rank() > 3 || t.shape.front() == Dim(Symbol::batch)) return {};
      auto one = [&](i64 low, i64 high) { return std::vector<i64>{draw_.integer(low, high)}; };
      return Use{{v, literal(t.dtype)},
                 {{"axes", std::vector<i64>{static_cast<i64>(axis)}},
                  {"size", one(1, 3)},
                  {"extents", std::vector<Dim>{draw_.integer(1, 5)}},
                  {"stride", one(1, 2)},
                  {"low", one(-1, 2)},
                  {"lhs_dilation", one(1, 2)}},
                 {}};
    }
    case OpCode::random_bits: {
      auto seed = pick([](Type const& s) { return s == scalar_of(DType::i64); });
      ValueId s = seed.value_or(make().integer(DType::i64, 7));
      return Use{{s, s}, {{"path", "draw" + std::to_string(values_.size())}}, Type{DType::i32, t.shape}};
    }
    default: return {};
    }
  }

  // A window along one axis; another one may be summed, the others stay.
  std::optional<Use> convolution(ValueId v, size_t axis) {
    Type const t = type(v);
    if (!t.shape[axis].is_constant() || t.dtype == DType::bool_) return {};
    auto const channel = static_cast<size_t>(draw_.integer(0, t.rank() - 1));
    bool const channels = channel != axis && t.shape[channel].is_constant();
    std::string lhs, result;
    for (size_t i = 0; i < t.shape.size(); ++i) {
      bool const summed = channels && i == channel;
      lhs += i == axis ? '0' : summed ? 'c' : static_cast<char>('p' + i);
      if (!summed) result += lhs.back();
    }
    Type kernel{t.dtype, {draw_.integer(1, 3)}};
    if (channels) kernel.shape.push_back(t.shape[channel]);
    kernel.shape.push_back(draw_.integer(1, 6));
    auto const sum = std::string(channels ? "0c" : "0");
    auto moves = [&](i64 low, i64 high) { return std::vector<i64>{draw_.integer(low, high)}; };
    auto w = pick([&](Type const& o) { return o == kernel; });
    return Use{{v, w && draw_.chance(0.5) ? *w : new_argument(kernel)},
               {{"lhs", lhs},
                {"rhs", sum + "f"},
                {"result", result + "f"},
                {"sum", sum},
                {"extents", std::vector<Dim>{draw_.integer(1, 5)}},
                {"stride", moves(1, 2)},
                {"low", moves(-1, 2)},
                {"lhs_dilation", moves(1, 2)},
                {"rhs_dilation", std::vector<i64>{draw_.chance(0.3) ? -1 : draw_.integer(1, 2)}}},
               {}};
  }

  std::optional<Use> indexed(OpCode code, ValueId table, size_t axis) {
    auto const batch = draw_.chance(0.3) ? draw_.integer(0, static_cast<i64>(axis)) : 0;
    auto const& rows = type(table).shape;
    auto indices = pick([&](Type const& t) {
      return (t.dtype == DType::i32 || t.dtype == DType::i64) && t.rank() >= batch &&
             std::equal(rows.begin(), rows.begin() + batch, t.shape.begin());
    });
    if (!indices || !rows[axis].is_constant()) return {};
    Use u{{table, *indices}, {{"axis", static_cast<i64>(axis)}}, {}};
    if (batch > 0) u.attributes.set("batch", batch);
    if (draw_.chance(0.3)) u.attributes.set("size", draw_.integer(1, *rows[axis].constant()));
    if (code == OpCode::gather) return u;
    std::vector<Type> types{type(table), type(*indices)};
    Type updates = result_types(OpCode::gather, types, u.attributes, nullptr).front();
    auto v = pick([&](Type const& t) { return t == updates; });
    u.operands.push_back(v ? *v : new_argument(updates));
    return u;
  }

  std::optional<Use> recurrence(ValueId terms, size_t axis) {
    Type start = type(terms);
    start.shape.erase(start.shape.begin() + static_cast<std::ptrdiff_t>(axis));
    auto const s = pick([&](Type const& t) { return t == start; });
    Use u{{beside(terms), terms, s && draw_.chance(0.7) ? *s : literal(start.dtype)},
          {{"axis", static_cast<i64>(axis)}},
          {}};
    if (draw_.chance(0.5)) u.attributes.set("reverse", true);
    return u;
  }

  Shape merged_or_split(Shape shape) {
    size_t n = shape.size();
    if (n >= 2 && draw_.chance(0.7)) { // merge two neighbours
      auto i = static_cast<size_t>(draw_.integer(0, static_cast<i64>(n) - 2));
      shape[i] = shape[i] * shape[i + 1];
      shape.erase(shape.begin() + static_cast<i64>(i) + 1);
    } else {
      shape.insert(shape.begin() + draw_.integer(shape.front().is_constant() ? 0 : 1, static_cast<i64>(n)), Dim(1));
    }
    return shape;
  }

  // Some nodes over x, and perhaps a cond of their own: two values of the type of x.
  Region random_side(ValueId x, ValueId condition, int depth) {
    Region side;
    Builder b(f_, side.nodes);
    ValueId v = x, other = x;
    for (i64 left = draw_.integer(0, 3); left > 0; --left) {
      if (draw_.chance(0.3)) other = v;
      switch (draw_.integer(0, depth > 0 ? 5 : 3)) {
      case 0: v = b.make(OpCode::tanh, {v}); break;
      case 1: v = b.make(OpCode::mul, {v, *pick([&](Type const& t) { return t == type(x); })}); break;
      case 2: v = b.make(OpCode::sub, {b.constant(DType::f32, 0.5), v}); break;
      case 3: v = b.make(OpCode::add, {v, v}); break;
      case 4:
        v = b.cond(condition, {random_side(v, condition, depth - 1), random_side(v, condition, depth - 1)}).front();
        break;
      default: v = random_scan(b, v, condition, depth - 1).front();
      }
    }
    side.results = {v, other};
    return side;
  }

  // From x on, along a sequence of values of its type where there is one: the last value of a carry, and a stack.
  std::vector<ValueId> random_scan(Builder& b, ValueId x, ValueId condition, int depth) {
    Type const t = type(x);
    auto const sequence = pick([&](Type const& s) {
      return s.dtype == t.dtype && s.rank() == t.rank() + 1 && s.shape[0].is_constant() &&
             *s.shape[0].constant() <= 6 && element_of(s) == t;
    });
    i64 const length = sequence ? *type(*sequence).shape[0].constant() : draw_.integer(1, 4);
    Region body;
    std::vector<ValueId> own;
    if (sequence) {
      own.push_back(*sequence);
      body.arguments.push_back(b.value(t));
    }
    own.push_back(x);
    body.arguments.push_back(b.value(t));
    Region inner = random_side(body.arguments.back(), condition, depth);
    body.nodes = std::move(inner.nodes);
    body.results = std::move(inner.results);
    Builder in(f_, body.nodes);
    if (sequence) body.results[0] = in.make(OpCode::add, {body.results[0], body.arguments[0]});
    if (draw_.chance(0.5)) body.results[0] = in.make(OpCode::sin, {body.results[0]});
    return b.scan(own, 1, {length, draw_.chance(0.5), draw_.chance(0.3)}, std::move(body));
  }

  bool add_scan() {
    auto x = pick([](Type const& t) { return t.dtype == DType::f32; });
    auto p = pick([](Type const& t) { return t == scalar_of(DType::bool_); });
    if (!x) return false;
    Builder b = make();
    (void)random_scan(b, *x, p ? *p : new_argument(scalar_of(DType::bool_)), 2);
    return keep_results("scan");
  }

  bool add_cond() {
    auto x = pick([](Type const& t) { return t.dtype == DType::f32; });
    auto p = pick([](Type const& t) { return t == scalar_of(DType::bool_); });
    if (!x) return false;
    ValueId const condition = draw_.chance(0.2) ? literal(DType::bool_)
                              : p               ? *p
                                                : new_argument(scalar_of(DType::bool_));
    make().cond(condition, {random_side(*x, condition, 2), random_side(*x, condition, 2)});
    return keep_results("cond");
  }

  // Of a node with regions, if they can be compared.
  bool keep_results(std::string const& producer) {
    Node const& n = f_.body.nodes.back();
    std::vector<Tensor> values;
    for (auto r : n.results) values.push_back(value_of(n, r));
    if (!std::all_of(values.begin(), values.end(), comparable)) {
      f_.body.nodes.pop_back();
      ++coverage_.dropped;
      return false;
    }
    count(n);
    scanned_.insert(n.results.begin(), n.results.end());
    for (size_t i = 0; i < values.size(); ++i) keep(n.results[i], std::move(values[i]), producer);
    return true;
  }

  // Rounds may blow a rounding up without limit, and nothing but a float says by how much it has moved.
  bool comes_from_scan(Node const& n) const {
    return std::any_of(n.operands.begin(), n.operands.end(), [&](ValueId v) { return scanned_.count(v) > 0; });
  }

  bool add_node() {
    if (regions_ && draw_.chance(0.15)) return draw_.chance(0.5) ? add_cond() : add_scan();
    auto code = draw_.one_of(all_ops());
    if (info(code).has(structural)) return false;
    std::optional<Use> use;
    std::vector<ValueId> results;
    try {
      use = use_of(code);
      if (!use) return false;
      results = make().make_all(code, use->operands, use->attributes, use->stated ? &*use->stated : nullptr);
    } catch (Error const&) { // the draw did not fit: the type rule has the last word
      return false;
    }
    ValueId const y = results.front(); // further results have its shape
    if (is_large(f_.values[y])) {
      f_.body.nodes.pop_back();
      ++coverage_.dropped;
      return false;
    }
    Node const& n = f_.body.nodes.back();
    std::vector<Tensor> operands, values;
    for (auto v : n.operands) operands.push_back(tensor_of(v));
    for (auto v : results) values.push_back(value_of(n, v));
    bool small_batch_only = std::none_of(type(y).shape.begin() + (type(y).rank() > 0), type(y).shape.end(),
                                         [](Dim const& d) { return !d.is_constant(); });
    bool const decides = comes_from_scan(n) && (info(code).has(no_derivative) ||
                                                std::any_of(results.begin(), results.end(),
                                                            [&](ValueId v) { return !is_float(type(v).dtype); }));
    if (!small_batch_only || decides || !std::all_of(values.begin(), values.end(), comparable) ||
        near_a_jump(n, operands, bound_type(type(y), seed_)) || leaves_range(n, operands) ||
        cancels(n, operands, values)) {
      f_.body.nodes.pop_back();
      ++coverage_.dropped;
      return false;
    }
    count(n);
    if (comes_from_scan(n)) scanned_.insert(results.begin(), results.end());
    for (size_t i = 0; i < results.size(); ++i) keep(results[i], std::move(values[i]), std::string(info(code).name));
    return true;
  }

  static bool is_large(Value const& v) { return element_count(v.type.shape).value({i64{100}, i64{100}}) > 1'000'000; }
  // Finite, and far from the ends of the range; few elements.
  static bool comparable(Tensor const& t) {
    return t.size() <= 3000 && std::all_of(t.f.begin(), t.f.end(),
                                           [](f64 x) { return std::abs(x) < 1e4 && (x == 0 || std::abs(x) > 1e-6); });
  }
  // May a product of some of the elements overflow or vanish in f32? All of them together need not, in f64.
  static bool leaves_range(Node const& n, std::vector<Tensor> const& operands) {
    if (n.op != OpCode::reduce_prod) return false;
    f64 above = 0, below = 0;
    for (f64 x : operands[0].f)
      if (x != 0) (std::abs(x) > 1 ? above : below) += std::log2(std::abs(x));
    return above > 100 || below < -100;
  }
  // Is a sum next to nothing beside its terms? What is left of it are roundings.
  static bool cancels(Node const& n, std::vector<Tensor> const& operands, std::vector<Tensor> const& values) {
    if (n.op != OpCode::reduce_sum && !info(n.op).has(contracts)) return false;
    f64 largest = 1;
    for (auto const& x : operands) {
      f64 most = 0;
      for (f64 v : x.f) most = std::max(most, std::abs(v));
      largest *= most;
    }
    return std::any_of(values[0].f.begin(), values[0].f.end(), [&](f64 y) { return std::abs(y) < 1e-5 * largest; });
  }
  Tensor tensor_of(ValueId v) {
    auto const& value = f_.values[v];
    if (!value.constant) return tensors_.at(v);
    Tensor t = Tensor::zeros(value.type.dtype, {});
    if (is_float(t.dtype)) t.f[0] = value.constant->f;
    else t.i[0] = value.constant->i;
    return t;
  }
  Tensor value_of(Node const& n, ValueId y) { // the evaluator on a function of this node alone
    Module one;
    Function& g = one.functions.emplace_back();
    one.bindings[0] = batch_of(seed_);
    g.values = f_.values;
    std::vector<Tensor> inputs;
    for (auto v : n.operands)
      if (!f_.values[v].constant &&
          !std::any_of(g.arguments.begin(), g.arguments.end(), [&](auto& a) { return a.value == v; })) {
        g.arguments.push_back({v, Role::none});
        inputs.push_back(tensors_.at(v));
      }
    g.body.nodes.push_back(n);
    g.results.push_back({"y", y, Role::none});
    return evaluate(one, g, inputs).at(0);
  }

  void count(Node const& n) {
    std::string name(info(n.op).name);
    Type const& t = n.operands.empty() ? type(n.result()) : type(n.operands.front());
    ++coverage_.operators[name + " " + std::string(nnc::name(t.dtype))];
    ++coverage_.ranks[name + " rank " + std::to_string(type(n.result()).rank())];
    for (auto v : n.operands)
      if (!f_.values[v].constant) ++coverage_.edges[{producers_.at(v), name}];
  }

  void give_results() {
    std::map<ValueId, bool> read;
    for (auto const& n : f_.body.nodes)
      for (auto v : n.operands) read[v] = true;
    for (auto const& n : f_.body.nodes)
      if (!read[n.result()] || draw_.chance(0.1))
        make().result("y" + std::to_string(f_.results.size()), n.result(), Role::none);
  }

  // d (sum of the float results) / d (float arguments), made by the rules.
  void add_gradient() {
    Builder b(f_);
    ValueId sum = no_value;
    auto const nodes = f_.body.nodes; // a scan gives more when it is differentiated
    auto const values = f_.values.size();
    for (auto const& r : f_.results) {
      if (type(r.value).dtype != DType::f32) continue;
      std::vector<i64> axes;
      for (i64 a = 0; a < type(r.value).rank(); ++a) axes.push_back(a);
      ValueId part = b.reduce(OpCode::reduce_sum, r.value, axes);
      sum = sum == no_value ? part : b.make(OpCode::add, {sum, part});
    }
    if (sum == no_value) return;
    std::vector<ValueId> by;
    for (auto const& a : f_.arguments)
      if (type(a.value).dtype == DType::f32) by.push_back(a.value);
    if (by.empty()) return;
    auto slopes = append_gradient({}, f_, f_.body.nodes, sum, by);
    if (std::any_of(f_.values.begin(), f_.values.end(), is_large)) { // the rule of a product squares an extent
      f_.body.nodes = nodes;
      f_.values.resize(values);
      ++coverage_.dropped;
      return;
    }
    for (size_t i = 0; i < slopes.size(); ++i) b.result("d" + std::to_string(i), slopes[i], Role::none);
  }

  u64 seed_;
  Draw draw_;
  Coverage& coverage_;
  bool regions_;
  Module m_ = [] {
    Module m;
    m.functions.emplace_back();
    return m;
  }();
  Function& f_ = m_.functions.front();
  std::vector<ValueId> values_;
  std::map<ValueId, Tensor> tensors_;
  std::map<ValueId, std::string> producers_;
  std::set<ValueId> scanned_; // computed from what a scan or a cond gives
};

} // namespace nnc::props
