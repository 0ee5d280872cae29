// Images lie with their channels innermost, whatever the text says, so that the sums of convolutions run along memory.
//
//     %y = convolution %x, %w {lhs="bc01", rhs="fc01", result="bf01", ...} : f32[batch,32,28,28]
//     %z = max %y, 0 : f32[batch,32,28,28]
//  becomes
//     %0 = transpose %x {permutation=[0, 2, 3, 1]} : f32[batch,28,28,1]
//     %1 = transpose %w {permutation=[2, 3, 1, 0]} : f32[3,3,1,32]
//     %y = convolution %0, %1 {lhs="b01c", rhs="01cf", result="b01f", ...} : f32[batch,28,28,32]
//     %2 = max %y, 0 : f32[batch,28,28,32]
//     %z = transpose %2 {permutation=[0, 3, 1, 2]} : f32[batch,32,28,28]
//
// The transposes behind move on through elementwise nodes, windows, reductions, and what moves elements along axes
// (pad, slice, concat, reshapes that keep axes together), until a convolution takes them back, or something needs the
// axes as they were; where nothing does, there are none. In a scope they begin and end with it: what comes from outside
// and what it gives have their axes as they were, but a kernel from outside is transposed there, once.
#include "ir/builder.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/walk.h"
#include "passes/pass.h"

#include <algorithm>
#include <map>
#include <set>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool holds(std::string const& names, char c) { return names.find(c) != std::string::npos; }

// Names of axes with windows in front of what stays together: "bgc01" -> "b01gc", of a kernel "gfc01" -> "01gcf".
std::string image_order(std::string const& names) {
  std::string front = names.substr(0, 1), back, windows;
  for (char c : names.substr(1)) (is_digit(c) ? windows : back) += c;
  std::sort(windows.begin(), windows.end());
  return front + windows + back;
}
// What is summed, or a row of the result, in front of its columns.
std::string kernel_order(std::string const& names, std::string const& image, std::string const& lhs) {
  std::string groups, left, right, windows;
  for (char c : names) (is_digit(c) ? windows : holds(image, c) ? groups : holds(lhs, c) ? left : right) += c;
  std::sort(windows.begin(), windows.end());
  return windows + groups + left + right;
}

Axes inverse(Axes const& p) {
  Axes q(p.size());
  for (size_t i = 0; i < p.size(); ++i) q[static_cast<size_t>(p[i])] = static_cast<i64>(i);
  return q;
}
bool is_identity(Axes const& p) { return std::is_sorted(p.begin(), p.end()); }
i64 at(Axes const& p, i64 i) { return p[static_cast<size_t>(i)]; }

class Layout {
public:
  explicit Layout(Function& f) : f_(f), make_(f, out_) {
    for (auto const& a : f.arguments) fixed_.insert(a.value);
  }

  bool run() {
    walk(f_.body);
    for (auto& r : f_.results) r.value = native(r.value);
    f_.body.nodes = std::move(out_);
    return changed_;
  }

private:
  Layout(Layout& around, Region const& scope)
      : f_(around.f_), make_(f_, out_), around_(&around), fixed_(around.fixed_) {
    known_.insert(scope.arguments.begin(), scope.arguments.end());
  }
  void walk(Region& r) {
    auto nodes = std::move(r.nodes);
    for (auto& n : nodes) visit(std::move(n));
  }
  void scopes(Node& n) {
    for (auto& r : n.regions) {
      Layout inner(*this, r);
      inner.walk(r);
      for (auto& v : r.results) v = inner.native(v);
      r.nodes = std::move(inner.out_);
      changed_ |= inner.changed_;
    }
    list_captures(f_, n);
  }

  // v = transpose(value, permutation): axis i of v is that axis of `value`.
  struct Turned {
    ValueId value = no_value;
    Axes permutation;
    bool made = false; // v too
  };

  Type turned_type(Type const& t, Axes const& q) {
    Type out = t;
    for (size_t i = 0; i < q.size(); ++i) out.shape[static_cast<size_t>(q[i])] = t.shape[i];
    return out;
  }

  ValueId native(ValueId v) {
    auto const found = turned_.find(v);
    if (found == turned_.end()) return v;
    auto& t = found->second;
    if (is_identity(t.permutation)) return t.value;
    if (!t.made) {
      make_.transpose(t.value, t.permutation);
      out_.back().results = {v};
      t.made = true;
    }
    return v;
  }

  // The value of which v is the transpose by q.
  ValueId turned(ValueId v, Axes const& q) {
    if (is_identity(q)) return native(v);
    if (around_ && !known_.contains(v)) return around_->turned(v, q);
    auto const found = turned_.find(v);
    if (found != turned_.end() && found->second.permutation == q) return found->second.value;
    auto const known = others_.find({v, q});
    return known != others_.end() ? known->second : others_[{v, q}] = turn(v, q);
  }
  ValueId turn(ValueId v, Axes const& q) {
    if (auto const b = broadcasts_.find(v); b != broadcasts_.end()) {
      Axes axes;
      for (i64 a : b->second.second) axes.push_back(at(q, a));
      if (is_identity(axes)) return make_.broadcast(b->second.first, turned_type(f_.type(v), q).shape, axes);
    }
    auto const found = turned_.find(v);
    if (found == turned_.end()) return make_.transpose(v, inverse(q));
    Axes p; // from one turned form to the other
    Axes const back = inverse(q);
    for (i64 i : back) p.push_back(at(found->second.permutation, i));
    return make_.transpose(found->second.value, p);
  }

  bool is_turned(ValueId v) const { return turned_.count(v) > 0; }

  void visit(Node&& n) {
    make_.at = n.at;
    if (around_) known_.insert(n.results.begin(), n.results.end());
    auto const& op = info(n.op);
    bool done = false;
    if (n.op == OpCode::convolution) done = convolution(n);
    else if (std::any_of(n.operands.begin(), n.operands.end(), [&](ValueId v) { return is_turned(v); })) {
      if (op.has(elementwise) || moves_along_axes(n)) done = along(n);
      else if (op.has(reduces)) done = reduction(n);
      else if (n.op == OpCode::window) done = window(n);
      else if (n.op == OpCode::transpose) done = transposed(n);
      else if (n.op == OpCode::reshape) done = reshaped(n);
      else if (n.op == OpCode::broadcast) done = repeated(n);
    }
    if (done) {
      changed_ = true;
      return;
    }
    each_read(n, [&](ValueId& v) { v = native(v); });
    if (n.op == OpCode::broadcast) broadcasts_[n.result()] = {n.operands[0], n.attributes.get<Axes>("axes")};
    auto fixed = [&](ValueId v) { return f_.type(v).rank() > 0 && is_fixed(v); };
    if (op.has(elementwise) && std::any_of(n.operands.begin(), n.operands.end(), fixed)) fixed_.insert(n.result());
    if (holds_scopes(n)) scopes(n);
    out_.push_back(std::move(n));
  }

  // Arguments lie as their owner knows them, and what is computed of them element by element, an update, with them.
  bool is_fixed(ValueId v) const { return fixed_.count(v) > 0; }

  void gives(Node const& n, ValueId made, Axes permutation) {
    f_.values[made].name = f_.values[n.result()].name;
    turned_[n.result()] = {made, std::move(permutation)};
  }

  static Axes order(std::string const& names, std::string const& wanted) {
    Axes q;
    for (char c : names) q.push_back(static_cast<i64>(wanted.find(c)));
    return q;
  }

  // The first axis of lhs counts images; the tensor that has no such axis is the kernel.
  bool convolution(Node const& n) {
    auto names = [&](char const* which) { return n.attributes.get<std::string>(which); };
    auto const lhs = names("lhs"), rhs = names("rhs"), result = names("result");
    char const images = lhs.front();
    if (is_digit(images) || holds(rhs, images) == holds(result, images)) return false;
    bool const of_kernel = holds(rhs, images); // its derivative
    auto const l = image_order(lhs), r = of_kernel ? image_order(rhs) : kernel_order(rhs, common(lhs, result), lhs),
               y = of_kernel ? kernel_order(result, common(lhs, rhs), lhs) : image_order(result);
    if (l == lhs && r == rhs && y == result) return false;
    auto attributes = n.attributes;
    attributes.set("lhs", l);
    attributes.set("rhs", r);
    attributes.set("result", y);
    ValueId const left = turned(n.operands[0], order(lhs, l)), right = turned(n.operands[1], order(rhs, r));
    gives(n, make_.make(OpCode::convolution, {left, right}, std::move(attributes)), order(result, y));
    return true;
  }
  static std::string common(std::string const& a, std::string const& b) {
    std::string both;
    for (char c : a)
      if (holds(b, c)) both += c;
    return both;
  }

  // Is axis i of the result axis i of every operand, as in a pad, a slice, a concat?
  bool moves_along_axes(Node const& n) const {
    if (!info(n.op).has(moves_data)) return false;
    for (size_t operand = 0; operand < n.operands.size(); ++operand) {
      auto const map = index_map(f_, n, operand);
      if (!map) return false;
      for (size_t i = 0; i < map->coordinates.size(); ++i) {
        auto const& c = map->coordinates[i];
        if (c.axes != 1 || c.by_data || c.terms.size() != 1 || c.terms[0].axis != static_cast<i64>(i)) return false;
      }
      auto const rank = f_.type(n.operands[operand]).rank();
      if (rank > 0 && rank != f_.type(n.result()).rank()) return false;
    }
    return true;
  }

  bool along(Node const& n) {
    Axes q;
    for (auto v : n.operands)
      if (q.empty() && is_turned(v)) q = turned_.at(v).permutation;
    for (i64 i = 0; q.size() < f_.type(n.result()).shape.size(); ++i) q.push_back(i); // turned scalars say nothing
    for (auto v : n.operands)
      if (f_.type(v).rank() > 0 && is_fixed(v)) return false;
    auto operands = n.operands;
    for (auto& v : operands) v = f_.type(v).rank() > 0 ? turned(v, q) : native(v);
    gives(n,
          make_.make(n.op, operands, permuted_attributes(n.op, n.attributes, q), turned_type(f_.type(n.result()), q)),
          q);
    return true;
  }

  // The reduced axes keep their order, and with it their sum.
  bool reduction(Node const& n) {
    auto const& q = turned_.at(n.operands[0]).permutation;
    auto const axes = named_axes(n.op, n.attributes);
    Axes reduced, kept;
    for (i64 a : axes) reduced.push_back(at(q, a));
    if (!is_identity(reduced) && n.attributes.has("order")) return false;
    for (size_t i = 0; i < q.size(); ++i)
      if (std::find(axes.begin(), axes.end(), static_cast<i64>(i)) == axes.end()) kept.push_back(q[i]);
    auto sorted = kept;
    std::sort(sorted.begin(), sorted.end());
    Axes permutation;
    for (i64 a : kept) permutation.push_back(std::find(sorted.begin(), sorted.end(), a) - sorted.begin());
    gives(n, make_.make(n.op, {turned_.at(n.operands[0]).value}, permuted_attributes(n.op, n.attributes, q)),
          permutation);
    return true;
  }

  // Taps stay in front.
  bool window(Node const& n) {
    if (!is_turned(n.operands[0])) return false;
    auto const& q = turned_.at(n.operands[0]).permutation;
    auto const axes = n.attributes.get<Axes>("axes");
    auto const windows = static_cast<i64>(axes.size()), own = n.attributes.get_or("taps", false) ? windows : 0;
    Axes permutation, moved;
    for (i64 d = 0; d < own; ++d)
      if (at(q, d) != d) return false;
    for (i64 d = 0; d < windows; ++d) permutation.push_back(d);
    for (size_t i = static_cast<size_t>(own); i < q.size(); ++i) permutation.push_back(q[i] - own + windows);
    for (i64 a : axes) moved.push_back(at(q, a + own) - own);
    auto attributes = n.attributes;
    attributes.set("axes", moved);
    gives(n, make_.make(n.op, {turned_.at(n.operands[0]).value, n.operands[1]}, std::move(attributes)), permutation);
    return true;
  }

  // The new axes stay where they are, among those of the operand as it lies.
  bool repeated(Node const& n) {
    auto const t = turned_.at(n.operands[0]);
    auto const axes = n.attributes.get<Axes>("axes");
    if (is_identity(t.permutation)) broadcasts_[n.result()] = {t.value, axes};
    Axes permutation(f_.type(n.result()).shape.size());
    for (size_t i = 0; i < permutation.size(); ++i) permutation[i] = static_cast<i64>(i);
    for (size_t i = 0; i < axes.size(); ++i) permutation[static_cast<size_t>(axes[i])] = at(axes, t.permutation[i]);
    gives(n, make_.broadcast(t.value, turned_type(f_.type(n.result()), permutation).shape, axes), permutation);
    return true;
  }

  bool transposed(Node const& n) {
    auto const t = turned_.at(n.operands[0]);
    Axes permutation;
    for (i64 i : n.attributes.get<Axes>("permutation")) permutation.push_back(at(t.permutation, i));
    turned_[n.result()] = {t.value, permutation};
    return true;
  }

  // Axes that become others by merging or splitting, and these; the next such axes follow on both sides.
  struct Run {
    size_t from = 0, to = 0; // how many
  };
  static std::vector<Run> runs_of(Shape const& from, Shape const& to) {
    std::vector<Run> runs;
    for (size_t i = 0, j = 0; i < from.size() || j < to.size();) {
      Run run;
      Dim before = 1, after = 1;
      auto take = [](Shape const& shape, size_t& at, size_t& count, Dim& product) {
        product = product * shape[at++];
        ++count;
      };
      do {
        constexpr i64 guess = 60;
        bool const shorter = before.value({guess, guess}) < after.value({guess, guess});
        if (j == to.size() || (i < from.size() && (shorter || run.from == 0))) take(from, i, run.from, before);
        else take(to, j, run.to, after);
      } while (before != after && (i < from.size() || j < to.size()));
      while (j < to.size() && to[j] == Dim(1)) take(to, j, run.to, after);
      while (i < from.size() && from[i] == Dim(1)) take(from, i, run.from, before);
      runs.push_back(run);
    }
    return runs;
  }

  // Each run of axes has to lie together, and in order.
  bool reshaped(Node const& n) {
    auto const t = turned_.at(n.operands[0]);
    auto const &from = f_.type(n.operands[0]).shape, &to = f_.type(n.result()).shape;
    if (from == to) {
      turned_[n.result()] = {t.value, t.permutation};
      return true;
    }
    struct Placed {
      i64 first; // where the run lies
      size_t begin, count;
    };
    std::vector<Placed> placed;
    size_t axis = 0, now = 0;
    for (auto const& run : runs_of(from, to)) {
      if (run.from == 0 || run.to == 0) return false;
      for (size_t i = 1; i < run.from; ++i)
        if (t.permutation[axis + i] != t.permutation[axis] + static_cast<i64>(i)) return false;
      placed.push_back({t.permutation[axis], now, run.to});
      axis += run.from;
      now += run.to;
    }
    std::sort(placed.begin(), placed.end(), [](Placed const& a, Placed const& b) { return a.first < b.first; });
    Axes permutation(to.size());
    i64 next = 0;
    for (auto const& p : placed)
      for (size_t i = 0; i < p.count; ++i) permutation[p.begin + i] = next++;
    gives(n, make_.reshape(t.value, turned_type(f_.type(n.result()), permutation).shape), permutation);
    return true;
  }

  Function& f_;
  std::vector<Node> out_;
  Builder make_;
  Layout* around_ = nullptr; // of the scope around this one
  std::set<ValueId> known_;  // what this scope defines, if there is one around it
  std::map<ValueId, Turned> turned_;
  std::map<std::pair<ValueId, Axes>, ValueId> others_;
  std::map<ValueId, std::pair<ValueId, Axes>> broadcasts_; // operand, axes
  std::set<ValueId> fixed_;
  bool changed_ = false;
};

} // namespace

PassResult layout(Module m, PassContext&) {
  return each_function(std::move(m), [](Function& f) { return Layout(f).run(); });
}

} // namespace nnc
