// Cuts the rows of a step into parts, and a loss with its gradients into what is computed for each part and what is
// computed once, behind all of them.
//
//     func @loss(%rows: i32[batch], %w: f32[4,3], ...) -> (loss, w: gradient) {
//       %x = gather %data, %rows : f32[batch,4]
//       ... forward and backward, rows by rows ...
//       %s = reduce_sum %each {axes=[0]} : f32[]
//       %loss = div %s, %count
//       %dw = dot %x, %dy {contract_lhs=[0], contract_rhs=[0]} : f32[4,3]
//  becomes, with accumulate = 4,
//     func @loss(%rows: i32[4*batch], ...) -> (loss, w: gradient) {
//       %s, %dw = scan (4 parts of %rows) { ... %s of a part, added up; %dw of a part, added up ... }
//       %loss = div %s, %count                                              %count: the rows of all parts
//
// Nodes fall into four kinds:
//
//   uniform     no row of the data reaches it: parameters, numbers, and counts such as a sum of ones over the batch.
//               These count all rows of the step
//   row         it has an axis of the batch: computed in the scan
//   crossing    a sum over the batch. It is taken behind the scan where no row needs it, else in the scan, of a part
//   behind      what follows from sums over all rows alone
//
// **The bits are those of one large batch** for a crossing sum whose blocks (ir/order.h) are whole numbers of parts, or
// the other way around, and where these numbers are powers of two:
//
//   - a block that holds several parts is summed at once, from the rows that the scan stacks: a block has about 256
//     elements, so these are few
//   - else parts are summed apart and joined as blocks are, in pairs of neighbours: so scans of two stand in each other
//
//         scan 2 { scan 2 { scan 2 { part } ; add } ; add } ; add                                            8 parts
//
// What meets a sum of its own part, such as the mean of a batch norm, takes the part for the batch, counts included. A
// loss that is no sum over rows times what is uniform (a quotient of two sums, a square root of one) is the mean of the
// losses of the parts, and so are then its gradients. A metric of this kind is the mean of those of the parts. A state
// that follows a part's sum is updated by each part in turn.
#include "passes/accumulate.h"

#include "ir/builder.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/tensor.h"
#include "ir/walk.h"
#include "passes/dce.h"
#include "passes/order.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

bool has_batch(Type const& t) {
  return std::any_of(t.shape.begin(), t.shape.end(), [](Dim const& d) { return d.mentions(Symbol::batch); });
}

// The one axis of a type that is the batch; nothing where there is none, or it is not the only one.
std::optional<i64> axis_of_batch(Type const& t) {
  std::optional<i64> found;
  for (size_t i = 0; i < t.shape.size(); ++i) {
    if (!t.shape[i].mentions(Symbol::batch)) continue;
    if (found || t.shape[i] != Dim(Symbol::batch)) return {};
    found = static_cast<i64>(i);
  }
  return found;
}

// The same type for all parts: its first axis of the batch is so many times as long.
void lengthen(Shape& shape, i64 parts) {
  for (auto& d : shape)
    if (d.mentions(Symbol::batch)) return void(d = d * Dim(parts));
}

constexpr OpCode adds = OpCode::add, multiplies = OpCode::mul;
bool scatters(Node const& n) {
  auto const& op = info(n.op);
  return op.has(accumulates) && !op.has(reduces) && !op.has(contracts);
}
bool sums(Node const& n) { // or multiplies
  return info(n.op).has(contracts) || info(n.op).join == adds || info(n.op).join == multiplies;
}

// What becomes of a value of the scan behind it.
struct Deferred {
  ValueId value = no_value;     // what the nodes behind know it as
  std::optional<Node> sum = {}; // the sum over the batch that gives it; else it is a value of each part
  OpCode join = adds;           // of the values of two parts
  i64 together = 1;             // so many parts are summed at once
  bool is_mean = false;         // over the parts
  bool goes_on = false;         // a scatter_add, which adds to what it is given: row by row, in order
};

// One on its way out of the scans.
struct Piece {
  std::vector<ValueId> operands; // of its sum, of some parts
  ValueId sum = no_value;        // the sum, as soon as it is taken
};

class Parts {
public:
  Parts(Function& f, i64 parts, i64 batch) : f_(f), parts_(parts), batch_(batch) {}

  void run() {
    drop_unused(f_);
    split_short_sums(f_);
    old_ = std::move(f_.body.nodes);
    f_.body.nodes.clear();
    for (auto const& a : f_.arguments)
      if (a.role == Role::rows) rows_ = a.value;
    find_givers();
    find_rows();
    choose();
    find_levels();
    write();
    drop_unused(f_);
  }

private:
  Type const& type(ValueId v) const { return f_.type(v); }
  Node const* giver(ValueId v) const { return v < giver_.size() && giver_[v] != none ? &old_[giver_[v]] : nullptr; }
  bool reached(ValueId v) const { return v < by_rows_.size() && by_rows_[v]; } // by rows of the data
  bool sized(ValueId v) const { return v < by_size_.size() && by_size_[v]; }   // by the number of rows alone
  bool in_part(ValueId v) const { return reached(v) && (v == rows_ || (giver(v) && inside_[giver_[v]])); }
  // A value of each part that is not one of its rows.
  bool is_of_part(ValueId v) const { return in_part(v) && !has_batch(type(v)); }

  void find_givers() {
    giver_.assign(f_.values.size(), none);
    for (size_t i = 0; i < old_.size(); ++i)
      for (ValueId const v : old_[i].results) giver_[v] = i;
  }

  // ---- which nodes there are ---------------------------------------------------------------------------------------

  static bool is_iota(Node const& n) { return n.op == OpCode::iota; }
  // Rows of the data come in by their numbers; draws for rows, and the numbers of rows, differ from row to row as well.
  static bool starts_rows(Function const& f, Node const& n) {
    if (info(n.op).has(Trait::random)) return has_batch(f.type(n.result()));
    if (is_iota(n))
      return f.type(n.result()).shape[static_cast<size_t>(n.attributes.get<i64>("axis"))].mentions(Symbol::batch);
    for (auto const& r : n.regions)
      if (std::any_of(r.nodes.begin(), r.nodes.end(), [&](Node const& x) { return starts_rows(f, x); })) return true;
    return false;
  }

  void find_rows() {
    by_rows_.assign(f_.values.size(), false);
    by_size_.assign(f_.values.size(), false);
    by_rows_[rows_] = true;
    for (auto const& a : f_.arguments) {
      if (a.role == Role::rows || !has_batch(type(a.value))) continue;
      auto const& v = f_.values[a.value];
      throw Error(Diagnostic{.at = v.at,
                             .message = fmt::format("`accumulate = {}`: the state {} has the batch in its type, and "
                                                    "the parts of a step are other rows each",
                                                    parts_, v.name)});
    }
    for (auto const& n : old_) {
      bool rows = starts_rows(f_, n), size = false;
      for (ValueId const v : n.operands) {
        rows |= by_rows_[v];
        size |= by_size_[v];
      }
      for (ValueId const v : n.results) size |= has_batch(type(v));
      rows |= size && !n.regions.empty();
      for (ValueId const v : n.results) {
        by_rows_[v] = rows;
        by_size_[v] = !rows && size;
      }
    }
    inside_.assign(old_.size(), false);
    for (size_t i = 0; i < old_.size(); ++i)
      for (ValueId const v : old_[i].results)
        if (reached(v) && has_batch(type(v))) take_inside(i);
  }

  // The node is computed for each part, and so is what rows have to do with it.
  void take_inside(size_t i) {
    if (inside_[i]) return;
    inside_[i] = true;
    for (ValueId const v : old_[i].operands)
      if (reached(v) && giver(v)) take_inside(giver_[v]);
  }
  void take_inside(std::vector<bool> const& some) {
    for (size_t i = 0; i < old_.size(); ++i)
      if (some[i] && std::any_of(old_[i].results.begin(), old_[i].results.end(), [&](ValueId v) { return reached(v); }))
        take_inside(i);
  }

  // What a value follows from, of what is behind the scan.
  std::vector<bool> behind_of(ValueId v) const {
    std::vector<bool> found(old_.size(), false);
    std::vector<ValueId> open{v};
    while (!open.empty()) {
      ValueId const x = open.back();
      open.pop_back();
      auto const* n = giver(x);
      if (!n || !reached(x) || inside_[giver_[x]] || found[giver_[x]]) continue;
      found[giver_[x]] = true;
      open.insert(open.end(), n->operands.begin(), n->operands.end());
    }
    return found;
  }

  // Does a value behind the scan take one of the parts other than by sums over rows?
  bool sees_parts(ValueId v) const {
    if (in_part(v)) return true;
    auto const nodes = behind_of(v);
    for (size_t i = 0; i < old_.size(); ++i)
      if (nodes[i] && !crosses(old_[i]) &&
          std::any_of(old_[i].operands.begin(), old_[i].operands.end(), [&](ValueId x) { return in_part(x); }))
        return true;
    return false;
  }

  // A sum over the rows of a part, or a maximum and its like: those of several can be joined.
  bool crosses(Node const& n) const {
    if (n.results.size() != 1 || has_batch(type(n.result()))) return false;
    auto const rows = [&](ValueId v) { return has_batch(type(v)); };
    if (!std::any_of(n.operands.begin(), n.operands.end(), rows)) return false;
    if (scatters(n)) return !rows(n.operands[0]) && !reached(n.operands[0]);
    auto const& op = info(n.op);
    return (op.has(reduces) && op.join) || op.has(contracts);
  }

  // ---- where they are computed -------------------------------------------------------------------------------------

  void choose() {
    for (auto const& r : f_.results)
      if (r.role == Role::loss && sees_parts(r.value)) whole_ = true;
    if (whole_) take_inside(std::vector<bool>(old_.size(), true));
    for (auto const& r : f_.results) // a gradient may take what the part gives: it is a sum over the parts
      if (r.role != Role::gradient && reached(r.value) && sees_parts(r.value)) take_inside(behind_of(r.value));
    for (std::vector<bool> before; before != inside_;) { // what goes inside takes with it what was behind
      before = inside_;
      deferred_.clear();
      for (size_t i = 0; i < old_.size(); ++i) settle(i);
    }
    for (auto const& r : f_.results) {
      if (!in_part(r.value)) continue;
      if (is_kept(r.role)) states_.push_back({state_of(r), r.value});
      else if (r.role == Role::total || r.role == Role::table) states_.push_back({no_value, r.value}); // the last one
      else defer({.value = r.value, .is_mean = whole_ || r.role != Role::gradient});
    }
  }

  // A node behind the scan, whose operands are settled: which of them come out of it.
  void settle(size_t i) {
    Node const& n = old_[i];
    if (inside_[i] || !std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return reached(v); })) return;
    if (crosses(n)) {
      if (std::any_of(n.operands.begin(), n.operands.end(), [&](ValueId v) { return is_of_part(v); }))
        return take_inside(i);
      return defer({.value = n.result(),
                    .sum = n,
                    .join = info(n.op).join.value_or(adds),
                    .together = parts_together(n),
                    .goes_on = scatters(n)});
    }
    if (std::none_of(n.operands.begin(), n.operands.end(), [&](ValueId v) { return in_part(v); })) return;
    // d = a + b or a - b, where one is of a part and the other of all of them: the sum over the parts comes first.
    bool const joins = n.op == adds || n.op == OpCode::sub;
    if (!joins || (in_part(n.operands[0]) && in_part(n.operands[1]))) return take_inside(i);
    for (ValueId const v : n.operands)
      if (in_part(v)) defer({.value = v});
  }

  void defer(Deferred d) {
    auto const known =
        std::any_of(deferred_.begin(), deferred_.end(), [&](auto const& x) { return x.value == d.value; });
    if (!known) deferred_.push_back(std::move(d));
  }

  ValueId state_of(Result const& r) const {
    for (auto const& a : f_.arguments)
      if (a.role == r.role && f_.values[a.value].name == r.name) return a.value;
    throw CompilerBug("the state " + r.name + " has no argument");
  }

  // So many parts are a block of the sum: 1 where a part is a whole number of blocks, or neither fits.
  i64 parts_together(Node const& n) const {
    if (!sums(n) || !is_float(type(n.result()).dtype)) return 1;
    for (ValueId const v : n.operands)
      if (!axis_of_batch(type(v))) return 1;
    Order const order = order_of_sum(f_, n);
    if (order.block == 0 || order.axis != 0 || !sums_batch_first(n)) return 1;
    if (order.block <= batch_ || order.block % batch_ != 0) return order.block >= batch_ * parts_ ? parts_ : 1;
    i64 const together = order.block / batch_;
    return together >= parts_ ? parts_ : parts_ % together == 0 ? together : 1;
  }

  // Is the batch the slowest of what it sums?
  bool sums_batch_first(Node const& n) const {
    auto const axis = *axis_of_batch(type(n.operands[0]));
    auto const* const names = info(n.op).has(reduces) ? "axes" : "contract_lhs";
    if (!n.attributes.has(names)) return axis == 0; // images, then positions
    auto const summed = n.attributes.get<Axes>(names);
    return !summed.empty() && summed.front() == axis;
  }

  // ---- the scans ---------------------------------------------------------------------------------------------------

  // Lengths of the scans, the innermost first: pairs, as the tree of blocks has, but where all sums take more parts at
  // once.
  void find_levels() {
    i64 least = parts_;
    for (auto const& d : deferred_)
      if (!d.goes_on) least = std::min(least, d.together);
    i64 rest = parts_;
    if (least > 1) levels_.push_back(least);
    rest /= least;
    for (i64 p = 2; rest > 1;) {
      if (rest % p == 0) {
        levels_.push_back(p);
        rest /= p;
      } else ++p;
    }
    i64 product = 1;
    for (i64 const length : levels_) products_.push_back(product *= length);
    for (auto& d : deferred_) // 3 parts of 6: a level ends there, or the parts are summed apart
      if (d.together > 1 && std::find(products_.begin(), products_.end(), d.together) == products_.end())
        d.together = least;
  }
  i64 product_below(size_t level) const { return level == 0 ? 1 : products_[level - 1]; }

  // What goes from level to level.
  struct Inside {
    ValueId rows = no_value, first = no_value; // [lengths of the levels .., batch], [lengths of the levels ..]
    std::vector<ValueId> states, goes_on;
  };
  struct Outside {
    std::vector<ValueId> states, goes_on;
    std::vector<Piece> pieces; // of the others, one for each of deferred_
  };

  void write() {
    std::vector<Node> now;
    write_uniform(now);
    Builder make(f_, now);
    ValueId const rows = make.value({DType::i32, {Dim(parts_) * Dim(Symbol::batch)}}, f_.values[rows_].name);
    f_.parts = parts_;
    f_.values[rows].at = f_.values[rows_].at;
    f_.values[rows_].name.clear();
    for (auto& a : f_.arguments)
      if (a.role == Role::rows) a.value = rows;
    Shape lengths;
    for (size_t i = levels_.size(); i-- > 0;) lengths.emplace_back(levels_[i]);
    Inside in;
    in.first = make.reshape(first_rows(make), lengths);
    lengths.emplace_back(Symbol::batch);
    in.rows = make.reshape(rows, lengths);
    for (auto const& s : states_)
      in.states.push_back(s.before != no_value ? s.before : neutral(make, adds, type(s.after)));
    for (auto const& d : deferred_)
      if (d.goes_on) in.goes_on.push_back(d.sum->operands[0]);
    Outside out = level(levels_.size(), make, now, in);
    for (size_t i = 0; i < states_.size(); ++i) now_[states_[i].after] = out.states[i];
    size_t chain = 0;
    for (size_t i = 0; i < deferred_.size(); ++i) {
      auto const& d = deferred_[i];
      ValueId v = d.goes_on ? out.goes_on[chain++] : summed(make, now, d, out.pieces[i]);
      if (d.is_mean && is_float(type(v).dtype))
        v = make.make(multiplies, {v, make.constant(type(v).dtype, 1 / static_cast<f64>(parts_))});
      v = make.convert(v, type(d.value).dtype);
      f_.values[v].name = f_.values[d.value].name;
      f_.values[v].at = f_.values[d.value].at;
      now_[d.value] = v;
    }
    write_behind(now);
    f_.body.nodes = std::move(now);
  }

  // Which row of the step each part begins with.
  ValueId first_rows(Builder& make) {
    ValueId const number = make.make(OpCode::iota, {}, {{"axis", i64{0}}}, Type{DType::i32, {Dim(parts_)}});
    return make.make(multiplies, {make.convert(number, DType::i64), count_of(make, Dim(Symbol::batch))});
  }
  static ValueId count_of(Builder& make, Dim const& extent) {
    return make.reduce(OpCode::reduce_sum, make.broadcast_scalar(make.integer(DType::i64, 1), {extent}), {0});
  }

  // Level 0 is a part; the scan of a level has the level below it as its body.
  Outside level(size_t number, Builder& make, std::vector<Node>& into, Inside const& in) {
    if (number == 0) return part(into, in);
    size_t const l = number - 1;
    Region body;
    Inside inner;
    std::vector<ValueId> operands{in.rows, in.first};
    inner.rows = element(body, in.rows);
    inner.first = element(body, in.first);
    auto carry = [&](ValueId first) {
      operands.push_back(first);
      body.arguments.push_back(make.value(type(first)));
      return body.arguments.back();
    };
    for (ValueId const v : in.states) inner.states.push_back(carry(v));
    for (ValueId const v : in.goes_on) inner.goes_on.push_back(carry(v));
    Builder within(f_, body.nodes);
    Outside out = level(l, within, body.nodes, inner);
    body.results = out.states;
    body.results.insert(body.results.end(), out.goes_on.begin(), out.goes_on.end());
    std::vector<size_t> joined;
    for (size_t i = 0; i < deferred_.size(); ++i) {
      auto const& d = deferred_[i];
      if (d.goes_on || product_below(l) < d.together) continue;
      ValueId const value = summed(within, body.nodes, d, out.pieces[i]);
      ValueId const before = carry(neutral(make, d.join, type(value)));
      body.results.push_back(within.make(d.join, {before, value}));
      joined.push_back(i);
    }
    size_t const carries = body.results.size();
    std::vector<ValueId> stacked; // each once
    for (size_t i = 0; i < deferred_.size(); ++i)
      if (!deferred_[i].goes_on && product_below(l) < deferred_[i].together)
        for (ValueId const v : out.pieces[i].operands)
          if (std::find(stacked.begin(), stacked.end(), v) == stacked.end()) stacked.push_back(v);
    body.results.insert(body.results.end(), stacked.begin(), stacked.end());
    auto const results = make.scan(operands, carries, {levels_[l]}, std::move(body));
    std::map<ValueId, ValueId> rows;
    for (size_t i = 0; i < stacked.size(); ++i)
      rows[stacked[i]] = as_rows(make, results[carries + i], type(stacked[i]));
    auto next = results.begin();
    for (auto& v : out.states) v = *next++;
    for (auto& v : out.goes_on) v = *next++;
    for (size_t const i : joined) out.pieces[i] = {{}, *next++};
    for (auto& piece : out.pieces)
      for (auto& v : piece.operands) v = rows.at(v);
    return out;
  }

  ValueId element(Region& body, ValueId sequence) {
    Builder make(f_, body.nodes);
    body.arguments.push_back(make.value(element_of(type(sequence))));
    return body.arguments.back();
  }

  // [length, .., rows, ..] to [.., length * rows, ..].
  ValueId as_rows(Builder& make, ValueId stack, Type const& part) {
    size_t axis = 0;
    while (!part.shape[axis].mentions(Symbol::batch)) ++axis;
    Axes permutation(type(stack).shape.size());
    std::iota(permutation.begin(), permutation.end(), i64{0});
    std::rotate(permutation.begin(), permutation.begin() + 1,
                permutation.begin() + static_cast<std::ptrdiff_t>(axis) + 1);
    Shape shape = part.shape;
    shape[axis] = shape[axis] * type(stack).shape[0];
    return make.reshape(axis == 0 ? stack : make.transpose(stack, permutation), shape);
  }

  ValueId neutral(Builder& make, OpCode join, Type const& t) {
    f64 constexpr infinite = std::numeric_limits<f64>::infinity();
    f64 const at = join == adds ? 0 : join == multiplies ? 1 : join == OpCode::max ? -infinite : infinite;
    ValueId const start =
        is_float(t.dtype) ? make.constant(t.dtype, at) : make.integer(t.dtype, saturate_to(t.dtype, at));
    return make.broadcast_scalar(start, t.shape);
  }

  // The sum over the rows that have come together.
  ValueId summed(Builder& make, std::vector<Node>& into, Deferred const& d, Piece const& piece) {
    if (piece.sum != no_value) return piece.sum;
    Node n = *d.sum;
    n.operands = piece.operands;
    Type t = type(d.value);
    t.dtype = type(n.operands[0]).dtype; // narrow sums grow in f32
    n.results = {make.value(t)};
    into.push_back(n);
    return n.results[0];
  }

  // ---- a part ------------------------------------------------------------------------------------------------------

  Outside part(std::vector<Node>& into, Inside const& in) {
    Part here{.first = in.first, .now = {{rows_, in.rows}}};
    for (size_t i = 0; i < states_.size(); ++i)
      if (states_[i].before != no_value) here.now[states_[i].before] = in.states[i];
    for (size_t i = 0; i < old_.size(); ++i)
      if (inside_[i]) write_inside(here, old_[i], into);
    Builder make(f_, into);
    Outside out;
    out.pieces.resize(deferred_.size());
    size_t chain = 0;
    for (auto const& s : states_) out.states.push_back(here.at(s.after));
    for (size_t i = 0; i < deferred_.size(); ++i) {
      auto const& d = deferred_[i];
      if (!d.sum) {
        out.pieces[i].sum = wide(make, here.at(d.value));
        continue;
      }
      Node n = *d.sum;
      for (auto& v : n.operands) v = wide(make, inside(here, n, v, into));
      if (!d.goes_on) {
        out.pieces[i].operands = n.operands;
        continue;
      }
      n.operands[0] = in.goes_on[chain++];
      n.results = {make.value(type(d.value))};
      out.goes_on.push_back(n.results[0]);
      into.push_back(std::move(n));
    }
    return out;
  }
  ValueId wide(Builder& make, ValueId v) { return is_narrow_float(type(v).dtype) ? make.convert(v, DType::f32) : v; }

  struct Part {
    ValueId first = no_value; // the number of its first row
    std::map<ValueId, ValueId> now;
    std::array<std::map<ValueId, ValueId>, 2> counts; // of all rows, of its own
    ValueId at(ValueId v) const {
      auto const found = now.find(v);
      return found == now.end() ? v : found->second;
    }
  };

  // What an operand of a node inside is there. Where no row reaches it, it comes from outside, but for what has rows
  // itself, and for a count that meets a value of the part.
  ValueId inside(Part& here, Node const& reader, ValueId v, std::vector<Node>& into) {
    if (!sized(v)) return here.at(v);
    bool const of_part =
        whole_ || std::any_of(reader.operands.begin(), reader.operands.end(), [&](ValueId o) { return is_of_part(o); });
    return copy_sized(here, v, of_part, into);
  }
  ValueId copy_sized(Part& here, ValueId v, bool of_part, std::vector<Node>& into) {
    if (!sized(v) || (!of_part && !has_batch(type(v)))) return v;
    auto& counts = here.counts[of_part];
    if (auto const known = counts.find(v); known != counts.end()) return known->second;
    Node n = sizes_.at(giver_[v]);
    for (auto& o : n.operands) o = copy_sized(here, o, of_part, into);
    Builder make(f_, into);
    for (auto& r : n.results) {
      ValueId const old = r;
      r = make.value(size_types_.at(old));
      counts[old] = r;
    }
    into.push_back(std::move(n));
    return counts.at(v);
  }

  void write_inside(Part& here, Node const& old, std::vector<Node>& into) {
    Node n = old;
    for (auto& v : n.operands) v = inside(here, old, v, into);
    std::map<ValueId, ValueId> moved;
    for (size_t i = 0; i < n.operands.size(); ++i) moved[old.operands[i]] = n.operands[i];
    for (auto& r : n.regions) replace_in(r, moved);
    number_draws(here, n, into);
    for (auto& r : n.regions)
      for (auto& x : r.nodes) number_draws_within(here, x, into);
    if (holds_scopes(n)) list_captures(f_, n);
    bool const counts = counts_rows(old);
    ValueId const number = n.results.front();
    if (counts) n.results = {Builder(f_, into).value(type(number))};
    into.push_back(std::move(n));
    if (!counts) return;
    Builder make(f_, into);
    make.at = old.at;
    make.make(adds, {into.back().result(), make.convert(here.first, type(number).dtype)});
    into.back().results = {number};
  }

  bool chooses(Node const& n) const { // elements of its first operand, by numbers
    auto const map = index_map(f_, n, 0);
    return scatters(n) || (map && depends_on_data(*map));
  }

  // Numbers of rows are those in the step, unless they choose elements of what has the rows of the part alone.
  bool counts_rows(Node const& n) const {
    if (!is_iota(n) || type(n.result()).shape[static_cast<size_t>(n.attributes.get<i64>("axis"))] != Dim(Symbol::batch))
      return false;
    std::set<ValueId> from{n.result()};
    for (auto const& reader : old_) {
      bool const reads =
          std::any_of(reader.operands.begin(), reader.operands.end(), [&](ValueId v) { return from.contains(v); });
      if (!reads) continue;
      if (holds_scopes(reader) || (chooses(reader) && has_batch(type(reader.operands[0])))) return false;
      from.insert(reader.results.begin(), reader.results.end());
    }
    return true;
  }

  static void replace_in(Region& r, std::map<ValueId, ValueId> const& moved) {
    auto replace = [&](ValueId& v) {
      if (auto const found = moved.find(v); found != moved.end()) v = found->second;
    };
    for (auto& n : r.nodes) {
      for (auto& v : n.operands) replace(v);
      for (auto& inner : n.regions) replace_in(inner, moved);
    }
    for (auto& v : r.results) replace(v);
  }

  // Elements of a draw have the numbers that they have in the draw for all rows of the step, where the batch is its
  // first axis. Else the parts draw at steps of their own, 2^48 apart.
  void number_draws(Part& here, Node& n, std::vector<Node>& into) {
    if (!info(n.op).has(Trait::random) || !has_batch(type(n.result()))) return;
    Builder make(f_, into);
    make.at = n.at;
    auto const& shape = type(n.result()).shape;
    auto const behind = element_count({shape.begin() + 1, shape.end()}).constant();
    if (shape[0] == Dim(Symbol::batch) && behind && n.operands.size() == 2) {
      n.operands.push_back(make.make(multiplies, {here.first, make.integer(DType::i64, *behind)}));
      return;
    }
    ValueId const far = make.make(multiplies, {here.first, make.integer(DType::i64, i64{1} << 48)});
    n.operands[1] = make.make(adds, {n.operands[1], far});
  }
  void number_draws_within(Part& here, Node& n, std::vector<Node>& into) {
    for (auto& r : n.regions) {
      std::vector<Node> nodes;
      for (auto& x : r.nodes) {
        number_draws_within(here, x, nodes);
        nodes.push_back(std::move(x));
      }
      r.nodes = std::move(nodes);
    }
    number_draws(here, n, into);
  }

  // ---- outside -----------------------------------------------------------------------------------------------------

  // What no row reaches, once. Counts are of all rows.
  void write_uniform(std::vector<Node>& now) {
    for (size_t i = 0; i < old_.size(); ++i) {
      auto const& results = old_[i].results;
      if (std::any_of(results.begin(), results.end(), [&](ValueId v) { return reached(v); })) continue;
      Node n = old_[i];
      if (std::any_of(results.begin(), results.end(), [&](ValueId v) { return sized(v); })) {
        sizes_[i] = n;
        for (ValueId const v : results) {
          size_types_[v] = type(v);
          lengthen(f_.values[v].type.shape, parts_);
        }
        Attributes const attributes = n.attributes;
        for (auto const& [name, value] : attributes) {
          auto const* dims = std::get_if<std::vector<Dim>>(&value);
          if (!dims) continue;
          auto longer = *dims;
          lengthen(longer, parts_);
          n.attributes.set(name, longer);
        }
      }
      now.push_back(std::move(n));
    }
  }

  void write_behind(std::vector<Node>& now) {
    auto const current = [&](ValueId v) {
      auto const found = now_.find(v);
      return found == now_.end() ? v : found->second;
    };
    for (size_t i = 0; i < old_.size(); ++i) {
      Node n = old_[i];
      bool const behind = std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return reached(v); });
      if (!behind || inside_[i] || now_.contains(n.results.front())) continue;
      std::map<ValueId, ValueId> moved;
      for (auto& v : n.operands) {
        moved[v] = current(v);
        v = moved[v];
      }
      for (auto& r : n.regions) replace_in(r, moved);
      now.push_back(std::move(n));
    }
    for (auto& r : f_.results) r.value = current(r.value);
  }

  struct Kept {
    ValueId before = no_value, after = no_value;
  };
  static constexpr size_t none = ~size_t{0};
  Function& f_;
  i64 parts_, batch_;
  std::vector<Node> old_;
  std::vector<size_t> giver_; // per value
  std::vector<bool> by_rows_, by_size_;
  std::vector<bool> inside_; // per node of old_
  ValueId rows_ = no_value;
  bool whole_ = false; // the losses are means of those of the parts
  std::vector<Deferred> deferred_;
  std::vector<Kept> states_; // that each part updates
  std::vector<i64> levels_, products_;
  std::map<size_t, Node> sizes_;       // counts as they are in a part
  std::map<ValueId, Type> size_types_; //
  std::map<ValueId, ValueId> now_;     // behind the scan
};

} // namespace

void walk_in_parts(Function& loss, i64 parts, i64 batch) { Parts(loss, parts, batch).run(); }

} // namespace nnc
