// The table of builtins: signatures are parsed once, by the language's own parser.
#include "frontend/elaborate/builtin.h"

#include "frontend/parser.h"

#include <fmt/core.h>

namespace nnc::front {

namespace {

struct Table {
  Sources sources; // signatures have places of their own; they are never shown
  Parsed parsed;
  std::vector<Builtin const*> entries;
  std::map<std::string, FunctionValue> functions;

  Table() {
    std::string text;
    for (auto const* family : {&elementwise_builtins(), &shape_builtins(), &reduce_builtins(), &list_builtins(),
                               &window_builtins(), &line_builtins()})
      for (auto const& b : *family) {
        text += fmt::format("fn {} {{}}\n", b.signature);
        entries.push_back(&b);
      }
    parsed = parse(sources, sources.add("builtins", text));
    if (!parsed.diagnostics.empty() || parsed.file.functions.size() != entries.size())
      throw CompilerBug("a signature of a builtin does not parse");
    for (size_t i = 0; i < entries.size(); ++i) {
      auto* f = parsed.file.functions[i].get();
      f->name.at = f->at = {};
      for (auto& p : f->parameters) p.name.at = {};
      functions[f->name.text] = {.function = f, .file = nullptr, .captured = {}, .builtin = entries[i]};
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
