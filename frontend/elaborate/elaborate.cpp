// The parts of the elaborator, and the order of work: choose, run the model for training, derive, make the updates, run
// it for evaluation and for runs; and the border of the folder.
#include "frontend/elaborate/batch_number.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/call.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/gradient.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/scan.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/texts_not_run.h"
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/tunables.h"
#include "frontend/elaborate/warnings.h"

#include "ir/flops.h"
#include "ir/node_limit.h"
#include "ir/verify.h"
#include "ir/walk.h"

#include <fmt/core.h>

namespace nnc {

namespace front {

namespace {

// One elaboration of a program, from its choice to the finished module.
class Elaboration {
public:
  Elaboration(Program& program, FileScope& main, Settings const& settings, Elaborated& out)
      : now_{.program = program,
             .main = main,
             .settings = settings,
             .out = out,
             .limit = std::make_shared<NodeLimit>(settings.max_nodes)} {}
  void run() {
    run_program();
    check_names(e_);
    now_.out.batch_needed = batch_number_.needed();
    if (!now_.out.batch_needed.empty())
      now_.out.module.bindings[static_cast<size_t>(Symbol::batch)] = now_.settings.batch_number;
  }

private:
  void run_program();
  void count_flops(Function const& loss);
  bool is_sound() const { return !has_errors(now_.out.diagnostics) && !batch_number_.is_missing(); }
  void complete(std::vector<Graph*> const&);
  void refuse_results_with_batch_behind(Function const&);

  Context now_;
  Elaborator e_{.now = now_,
                .errors = errors_,
                .budget = budget_,
                .suggestions = suggestions_,
                .constants = constants_,
                .tunables = tunables_,
                .tensors = tensors_,
                .batch_number = batch_number_,
                .operators = operators_,
                .lookup = lookup_,
                .expressions = expressions_,
                .patterns = patterns_,
                .calls = calls_,
                .statements = statements_,
                .scans = scans_,
                .model_builder = model_builder_,
                .train_builder = train_builder_,
                .parameters = parameters_,
                .own_derivatives = own_derivatives_,
                .setting_values = setting_values_,
                .ranges = ranges_,
                .warnings = warnings_};
  Errors errors_{e_};
  Budget budget_{e_};
  Suggestions suggestions_{e_};
  Constants constants_{e_};
  Tunables tunables_{e_};
  Tensors tensors_{e_};
  BatchNumber batch_number_{e_};
  Operators operators_{e_};
  Lookup lookup_{e_};
  Expressions expressions_{e_};
  Patterns patterns_{e_};
  Calls calls_{e_};
  Statements statements_{e_};
  Scans scans_{e_};
  ModelBuilder model_builder_{e_};
  TrainBuilder train_builder_{e_};
  Parameters parameters_{e_};
  OwnDerivatives own_derivatives_{e_};
  SettingValues setting_values_{e_};
  Ranges ranges_{e_};
  Warnings warnings_{e_};
};

void Elaboration::run_program() {
  try {
    train_builder_.choose();
    if (!setting_values_.all_are_values()) return;
    model_builder_.plan_columns();
    Graph loss(Graph::Kind::training, "loss", now_.limit), evaluation(Graph::Kind::evaluation, "evaluate", now_.limit),
        outputs(Graph::Kind::run, "run", now_.limit);
    model_builder_.run_model(loss);
    bool const sound = is_sound();
    if (now_.train) train_builder_.run_training_settings();
    if (!sound) return;
    count_flops(loss.function);
    if (now_.train) train_builder_.run_minimize(loss);
    else model_builder_.finish(loss);
    for (Graph* g : {&evaluation, &outputs}) {
      if (!is_sound()) return;
      model_builder_.run_model(*g);
      model_builder_.finish(*g);
    }
    setting_values_.check_used();
    if (!is_sound()) return;
    complete({&loss, &evaluation, &outputs});
    if (model_builder_.measured().empty())
      errors_.warn(now_.model->name.at,
                   fmt::format("the model `{}` gives nothing: it has no output, loss or metric", now_.model->name.text),
                   "`output y = ...` names what it gives");
    warnings_.warn_of_unused_parameters();
    for (auto const& f : now_.out.module.functions) warnings_.warn_of_select(f);
  } catch (Failure const& failure) {
    errors_.report(failure);
  } catch (Error const& e) {
    errors_.report({{.at = now_.model ? now_.model->name.at : Location{}, .message = in_words(e)}});
  }
}

// Of the model's body and of the calls in it.
void Elaboration::count_flops(Function const& loss) {
  Bindings extents = now_.out.module.bindings;
  auto const& training = now_.out.module.training;
  extents.fill(now_.settings.batch.value_or(training ? training->batch : Training{}.batch));
  std::vector<f64> before{0}; // each node
  for (auto const& n : loss.body.nodes) before.push_back(before.back() + flops(loss, n, extents));
  now_.out.flops = before.back();
  for (auto& call : now_.out.calls) call.flops = before[call.end_node] - before[call.first_node];
}

// Every function of the model takes all parameters and states, in one order.
void Elaboration::complete(std::vector<Graph*> const& graphs) {
  auto& module = now_.out.module;
  for (Graph* g : graphs) {
    if (g->kind == Graph::Kind::training)
      for (auto const& path : parameters_.paths())
        if (parameters_.kept(path).is_state)
          g->builder.result(path, g->state_values.contains(path) ? g->state_values.at(path) : g->arguments.at(path),
                            Role::state);
    std::map<std::string, size_t> rank;
    for (auto const& path : parameters_.paths()) {
      rank.emplace(path, rank.size());
      ValueId id =
          g->argument(path, parameters_.kept(path).type, parameters_.kept(path).is_state ? Role::state : Role::param);
      g->function.values[id].at = parameters_.kept(path).at;
    }
    prune(g->function);
    if (!now_.settings.batch_anywhere) refuse_results_with_batch_behind(g->function);
    auto& arguments = g->function.arguments;
    auto of = [&](Argument const& a) {
      auto it = rank.find(g->function.values[a.value].name);
      return it == rank.end() ? size_t{0} : it->second;
    };
    std::stable_sort(arguments.begin(), arguments.end(), [&](auto const& a, auto const& b) { return of(a) < of(b); });
    sort_arguments(g->function);
    module.functions.push_back(std::move(g->function));
  }
  auto& initial = parameters_.initialize().function;
  std::vector<Result> optimizer_results = std::move(initial.results);
  initial.results.clear();
  for (auto const& path : parameters_.paths())
    parameters_.initialize().builder.result(path, parameters_.kept(path).initial,
                                            parameters_.kept(path).is_state ? Role::state : Role::param);
  for (auto& r : optimizer_results) initial.results.push_back(std::move(r));
  prune(initial);
  sort_arguments(initial);
  module.functions.push_back(std::move(initial));
  train_builder_.give_updates(module);
  own_derivatives_.add_derivatives();
  ranges_.give(module);
  if (module.training)
    for (auto const& [name, s] : tunables_.settings()) module.training->scalars.push_back(s);
}

// What is given to callers is put together from batches, one behind the other.
void Elaboration::refuse_results_with_batch_behind(Function const& f) {
  for (auto const& r : f.results) {
    auto const& shape = f.type(r.value).shape;
    for (size_t i = 1; i < shape.size(); ++i)
      if (shape[i].mentions(Symbol::batch)) {
        Location at;
        for (auto const& n : f.body.nodes)
          if (std::find(n.results.begin(), n.results.end(), r.value) != n.results.end()) at = n.at;
        errors_.report({{.at = at,
                         .message = fmt::format("`{}` is {}: a result has `batch` as its first axis, or not at all",
                                                r.name, shown(f.type(r.value)))}});
        return;
      }
  }
}

} // namespace

} // namespace front

// Once more with what turned out to be constant: the size of a batch, of whose mistakes that elaboration alone knows
// all, and numbers that could have tuned.
Elaborated elaborate(std::shared_ptr<Sources> sources, u32 file, Settings const& given) {
  Settings settings = given;
  std::vector<Diagnostic> syntax;
  front::Program program(*sources, settings, syntax);
  front::FileScope* main = program.load(file);
  std::map<std::string, FixedNumber> constants;
  for (;;) {
    Elaborated out;
    out.module.sources = sources;
    out.diagnostics = syntax;
    if (has_errors(syntax)) return out;
    out.constants = constants;
    front::Elaboration(program, *main, settings, out).run();
    if (!out.batch_needed.empty() && !settings.batch_number) {
      auto const& training = out.module.training;
      settings.batch_number = settings.batch.value_or(training ? training->batch : Training{}.batch);
      continue;
    }
    if (!has_errors(out.diagnostics) && out.constants.size() != constants.size()) {
      constants = std::move(out.constants);
      continue;
    }
    std::stable_sort(out.inputs.begin(), out.inputs.end(),
                     [](auto const& a, auto const& b) { return a.is_target < b.is_target; });
    if (!has_errors(out.diagnostics)) verify_or_bug(out.module, "after elaborate");
    return out;
  }
}

} // namespace nnc
