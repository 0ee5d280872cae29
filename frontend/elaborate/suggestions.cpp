#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/lookup.h"

#include "frontend/habits.h"
#include "frontend/lexer.h"

#include <charconv>
#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

// The name in front of the first dot; empty where something else stands there.
std::string_view first_name(MemberExpr const& m) {
  Expr const* e = m.base.get();
  while (auto* inner = std::get_if<MemberExpr>(&e->as)) e = inner->base.get();
  auto* n = std::get_if<NameExpr>(&e->as);
  return n ? std::string_view(n->name) : std::string_view();
}

std::string path_of(MemberExpr const& m) {
  if (auto* inner = std::get_if<MemberExpr>(&m.base->as)) return path_of(*inner) + "." + m.member.text;
  return std::get<NameExpr>(m.base->as).name + "." + m.member.text;
}

std::optional<std::string> habit_help(std::string_view word, std::initializer_list<HabitKind> kinds) {
  for (auto kind : kinds)
    if (auto const* h = habit(kind, word)) return help_of(*h);
  if (word.size() > 1 && word.ends_with('_')) return habit_help(word.substr(0, word.size() - 1), kinds); // in place
  return {};
}

} // namespace

std::optional<std::string> did_you_mean(std::string_view word, std::vector<std::string> const& candidates) {
  auto near = nearest(word, candidates);
  if (near.empty()) return {};
  return fmt::format("did you mean `{}`?", near);
}

// A string in the place of what it names, `"relu"`, or of the number that it spells.
std::optional<std::string> Suggestions::unquoted(Any const& value, Needed needed) {
  auto const* s = value.get<std::string>();
  if (!s || s->empty()) return {};
  f64 number = 0;
  auto const [end, error] = std::from_chars(s->data(), s->data() + s->size(), number);
  if (needed == Needed::number && error == std::errc{} && end == s->data() + s->size())
    return fmt::format("without quotes it is the number: `{}`", *s);
  bool known = needed == Needed::truth && (*s == "true" || *s == "false");
  if (needed == Needed::number) known = now_.frame->names.contains(*s) && !now_.frame->names.at(*s).is<std::string>();
  if (needed == Needed::dtype) known = dtype_named(*s).has_value();
  if (needed == Needed::function) {
    auto names = visible_names(true);
    known = std::find(names.begin(), names.end(), *s) != names.end();
  }
  if (known) return fmt::format("without quotes it is the name: `{}`", *s);
  auto const* h = habit(needed == Needed::dtype ? HabitKind::dtype : HabitKind::name, *s);
  return h && (needed == Needed::dtype || needed == Needed::function) ? std::optional(help_of(*h)) : std::nullopt;
}

// What is no tensor and no number, where one is needed.
std::optional<std::string> Suggestions::help_for_value(Any const& value, Location at) {
  if (!now_.frame) return {};
  Any named = value;
  if (auto const* s = value.get<std::string>(); s && !now_.frame->names.contains(*s))
    if (auto found = lookup_.find(*s, true, at)) named = *found;
  if (auto const* f = named.get<FunctionValue>())
    return fmt::format("a function gives a value where it is called, `{}`", shown_call(*f));
  if (value.list()) return help_of(*habit(HabitKind::name, "tensor"));
  return unquoted(value, Needed::number);
}

// What can be called is suggested where something is called, else what cannot.
std::vector<std::string> Suggestions::visible_names(bool callable) const {
  std::vector<std::string> out;
  auto add_names = [&](Names const& names) {
    for (auto const& [n, value] : names)
      if (value.is<FunctionValue>() == callable) out.push_back(n);
  };
  auto add_file = [&](FileScope const& file) {
    for (auto const& [n, f] : file.functions)
      if (callable && !(file.is_std && !f.is_documented)) out.push_back(n); // without a text it is the library's own
    for (auto const& [n, _] : file.consts)
      if (!callable) out.push_back(n);
  };
  if (now_.frame) {
    add_names(now_.frame->names);
    if (now_.frame->captured) add_names(*now_.frame->captured);
    if (now_.frame->file) {
      add_file(*now_.frame->file);
      for (auto const& i : now_.frame->file->imports)
        if (i.alias.empty()) add_file(*i.file);
    }
  }
  for (auto* file : now_.program.library()) add_file(*file);
  if (callable)
    for (auto& n : builtin_names()) out.push_back(n);
  for (auto* word : predeclared_words)
    if (!callable) out.emplace_back(word);
  return out;
}

std::optional<std::string> Suggestions::suggested(std::string const& name, bool callable) const {
  auto help = did_you_mean(name, visible_names(callable));
  return help || callable ? help : did_you_mean(name, visible_names(true));
}

// What a `minimize` may speak of.
std::optional<std::string> Suggestions::losses_in_sight() const {
  if (!now_.frame || now_.frame->kind != Frame::Kind::train) return {};
  std::string out;
  for (auto const& [name, value] : now_.frame->names)
    if (auto const* tensor = value.tensor(); tensor && !tensor->tunes) out += (out.empty() ? "`" : ", `") + name + "`";
  if (out.empty()) return {};
  return fmt::format("`minimize` takes the losses that the model declares: {}", out);
}

// `logit` beside a tensor `logits`: what the user has named comes in front of what other languages mean by a word.
std::optional<std::string> Suggestions::near_local(std::string const& name) const {
  std::vector<std::string> names;
  if (now_.frame)
    for (auto const& [known, value] : now_.frame->names)
      if (!value.is<Poison>()) names.push_back(known);
  return did_you_mean(name, names);
}

void Suggestions::unknown(std::string const& name, Location at, bool callable) {
  if (now_.frame)
    if (auto it = now_.frame->untaken.find(name); it != now_.frame->untaken.end())
      errors_.fail(at, fmt::format("`{}` is bound only in a branch that was not taken", name), {},
                   {{it->second, "the branch binds it here"}});
  if (FileScope* file = nullptr; lookup_.find_optimizer(name, file))
    errors_.fail(at, fmt::format("`{}` is an optimizer: it stands behind `with` in a train block", name));
  bool const patient = now_.out.diagnostics.size() < most_mistakes; // looking for what is near takes time
  auto help = callable || !patient ? std::nullopt : near_local(name);
  if (!help) help = habit_help(name, {HabitKind::name, HabitKind::dtype});
  if (!help && callable) help = habit_help(name, {HabitKind::word});
  if (!help && !callable) help = losses_in_sight();
  if (!help && patient) help = suggested(name, callable);
  errors_.fail(at, fmt::format("unknown {} `{}`", callable ? "function" : "name", name), help);
}

// `np.exp(x)`, `torch.nn.functional.relu(x)`: what stands behind the last dot may be a function of the library.
void Suggestions::refuse_package(MemberExpr const& m, Location at) {
  auto const* package = habit(HabitKind::package, first_name(m));
  if (auto const* h = habit(HabitKind::name, m.member.text);
      h && !package && !first_name(m).empty() && !lookup_.find(std::string(first_name(m)), false, at))
    errors_.fail(at, fmt::format("unknown name `{}`", path_of(m)), help_of(*h));
  if (!package || lookup_.find(std::string(package->word), false, at)) return;
  auto const& name = m.member.text;
  auto help = habit_help(name, {HabitKind::name, HabitKind::dtype});
  auto names = visible_names(true);
  FileScope* file = nullptr;
  bool const exists = std::find(names.begin(), names.end(), name) != names.end() ||
                      lookup_.find_optimizer(name, file) || is_predeclared(name);
  if (exists) help = fmt::format("{}: `{}`", package->says, name);
  if (!help) help = suggested(name, true);
  errors_.fail(at, fmt::format("unknown name `{}`", path_of(m)), help ? help : help_of(*package));
}

// `x.sum()`: functions stand in front of their operands.
void Suggestions::unknown_member(Any const& value, MemberExpr const& m, Location at) {
  auto const& name = m.member.text;
  auto help = habit_help(name, {HabitKind::member, HabitKind::name, HabitKind::dtype});
  auto names = visible_names(true);
  if (auto const in_place = name.substr(0, name.size() - 1); !help && name.ends_with('_'))
    if (std::find(names.begin(), names.end(), in_place) != names.end())
      help = fmt::format("no tensor ever changes: `y = {}(x)` gives another", in_place);
  if (!help && std::find(names.begin(), names.end(), name) != names.end())
    if (auto found = lookup_.find(name, true, at); found && found->is<FunctionValue>())
      help = fmt::format("a function stands in front, `{}`", shown_call(*found->get<FunctionValue>()));
  if (!help && dtype_named(name)) help = fmt::format("a dtype converts, `{}(x)`", name);
  if (!help) help = "a dot stands behind the name of an import only";
  errors_.fail(at, fmt::format("{} has no member `{}`", shown(value), name), help);
}

std::string shown_call(FunctionValue const& f) {
  std::string out;
  for (auto const& p : f.function->parameters)
    if (!p.initial) out += (out.empty() ? "" : ", ") + (p.rest ? ".." + p.name.text : p.name.text);
  return fmt::format("{}({})", f.function->name.text, out);
}

std::string help_for_argument(std::string const& name, std::vector<std::string> const& parameters) {
  auto has = [&](std::string_view p) { return std::find(parameters.begin(), parameters.end(), p) != parameters.end(); };
  if (auto const* h = habit(HabitKind::argument, name); h && (h->means.empty() || has(h->means))) return help_of(*h);
  if (auto near = did_you_mean(name, parameters)) return *near;
  std::string out;
  for (auto const& p : parameters) out += (out.empty() ? "it takes `" : ", `") + p + "`";
  return out.empty() ? "it takes none" : out;
}

void Suggestions::unknown_member(FileScope::Imported const& import, Name const& member) {
  std::optional<std::string> help;
  if (auto near = nearest(member.text, import.file->names()); !near.empty())
    help = fmt::format("did you mean `{}.{}`?", import.alias, near);
  errors_.fail(member.at, fmt::format("the import `{}` declares no `{}`", import.alias, member.text), help);
}

} // namespace nnc::front
