#include "codegen/lower/heading.h"

#include "ir/op.h"
#include "ir/printable.h"
#include "ir/text.h"
#include "ir/walk.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc {
namespace {

std::string_view word(Place::Kind kind) {
  switch (kind) {
  case Place::Kind::slot: return "slot";
  case Place::Kind::argument: return "argument";
  case Place::Kind::result: return "result";
  case Place::Kind::local: return "local";
  case Place::Kind::round: return "round";
  }
  return "";
}

// "slot(1) %h: f32[batch,512]"
std::string tensor(Storage const& storage, ValueId v) {
  auto const& value = storage.function.values[v];
  auto const& place = storage.places[v];
  auto const name = value.name.empty() ? "" : fmt::format(" %{}", value.name);
  auto const at = storage.role(v) == Role::rows ? "rows"
                  : place                       ? fmt::format("{}({})", word(place->kind), place->index)
                                                : "number";
  return fmt::format("{}{}: {}", at, name, value.type.text());
}

template <class Values>
std::string listed(Storage const& storage, Values const& values) {
  std::vector<ValueId> seen;
  std::string out;
  for (auto const v : values) {
    if (storage.function.values[v].constant || std::find(seen.begin(), seen.end(), v) != seen.end()) continue;
    seen.push_back(v);
    out += (out.empty() ? "" : ", ") + tensor(storage, v);
  }
  return out;
}

// What it computes: names where there are some, else operators; and the lines that it comes from.
std::string contents(Storage const& storage, Node const& kernel, Sources const& sources) {
  std::string names, before;
  std::vector<std::string> lines;
  each_node(kernel.regions.front().nodes, [&](Node const& n) {
    auto const& name = storage.function.values[n.result()].name;
    auto const shown = name.empty() ? std::string(info(n.op).name) : "%" + name;
    if (shown != before) names += (names.empty() ? "" : " ") + shown;
    before = shown;
    if (!n.at) return;
    auto line = fmt::format("{}:{}", sources.name(n.at.file), n.at.line);
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  });
  for (size_t i = 0; i < lines.size(); ++i) names += (i == 0 ? "; " : ", ") + lines[i];
  return names;
}

} // namespace

std::vector<std::string> heading(Storage const& storage, Node const& kernel, Sources const& sources) {
  std::vector<std::string> out{fmt::format("{}: {}", name(kernel.kernel->kind), contents(storage, kernel, sources))};
  if (auto const reads = listed(storage, kernel.operands); !reads.empty()) out.push_back("reads " + reads);
  if (auto const writes = listed(storage, kernel.results); !writes.empty()) out.push_back("writes " + writes);
  for (auto& line : out) line = printable(line); // names of files and tags are the user's
  return out;
}

std::string with_headings(std::string_view text, Headings const& headings, std::string_view comment) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t const end = std::min(text.find('\n', i), text.size());
    auto const line = text.substr(i, end - i);
    bool const label = line.ends_with(':');
    std::string name(label ? line.substr(0, line.size() - 1) : "");
    if (line.starts_with("define "))
      if (auto const at = line.find('@'), open = line.find('('); open > at) name = line.substr(at + 1, open - at - 1);
    std::erase(name, '"');
    auto found = headings.find(name);
    if (found == headings.end() && name.starts_with('_')) found = headings.find(name.substr(1)); // as Mach-O has it
    if (label) out += fmt::format("{}\n", line);
    if (found != headings.end())
      for (auto const& said : found->second) out += fmt::format("{}{} {}\n", label ? "\t" : "", comment, said);
    if (!label) out += fmt::format("{}\n", line);
    i = end + 1;
  }
  return out;
}

} // namespace nnc
