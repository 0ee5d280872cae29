#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <numbers>

namespace nnc::front {

namespace {

bool can_be_called(Any const& value) { return value.is<FunctionValue>() || value.is<DType>() || value.is<Poison>(); }

} // namespace

Lookup::Lookup(Elaborator& e)
    : now_(e.now), errors_(e.errors), budget_(e.budget), suggestions_(e.suggestions), tensors_(e.tensors),
      operators_(e.operators), expressions_(e.expressions), setting_values_(e.setting_values) {}

Any const* Lookup::local(std::string const& name) const {
  if (!now_.frame) return nullptr;
  if (auto it = now_.frame->names.find(name); it != now_.frame->names.end()) return &it->second;
  if (now_.frame->captured)
    if (auto it = now_.frame->captured->find(name); it != now_.frame->captured->end()) return &it->second;
  return nullptr;
}

std::optional<Any> Lookup::find(std::string const& name, bool callable, Location at) {
  auto fits = [&](Any const& v) { return !callable || can_be_called(v); };
  if (now_.frame) {
    if (auto it = now_.frame->names.find(name); it != now_.frame->names.end() && fits(it->second)) return it->second;
    if (now_.frame->captured)
      if (auto it = now_.frame->captured->find(name); it != now_.frame->captured->end() && fits(it->second))
        return it->second;
    if (now_.frame->file)
      if (auto v = find_in_file(*now_.frame->file, name, at); v && fits(*v)) return v;
  }
  for (auto* file : now_.program.library())
    if (file->declares(name))
      if (auto v = find_in_file(*file, name, at); v && fits(*v)) return v;
  if (auto* builtin = builtin_named(name)) return Any{*builtin};
  if (auto v = predeclared(name, at); v && fits(*v)) return v;
  return {};
}

// What a file declares, else what exactly one of its imports declares.
std::optional<Any> Lookup::find_in_file(FileScope& file, std::string const& name, Location at) {
  if (auto const* function = file.function(name))
    return Any{FunctionValue{.function = function, .file = &file, .captured = {}}, function->name.at};
  if (auto it = file.consts.find(name); it != file.consts.end()) return const_value(file, *it->second, at);
  FileScope::Imported const* found = nullptr;
  for (auto const& i : file.imports) {
    if (!i.alias.empty() || !i.file->declares(name)) continue;
    if (found && found->file != i.file)
      errors_.fail(at, fmt::format("`{}` is declared by two imports", name),
                   fmt::format("`import \"...\" as a` makes it `a.{}`", name),
                   {{found->at, "this import declares it"}, {i.at, "and this one"}});
    found = &i;
  }
  return found ? find_in_file(*found->file, name, at) : std::nullopt;
}

Any Lookup::const_value(FileScope& file, syntax::Const const& c, Location at) {
  if (auto it = file.const_values.find(c.name.text); it != file.const_values.end()) {
    if (it->second.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    return it->second;
  }
  if (!file.consts_in_progress.insert(c.name.text).second)
    errors_.fail(at, fmt::format("the const `{}` depends on itself", c.name.text));
  Frame frame{.kind = Frame::Kind::constant, .name = c.name.text, .call_at = at, .file = &file};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, frame);
  GraphGuard no_graph(now_, nullptr);
  try {
    Any value = expressions_.eval(*c.value);
    if (auto const given = &file == &now_.main ? setting_values_.find(c.name.text) : std::nullopt)
      value = setting_values_.as_function(*given, value);
    if (value.tensor())
      errors_.fail(c.value->at, fmt::format("the const `{}` is no value that is known while compiling", c.name.text));
    value.at = c.name.at;
    file.consts_in_progress.erase(c.name.text);
    return file.const_values[c.name.text] = value;
  } catch (Failure const&) {
    file.consts_in_progress.erase(c.name.text);
    file.const_values[c.name.text] = Any{Poison{}};
    throw;
  }
}

std::optional<Any> Lookup::predeclared(std::string const& name, Location at) {
  if (name == "pi") return Any{std::numbers::pi};
  if (name == "inf") return Any{std::numeric_limits<f64>::infinity()};
  if (name == "nan") return Any{std::numeric_limits<f64>::quiet_NaN()};
  if (name == "training") return Any{now_.is_training()};
  if (auto d = dtype_named(name)) return Any{*d};
  if (name == "float") return Any{now_.frame && now_.frame->float_type ? *now_.frame->float_type : DType::f32};
  if (name == "int") return Any{now_.frame && now_.frame->int_type ? *now_.frame->int_type : DType::i32};
  if (name != "step" && name != "steps" && name != "epoch") return {};
  if (!now_.graph || now_.graph->kind == Graph::Kind::initialize)
    errors_.fail(at, fmt::format("`{}` is known only in a step, not {}", name,
                                 now_.graph ? "in an initial value" : "while compiling"));
  Any number{TensorValue{.graph = now_.graph, .tunes = true}};
  ValueId& id = std::get<TensorValue>(number.as).id;
  if (name == "step") {
    id = now_.graph->argument("step", scalar_of(DType::i64), Role::step);
    id = tensors_.builder(at).convert(id, DType::f64);
  } else id = now_.graph->argument(name, scalar_of(DType::f64), Role::scalar);
  bool const counts = name != "epoch" && now_.graph->kind == Graph::Kind::update && now_.turn.cycle > 1;
  return counts ? of_turn(number, at) : number;
}

// Of n batches those that belong to this phase: floor(n / cycle) * count + clamp(n % cycle - before, 0, count).
Any Lookup::of_turn(Any const& n, Location at) {
  auto const number = [](i64 x) { return Any{static_cast<f64>(x)}; };
  auto const make = [&](OpCode op, Any const& a, Any const& b) { return operators_.of_table(op, {a, b}, at); };
  Any const rounds = operators_.of_table(OpCode::floor, {make(OpCode::div, n, number(now_.turn.cycle))}, at);
  Any const rest = make(OpCode::sub, n, make(OpCode::mul, rounds, number(now_.turn.cycle)));
  Any const begun = make(OpCode::max, make(OpCode::sub, rest, number(now_.turn.before)), number(0));
  return make(OpCode::add, make(OpCode::mul, rounds, number(now_.turn.count)),
              make(OpCode::min, begun, number(now_.turn.count)));
}

bool is_predeclared(std::string const& name) {
  return name == "float" || name == "int" || dtype_named(name) ||
         std::find(predeclared_words.begin(), predeclared_words.end(), name) != predeclared_words.end();
}

Any Lookup::lookup(std::string const& name, Location at) {
  auto value = find(name, false, at);
  if (!value) suggestions_.unknown(name, at, false);
  if (value->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (auto* s = value->get<std::string>()) budget_.spend(s->size(), at);
  return *value;
}

Any Lookup::lookup_callable(std::string const& name, Location at) {
  auto value = find(name, true, at);
  if (value && value->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (value) return *value;
  if (auto* l = local(name)) {
    if (l->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    std::vector<Note> notes;
    if (l->at) notes.push_back({l->at, fmt::format("`{}` is bound here", name)});
    errors_.fail(at, fmt::format("`{}` is {} and cannot be called", name, shown(*l)),
                 suggestions_.unquoted(*l, Suggestions::Needed::function), std::move(notes));
  }
  if (auto other = find(name, false, at); other && !other->is<Poison>())
    errors_.fail(at, fmt::format("`{}` is {} and cannot be called", name, shown(*other)));
  suggestions_.unknown(name, at, true);
}

std::vector<FileScope*> Lookup::in_sight_of(FileScope& file) const {
  std::vector<FileScope*> files{&file};
  for (auto const& i : file.imports)
    if (i.alias.empty()) files.push_back(i.file);
  files.insert(files.end(), now_.program.library().begin(), now_.program.library().end());
  return files;
}

syntax::FunctionDecl const* Lookup::find_optimizer(std::string const& name, FileScope*& file) const {
  for (auto* f : in_sight_of(now_.main))
    if (auto const* optimizer = f->optimizer(name)) {
      file = f;
      return optimizer;
    }
  return nullptr;
}

} // namespace nnc::front
