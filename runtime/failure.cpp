#include "runtime/failure.h"

#include "ir/printable.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
inline namespace v1 {

Failure::Failure(Code code, std::string text, std::vector<Problem> problems, std::string reproducer)
    : std::runtime_error(std::move(text)), code(code), problems(std::move(problems)),
      reproducer(std::move(reproducer)) {}

char const* version() noexcept { return NNC_VERSION; }

char const* name(Code code) noexcept {
  switch (code) {
  case Code::syntax: return "syntax";
  case Code::type: return "type";
  case Code::argument: return "argument";
  case Code::data: return "data";
  case Code::file: return "file";
  case Code::memory: return "memory";
  case Code::cancelled: return "cancelled";
  case Code::unsupported: return "unsupported";
  case Code::bug: break;
  }
  return "bug";
}

std::string printable(std::string const& text) { return nnc::printable(std::string_view(text)); }

std::string suggestion(std::string const& word, std::vector<std::string> const& known) { return nearest(word, known); }

void Array::wrong_dtype(char const* asked) const {
  throw failure_of(
      {Diagnostic{.at = {}, .message = fmt::format("'{}' has elements of type {}, not {}", name, dtype, asked)}},
      Sources{});
}

void ParameterView::wrong_dtype(char const* asked) const {
  throw failure_of(
      {Diagnostic{.at = {}, .message = fmt::format("the parameter has elements of type {}, not {}", dtype, asked)}},
      Sources{});
}

} // namespace v1

namespace {

Position position_of(Location at, Sources const& sources) {
  if (!at) return {};
  return {sources.name(at.file), at.line, at.column};
}

std::string without_newline(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Problem problem_of(Diagnostic const& diagnostic, Sources const& sources) {
  Problem problem{position_of(diagnostic.at, sources), diagnostic.message, {}, diagnostic.help.value_or(""), {}};
  for (auto const& note : diagnostic.notes) problem.notes.emplace_back(position_of(note.at, sources), note.message);
  problem.text = without_newline(render(diagnostic, sources));
  return problem;
}

} // namespace

std::vector<Problem> problems_of(std::vector<Diagnostic> const& diagnostics, Severity severity,
                                 Sources const& sources) {
  std::vector<Problem> problems;
  for (auto const& diagnostic : diagnostics)
    if (diagnostic.severity == severity) problems.push_back(problem_of(diagnostic, sources));
  return problems;
}

Failure failure_of(std::vector<Diagnostic> const& diagnostics, Sources const& sources, size_t most) {
  auto const first = std::ranges::find(diagnostics, Severity::error, &Diagnostic::severity);
  return {first == diagnostics.end() ? Code::argument : first->code.value_or(Code::argument),
          without_newline(render(diagnostics, sources, most)), problems_of(diagnostics, Severity::error, sources)};
}

Failure failure_of(CompilerBug const& bug, std::string reproducer, std::string switches) {
  Failure failure(Code::bug, std::string("bug in nnc: ") + bug.what(), {}, std::move(reproducer));
  failure.switches = std::move(switches);
  return failure;
}

} // namespace nnc
