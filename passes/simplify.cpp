// Small local rewrites that change no bit of any result, applied until none fires.
// Afterwards no node computes what one of its operands already is, and transposes of a contraction's operands are part
// of it.
//
// Applies the rules to each node in order, and to what they make, until a whole walk changes nothing.
//
//     %0 = transpose %w {permutation=[1, 0]} : f32[512,784]
//     %1 = dot %dy, %0 {contract_lhs=[1], contract_rhs=[0]} : f32[batch,784]
//     %2 = mul %1, 1 : f32[batch,784]
//  becomes
//     %2 = dot %dy, %w {contract_lhs=[1], contract_rhs=[1]} : f32[batch,784]
#include "ir/walk.h"
#include "passes/pass.h"
#include "passes/simplify_rules.h"

#include <fmt/core.h>

namespace nnc {
namespace {

// A walk settles nearly everything; more are needed when a rule uncovers an earlier node.
constexpr int most_rounds = 16;
constexpr int deepest = 64; // rules that feed each other for ever would be a bug

class Simplifier {
public:
  Simplifier(Function& f, PassContext& context) : rewriter_(f), context_(context) { rewriter_.hold_variables(); }

  bool walk() {
    rewriter_.changed = false;
    rewriter_.run([&](Node&& n) { take(std::move(n), 0); });
    return rewriter_.changed;
  }

private:
  void take(Node&& n, int depth) {
    if (depth > deepest) throw CompilerBug("simplify: rules undo each other");
    if (n.op == OpCode::cond && decide(n)) return;
    if (info(n.op).has(structural) || !(try_rules(arithmetic_rules(), n, depth) || try_rules(shape_rules(), n, depth)))
      rewriter_.keep(std::move(n));
  }

  // A cond whose condition is known is the side that it chooses; what both sides give is chosen by none.
  bool decide(Node& n) {
    if (auto const condition = rewriter_.function.values[n.operands[0]].constant) {
      Region& side = n.regions[condition->i ? 0 : 1];
      trace("decided_cond", n.result());
      for (auto& x : side.nodes) rewriter_.keep(std::move(x));
      for (size_t i = 0; i < n.results.size(); ++i) rewriter_.replace(n.results[i], side.results[i]);
      return true;
    }
    auto &one = n.regions[0].results, &other = n.regions[1].results;
    for (size_t i = n.results.size(); i-- > 0;) {
      if (one[i] != other[i]) continue;
      trace("same_on_both_sides", n.results[i]);
      rewriter_.replace(n.results[i], one[i]);
      for (auto* list : {&n.results, &one, &other}) list->erase(list->begin() + static_cast<std::ptrdiff_t>(i));
    }
    list_captures(rewriter_.function, n);
    return n.results.empty();
  }

  void trace(std::string_view rule, ValueId at) const {
    auto const& f = rewriter_.function;
    if (context_.trace) context_.trace(fmt::format("simplify: {} at %{} in @{}", rule, f.values[at].name, f.name));
  }

  bool try_rules(std::span<Rule const> rules, Node const& n, int depth) {
    for (auto const& rule : rules) {
      std::vector<Node> made;
      Match m{rewriter_, Builder(rewriter_.function, made)};
      m.make.at = n.at;
      auto same = rule.apply(m, n);
      if (same == no_value) continue;
      trace(rule.name, n.result());
      for (auto& x : made) {
        for (auto& v : x.operands) v = rewriter_.current(v);
        take(std::move(x), depth + 1);
      }
      rewriter_.replace(n.result(), same);
      return true;
    }
    return false;
  }

  Rewriter rewriter_;
  PassContext& context_;
};

} // namespace

PassResult simplify(Module m, PassContext& context) {
  bool changed = false;
  for (auto& f : m.functions)
    for (int round = 0; round < most_rounds && Simplifier(f, context).walk(); ++round) changed = true;
  return {std::move(m), changed};
}

} // namespace nnc
