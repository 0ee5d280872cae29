// @update.PATH: the optimizer of a clause, run for one parameter's exact shape.
#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/train.h"

#include "frontend/habits.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

// What the optimizers of the library take in place of a number is a mistake of the train block.
void TrainBuilder::check_numbers(FunctionDecl const& optimizer, CallExpr const& call, Location at) {
  for (size_t i = 0; i < optimizer.parameters.size(); ++i) {
    auto const& p = optimizer.parameters[i];
    Any const& value = e_.frame_->names[p.name.text];
    auto const* constant = p.initial ? std::get_if<ConstantExpr>(&p.initial->as) : nullptr;
    bool const is_truth = constant && constant->kind != ConstantExpr::Kind::none;
    bool const fits = is_truth ? value.is<bool>() : e_.is_number(value) || (constant && value.is<None>());
    if (fits) continue;
    for (size_t k = 0; k < call.arguments.size(); ++k)
      if (auto const& a = call.arguments[k]; a.name == p.name.text || (a.name.empty() && k == i)) at = a.at;
    e_.blame_caller(at,
                    fmt::format("`{}` of the optimizer `{}` is {}, not {}", p.name.text, optimizer.name.text,
                                shown(value), is_truth ? "true or false" : "a number"),
                    value.list() ? std::nullopt : e_.help_for_value(value, at), {{p.name.at, "declared here"}});
  }
}

void TrainBuilder::run_update(std::string const& path, MinimizeStep const& m, std::string const& clause) {
  auto const& call = std::get<CallExpr>(m.optimizer->as);
  auto const& name = std::get<NameExpr>(call.callee->as).name;
  FileScope* file = nullptr;
  FunctionDecl const* optimizer = e_.find_optimizer(name, file);
  if (!optimizer) {
    std::vector<std::string> names;
    for (auto* f : {&e_.main_})
      for (auto const& [n, _] : f->optimizers) names.push_back(n);
    for (auto* f : e_.program_.library())
      for (auto const& [n, _] : f->optimizers) names.push_back(n);
    auto const* foreign = habit(HabitKind::name, name);
    e_.fail(m.optimizer->at, fmt::format("unknown optimizer `{}`", name),
            foreign ? help_of(*foreign) : did_you_mean(name, names));
  }
  updates_.push_back(std::make_unique<Graph>(Graph::Kind::update, "update." + path, e_.limit_));
  Graph& graph = *updates_.back();
  GraphGuard in_graph(e_, &graph);
  Kept const& kept = e_.parameters_->kept(path);
  Update& update = e_.parameters_->start_update(path);

  std::vector<Actual> given;
  {
    Frame outside{.kind = Frame::Kind::train, .name = e_.model_->name.text, .file = &e_.main_};
    outside.path = std::make_shared<PathScope>();
    FrameGuard guard(e_, outside);
    given = e_.actuals(call.arguments);
  }
  Frame caller{.kind = Frame::Kind::train, .name = e_.model_->name.text, .file = &e_.main_};
  Frame frame{.kind = Frame::Kind::optimizer,
              .name = name,
              .function = optimizer,
              .call_at = m.optimizer->at,
              .caller = &caller,
              .file = file};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(e_, frame);
  e_.bind_arguments(*optimizer, std::move(given), m.optimizer->at, fmt::format("the optimizer `{}`", name));
  if (file->is_std) check_numbers(*optimizer, call, m.optimizer->at);
  // Floats only tune; an int in place of a float is one.
  for (auto const& p : optimizer->parameters) {
    Any& value = frame.names[p.name.text];
    auto* literal = p.initial ? std::get_if<NumberExpr>(&p.initial->as) : nullptr;
    bool tunes = value.is<f64>() || (value.is<Dim>() && literal && !literal->is_integer);
    if (tunes)
      value = e_.scalar(clause + "." + p.name.text, e_.as_float(value, p.name.at, fmt::format("`{}`", p.name.text)));
  }
  frame.names["p"] = {e_.tensor(graph.argument("p", kept.type, Role::param)).as, kept.at};
  frame.names["g"] = {e_.tensor(graph.argument("g", kept.type, Role::gradient)).as, kept.at};
  frame.names["name"] = Any{path};
  graph.state_values["p"] = graph.arguments.at("p");

  size_t errors = e_.out_.diagnostics.size();
  e_.block(optimizer->body, false);
  if (e_.out_.diagnostics.size() != errors) throw Failure{.diagnostic = {}, .silent = true};
  if (!update.writes_p)
    e_.fail(optimizer->name.at, fmt::format("the optimizer `{}` never writes `p`", name), "`p <- p - lr * g`");
  graph.builder.result("p", graph.state_values.at("p"), Role::param);
  for (auto const& [state, _] : update.states)
    graph.builder.result(state, graph.state_values.at(state), Role::optimizer);
  prune(graph.function);
  sort_arguments(graph.function);
}

} // namespace nnc::front
