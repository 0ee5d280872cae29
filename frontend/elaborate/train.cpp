// The train block: which one, its settings, and the gradients of its `minimize` clauses.
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/path_patterns.h"
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/tunables.h"

#include "frontend/habits.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

std::string plain_text(String const& s) {
  std::string out;
  for (auto const& part : s.parts) out += part.text;
  return out;
}

namespace {

template <class Items, class Shown>
std::string joined(Items const& items, Shown shown_item) {
  std::string out;
  for (auto const& i : items) out += (out.empty() ? "`" : ", `") + shown_item(i) + "`";
  return out;
}

} // namespace

// FILE:NAME chooses by tag or by model; one alone needs no name.
void TrainBuilder::choose() {
  auto const& tree = now_.main.tree;
  auto const& wanted = now_.settings.train_name;
  auto tag_of = [](Train const& t) { return t.tag ? plain_text(t.tag->text) : std::string(); };
  std::vector<Train const*> found;
  for (auto const& t : tree.trains)
    if (wanted.empty() || tag_of(*t) == wanted || t->model.text == wanted) found.push_back(t.get());
  for (auto* t : found)
    if (!wanted.empty() && tag_of(*t) == wanted) found = {t};
  if (found.size() > 1) {
    auto name = [&](auto* t) { return tag_of(*t).empty() ? t->model.text : tag_of(*t); };
    errors_.fail(found[0]->at, "the file has several train blocks",
                 fmt::format("choose one with Options::train_name: {}", joined(found, name)),
                 {{found[1]->at, "another one"}});
  }
  std::string model = found.empty() ? wanted : found.front()->model.text;
  if (!found.empty()) now_.train = found.front();
  std::vector<std::string> names;
  for (auto const& m : tree.models) names.push_back(m->name.text);
  for (auto const& m : tree.models)
    if (m->name.text == model || (model.empty() && tree.models.size() == 1)) now_.model = m.get();
  if (now_.model) {
    now_.out.at = now_.model->name.at;
    now_.out.summary =
        fmt::format("{} {}", now_.train ? "train" : "model",
                    now_.train && !tag_of(*now_.train).empty() ? tag_of(*now_.train) : now_.model->name.text);
    return;
  }
  Location const start{now_.main.id, 1, 1, 0};
  Location at = now_.train ? now_.train->model.at : names.empty() ? start : tree.models.front()->name.at;
  if (names.empty()) errors_.fail(at, "the file declares no model", "a program needs `model name { ... }`");
  if (model.empty())
    errors_.fail(at, "the file has several models",
                 fmt::format("choose one with Options::train_name: {}", joined(names, [](auto& n) { return n; })));
  auto near = nearest(model, names);
  errors_.fail(now_.train ? at : Location{},
               fmt::format("unknown model `{}`", model), // the command line may have named it

               near.empty() ? fmt::format("there {} {}", names.size() == 1 ? "is" : "are",
                                          joined(names, [](auto& n) { return n; }))
                            : fmt::format("did you mean `{}`?", near));
}

// The loss that a clause minimizes, by name; an expression of losses becomes one of its own.
std::string TrainBuilder::objective_name(ValueId y, Location at) {
  for (auto const& known : e_.model_builder.measured())
    if (known.value == y && known.role == Role::loss) return known.name;
  int const n = ++counters_.unnamed;
  std::string name = n == 1 ? "objective" : fmt::format("objective_{}", n);
  e_.model_builder.measured().push_back({.name = name, .value = y, .role = Role::loss, .at = at});
  return name;
}

// A clause: which parameters it changes, and one `grad` node for all of them.
TrainBuilder::Clause TrainBuilder::derive(Graph& graph, MinimizeStep const& m, Location at, Taken& taken) {
  Any objective = e_.expressions.eval(*m.objective);
  if (objective.is<FunctionValue>() || objective.is<std::string>())
    errors_.fail(m.objective->at, fmt::format("`minimize` needs a loss, got {}", shown(objective)),
                 e_.suggestions.losses_in_sight());
  ValueId y = e_.tensors.as_tensor(objective, m.objective->at);
  if (graph.type(y).rank() != 0 || !is_float(graph.type(y).dtype))
    errors_.fail(m.objective->at, fmt::format("`minimize` needs a float scalar, got {}", shown(graph.type(y))));
  std::string name = objective_name(y, m.objective->at);
  Clause out{.step = &m,
             .optimizer = {},
             .parameters = paths_that_fit(e_, m.over, Chosen::parameters, m.over_at),
             .gradients = {}};
  auto reached = reached_by_derivative(graph.function, y);
  std::erase_if(out.parameters, [&](auto const& path) { return !reached[graph.arguments.at(path)]; });
  auto const wanted = out.parameters;
  std::erase_if(out.parameters, [&](auto const& path) { return taken.contains(path) || is_frozen(path, phase_); });
  if (out.parameters.empty()) refuse_idle(name, wanted, at, taken);
  std::vector<ValueId> operands{y};
  std::vector<Type> types;
  std::vector<std::string> names;
  for (auto const& path : out.parameters) {
    taken.emplace(path, at);
    operands.push_back(graph.arguments.at(path));
    types.push_back(e_.parameters.kept(path).type);
    names.push_back(path + "'");
  }
  out.gradients = e_.tensors.builder(at).make_many(OpCode::grad, operands, {}, types, names);
  out.optimizer = clause_name(m);
  now_.out.module.training->phases[phase_].minimize.push_back({.objective = name, .parameters = out.parameters});
  return out;
}

// A clause that is left with nothing, and where what it could have changed has gone.
void TrainBuilder::refuse_idle(std::string const& loss, std::vector<std::string> const& wanted, Location at,
                               Taken const& taken) {
  constexpr size_t most = 4; // names in a note
  auto const shown_paths = [&](std::vector<std::string> const& paths) {
    std::vector<std::string> const first(paths.begin(), paths.begin() + std::min(most, paths.size()));
    auto const more = paths.size() > most ? fmt::format(" and {} more", paths.size() - most) : "";
    return joined(first, [](auto const& p) { return p; }) + more;
  };
  std::vector<std::string> frozen;
  std::vector<std::pair<Location, std::vector<std::string>>> owners;
  for (auto const& path : wanted) {
    auto const owner = taken.find(path);
    if (is_frozen(path, phase_)) frozen.push_back(path);
    else if (owner == taken.end()) continue;
    else if (auto const known = std::ranges::find(owners, owner->second, [](auto const& o) { return o.first; });
             known != owners.end())
      known->second.push_back(path);
    else owners.push_back({owner->second, {path}});
  }
  std::vector<Note> notes;
  for (auto const& [clause, paths] : owners)
    notes.push_back({clause, fmt::format("this clause changes {}", shown_paths(paths))});
  if (!frozen.empty())
    notes.push_back({{}, fmt::format("{} {} frozen", shown_paths(frozen), frozen.size() == 1 ? "is" : "are")});
  errors_.fail(at, fmt::format("`{}` depends on no parameter that this clause may change", loss),
               owners.empty()
                   ? std::nullopt
                   : std::optional("a parameter belongs to the first clause that matches: `over` says which, "
                                   "and the clause for all others is the last one"),
               std::move(notes));
}

// What the numbers of a clause are called after: the tag, or the optimizer; the second of a name has a number.
std::string TrainBuilder::clause_name(MinimizeStep const& m) {
  auto const& call = std::get<CallExpr>(m.optimizer->as);
  auto* callee = std::get_if<NameExpr>(&call.callee->as);
  if (auto* member = std::get_if<MemberExpr>(&call.callee->as)) e_.suggestions.refuse_package(*member, m.optimizer->at);
  if (!callee) errors_.fail(m.optimizer->at, "expected the name of an optimizer");
  std::string name = call.tag ? e_.expressions.name_text(call.tag->text, call.tag->at, "a tag") : callee->name;
  now_.out.optimizers.push_back(callee->name);
  return name_of_numbers(name);
}

// What several clauses are called after differs.
std::string TrainBuilder::name_of_numbers(std::string const& name) {
  int const n = ++counters_.names[name];
  return n == 1 ? name : fmt::format("{}_{}", name, n);
}

// Which statements belong to which phase; without `phase` all is one.
void TrainBuilder::plan_phases() {
  PlannedPhase common;
  for (auto const& step : now_.train->body) {
    try {
      auto const* phase = std::get_if<PhaseStep>(&step->as);
      if (!phase) plan(*step, common, false);
      else {
        auto& own = plan_.emplace_back();
        own.turn.count = steps_of(*phase);
        for (auto const& inner : phase->body) plan(*inner, own, true);
        if (own.minimize.empty()) errors_.fail(step->at, "this phase minimizes nothing");
      }
    } catch (Failure const& failure) {
      errors_.report(failure);
      plan_is_wrong_ = true;
    }
  }
  if (plan_.empty()) plan_.emplace_back();
  else if (!common.minimize.empty())
    errors_.fail(common.minimize.front()->at, "`minimize` stands beside phases", "put it in a phase of its own");
  i64 cycle = 0;
  for (auto& phase : plan_) {
    phase.minimize.insert(phase.minimize.end(), common.minimize.begin(), common.minimize.end());
    phase.freeze.insert(phase.freeze.end(), common.freeze.begin(), common.freeze.end());
    phase.turn.before = cycle;
    cycle += phase.turn.count;
  }
  for (auto& phase : plan_) {
    phase.turn.cycle = cycle;
    now_.out.module.training->phases.push_back({.steps = phase.turn.count, .minimize = {}});
  }
}

void TrainBuilder::plan(StepStmt const& step, PlannedPhase& phase, bool in_phase) {
  if (std::holds_alternative<MinimizeStep>(step.as)) return phase.minimize.push_back(&step);
  auto const* patterns = std::get_if<PatternStep>(&step.as);
  if (patterns && !patterns->fresh) return phase.freeze.push_back(&step);
  if (in_phase) errors_.fail(step.at, "this stands outside of phases", "a phase holds `minimize` and `freeze`");
  if (patterns) fresh_.push_back(&step);
  if (!std::holds_alternative<AverageStep>(step.as)) return;
  if (average_) errors_.fail(step.at, "`average` is given twice", {}, {{average_->at, "the first time here"}});
  average_ = &step;
}

i64 TrainBuilder::steps_of(PhaseStep const& phase) {
  if (!phase.count) return 1;
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, frame);
  e_.model_builder.bind_arguments(frame);
  i64 const n = e_.constants.as_constant(e_.expressions.eval(*phase.count), phase.count->at, "the batches of a phase");
  if (n < 1 || n > INT32_MAX)
    errors_.fail(phase.count->at, fmt::format("a phase of {} batches, expected at least 1", n));
  return n;
}

// What the patterns of the block mean, once the model has declared its parameters.
void TrainBuilder::choose_paths() {
  auto& training = *now_.out.module.training;
  for (auto& phase : plan_)
    for (auto const* step : phase.freeze)
      for (auto const& path :
           paths_that_fit(e_, std::get<PatternStep>(step->as).patterns, Chosen::parameters_and_states, step->at))
        phase.frozen.insert(path);
  for (auto const* step : fresh_)
    for (auto const& path :
         paths_that_fit(e_, std::get<PatternStep>(step->as).patterns, Chosen::parameters_and_states, step->at))
      training.fresh.push_back(path);
  for (auto const& path : e_.parameters.paths()) {
    auto const& kept = e_.parameters.kept(path);
    if (training.order == "file" || training.order == "stream" ||
        !std::ranges::any_of(kept.type.shape, [](Dim const& d) { return d.mentions(Symbol::batch); }))
      continue;
    errors_.report(
        {{.at = kept.at,
          .message = fmt::format("the state `{}` has `batch` in its type {}, and a shuffled batch does not go "
                                 "on where the one before ended",
                                 path, shown(kept.type)),
          .notes = {},
          .help = "`order = \"stream\"` cuts the data into `batch` runs and takes the next row of each"}});
  }
  if (!average_) return;
  for (auto const& path :
       paths_that_fit(e_, std::get<AverageStep>(average_->as).over, Chosen::parameters, average_->at))
    averaged_.insert(path);
}

// The gradients of all clauses at the end of the training step.
void TrainBuilder::run_phase(Graph& graph, size_t phase) {
  GraphGuard in_graph(now_, &graph);
  phase_ = phase;
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  e_.model_builder.bind_arguments(frame);
  for (auto const& m : e_.model_builder.measured())
    if (m.role == Role::loss) frame.names[m.name] = {e_.tensors.tensor(m.value).as, m.at};
  FrameGuard guard(now_, frame);
  if (phase == 0) {
    choose_paths();
    check_aims();
  }
  if (plan_is_wrong_) throw Failure{.diagnostic = {}, .silent = true};
  if (plan_[phase].minimize.empty())
    errors_.fail(now_.train->at, "this train block minimizes nothing", "it needs `minimize LOSS with OPTIMIZER(...)`");
  std::vector<Clause> clauses;
  Taken taken;
  for (auto const* step : plan_[phase].minimize) {
    try {
      clauses.push_back(derive(graph, std::get<MinimizeStep>(step->as), step->at, taken));
    } catch (Failure const& failure) {
      errors_.report(failure);
      now_.frame = &frame;
    }
  }
  clip(clauses);
  e_.model_builder.finish(graph);
  for (auto const& c : clauses)
    for (size_t i = 0; i < c.parameters.size(); ++i)
      graph.builder.result(c.parameters[i], c.gradients[i], Role::gradient);
  plan_[phase].clauses = std::move(clauses);
}

// Once it is known which phases change which parameters.
void TrainBuilder::run_updates() {
  for (phase_ = 0; phase_ < plan_.size(); ++phase_) {
    now_.turn = plan_[phase_].turn;
    for (auto const& c : plan_[phase_].clauses) run_updates(c);
    now_.turn = {};
  }
}

void TrainBuilder::run_updates(Clause const& clause) {
  Frame* frame = now_.frame;
  try {
    for (auto const& path : clause.parameters) run_update(path, *clause.step, clause.optimizer);
  } catch (Failure const& failure) { // the others would say the same
    errors_.report(failure);
    now_.frame = frame;
  }
}

void TrainBuilder::give_updates(Module& module) {
  for (auto& u : updates_) module.functions.push_back(std::move(u->function));
}

} // namespace nnc::front
