// The table of builtins: what computes them is here, their declarations are frontend/builtins/*.nn, parsed once.
#include "frontend/elaborate/builtin.h"

#include "frontend/parser.h"
#include "frontend/std_library.h"

#include <fmt/core.h>

namespace nnc::front {

namespace {

struct Table {
  Sources sources; // signatures have places of their own; they are never shown
  std::vector<Parsed> files;
  std::map<std::string, FunctionValue> functions;

  Table() {
    std::map<std::string, Builtin const*> entries;
    std::string of_operators;
    for (auto const* family : {&elementwise_builtins(), &shape_builtins(), &reduce_builtins(), &list_builtins(),
                               &window_builtins(), &line_builtins(), &data_builtins()})
      for (auto const& b : *family) {
        entries[std::string(b.name)] = &b;
        if (info(b.op).is_function()) of_operators += fmt::format("fn {} {{}}\n", info(b.op).written);
      }
    declare("operators", of_operators, entries);
    for (auto const& file : builtin_library()) declare(file.name, file.text, entries);
    if (functions.size() != entries.size()) throw CompilerBug("a builtin has no declaration in frontend/builtins");
  }

  void declare(std::string_view name, std::string_view text, std::map<std::string, Builtin const*> const& entries) {
    files.push_back(parse(sources, sources.add(std::string(name), std::string(text))));
    if (!files.back().diagnostics.empty()) throw CompilerBug(fmt::format("{} does not parse", name));
    for (auto const& f : files.back().file.functions) {
      auto const entry = entries.find(f->name.text);
      if (entry == entries.end()) throw CompilerBug(fmt::format("nothing computes the builtin {}", f->name.text));
      f->name.at = f->at = {};
      for (auto& p : f->parameters) p.name.at = {};
      functions[f->name.text] = {.function = f.get(), .file = nullptr, .captured = {}, .builtin = entry->second};
    }
  }
};

Table const& table() {
  static Table const t;
  return t;
}

} // namespace

FunctionValue const* builtin_named(std::string const& name) {
  auto it = table().functions.find(name);
  return it == table().functions.end() ? nullptr : &it->second;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> out;
  for (auto const& [name, _] : table().functions) out.push_back(name);
  return out;
}

} // namespace nnc::front
