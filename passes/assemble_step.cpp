// Joins loss, gradients and the updates into one @train_step for each phase of the training, and lets every function
// gather its batch from whole columns. Afterwards @loss and @update.* are gone, no `call` is left, and inputs and
// targets are gathers of rows.
//
// From the functions of the frontend to the functions that run.
//
//     func @loss(%x: f32[batch,4] input, %w: f32[4] param, %sgd.lr: ...) -> (loss: f32[] loss, w: f32[4] gradient)
//     func @update.w(%p: f32[4] param, %g: f32[4] gradient, %sgd.lr: f64[] scalar) -> (p: f32[4] param)
//  become
//     func @train_step(%x: f32[examples,4] data, %rows: i32[batch] rows, %w: f32[4] param, %sgd.lr: f64[] scalar, ...)
//         -> (loss: f32[] loss, w: f32[4] param)
//
// Arguments: data, rows, params, states, carried, optimizer, scalars, step, seed. Results: losses, metrics, totals,
// params, states, carried, optimizer.
#include "ir/builder.h"
#include "ir/walk.h"
#include "passes/accumulate.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <map>
#include <set>

namespace nnc {
namespace {

constexpr std::array argument_order{Role::data,  Role::rows,    Role::input,    Role::target,    Role::param,
                                    Role::state, Role::carried, Role::gradient, Role::optimizer, Role::scalar,
                                    Role::step,  Role::seed,    Role::none};
constexpr std::array result_order{Role::loss,  Role::metric, Role::total,   Role::table, Role::output,    Role::gradient,
                                  Role::param, Role::state,  Role::carried, Role::optimizer, Role::none};

template <class Order, class List>
void sort_by_role(List& list, Order const& order) {
  auto rank = [&](auto const& x) { return std::find(order.begin(), order.end(), x.role) - order.begin(); };
  std::stable_sort(list.begin(), list.end(), [&](auto const& a, auto const& b) { return rank(a) < rank(b); });
}

bool is_batch(Argument const& a) { return a.role == Role::input || a.role == Role::target; }

// Inputs and targets `X` become columns `X` of whole data sets, of which `rows` names the rows of this batch.
bool gather_rows(Function& f, std::optional<i64> bound) {
  if (std::none_of(f.arguments.begin(), f.arguments.end(), is_batch)) return false;
  std::vector<Node> gathers;
  Builder make(f, gathers);
  ValueId rows = no_value;
  for (size_t i = 0; i < f.arguments.size(); ++i) {
    if (!is_batch(f.arguments[i])) continue;
    auto const batch = f.arguments[i].value;
    auto const value = f.values[batch];
    bool const starts_so = value.type.rank() > 0 &&
                           (value.type.shape[0] == Dim(Symbol::batch) || (bound && value.type.shape[0] == Dim(*bound)));
    if (!starts_so || (rows != no_value && value.type.shape[0] != f.type(rows).shape[0]))
      throw Error(Diagnostic{.at = value.at,
                             .message = fmt::format("the input '{}' is {}, expected one that starts with the batch",
                                                    value.name, value.type.text())});
    if (rows == no_value) rows = make.value({DType::i32, {value.type.shape[0]}}, "rows");
    make.at = value.at;
    auto column = value.type;
    column.shape[0] = Symbol::examples;
    f.arguments[i] = {make.value(column, value.name), Role::data};
    gathers.push_back({.op = OpCode::gather,
                       .operands = {f.arguments[i].value, rows},
                       .results = {batch},
                       .attributes = {{"axis", i64{0}}},
                       .at = value.at});
  }
  f.arguments.push_back({rows, Role::rows});
  sort_by_role(f.arguments, argument_order);
  f.body.nodes.insert(f.body.nodes.begin(), std::make_move_iterator(gathers.begin()),
                      std::make_move_iterator(gathers.end()));
  return true;
}

// Calls are inlined, the callee's calls first.
bool inline_calls(Module const& m, Function& f, int depth = 0) {
  if (depth > 100) throw Error("calls are nested too deeply");
  auto is_call = [](Node const& n) { return n.op == OpCode::call; };
  bool any = false;
  each_node(f.body.nodes, [&](Node const& n) { any |= is_call(n); });
  if (!any) return false;
  Rewriter rewriter(f);
  rewriter.run([&](Node&& n) {
    if (!is_call(n)) return rewriter.keep(std::move(n));
    Function callee = *m.function(n.attributes.get<std::string>("callee"));
    inline_calls(m, callee, depth + 1);
    std::vector<Node> body;
    auto results = inline_function(f, body, callee, n.operands);
    for (auto& x : body) rewriter.keep(std::move(x));
    for (size_t i = 0; i < results.size(); ++i) rewriter.replace(n.results[i], results[i]);
  });
  return true;
}

// Makes @train_step of a phase from its @loss, update by update.
class Step {
public:
  Step(Module const& m, Function loss, size_t phase) : m_(m), f_(std::move(loss)), phase_(phase) {
    f_.name = of_phase("train_step", phase);
    for (auto const& a : f_.arguments) arguments_[{a.role, f_.values[a.value].name}] = a.value;
    take_gradients();
  }

  Function finish() {
    auto const prefix = of_phase("update", phase_) + ".";
    for (auto const& update : m_.functions)
      if (update.name.starts_with(prefix)) run(update, update.name.substr(prefix.size()));
    needed("step", DType::i64, Role::step);
    needed("seed", DType::i64, Role::seed);
    sort_by_role(f_.arguments, argument_order);
    sort_by_role(f_.results, result_order);
    return std::move(f_);
  }

private:
  void take_gradients() {
    std::vector<Result> others;
    for (auto& r : f_.results)
      if (r.role == Role::gradient) gradients_[r.name] = r.value;
      else others.push_back(std::move(r));
    f_.results = std::move(others);
  }

  // The argument of this name; made when @loss has none.
  ValueId argument(std::string const& name, Type const& type, Role role, Location at = {}) {
    auto [it, fresh] = arguments_.try_emplace({role, name}, no_value);
    if (fresh) {
      Builder make(f_);
      make.at = at;
      it->second = make.argument(name, type, role);
    }
    return it->second;
  }
  ValueId needed(std::string const& name, DType d, Role role) {
    for (auto const& a : f_.arguments)
      if (a.role == role) return a.value;
    return argument(name, scalar_of(d), role);
  }

  ValueId operand(Function const& update, Argument const& a, std::string const& path) {
    auto const& v = update.values[a.value];
    switch (a.role) {
    case Role::param: return argument(path, v.type, Role::param, v.at);
    case Role::gradient: return gradients_.at(path);
    case Role::optimizer:
    case Role::state: return argument(outside(v.name, a.role, path), v.type, a.role, v.at);
    case Role::scalar: return argument(v.name, v.type, Role::scalar, v.at);
    case Role::step: return needed("step", DType::i64, Role::step);
    case Role::seed: return needed("seed", DType::i64, Role::seed);
    default:
      throw Error(Diagnostic{.at = v.at,
                             .message = fmt::format("@{} takes an argument of role {}, expected param, gradient, "
                                                    "state, optimizer, scalar, step or seed",
                                                    update.name, name(a.role))});
    }
  }

  // What an argument or a result of @update.PATH is called in the step.
  std::string outside(std::string const& name, Role role, std::string const& path) const {
    return role == Role::param ? path : role == Role::state ? average_of(path) : optimizer_state(name, path, phase_);
  }

  // A parameter without a gradient stays as it is.
  void run(Function const& update, std::string const& path) {
    if (!gradients_.count(path)) return;
    std::vector<ValueId> operands;
    for (auto const& a : update.arguments) {
      operands.push_back(operand(update, a, path));
      auto const& v = update.values[a.value];
      if (v.type == f_.type(operands.back())) continue;
      throw Error(Diagnostic{.at = v.at,
                             .message = fmt::format("{} of @{} is {}, in the step it is {}", v.name, update.name,
                                                    v.type.text(), f_.type(operands.back()).text())});
    }
    auto const known = static_cast<ValueId>(f_.values.size());
    auto results = inline_function(f_, f_.body.nodes, update, operands);
    for (size_t i = 0; i < results.size(); ++i) {
      auto const& r = update.results[i];
      auto const name = outside(r.name, r.role, path);
      // A state may become a literal, or an argument such as the number of the epoch, which keep their names.
      if (results[i] >= known && !f_.values[results[i]].constant) f_.values[results[i]].name = name;
      f_.results.push_back({name, results[i], r.role});
    }
  }

  Module const& m_;
  Function f_;
  size_t phase_;
  std::map<std::pair<Role, std::string>, ValueId> arguments_;
  std::map<std::string, ValueId> gradients_;
};

} // namespace

PassResult assemble_step(Module m, PassContext& context) {
  bool changed = false;
  if (m.training && m.training->accumulate > 1) // then sums over rows are looked at as they will be
    for (auto const* name : {"fold", "simplify", "fold", "cse", "dce", "hoist", "layout"})
      m = pass_named(name)->run(std::move(m), context).module;
  for (auto& f : m.functions) changed |= inline_calls(m, f);
  auto const bound = m.bindings[static_cast<size_t>(Symbol::batch)];
  std::vector<Function> steps;
  std::set<std::string> used;
  for (size_t k = 0; auto* loss = m.function(of_phase("loss", k)); ++k) {
    if (m.training && m.training->accumulate > 1 && gather_rows(*loss, bound))
      walk_in_parts(*loss, m.training->accumulate, m.training->batch);
    steps.push_back(Step(m, *loss, k).finish());
    used.insert({loss->name, of_phase("update", k)});
  }
  std::erase_if(m.functions, [&](Function const& f) { return used.contains(f.name.substr(0, f.name.find('.'))); });
  changed |= !steps.empty();
  m.functions.insert(m.functions.begin(), std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
  for (auto& f : m.functions) changed |= gather_rows(f, bound);
  return {std::move(m), changed};
}

} // namespace nnc
