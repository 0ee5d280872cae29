// What a program means, but hardly what its author wants: found in the finished functions of a model.
#include "frontend/elaborate/warnings.h"
#include "frontend/elaborate/call.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/parameter.h"

#include "ir/op.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

// Which values the results of the given roles are computed from.
std::vector<bool> needed_by(Function const& f, std::initializer_list<Role> roles) {
  std::vector<bool> needed(f.values.size(), false);
  for (auto const& r : f.results)
    if (std::find(roles.begin(), roles.end(), r.role) != roles.end()) needed[r.value] = true;
  for (size_t i = f.body.nodes.size(); i-- > 0;) {
    Node const& node = f.body.nodes[i];
    if (std::none_of(node.results.begin(), node.results.end(), [&](ValueId v) { return needed[v]; })) continue;
    for (ValueId v : node.operands) needed[v] = true;
  }
  return needed;
}

std::set<std::string> needed_arguments(Function const& f, std::initializer_list<Role> roles) {
  auto needed = needed_by(f, roles);
  std::set<std::string> out;
  for (auto const& a : f.arguments)
    if (needed[a.value]) out.insert(f.values[a.value].name);
  return out;
}

std::string listed(std::vector<std::string> const& names) {
  constexpr size_t most = 4;
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), most); ++i) out += (i ? ", `" : "`") + names[i] + "`";
  return names.size() > most ? out + ", ..." : out;
}

// A function with, for each value, the node that makes it.
class Look {
public:
  explicit Look(Function const& f) : f_(f), made_by_(f.values.size(), nullptr) {
    for (auto const& node : f.body.nodes)
      for (ValueId v : node.results) made_by_[v] = &node;
  }
  Node const* maker(ValueId v) const { return made_by_[v]; }
  Function const& function() const { return f_; }

  bool is_literal(ValueId v) const {
    while (made_by_[v] && made_by_[v]->op == OpCode::broadcast) v = made_by_[v]->operands.front();
    return f_.values[v].constant.has_value();
  }

  // What stays of a value without a sign, a constant factor or another shape: it is 0 at the same places.
  ValueId root(ValueId v) const {
    for (Node const* node = maker(v); node; node = maker(v)) {
      switch (node->op) {
      case OpCode::neg:
      case OpCode::abs:
      case OpCode::convert:
      case OpCode::reshape:
      case OpCode::broadcast: v = node->operands[0]; break;
      case OpCode::mul:
        if (is_literal(node->operands[1])) v = node->operands[0];
        else if (is_literal(node->operands[0])) v = node->operands[1];
        else return v;
        break;
      case OpCode::div:
        if (!is_literal(node->operands[1])) return v;
        v = node->operands[0];
        break;
      default: return v;
      }
    }
    return v;
  }

  // The values that a condition compares.
  void tested(ValueId condition, std::set<ValueId>& out) const {
    Node const* node = maker(condition);
    if (!node) return;
    switch (node->op) {
    case OpCode::and_:
    case OpCode::or_:
    case OpCode::not_:
    case OpCode::reshape:
    case OpCode::broadcast:
      for (ValueId v : node->operands) tested(v, out);
      return;
    case OpCode::lt:
    case OpCode::le:
    case OpCode::gt:
    case OpCode::ge:
    case OpCode::eq:
    case OpCode::ne:
    case OpCode::is_nan:
    case OpCode::is_finite:
      for (ValueId v : node->operands)
        if (!is_literal(v)) out.insert(root(v));
      return;
    default: return;
    }
  }

private:
  Function const& f_;
  std::vector<Node const*> made_by_;
};

// The operand of a node by which its derivative is not finite at 0, or below it.
std::optional<ValueId> dangerous_operand(Node const& node, Look const& look) {
  switch (node.op) {
  case OpCode::sqrt:
  case OpCode::rsqrt:
  case OpCode::log:
  case OpCode::log1p: return node.operands[0];
  case OpCode::div: return node.operands[1];
  case OpCode::pow: {
    auto const& exponent = look.function().values[node.operands[1]].constant;
    bool const polynomial =
        exponent && exponent->f >= 1 && exponent->f == static_cast<f64>(static_cast<i64>(exponent->f));
    return polynomial ? std::nullopt : std::optional(node.operands[0]);
  }
  default: return std::nullopt;
  }
}

// A node in a branch of a select, not behind another select, that takes the root of a tested value or the like.
struct BranchSearch {
  Look const& look;
  std::vector<bool> const& derived; // values that a derivative passes
  std::set<ValueId> const& tested;
  std::set<ValueId> seen = {};
  static constexpr size_t most = 2000; // nodes of a branch that are looked at

  Node const* find(ValueId v) {
    if (!derived[v] || seen.size() > most || !seen.insert(v).second) return nullptr;
    Node const* node = look.maker(v);
    bool const ends = !node || node->op == OpCode::select || node->op == OpCode::stop_gradient ||
                      node->op == OpCode::with_gradient; // it has a derivative of its own
    if (ends) return nullptr;
    if (auto operand = dangerous_operand(*node, look); operand && tested.contains(look.root(*operand))) return node;
    for (ValueId operand : node->operands)
      if (auto* found = find(operand)) return found;
    return nullptr;
  }
};

// The values between the results and the operands of the `grad` nodes of a function.
std::vector<bool> derived_values(Function const& f) {
  std::vector<bool> out(f.values.size(), false);
  constexpr int most = 16; // nodes that are followed
  int count = 0;
  for (auto const& grad : f.body.nodes) {
    if (grad.op != OpCode::grad || ++count > most) continue;
    auto backward = reached_by_derivative(f, grad.operands.front());
    std::vector<bool> forward(f.values.size(), false);
    for (size_t i = 1; i < grad.operands.size(); ++i) forward[grad.operands[i]] = true;
    for (auto const& node : f.body.nodes)
      if (std::any_of(node.operands.begin(), node.operands.end(), [&](ValueId v) { return forward[v]; }))
        for (ValueId v : node.results) forward[v] = true;
    for (size_t v = 0; v < out.size(); ++v) out[v] = out[v] || (forward[v] && backward[v]);
  }
  return out;
}

struct Remedy {
  OpCode op;
  char const *word, *safe, *by_select;
};
constexpr Remedy remedies[] = {{OpCode::sqrt, "sqrt", "safe_sqrt", "sqrt(select(c, x, 1))"},
                               {OpCode::rsqrt, "rsqrt", nullptr, "rsqrt(select(c, x, 1))"},
                               {OpCode::log, "log", "safe_log", "log(select(c, x, 1))"},
                               {OpCode::log1p, "log1p", nullptr, "log1p(select(c, x, 1))"},
                               {OpCode::div, "/", "safe_divide", "y / select(c, x, 1)"},
                               {OpCode::pow, "^", nullptr, "select(c, x, 1) ^ y"}};

} // namespace

// Parameters that no loss, metric or output depends on; in a training, those that no loss does.
void Warnings::warn_of_unused_parameters() {
  std::set<std::string> trained, used;
  for (auto const& f : now_.out.module.functions) {
    if (f.name == "loss") trained = needed_arguments(f, {Role::loss, Role::state, Role::carried});
    if (f.name != "loss" && f.name != "evaluate" && f.name != "run") continue;
    used.merge(needed_arguments(f, {Role::loss, Role::metric, Role::total, Role::table, Role::output, Role::state, Role::carried}));
  }
  std::map<std::tuple<u32, u32, u32>, std::pair<std::vector<std::string>, bool>> calls; // by their place
  for (auto const& path : e_.parameters.paths()) {
    Kept const& kept = e_.parameters.kept(path);
    bool const idle = !used.contains(path), untrained = now_.train && !trained.contains(path);
    if (kept.is_state || (!idle && !untrained)) continue;
    auto& [paths, all_idle] =
        calls.try_emplace({kept.at.file, kept.at.line, kept.at.column}, std::vector<std::string>{}, true).first->second;
    paths.push_back(path);
    all_idle = all_idle && idle;
  }
  for (auto const& [_, call] : calls) {
    auto const& [paths, idle] = call;
    char const* word = paths.size() == 1 ? "parameter" : "parameters";
    errors_.warn(e_.parameters.kept(paths.front()).at,
                 idle
                     ? fmt::format("no loss, metric or output depends on the {} {}", word, listed(paths))
                     : fmt::format("no loss depends on the {} {}: training leaves what is there", word, listed(paths)));
  }
}

// `select(x > 0, sqrt(x), x)`: the derivative of the branch that is not taken is multiplied by 0, but may be infinite.
void Warnings::warn_of_select(Function const& f) {
  auto derived = derived_values(f);
  if (std::find(derived.begin(), derived.end(), true) == derived.end()) return;
  Look look(f);
  for (auto const& node : f.body.nodes) {
    if (node.op != OpCode::select || !derived[node.result()] || !errors_.is_of_user(node.at)) continue;
    std::set<ValueId> tested;
    look.tested(node.operands[0], tested);
    for (size_t branch : {1, 2}) {
      BranchSearch search{look, derived, tested};
      if (auto* found = tested.empty() ? nullptr : search.find(node.operands[branch])) {
        warn_of_branch(node.at, *found);
        break;
      }
    }
  }
}

void Warnings::warn_of_branch(Location at, Node const& node) {
  auto* remedy = std::find_if(std::begin(remedies), std::end(remedies), [&](auto& r) { return r.op == node.op; });
  auto has = [&](FileScope* file) { return remedy->safe && file->functions.contains(remedy->safe); };
  auto const& library = now_.program.library();
  bool const is_safe = std::any_of(library.begin(), library.end(), has);
  errors_.warn(
      at,
      fmt::format("a branch of this `select` has `{}` {} a value that the condition tests: where the other branch is "
                  "taken, its derivative may be NaN",
                  remedy->word, node.op == OpCode::div ? "by" : "of"),
      is_safe ? fmt::format("`{}` has a finite one, and so has `{}`", remedy->safe, remedy->by_select)
              : fmt::format("`{}` has a finite one", remedy->by_select));
}

// Losses that take logits, and what must not stand in front of them.
void Warnings::warn_of_logits(FunctionValue const& f, std::vector<Actual> const& actuals) {
  if (!f.file || !f.file->is_std || actuals.empty() || !now_.graph) return;
  auto const& name = f.function->name.text;
  if (name != "cross_entropy" && name != "binary_cross_entropy") return;
  auto logits = std::find_if(actuals.begin(), actuals.end(), [](Actual const& a) { return a.name == "logits"; });
  auto const& given = logits == actuals.end() ? actuals.front() : *logits;
  if (!given.value.tensor() || given.value.tensor()->graph != now_.graph) return;
  ValueId v = given.value.tensor()->id;
  Look look(now_.graph->function);
  for (Node const* node = look.maker(v); node && !probabilities_.contains({now_.graph, v}); node = look.maker(v)) {
    bool const moves = node->op == OpCode::reshape || node->op == OpCode::slice || node->op == OpCode::transpose ||
                       node->op == OpCode::broadcast || node->op == OpCode::convert;
    if (!moves) return;
    v = node->operands[0];
  }
  auto known = probabilities_.find({now_.graph, v});
  if (known == probabilities_.end()) return;
  errors_.warn(given.at, fmt::format("`{}` expects logits, got what `{}` gives", name, known->second),
               fmt::format("leave `{}` out: the loss contains it", known->second));
}

void Warnings::remember_probabilities(FunctionValue const& f, Any const& result) {
  auto const& name = f.function->name.text;
  if (f.file && f.file->is_std && (name == "softmax" || name == "sigmoid") && result.tensor() &&
      !result.tensor()->tunes)
    probabilities_[{result.tensor()->graph, result.tensor()->id}] = name;
}

} // namespace nnc::front
