// The order of work: choose, run the model for training, derive, make the updates, run it for evaluation and for runs;
// and the border of the folder.
#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/gradient.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/warnings.h"

#include "ir/node_limit.h"
#include "ir/verify.h"
#include "ir/walk.h"

#include <fmt/core.h>

namespace nnc {

namespace front {

Elaborator::Elaborator(Program& program, FileScope& main, Settings const& settings, Elaborated& out)
    : program_(program), main_(main), settings_(settings), out_(out),
      limit_(std::make_shared<NodeLimit>(settings.max_nodes)), setting_values_(std::make_unique<SettingValues>(*this)),
      model_builder_(std::make_unique<ModelBuilder>(*this)), train_builder_(std::make_unique<TrainBuilder>(*this)),
      ranges_(std::make_unique<Ranges>(*this)), parameters_(std::make_unique<Parameters>(*this)),
      own_derivatives_(std::make_unique<OwnDerivatives>(*this)), warnings_(std::make_unique<Warnings>(*this)) {
  constants_.insert(out.constants.begin(), out.constants.end());
  for (auto const& [name, text] : settings.set) set_values_[name] = text;
}

Elaborator::~Elaborator() = default;

void Elaborator::run() {
  run_program();
  check_names();
}

void Elaborator::run_program() {
  try {
    train_builder_->choose();
    if (!setting_values_->all_are_values()) return;
    model_builder_->plan_columns();
    Graph loss(Graph::Kind::training, "loss", limit_), evaluation(Graph::Kind::evaluation, "evaluate", limit_),
        outputs(Graph::Kind::run, "run", limit_);
    model_builder_->run_model(loss);
    bool sound = !has_errors(out_.diagnostics);
    if (train_) train_builder_->run_training_settings();
    if (!sound) return;
    if (train_) train_builder_->run_minimize(loss);
    else model_builder_->finish(loss);
    for (Graph* g : {&evaluation, &outputs}) {
      if (has_errors(out_.diagnostics)) return;
      model_builder_->run_model(*g);
      model_builder_->finish(*g);
    }
    setting_values_->check_used();
    if (has_errors(out_.diagnostics)) return;
    complete({&loss, &evaluation, &outputs});
    if (model_builder_->measured().empty())
      warn(model_->name.at,
           fmt::format("the model `{}` gives nothing: it has no output, loss or metric", model_->name.text),
           "`output y = ...` names what it gives");
    warnings_->warn_of_unused_parameters();
    for (auto const& f : out_.module.functions) warnings_->warn_of_select(f);
  } catch (Failure const& failure) {
    report(failure);
  } catch (Error const& e) {
    report({{.at = model_ ? model_->name.at : Location{}, .message = in_words(e)}});
  }
}

// Every function of the model takes all parameters and states, in one order.
void Elaborator::complete(std::vector<Graph*> const& graphs) {
  auto& module = out_.module;
  for (Graph* g : graphs) {
    if (g->kind == Graph::Kind::training)
      for (auto const& path : parameters_->paths())
        if (parameters_->kept(path).is_state)
          g->builder.result(path, g->state_values.contains(path) ? g->state_values.at(path) : g->arguments.at(path),
                            Role::state);
    std::map<std::string, size_t> rank;
    for (auto const& path : parameters_->paths()) {
      rank.emplace(path, rank.size());
      ValueId id =
          g->argument(path, parameters_->kept(path).type, parameters_->kept(path).is_state ? Role::state : Role::param);
      g->function.values[id].at = parameters_->kept(path).at;
    }
    prune(g->function);
    if (!settings_.batch_anywhere) refuse_results_with_batch_behind(g->function);
    auto& arguments = g->function.arguments;
    auto of = [&](Argument const& a) {
      auto it = rank.find(g->function.values[a.value].name);
      return it == rank.end() ? size_t{0} : it->second;
    };
    std::stable_sort(arguments.begin(), arguments.end(), [&](auto const& a, auto const& b) { return of(a) < of(b); });
    sort_arguments(g->function);
    module.functions.push_back(std::move(g->function));
  }
  auto& initial = parameters_->initialize().function;
  std::vector<Result> optimizer_results = std::move(initial.results);
  initial.results.clear();
  for (auto const& path : parameters_->paths())
    parameters_->initialize().builder.result(path, parameters_->kept(path).initial,
                                             parameters_->kept(path).is_state ? Role::state : Role::param);
  for (auto& r : optimizer_results) initial.results.push_back(std::move(r));
  prune(initial);
  sort_arguments(initial);
  module.functions.push_back(std::move(initial));
  train_builder_->give_updates(module);
  own_derivatives_->add_derivatives();
  ranges_->give(module);
  if (module.training)
    for (auto const& [name, s] : scalars_) module.training->scalars.push_back(s);
}

// What is given to callers is put together from batches, one behind the other.
void Elaborator::refuse_results_with_batch_behind(Function const& f) {
  for (auto const& r : f.results) {
    auto const& shape = f.type(r.value).shape;
    for (size_t i = 1; i < shape.size(); ++i)
      if (shape[i].mentions(Symbol::batch)) {
        Location at;
        for (auto const& n : f.body.nodes)
          if (std::find(n.results.begin(), n.results.end(), r.value) != n.results.end()) at = n.at;
        report({{.at = at,
                 .message = fmt::format("`{}` is {}: a result has `batch` as its first axis, or not at all", r.name,
                                        shown(f.type(r.value)))}});
        return;
      }
  }
}

} // namespace front

Elaborated elaborate(std::shared_ptr<Sources> sources, u32 file, Settings const& settings) {
  std::vector<Diagnostic> syntax;
  front::Program program(*sources, settings, syntax);
  front::FileScope* main = program.load(file);
  std::vector<std::string> constants;
  for (;;) {
    Elaborated out;
    out.module.sources = sources;
    out.diagnostics = syntax;
    if (has_errors(syntax)) return out;
    out.constants = constants;
    front::Elaborator elaborator(program, *main, settings, out);
    elaborator.run();
    auto found = elaborator.constants();
    if (!has_errors(out.diagnostics) &&
        found.size() != constants.size()) { // once more, with what turned out to be constant
      constants = std::move(found);
      continue;
    }
    std::stable_sort(out.inputs.begin(), out.inputs.end(),
                     [](auto const& a, auto const& b) { return a.is_target < b.is_target; });
    if (!has_errors(out.diagnostics)) verify_or_bug(out.module, "after elaborate");
    return out;
  }
}

} // namespace nnc
