// @update.PATH: the optimizer of a clause, run for one parameter's exact shape.
#include "frontend/elaborate/call.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/tunables.h"

#include "frontend/habits.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

// What the optimizers of the library take in place of a number is a mistake of the train block.
void TrainBuilder::check_numbers(FunctionDecl const& optimizer, CallExpr const& call, Location at) {
  for (size_t i = 0; i < optimizer.parameters.size(); ++i) {
    auto const& p = optimizer.parameters[i];
    Any const& value = now_.frame->names[p.name.text];
    auto const* constant = p.initial ? std::get_if<ConstantExpr>(&p.initial->as) : nullptr;
    bool const is_truth = constant && constant->kind != ConstantExpr::Kind::none;
    bool const fits = is_truth ? value.is<bool>() : is_number(value) || (constant && value.is<None>());
    if (fits) continue;
    for (size_t k = 0; k < call.arguments.size(); ++k)
      if (auto const& a = call.arguments[k]; a.name == p.name.text || (a.name.empty() && k == i)) at = a.at;
    errors_.blame_caller(at,
                         fmt::format("`{}` of the optimizer `{}` is {}, not {}", p.name.text, optimizer.name.text,
                                     shown(value), is_truth ? "true or false" : "a number"),
                         value.list() ? std::nullopt : e_.suggestions.help_for_value(value, at),
                         {{p.name.at, "declared here"}});
  }
}

namespace {

// What a schedule gives as `lr` is called as if it were a number that is set: the runtime reports it. An argument, as
// in `lr = epoch`, keeps its name and is copied.
void name_rate(Graph& graph, Frame& frame, std::string const& clause) {
  Function& update = graph.function;
  auto const lr = frame.names.find("lr");
  auto* rate = lr == frame.names.end() ? nullptr : std::get_if<TensorValue>(&lr->second.as);
  if (!rate || update.values[rate->id].constant) return;
  std::string const name = clause + ".lr";
  bool const is_argument =
      std::ranges::find(update.arguments, rate->id, &nnc::Argument::value) != update.arguments.end();
  if (is_argument && update.values[rate->id].name == name) return;
  if (is_argument) rate->id = graph.builder.make(OpCode::reshape, {rate->id}, {}, graph.type(rate->id));
  update.values[rate->id].name = name;
}

} // namespace

void TrainBuilder::run_update(std::string const& path, MinimizeStep const& m, std::string const& clause) {
  auto const& call = std::get<CallExpr>(m.optimizer->as);
  auto const& name = std::get<NameExpr>(call.callee->as).name;
  FileScope* file = nullptr;
  FunctionDecl const* optimizer = e_.lookup.find_optimizer(name, file);
  if (!optimizer) {
    std::vector<std::string> names;
    for (auto* f : {&now_.main})
      for (auto const& [n, _] : f->optimizers) names.push_back(n);
    for (auto* f : now_.program.library())
      for (auto const& [n, _] : f->optimizers) names.push_back(n);
    auto const* foreign = habit(HabitKind::name, name);
    errors_.fail(m.optimizer->at, fmt::format("unknown optimizer `{}`", name),
                 foreign ? help_of(*foreign) : did_you_mean(name, names));
  }
  updates_.push_back(std::make_unique<Graph>(Graph::Kind::update, of_phase("update", phase_) + "." + path, now_.limit));
  Graph& graph = *updates_.back();
  GraphGuard in_graph(now_, &graph);
  Kept const& kept = e_.parameters.kept(path);
  Update& update = e_.parameters.start_update(path, phase_);

  std::vector<Actual> given;
  {
    Frame outside{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
    outside.path = std::make_shared<PathScope>();
    FrameGuard guard(now_, outside);
    e_.model_builder.bind_arguments(outside);
    e_.model_builder.bind_validation(outside);
    given = e_.tunables.arguments(call.arguments, *optimizer, 0, clause);
  }
  Frame caller{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  Frame frame{.kind = Frame::Kind::optimizer,
              .name = name,
              .function = optimizer,
              .call_at = m.optimizer->at,
              .caller = &caller,
              .file = file};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, frame);
  e_.calls.bind_arguments(*optimizer, std::move(given), m.optimizer->at, fmt::format("the optimizer `{}`", name));
  if (file->is_std) check_numbers(*optimizer, call, m.optimizer->at);
  // Floats only tune; an int in place of a float is one.
  for (auto const& p : optimizer->parameters) {
    Any& value = frame.names[p.name.text];
    auto* literal = p.initial ? std::get_if<NumberExpr>(&p.initial->as) : nullptr;
    bool tunes = value.is<f64>() || (value.is<Dim>() && literal && !literal->is_integer);
    if (tunes)
      value = e_.tunables.scalar(clause + "." + p.name.text,
                                 e_.constants.as_float(value, p.name.at, fmt::format("`{}`", p.name.text)));
  }
  name_rate(graph, frame, clause);
  frame.names["p"] = {e_.tensors.tensor(graph.argument("p", kept.type, Role::param)).as, kept.at};
  frame.names["g"] = {e_.tensors.tensor(graph.argument("g", kept.type, Role::gradient)).as, kept.at};
  frame.names["name"] = Any{path};
  graph.state_values["p"] = graph.arguments.at("p");

  size_t errors = now_.out.diagnostics.size();
  e_.statements.block(optimizer->body, false);
  if (now_.out.diagnostics.size() != errors) throw Failure{.diagnostic = {}, .silent = true};
  if (!update.writes_p)
    errors_.fail(optimizer->name.at, fmt::format("the optimizer `{}` never writes `p`", name), "`p <- p - lr * g`");
  graph.builder.result("p", graph.state_values.at("p"), Role::param);
  if (averaged_.contains(path)) run_average(graph, path);
  for (auto const& [state, _] : update.states)
    graph.builder.result(state, graph.state_values.at(state), Role::optimizer);
  prune(graph.function);
  sort_arguments(graph.function);
}

// Those of all phases that change the parameter.
Any TrainBuilder::updates_so_far(std::string const& path, Location at) {
  std::optional<Any> sum;
  Turn const here = now_.turn;
  for (auto const& phase : plan_) {
    auto const changes = [&](Clause const& c) { return std::ranges::find(c.parameters, path) != c.parameters.end(); };
    if (std::ranges::none_of(phase.clauses, changes)) continue;
    now_.turn = phase.turn;
    Any const own = e_.lookup.lookup("step", at);
    sum = sum ? e_.operators.of_table(OpCode::add, {*sum, own}, at) : own;
  }
  now_.turn = here;
  return *sum;
}

// average <- f(average, p, step, ...), by the new p.
void TrainBuilder::run_average(Graph& graph, std::string const& path) {
  auto const& call = std::get<CallExpr>(std::get<AverageStep>(average_->as).with->as);
  auto const* callee = std::get_if<NameExpr>(&call.callee->as);
  if (!callee) errors_.fail(average_->at, "expected the name of a function, as in `average with ema(decay = 0.999)`");
  if (call.tag) errors_.fail(call.tag->at, "an average has no tag");
  Frame outside{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  outside.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, outside);
  e_.model_builder.bind_arguments(outside);
  Any const function = e_.lookup.lookup_callable(callee->name, call.callee->at);
  Type const type = e_.parameters.keep_average(path);
  auto& averaged = now_.out.module.training->averaged;
  if (std::ranges::find(averaged, path) == averaged.end()) averaged.push_back(path);
  Location const at = average_->at;
  ValueId const average = graph.argument("average", type, Role::state);
  ValueId const p = e_.tensors.builder(at).convert(graph.state_values.at("p"), type.dtype);
  std::vector<Actual> given;
  auto const* known = function.get<FunctionValue>();
  if (known && !known->builtin) {
    if (average_name_.empty()) average_name_ = name_of_numbers(callee->name);
    given = e_.tunables.arguments(call.arguments, *known->function, 3, average_name_);
    e_.tunables.name_numbers(*known->function, given, 3, average_name_);
  } else given = e_.expressions.actuals(call.arguments);
  given.insert(
      given.begin(),
      {{{}, e_.tensors.tensor(average), at}, {{}, e_.tensors.tensor(p), at}, {{}, updates_so_far(path, at), at}});
  Any const value = e_.calls.call(function, std::move(given), at);
  if (!value.tensor() || !(type_of(value) == type))
    errors_.fail(at, fmt::format("`{}` gives {} for an average that is {}", callee->name, shown(value), shown(type)));
  graph.builder.result("average", value.tensor()->id, Role::state);
}

} // namespace nnc::front
