// Reverse mode over the graph.
//
//     %h  = tanh %x : f32[8]
//     %y  = reduce_sum %h {axes=[0]} : f32[]
//     %dx = grad %y, %x : f32[8]
//  becomes (after simplify)
//     %h  = tanh %x : f32[8]
//     %y  = reduce_sum %h {axes=[0]} : f32[]
//     %0  = mul %h, %h : f32[8]
//     %dx = sub 1, %0 : f32[8]
//
// Only nodes on a path from one of the x to y are looked at. Integers, bools and `no_derivative` operators end a path.
#include "passes/differentiate.h"

#include "ir/grad.h"
#include "ir/node_limit.h"
#include "ir/walk.h"
#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/differentiate/scan.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace nnc {
namespace {

using reverse::Asides;
using reverse::Seed;

// Lists of nodes that are in sight, the innermost last, which grows.
using Lists = std::vector<std::vector<Node>*>;

// Appends what the derivatives of the seeds by each of `by` take. With `asides`, what can be is set aside, and where
// nothing flows there is no_value.
std::vector<ValueId> append_slopes(Module const&, Function&, Lists const&, std::vector<Seed> const&,
                                   std::vector<ValueId> const& by, Location at, Asides* asides = nullptr);

class Reverse {
public:
  Reverse(Module const& m, Function& f, Lists const& lists, Location at, Asides* asides)
      : m_(m), f_(f), make_(f, added_), asides_(asides) {
    make_.at = at;
    for (auto* list : lists)
      for (auto& n : *list) nodes_.push_back(&n);
  }

  std::vector<ValueId> run(std::vector<Seed> const& seeds, std::vector<ValueId> const& by) {
    mark_paths(seeds, by);
    slope_.assign(f_.values.size(), no_value);
    for (auto const& seed : seeds)
      if (depends_[seed.y]) join(slope_[seed.y], seed.slope);
    for (size_t i = nodes_.size(); i-- > 0;)
      if (on_path_[i]) through(*nodes_[i]);
    std::vector<ValueId> result;
    for (auto x : by) result.push_back(asides_ ? slope_[x] : slope_of(x));
    return result;
  }
  std::vector<Node>& added() { return added_; }

private:
  bool reads_any(Node const& n, std::vector<bool> const& of) const {
    for (size_t i = 0; i < n.operands.size(); ++i)
      if (of[n.operands[i]] && carries_derivative(n, i)) return true;
    return false;
  }

  // on_path_: the node depends on one of the x by a way that carries a derivative, and y depends on the node.
  void mark_paths(std::vector<Seed> const& seeds, std::vector<ValueId> const& by) {
    depends_.assign(f_.values.size(), false);
    for (auto x : by) depends_[x] = true;
    on_path_.assign(nodes_.size(), false);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      auto const& n = *nodes_[i];
      on_path_[i] = reads_any(n, depends_);
      if (on_path_[i])
        for (auto v : n.results) depends_[v] = depends_[v] || is_float(f_.type(v).dtype);
    }
    std::vector<bool> needed(f_.values.size());
    for (auto const& seed : seeds) needed[seed.y] = true;
    for (size_t i = nodes_.size(); i-- > 0;) {
      auto const& n = *nodes_[i];
      on_path_[i] =
          on_path_[i] && std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return needed[v]; });
      if (on_path_[i])
        for (auto v : n.operands) needed[v] = true;
    }
  }

  void through(Node& n) {
    if (!std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return slope_[v] != no_value; })) return;
    make_.at = n.at;
    if (n.op == OpCode::with_gradient) return through_own(n);
    if (n.op == OpCode::cond) return through_cond(n);
    if (n.op == OpCode::scan) return through_scan(n);
    auto const& op = info(n.op);
    if (!op.gradient) throw CompilerBug(fmt::format("differentiate: {} has no gradient", op.name));
    std::vector<ValueId> dy;
    for (auto v : n.results) dy.push_back(slope_of(v));
    Grad g(make_, n, dy);
    op.gradient(g);
    for (size_t i = 0; i < n.operands.size(); ++i)
      if (g.contributions[i] != no_value && !is_set_aside(n, i, dy)) add(n.operands[i], g.contributions[i]);
  }

  // Of the values from outside of a scan, when this is its body.
  bool is_set_aside(Node const& n, size_t operand, std::vector<ValueId> const& dy) {
    if (!asides_ || !asides_->values.contains(n.operands[operand]) || dy.size() != 1) return false;
    for (size_t i = 0; i < n.operands.size(); ++i)
      if (i != operand && !asides_->of_round.contains(n.operands[i])) return false;
    if (!reverse::sums_over_rounds(f_, n, operand, dy[0])) return false;
    asides_->list.push_back({n, operand, dy[0]});
    return true;
  }

  // A derivative of a function's own is inlined. Where it reads what the function gives, it reads the results, so that
  // a second derivative goes through it again.
  void through_own(Node const& n) {
    size_t const values = n.results.size(), variables = static_cast<size_t>(n.attributes.get<i64>("variables"));
    std::vector<ValueId> arguments;
    for (auto v : n.results) arguments.push_back(slope_of(v));
    for (size_t i = values + variables; i < n.operands.size(); ++i) {
      auto same = std::find(n.operands.begin(), n.operands.begin() + static_cast<i64>(values), n.operands[i]);
      auto const at = static_cast<size_t>(same - n.operands.begin());
      arguments.push_back(at < values ? n.results[at] : n.operands[i]);
    }
    auto const& derivative = *m_.function(n.attributes.get<std::string>("derivative"));
    auto const slopes = inline_function(f_, added_, derivative, arguments);
    for (size_t i = 0; i < variables; ++i) add(n.operands[values + i], slopes[i]);
  }

  // The derivative of a cond is one of the same condition.
  void through_cond(Node const& n) {
    std::vector<ValueId> by, slopes;
    for (size_t i = own_operands(n); i < n.operands.size(); ++i)
      if (auto const v = n.operands[i]; depends_[v] && is_float(f_.type(v).dtype)) by.push_back(v);
    for (auto v : n.results) slopes.push_back(slope_[v] == no_value ? no_value : slope_of(v));
    std::vector<Region> sides;
    for (auto const& side : n.regions) sides.push_back(derivative_of_side(side, slopes, by));
    auto const given = make_.cond(n.operands[0], std::move(sides));
    for (size_t i = 0; i < by.size(); ++i) add(by[i], given[i]);
  }

  void through_scan(Node& n) {
    reverse::ScanSlopes given;
    for (auto v : n.results) given.results.push_back(slope_[v] == no_value ? no_value : slope_of(v));
    for (auto v : n.operands) given.wanted.push_back(depends_[v]);
    auto const own = n.operands;
    auto const append = [&](std::vector<Node>& nodes, std::vector<Seed> const& seeds, std::vector<ValueId> const& by,
                            Asides& asides) { return append_slopes(m_, f_, {&nodes}, seeds, by, make_.at, &asides); };
    auto const slopes = reverse::slopes_of_scan(make_, n, given, append);
    for (size_t i = 0; i < own.size(); ++i)
      if (slopes[i] != no_value) add(own[i], slopes[i]);
  }

  // What it needs of the side's values is computed again: nothing that one side computes is known outside of it.
  Region derivative_of_side(Region const& side, std::vector<ValueId> const& slopes, std::vector<ValueId> const& by) {
    Region out = copied(f_, side);
    std::vector<Seed> seeds;
    for (size_t i = 0; i < slopes.size(); ++i)
      if (slopes[i] != no_value) seeds.push_back({out.results[i], slopes[i]});
    out.results = append_slopes(m_, f_, {&out.nodes}, seeds, by, make_.at);
    return out;
  }

  void add(ValueId v, ValueId contribution) {
    if (depends_[v] && !f_.values[v].constant) join(slope_[v], contribution);
  }
  void join(ValueId& slope, ValueId contribution) {
    slope = slope == no_value ? contribution : make_.make(OpCode::add, {slope, contribution});
  }

  // Of the type of v; a slope may still be a scalar that stands for every element.
  ValueId slope_of(ValueId v) {
    auto const type = f_.type(v);
    auto s = slope_[v];
    return make_.broadcast_scalar(s == no_value ? make_.like(v, 0) : s, type.shape);
  }

  Module const& m_;
  Function& f_;
  std::vector<Node*> nodes_; // in the order in which they are computed
  std::vector<Node> added_;
  Builder make_;
  std::vector<bool> depends_, on_path_;
  std::vector<ValueId> slope_;
  Asides* asides_; // null: this is no body of a scan
};

std::vector<ValueId> append_slopes(Module const& m, Function& f, Lists const& lists, std::vector<Seed> const& seeds,
                                   std::vector<ValueId> const& by, Location at, Asides* asides) {
  Reverse derivative(m, f, lists, at, asides);
  auto slopes = derivative.run(seeds, by);
  for (auto& n : derivative.added()) lists.back()->push_back(std::move(n));
  return slopes;
}

// A derivative may be a value that others are too, a literal even. What is differentiated by is one of its own.
ValueId value_of_its_own(Function& f, std::vector<Node>& nodes, ValueId v) {
  return Builder(f, nodes).make(OpCode::reshape, {v}, {}, f.type(v));
}

bool is_grad(Node const& n) { return n.op == OpCode::grad; }

// One walk over a function: from the first `grad` node on, until a list has more than `enough` nodes.
class Walk {
public:
  Walk(Module const& m, Function& f, size_t enough)
      : m_(m), f_(f), enough_(enough), is_variable_(f.values.size(), false) {
    each_node(f.body.nodes, [&](Node const& n) {
      for (size_t i = 1; is_grad(n) && i < n.operands.size(); ++i) is_variable_[n.operands[i]] = true;
    });
  }

  bool run() { // true when some are left for the next time
    list(f_.body.nodes);
    for (auto& r : f_.results) r.value = current(r.value);
    return left_;
  }

private:
  ValueId current(ValueId v) const { return v < now_.size() && now_[v] != no_value ? now_[v] : v; }

  void list(std::vector<Node>& nodes) {
    auto old = std::move(nodes);
    nodes.clear();
    open_.push_back(&nodes);
    for (auto& n : old) node(n);
    open_.pop_back();
  }

  void node(Node& n) {
    for (auto& v : n.operands) v = current(v);
    for (auto& r : n.regions) {
      list(r.nodes);
      for (auto& v : r.results) v = current(v);
    }
    if (holds_scopes(n)) list_captures(f_, n);
    auto& done = *open_.back();
    left_ |= is_grad(n) && done.size() > enough_;
    if (is_grad(n) && !left_) differentiate(n);
    else done.push_back(std::move(n));
  }

  void differentiate(Node const& n) {
    Blame const blame(f_, n.at);
    auto& done = *open_.back();
    Builder make(f_, done);
    Seed const seed{n.operands[0], make.like(n.operands[0], 1)};
    auto slopes = append_slopes(m_, f_, open_, {seed}, {n.operands.begin() + 1, n.operands.end()}, {});
    now_.resize(f_.values.size(), no_value);
    for (size_t i = 0; i < slopes.size(); ++i) {
      if (is_variable_[n.results[i]]) slopes[i] = value_of_its_own(f_, done, slopes[i]);
      now_[n.results[i]] = slopes[i];
      auto& v = f_.values[slopes[i]];
      if (v.name.empty() && !v.constant) v.name = f_.values[n.results[i]].name;
    }
  }

  Module const& m_;
  Function& f_;
  size_t enough_;
  std::vector<bool> is_variable_;
  std::vector<ValueId> now_; // what a result of `grad` has become
  Lists open_;               // the lists around the node that is looked at, as far as they are done
  bool left_ = false;
};

constexpr size_t many_nodes = 1000;

// A derivative of a derivative of ... has an exponential number of nodes, most of them equal to others: whenever they
// have doubled, what is equal is merged before it is differentiated once more.
bool differentiate_function(Module const& m, Function& f) {
  bool any = false;
  each_node(f.body.nodes, [&](Node const& n) { any |= is_grad(n); });
  if (!any) return false;
  for (size_t enough = many_nodes; Walk(m, f, enough).run(); enough = std::max(many_nodes, 2 * f.body.nodes.size())) {
    merge_duplicates(f);
    drop_unused(f);
  }
  return true;
}

// stop_gradient and with_gradient have done their work when everything is differentiated.
bool drop_guides(Function& f) {
  Rewriter rewriter(f);
  rewriter.run([&](Node&& n) {
    if (n.op != OpCode::stop_gradient && n.op != OpCode::with_gradient) return rewriter.keep(std::move(n));
    for (size_t i = 0; i < n.results.size(); ++i) rewriter.replace(n.results[i], n.operands[i]);
  });
  return rewriter.changed;
}

// The functions that nothing but with_gradient names.
std::set<std::string> derivatives(Module const& m) {
  std::set<std::string> names, called;
  for (auto const& f : m.functions)
    each_node(f.body.nodes, [&](Node const& n) {
      if (n.op == OpCode::with_gradient) names.insert(n.attributes.get<std::string>("derivative"));
      if (n.op == OpCode::call) called.insert(n.attributes.get<std::string>("callee"));
    });
  for (auto const& name : called) names.erase(name);
  return names;
}

// Function by function, those that a function names before it.
class Differentiation {
public:
  explicit Differentiation(Module& m) : m_(m) {}
  bool run() {
    for (auto& f : m_.functions) function(f);
    return changed_;
  }

private:
  void function(Function& f) {
    if (!done_.insert(&f).second) return;
    each_node(f.body.nodes, [&](Node const& n) {
      if (n.op == OpCode::with_gradient) function(*m_.function(n.attributes.get<std::string>("derivative")));
    });
    changed_ |= differentiate_function(m_, f);
  }

  Module& m_;
  std::set<Function const*> done_;
  bool changed_ = false;
};

} // namespace

std::vector<ValueId> append_gradient(Module const& m, Function& f, std::vector<Node>& nodes, ValueId y,
                                     std::vector<ValueId> const& by) {
  Builder make(f, nodes);
  return append_slopes(m, f, {&nodes}, {{y, make.like(y, 1)}}, by, {});
}

PassResult differentiate(Module m, PassContext&) {
  auto const names = derivatives(m);
  bool changed = Differentiation(m).run();
  for (auto& f : m.functions) changed |= drop_guides(f);
  std::erase_if(m.functions, [&](Function const& f) { return names.contains(f.name); });
  return {std::move(m), changed};
}

} // namespace nnc
