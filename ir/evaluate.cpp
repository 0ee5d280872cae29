// The reference evaluator: one node after the other, every value kept, nothing shared with the code generator.
//
// A float node is computed in f64 and rounded once to its dtype. Modes: `exact` leaves the rounding out; `in_slots`
// follows the plan of `plan_memory` and ruins a value as soon as the plan gives its bytes to another one; a `grad` node
// runs the steps between its operands again, in exact mode, for every small step of a central difference.
#include "ir/evaluate.h"

#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/random.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <limits>
#include <set>

namespace nnc {
namespace {

Type bound(Type t, Bindings const& bindings) {
  for (auto& d : t.shape) d = d.value(bindings);
  return t;
}

// Attributes without symbols, where they have extents.
Node bound(Node const& n, Bindings const& bindings) {
  Node out = n;
  for (auto const& [name, value] : n.attributes)
    if (auto const* dims = std::get_if<std::vector<Dim>>(&value)) {
      auto values = *dims;
      for (auto& d : values) d = d.value(bindings);
      out.attributes.set(name, values);
    }
  return out;
}
bool has_symbols(Node const& n) {
  for (auto const& [name, value] : n.attributes)
    if (auto const* dims = std::get_if<std::vector<Dim>>(&value))
      for (auto const& d : *dims)
        if (!d.is_constant()) return true;
  return false;
}

f64 flush(DType d, f64 x) {
  f64 least = d == DType::f64 ? std::numeric_limits<f64>::min() : f64{std::numeric_limits<f32>::min()};
  return std::abs(x) < least ? std::copysign(0.0, x) : x;
}

void round_elements(Tensor& t, Evaluation const& how) {
  if (!is_float(t.dtype)) {
    for (auto& i : t.i) i = wrap_to(t.dtype, i);
    return;
  }
  if (how.exact) return;
  if (t.dtype == DType::f32)
    for (auto& x : t.f) x = static_cast<f32>(x);
  else
    for (auto& x : t.f) x = round_to(t.dtype, x);
  if (!how.subnormals && t.dtype != DType::f16) // which is computed in f32, where its subnormal numbers are none
    for (auto& x : t.f) x = flush(t.dtype, x);
}

Tensor of_literal(Value const& v) {
  Tensor t = Tensor::zeros(v.type.dtype, {});
  if (is_float(t.dtype)) t.f[0] = v.constant->f;
  else t.i[0] = v.constant->i;
  return t;
}

// The elements at an index of axis 0.
Tensor part_of(Tensor const& t, i64 at) {
  Tensor out = Tensor::zeros(t.dtype, {t.shape.begin() + 1, t.shape.end()});
  if (!out.f.empty()) std::copy_n(t.f.begin() + at * out.size(), out.size(), out.f.begin());
  if (!out.i.empty()) std::copy_n(t.i.begin() + at * out.size(), out.size(), out.i.begin());
  return out;
}
void put_part(Tensor& into, i64 at, Tensor const& part) {
  std::copy(part.f.begin(), part.f.end(), into.f.begin() + (part.f.empty() ? 0 : at * part.size()));
  std::copy(part.i.begin(), part.i.end(), into.i.begin() + (part.i.empty() ? 0 : at * part.size()));
}

void ruin(Tensor& t) {
  std::fill(t.f.begin(), t.f.end(), std::numeric_limits<f64>::quiet_NaN());
  for (auto& i : t.i) i = wrap_to(t.dtype, 0x7FC0'0000'7FC0'0000);
}

// What is defined for every value but may mean that the data are wrong.
void count_events(Node const& n, std::span<Tensor const> x, Evaluation const& how) {
  bool indexes = n.op == OpCode::gather || n.op == OpCode::scatter_add;
  if (how.clamped && indexes && !n.attributes.get_or("uncounted", false)) {
    i64 extent = x[0].shape[static_cast<size_t>(n.attributes.get<i64>("axis"))];
    i64 const last = extent - n.attributes.get_or("size", i64{1});
    for (i64 index : x[1].i) *how.clamped += index < 0 || index > last;
  }
  if (how.zero_divided && (n.op == OpCode::floor_div || n.op == OpCode::mod)) {
    i64 zeros = std::count(x[1].i.begin(), x[1].i.end(), 0);
    *how.zero_divided += x[1].shape.empty() ? zeros * x[0].size() : zeros;
  }
}

// Who lives where, as `plan_memory` says; see Evaluation::in_slots.
class Residents {
public:
  Residents(Function const& f, std::vector<Tensor>& values, Bindings const& bindings)
      : f_(f), values_(values), root_(f.values.size()) {
    for (ValueId v = 0; v < root_.size(); ++v) root_[v] = v;
    Bindings padded = bindings; // rows in slots are padded
    if (padded[0]) padded[0] = (*padded[0] + row_padding - 1) / row_padding * row_padding;
    for (auto const& d : f.slots) sizes_.push_back(d.value(padded));
    by_slot_.resize(f.slots.size(), no_value);
    for (auto const& a : f.arguments) by_argument_.push_back(a.value);
    padded_ = padded;
  }

  void moves_in(ValueId v, Place const& p) {
    auto index = static_cast<size_t>(p.index);
    if (p.kind == Place::Kind::slot) {
      if (index >= by_slot_.size()) throw CompilerBug(fmt::format("@{}: slot {} does not exist", f_.name, index));
      check_size(v, index);
      replace(by_slot_[index], v);
    }
    if (p.kind == Place::Kind::argument) {
      if (index >= by_argument_.size())
        throw CompilerBug(fmt::format("@{}: argument {} does not exist", f_.name, index));
      replace(by_argument_[index], v);
    }
  }
  void is_alias(ValueId v, ValueId of) { root_[v] = root_[of]; }
  // The value whose bytes this place holds now.
  ValueId at(Place const& p) const {
    if (p.kind == Place::Kind::slot) return by_slot_.at(static_cast<size_t>(p.index));
    if (p.kind == Place::Kind::argument) return by_argument_.at(static_cast<size_t>(p.index));
    return no_value;
  }
  bool share_bytes(ValueId a, ValueId b) const { return root_[a] == root_[b]; }

private:
  void check_size(ValueId v, size_t slot) const {
    Type const& t = f_.type(v);
    i64 need = element_count(t.shape).value(padded_) * bytes(t.dtype);
    if (need > sizes_[slot])
      throw CompilerBug(
          fmt::format("@{}: {} needs {} bytes, slot {} has {}", f_.name, t.text(), need, slot, sizes_[slot]));
  }
  void replace(ValueId& resident, ValueId next) {
    if (resident != no_value && resident != next)
      for (ValueId v = 0; v < root_.size(); ++v)
        if (root_[v] == root_[resident]) ruin(values_[v]);
    resident = next;
  }

  Function const& f_;
  std::vector<Tensor>& values_;
  std::vector<ValueId> root_, by_slot_, by_argument_;
  std::vector<i64> sizes_;
  Bindings padded_;
};

// Values that a contraction packs while it computes: what its dot reads, through the nodes before it.
std::set<ValueId> packed_values(Node const& kernel) {
  std::set<ValueId> wanted;
  auto const& nodes = kernel.regions.front().nodes;
  for (size_t i = nodes.size(); i-- > 0;) {
    Node const& n = nodes[i];
    bool reaches = info(n.op).has(contracts) ||
                   std::any_of(n.results.begin(), n.results.end(), [&](ValueId r) { return wanted.count(r); });
    if (reaches) wanted.insert(n.operands.begin(), n.operands.end());
  }
  return wanted;
}

class Evaluator {
public:
  Evaluator(Module const& module, Function const& f, Bindings const& bindings, Evaluation const& how)
      : module_(module), f_(f), bindings_(bindings), how_(how), values_(f.values.size()) {
    for (ValueId v = 0; v < values_.size(); ++v)
      if (f.values[v].constant) values_[v] = of_literal(f.values[v]);
    if (how.in_slots) residents_.emplace(f, values_, bindings);
  }

  std::vector<Tensor> run(std::vector<Tensor> const& inputs) {
    for (size_t i = 0; i < f_.arguments.size(); ++i) {
      values_[f_.arguments[i].value] = inputs[i];
      round_elements(values_[f_.arguments[i].value], how_);
    }
    if (how_.watcher) how_.watcher->begins(values_);
    region(f_.body);
    std::vector<Tensor> out;
    for (auto const& r : f_.results) out.push_back(values_[r.value]);
    return out;
  }

private:
  // Something that has been computed: a node, which reads its operands, or a cond behind the nodes of the side that it
  // chose, which reads that side's results.
  struct Step {
    Node const* node;
    std::vector<ValueId> const* reads;
  };

  // Every region runs here, its arguments known.
  void region(Region const& r) {
    for (auto const& n : r.nodes) node(n);
  }

  void node(Node const& n) {
    if (n.op == OpCode::kernel) return kernel(n);
    if (n.op == OpCode::cond) return cond(n);
    steps_.push_back({&n, &n.operands});
    run_step(steps_.size() - 1);
    if (residents_ && nnc::is_alias(f_, n) && &n >= f_.body.nodes.data() &&
        &n < f_.body.nodes.data() + f_.body.nodes.size())
      residents_->is_alias(n.result(), n.operands[0]);
  }

  void cond(Node const& n) {
    auto const& side = n.regions[values_[n.operands[0]].i[0] ? 0 : 1];
    region(side);
    steps_.push_back({&n, &side.results});
    run_step(steps_.size() - 1);
    if (how_.watcher) how_.watcher->chosen(n, side);
    for (size_t i = 0; residents_ && i < n.results.size(); ++i) residents_->is_alias(n.results[i], side.results[i]);
  }

  // A scan is one step: what a round has computed is known in that round alone.
  void scan(Node const& n) {
    Scan const s(n);
    std::vector<Tensor> stacks;
    for (size_t i = 0; i < s.stacks(); ++i) {
      auto const t = bound(f_.type(s.stack(i)), bindings_);
      stacks.push_back(Tensor::zeros(t.dtype, extents_of(t)));
    }
    for (size_t i = 0; i < s.carries; ++i) values_[s.carried(i)] = values_[s.first(i)];
    if (residents_) resident_scan(s);
    if (how_.watcher) how_.watcher->scan_begins(s);
    for (i64 round = 0; round < s.length; ++round) scan_round(s, s.reverse ? s.length - 1 - round : round, stacks);
    for (size_t i = 0; i < s.carries; ++i) values_[s.last(i)] = values_[s.carried(i)];
    for (size_t i = 0; i < stacks.size(); ++i) values_[s.stack(i)] = std::move(stacks[i]);
    if (how_.watcher) how_.watcher->scan_ends(s);
  }
  // The carries live where their first values do; the stacks lie in their slots while they grow.
  void resident_scan(Scan const& s) {
    auto const places = s.node.attributes.get_or("places", std::vector<Place>{});
    for (size_t i = 0; i < s.carries; ++i) {
      residents_->is_alias(s.carried(i), s.first(i));
      residents_->is_alias(s.last(i), s.next(i));
    }
    for (size_t i = s.sequences; i < places.size(); ++i) residents_->moves_in(s.stack(i - s.sequences), places[i]);
  }
  void scan_round(Scan const& s, i64 at, std::vector<Tensor>& stacks) {
    auto const before = steps_.size();
    for (size_t i = 0; i < s.sequences; ++i) values_[s.element(i)] = part_of(values_[s.sequence(i)], at);
    if (how_.watcher) how_.watcher->round_begins(s, at);
    region(s.body());
    if (how_.watcher) how_.watcher->round_ends(s, at);
    for (size_t i = 0; i < stacks.size(); ++i) put_part(stacks[i], at, values_[s.given(i)]);
    std::vector<Tensor> next;
    for (size_t i = 0; i < s.carries; ++i) next.push_back(values_[s.next(i)]);
    for (size_t i = 0; i < s.carries; ++i) values_[s.carried(i)] = std::move(next[i]);
    steps_.resize(before);
  }

  // Also once more, when what it reads has changed.
  void run_step(size_t i) {
    Node const& n = *steps_[i].node;
    switch (n.op) {
    case OpCode::cond: return pass_on(steps_[i]);
    case OpCode::scan: return scan(n);
    case OpCode::call: call(n); break;
    case OpCode::grad: grad(n, i); break;
    case OpCode::with_gradient: pass_on(steps_[i]); break;
    default: plain(n);
    }
    if (how_.watcher) how_.watcher->computed(n, values_);
  }

  void pass_on(Step const& s) {
    for (size_t i = 0; i < s.node->results.size(); ++i) values_[s.node->results[i]] = values_[(*s.reads)[i]];
  }

  void plain(Node const& n) {
    auto operands = lent(n.operands);
    std::vector<Type> types;
    for (auto r : n.results) types.push_back(bound(f_.type(r), bindings_));
    auto results = has_symbols(n) ? info(n.op).evaluate(bound(n, bindings_), operands, types)
                                  : info(n.op).evaluate(n, operands, types);
    count_events(n, operands, how_);
    give_back(n.operands, operands);
    for (size_t i = 0; i < results.size(); ++i) {
      round_elements(results[i], how_);
      values_[n.results[i]] = std::move(results[i]);
    }
  }

  // The operands of a node as one list. A value is moved there and back, not copied; one that stands there twice is.
  std::vector<Tensor> lent(std::span<ValueId const> operands) {
    std::vector<Tensor> list;
    list.reserve(operands.size());
    for (size_t i = 0; i < operands.size(); ++i) {
      auto const first = std::find(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(i), operands[i]);
      auto const at = static_cast<size_t>(first - operands.begin());
      if (at < i) list.push_back(list[at]);
      else list.push_back(std::move(values_[operands[i]]));
    }
    return list;
  }
  void give_back(std::span<ValueId const> operands, std::vector<Tensor>& list) {
    for (size_t i = operands.size(); i-- > 0;) values_[operands[i]] = std::move(list[i]);
  }

  void kernel(Node const& n) {
    if (!residents_ || !n.kernel->places) return region(n.regions.front());
    auto const& list = *n.kernel->places;
    if (n.kernel->kind == KernelKind::contract) ruin_what_is_overwritten_while_packing(n, list);
    region(n.regions.front());
    for (size_t i = 0; i < list.size(); ++i) residents_->moves_in(n.results[i], list[i]);
  }

  void ruin_what_is_overwritten_while_packing(Node const& n, std::vector<Place> const& places) {
    auto packed = packed_values(n);
    for (auto const& p : places) {
      ValueId resident = residents_->at(p);
      for (ValueId v : packed)
        if (resident != no_value && residents_->share_bytes(v, resident)) ruin(values_[v]);
    }
  }

  void call(Node const& n) {
    auto const* callee = module_.function(n.attributes.get<std::string>("callee"));
    if (!callee) throw CompilerBug("call of a function that does not exist");
    std::vector<Tensor> operands;
    for (auto v : n.operands) operands.push_back(values_[v]);
    auto inside = how_;
    inside.watcher = nullptr;
    auto results = Evaluator(module_, *callee, bindings_, inside).run(operands);
    for (size_t i = 0; i < results.size(); ++i) values_[n.results[i]] = std::move(results[i]);
  }

  // ---- grad --------------------------------------------------------------------------------------------------------

  void grad(Node const& n, size_t end) {
    Evaluator exact = exact_copy(end);
    for (size_t i = 0; i < n.results.size(); ++i) {
      values_[n.results[i]] = exact.slopes(n.operands[0], n.operands[i + 1], end);
      round_elements(values_[n.results[i]], how_);
    }
  }

  // This evaluator in exact mode, with every step before `end` run again: every cond has chosen already.
  Evaluator exact_copy(size_t end) const {
    Evaluation how = how_;
    how.exact = true;
    how.in_slots = false;
    how.clamped = how.zero_divided = nullptr;
    how.watcher = nullptr;
    Evaluator e(module_, f_, bindings_, how);
    e.steps_.assign(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(end));
    if (how_.exact) {
      e.values_ = values_;
      return e;
    }
    for (auto const& a : f_.arguments) e.values_[a.value] = values_[a.value];
    for (size_t i = 0; i < end; ++i) e.run_step(i);
    return e;
  }

  // What y is a sum of while it is differentiated: <weight, value>. At first y itself; then, for every node with a
  // derivative of its own, the variables that this derivative flows to.
  struct Part {
    ValueId value;
    Tensor weight;
  };
  using Parts = std::vector<Part>;

  // Does the step move when what moves does?
  bool moves_with(Step const& s, std::vector<bool> const& moves) const {
    return s.node->op != OpCode::with_gradient && !info(s.node->op).has(no_derivative) &&
           std::any_of(s.reads->begin(), s.reads->end(), [&](ValueId v) { return moves[v]; });
  }

  // The steps before `end` through which the parts move when x moves. What has no derivative, or one of its own, stays
  // fixed.
  std::vector<size_t> between(ValueId x, Parts const& parts, size_t end) const {
    std::vector<bool> moves(f_.values.size()), wanted(f_.values.size());
    moves[x] = true;
    for (auto const& part : parts) wanted[part.value] = true;
    std::vector<size_t> forward;
    for (size_t i = 0; i < end; ++i) {
      if (!moves_with(steps_[i], moves)) continue;
      bool any = false;
      for (auto r : steps_[i].node->results)
        if (r != x && is_float(f_.type(r).dtype)) any = moves[r] = true;
      if (any) forward.push_back(i);
    }
    std::vector<size_t> out;
    for (size_t k = forward.size(); k-- > 0;) {
      auto const& [n, reads] = steps_[forward[k]];
      if (std::none_of(n->results.begin(), n->results.end(), [&](ValueId r) { return wanted[r]; })) continue;
      for (auto v : *reads) wanted[v] = true;
      out.push_back(forward[k]);
    }
    std::reverse(out.begin(), out.end());
    return out;
  }

  // Which values before `end` have a derivative by x.
  std::vector<bool> dependent_on(ValueId x, size_t end) const {
    std::vector<bool> depends(f_.values.size());
    depends[x] = true;
    for (size_t i = 0; i < end; ++i) {
      bool const any = carries(steps_[i], depends);
      for (auto r : steps_[i].node->results)
        if (any && is_float(f_.type(r).dtype)) depends[r] = true;
    }
    return depends;
  }
  bool carries(Step const& s, std::vector<bool> const& depends) const {
    for (size_t k = 0; k < s.reads->size(); ++k)
      if (depends[(*s.reads)[k]] && carries_derivative(*s.node, k)) return true;
    return false;
  }

  Tensor slopes(ValueId y, ValueId x, size_t end) {
    Parts parts{{y, Tensor::zeros(f_.type(y).dtype, {})}};
    parts[0].weight.f[0] = 1;
    auto const depends = dependent_on(x, end);
    for (size_t i = end; i-- > 0;) {
      Node const& n = *steps_[i].node;
      if (n.op == OpCode::with_gradient && carries(steps_[i], depends)) add_variables(n, end, parts);
    }
    return difference(parts, x, end);
  }

  // The parts that a derivative of a function's own flows to.
  void add_variables(Node const& n, size_t end, Parts& parts) {
    size_t const values = n.results.size(), variables = static_cast<size_t>(n.attributes.get<i64>("variables"));
    std::vector<Tensor> operands;
    for (auto r : n.results) operands.push_back(difference(parts, r, end));
    for (size_t k = values + variables; k < n.operands.size(); ++k) operands.push_back(values_[n.operands[k]]);
    auto const& derivative = *module_.function(n.attributes.get<std::string>("derivative"));
    auto weights = Evaluator(module_, derivative, bindings_, how_).run(operands);
    for (size_t k = 0; k < variables; ++k) parts.push_back({n.operands[values + k], std::move(weights[k])});
  }

  static bool takes_differences(Node const& n) {
    bool any = false;
    std::span const one(&n, 1);
    each_node(one, [&](Node const& x) { any |= x.op == OpCode::grad; });
    return any;
  }

  f64 sum_of(Parts const& parts) const {
    f64 sum = 0;
    for (auto const& part : parts)
      for (size_t j = 0; j < part.weight.f.size(); ++j)
        if (part.weight.f[j] != 0) sum += part.weight.f[j] * values_[part.value].f[j];
    return sum;
  }

  Tensor difference(Parts const& parts, ValueId x, size_t end) {
    Tensor const at = values_[x];
    Tensor out = Tensor::zeros(at.dtype, at.shape);
    auto path = between(x, parts, end);
    if (path.empty() && std::none_of(parts.begin(), parts.end(), [&](auto const& part) { return part.value == x; }))
      return out;
    bool nested = std::any_of(path.begin(), path.end(), [&](size_t i) { return takes_differences(*steps_[i].node); });
    f64 h = nested ? 1e-3 : 1e-5; // an inner difference has noise of 1e-10, which the outer step must not blow up
    std::vector<Tensor> kept;
    for (size_t i : path)
      for (auto r : steps_[i].node->results) kept.push_back(values_[r]);
    auto moved = [&](auto step) { // the parts where x has moved by step(j)
      for (size_t j = 0; j < at.f.size(); ++j) values_[x].f[j] = at.f[j] + step(j);
      for (size_t i : path) run_step(i);
      return sum_of(parts);
    };
    if (at.size() <= how_.all_elements) {
      for (size_t k = 0; k < at.f.size(); ++k) {
        f64 d = h * std::max(1.0, std::abs(at.f[k]));
        auto only_k = [k](f64 s) { return [k, s](size_t j) { return j == k ? s : 0.0; }; };
        out.f[k] = (moved(only_k(d)) - moved(only_k(-d))) / (2 * d);
      }
    } else {
      auto direction = gradient_direction(how_.seed, at.size());
      f64 d = h * std::sqrt(static_cast<f64>(at.size())); // moves every element by h
      auto along = [&](f64 s) { return [&direction, s](size_t j) { return s * direction[j]; }; };
      f64 slope = (moved(along(d)) - moved(along(-d))) / (2 * d);
      for (size_t j = 0; j < out.f.size(); ++j) out.f[j] = slope * direction[j];
    }
    values_[x] = at;
    size_t k = 0;
    for (size_t i : path)
      for (auto r : steps_[i].node->results) values_[r] = std::move(kept[k++]);
    return out;
  }

  Module const& module_;
  Function const& f_;
  Bindings bindings_;
  Evaluation how_;
  std::vector<Tensor> values_;
  std::vector<Step> steps_; // what has run, in order
  std::optional<Residents> residents_;
};

std::string text_of(Tensor const& t) {
  Type type{t.dtype, {}};
  for (i64 e : t.shape) type.shape.emplace_back(e);
  return type.text();
}

} // namespace

std::vector<f64> gradient_direction(u64 seed, i64 size) {
  std::vector<f64> d(static_cast<size_t>(size));
  f64 unit = 1 / std::sqrt(static_cast<f64>(size));
  for (size_t i = 0; i < d.size(); ++i) {
    auto words = philox({static_cast<u32>(i), 0, 0, 0}, philox_key(seed));
    d[i] = words[0] & 1 ? unit : -unit;
  }
  return d;
}

Bindings bindings_of(Module const& m, Function const& f, std::vector<Tensor> const& inputs) {
  if (inputs.size() != f.arguments.size())
    throw Error(fmt::format("@{} takes {} arguments, found {}", f.name, f.arguments.size(), inputs.size()));
  Bindings bindings = m.bindings;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Shape const& shape = f.type(f.arguments[i].value).shape;
    for (size_t axis = 0; axis < shape.size() && axis < inputs[i].shape.size(); ++axis)
      for (size_t s = 0; s < symbol_count; ++s) {
        Dim const symbol = static_cast<Symbol>(s);
        if (bindings[s]) continue;
        if (shape[axis] == symbol) bindings[s] = inputs[i].shape[axis];
        else if (f.parts > 1 && shape[axis] == Dim(f.parts) * symbol) bindings[s] = inputs[i].shape[axis] / f.parts;
      }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    Type const& t = f.type(f.arguments[i].value);
    bool fits = t.dtype == inputs[i].dtype && t.shape.size() == inputs[i].shape.size();
    for (size_t axis = 0; fits && axis < t.shape.size(); ++axis)
      fits = t.shape[axis].value(bindings) == inputs[i].shape[axis];
    if (!fits)
      throw Error(fmt::format("argument %{} is {}, found {}", f.values[f.arguments[i].value].name, t.text(),
                              text_of(inputs[i])));
  }
  return bindings;
}

std::vector<Tensor> evaluate(Module const& m, Function const& f, std::vector<Tensor> const& inputs,
                             Evaluation const& how) {
  return Evaluator(m, f, bindings_of(m, f, inputs), how).run(inputs);
}

} // namespace nnc
