// Lookup: this function, the functions around it, the file, its imports, the standard library, what is predeclared.
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/setting_values.h"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <numbers>

namespace nnc::front {

namespace {

bool can_be_called(Any const& value) { return value.is<FunctionValue>() || value.is<DType>() || value.is<Poison>(); }

} // namespace

Any const* Elaborator::local(std::string const& name) const {
  if (!frame_) return nullptr;
  if (auto it = frame_->names.find(name); it != frame_->names.end()) return &it->second;
  if (frame_->captured)
    if (auto it = frame_->captured->find(name); it != frame_->captured->end()) return &it->second;
  return nullptr;
}

std::optional<Any> Elaborator::find(std::string const& name, bool callable, Location at) {
  auto fits = [&](Any const& v) { return !callable || can_be_called(v); };
  if (frame_) {
    if (auto it = frame_->names.find(name); it != frame_->names.end() && fits(it->second)) return it->second;
    if (frame_->captured)
      if (auto it = frame_->captured->find(name); it != frame_->captured->end() && fits(it->second)) return it->second;
    if (frame_->file)
      if (auto v = find_in_file(*frame_->file, name, at); v && fits(*v)) return v;
  }
  for (auto* file : program_.library())
    if (file->declares(name))
      if (auto v = find_in_file(*file, name, at); v && fits(*v)) return v;
  if (auto* builtin = builtin_named(name)) return Any{*builtin};
  if (auto v = predeclared(name, at); v && fits(*v)) return v;
  return {};
}

// What a file declares, else what exactly one of its imports declares.
std::optional<Any> Elaborator::find_in_file(FileScope& file, std::string const& name, Location at) {
  if (auto it = file.functions.find(name); it != file.functions.end())
    return Any{FunctionValue{.function = it->second, .file = &file, .captured = {}}, it->second->name.at};
  if (auto it = file.consts.find(name); it != file.consts.end()) return const_value(file, *it->second, at);
  FileScope::Imported const* found = nullptr;
  for (auto const& i : file.imports) {
    if (!i.alias.empty() || !i.file->declares(name)) continue;
    if (found && found->file != i.file)
      fail(at, fmt::format("`{}` is declared by two imports", name),
           fmt::format("`import \"...\" as a` makes it `a.{}`", name),
           {{found->at, "this import declares it"}, {i.at, "and this one"}});
    found = &i;
  }
  return found ? find_in_file(*found->file, name, at) : std::nullopt;
}

Any Elaborator::const_value(FileScope& file, syntax::Const const& c, Location at) {
  if (auto it = file.const_values.find(c.name.text); it != file.const_values.end()) {
    if (it->second.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    return it->second;
  }
  if (!file.consts_in_progress.insert(c.name.text).second)
    fail(at, fmt::format("the const `{}` depends on itself", c.name.text));
  Frame frame{.kind = Frame::Kind::constant, .name = c.name.text, .call_at = at, .file = &file};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(*this, frame);
  GraphGuard no_graph(*this, nullptr);
  try {
    Any value = eval(*c.value);
    if (value.tensor())
      fail(c.value->at, fmt::format("the const `{}` is no value that is known while compiling", c.name.text));
    value.at = c.name.at;
    file.consts_in_progress.erase(c.name.text);
    return file.const_values[c.name.text] = value;
  } catch (Failure const&) {
    file.consts_in_progress.erase(c.name.text);
    file.const_values[c.name.text] = Any{Poison{}};
    throw;
  }
}

Any Elaborator::scalar(std::string const& name, f64 value) {
  if (auto it = set_values_.find(name); it != set_values_.end())
    value = as_float(setting_values_->value_of(it->second, name), setting_values_->place_of(it->second, name),
                     fmt::format("`{}`", name));
  if (!train_ || constants_.contains(name)) return Any{value}; // without a training nothing is tuned
  scalars_[name] = {name, value};
  TensorValue t{.graph = graph_,
                .id = graph_->argument(name, scalar_of(DType::f64), Role::scalar),
                .tunes = true,
                .known = value};
  return Any{t};
}

std::optional<Any> Elaborator::predeclared(std::string const& name, Location at) {
  if (name == "pi") return Any{std::numbers::pi};
  if (name == "inf") return Any{std::numeric_limits<f64>::infinity()};
  if (name == "nan") return Any{std::numeric_limits<f64>::quiet_NaN()};
  if (name == "training") return Any{training()};
  if (auto d = dtype_named(name)) return Any{*d};
  if (name == "float") return Any{frame_ && frame_->float_type ? *frame_->float_type : DType::f32};
  if (name == "int") return Any{frame_ && frame_->int_type ? *frame_->int_type : DType::i32};
  if (name != "step" && name != "steps" && name != "epoch") return {};
  if (!graph_ || graph_->kind == Graph::Kind::initialize)
    fail(at,
         fmt::format("`{}` is known only in a step, not {}", name, graph_ ? "in an initial value" : "while compiling"));
  if (name == "step") {
    ValueId id = graph_->argument("step", scalar_of(DType::i64), Role::step);
    return Any{TensorValue{.graph = graph_, .id = builder(at).convert(id, DType::f64), .tunes = true}};
  }
  return Any{
      TensorValue{.graph = graph_, .id = graph_->argument(name, scalar_of(DType::f64), Role::scalar), .tunes = true}};
}

bool Elaborator::is_predeclared(std::string const& name) {
  return name == "float" || name == "int" || dtype_named(name) ||
         std::find(predeclared_words.begin(), predeclared_words.end(), name) != predeclared_words.end();
}

bool Elaborator::training() const {
  return graph_ && (graph_->kind == Graph::Kind::training || graph_->kind == Graph::Kind::update);
}

Any Elaborator::lookup(std::string const& name, Location at) {
  auto value = find(name, false, at);
  if (!value) unknown(name, at, false);
  if (value->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (auto* s = value->get<std::string>()) spend(s->size(), at);
  return *value;
}

// A call takes the nearest binding that can be called, so `state mean` and `mean(x)` live together.
Any Elaborator::lookup_callable(std::string const& name, Location at) {
  auto value = find(name, true, at);
  if (value && value->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (value) return *value;
  if (auto* l = local(name)) {
    if (l->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    std::vector<Note> notes;
    if (l->at) notes.push_back({l->at, fmt::format("`{}` is bound here", name)});
    fail(at, fmt::format("`{}` is {} and cannot be called", name, shown(*l)), unquoted(*l, Needed::function),
         std::move(notes));
  }
  if (auto other = find(name, false, at); other && !other->is<Poison>())
    fail(at, fmt::format("`{}` is {} and cannot be called", name, shown(*other)));
  unknown(name, at, true);
}

std::vector<FileScope*> Elaborator::in_sight_of(FileScope& file) const {
  std::vector<FileScope*> files{&file};
  for (auto const& i : file.imports)
    if (i.alias.empty()) files.push_back(i.file);
  files.insert(files.end(), program_.library().begin(), program_.library().end());
  return files;
}

syntax::FunctionDecl const* Elaborator::find_optimizer(std::string const& name, FileScope*& file) const {
  for (auto* f : in_sight_of(main_))
    if (auto it = f->optimizers.find(name); it != f->optimizers.end()) {
      file = f;
      return it->second;
    }
  return nullptr;
}

} // namespace nnc::front
