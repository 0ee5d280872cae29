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
  void complete(std::vector<std::unique_ptr<Graph>> const&);
  void give_states(Graph&, size_t phase);
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
    std::vector<std::unique_ptr<Graph>> graphs; // the losses of the phases, @evaluate, @run
    auto const run_model = [&](Graph::Kind kind, std::string name) {
      graphs.push_back(std::make_unique<Graph>(kind, std::move(name), now_.limit));
      model_builder_.run_model(*graphs.back());
      return is_sound();
    };
    bool const sound = run_model(Graph::Kind::training, "loss");
    if (now_.train) {
      train_builder_.run_training_settings();
      train_builder_.plan_phases();
    }
    if (!sound) return;
    count_flops(graphs.front()->function);
    if (!now_.train) model_builder_.finish(*graphs.back());
    for (size_t k = 0; now_.train && k < train_builder_.phases(); ++k) {
      if (k > 0 && !run_model(Graph::Kind::training, of_phase("loss", k))) return;
      train_builder_.run_phase(*graphs.back(), k);
    }
    if (now_.train) train_builder_.run_updates();
    for (auto const& [kind, name] :
         {std::pair(Graph::Kind::evaluation, "evaluate"), std::pair(Graph::Kind::run, "run")}) {
      if (!is_sound()) return;
      if (!run_model(kind, name)) return;
      model_builder_.finish(*graphs.back());
    }
    setting_values_.check_used();
    if (!is_sound()) return;
    complete(graphs);
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
  extents.fill(training ? training->rows() : now_.settings.batch.value_or(Training{}.batch));
  std::vector<f64> before{0}; // each node
  for (auto const& n : loss.body.nodes) before.push_back(before.back() + flops(loss, n, extents));
  now_.out.flops = before.back();
  for (auto& call : now_.out.calls) call.flops = before[call.end_node] - before[call.first_node];
}

// What a training step leaves in the states, and each batch in those of a pass; a frozen one stays as it is.
void Elaboration::give_states(Graph& g, size_t phase) {
  for (auto const& path : parameters_.paths()) {
    auto const& kept = parameters_.kept(path);
    bool const gives = g.kind == Graph::Kind::training || (g.kind == Graph::Kind::evaluation && kept.per_epoch);
    if (!kept.is_state || !gives) continue;
    bool const frozen = now_.train && g.kind == Graph::Kind::training && train_builder_.is_frozen(path, phase);
    auto const now = frozen ? g.state_values.end() : g.state_values.find(path);
    ValueId const value = now != g.state_values.end() ? now->second : g.argument(path, kept.type, kept.role());
    g.builder.result(path, value, kept.role());
  }
}

// Every function of the model takes all parameters and states, in one order; those of a pass only where there is one.
void Elaboration::complete(std::vector<std::unique_ptr<Graph>> const& graphs) {
  auto& module = now_.out.module;
  for (size_t k = 0; k < graphs.size(); ++k) {
    auto& g = graphs[k];
    give_states(*g, k);
    std::map<std::string, size_t> rank;
    for (auto const& path : parameters_.paths()) {
      auto const& kept = parameters_.kept(path);
      if (kept.per_epoch && g->kind == Graph::Kind::run) continue;
      bool const average = kept.average && g->kind != Graph::Kind::training;
      std::string const name = average ? average_of(path) : path;
      rank.emplace(name, rank.size());
      ValueId const id =
          average ? g->argument(name, *kept.average, Role::state) : g->argument(name, kept.type, kept.role());
      g->function.values[id].at = kept.at;
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
  parameters_.finish(module);
  train_builder_.give_updates(module);
  own_derivatives_.add_derivatives();
  ranges_.give(module);
  if (!module.training) return;
  for (auto const& [name, s] : tunables_.settings()) {
    bool const read = std::ranges::any_of(module.functions, [&](Function const& f) { return f.argument(name); });
    if (read || !name.starts_with(validation_prefix)) module.training->scalars.push_back(s);
  }
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
