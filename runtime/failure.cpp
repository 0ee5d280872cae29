#include "runtime/failure.h"

#include "ir/printable.h"

namespace nnc {
inline namespace v1 {

Failure::Failure(Kind kind, std::string text, std::vector<Problem> problems, std::string reproducer)
    : std::runtime_error(std::move(text)), kind(kind), problems(std::move(problems)),
      reproducer(std::move(reproducer)) {}

std::string printable(std::string const& text) { return nnc::printable(std::string_view(text)); }

std::string suggestion(std::string const& word, std::vector<std::string> const& known) { return nearest(word, known); }

void Array::wrong_dtype(char const* asked) const {
  throw Failure(Failure::Kind::wrong, "error: '" + name + "' has elements of type " + dtype + ", not " + asked);
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
  return {Failure::Kind::wrong, without_newline(render(diagnostics, sources, most)),
          problems_of(diagnostics, Severity::error, sources)};
}

Failure failure_of(CompilerBug const& bug, std::string reproducer, std::string switches) {
  Failure failure(Failure::Kind::bug, std::string("bug in nnc: ") + bug.what(), {}, std::move(reproducer));
  failure.switches = std::move(switches);
  return failure;
}

} // namespace nnc
