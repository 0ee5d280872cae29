#include "runtime/failure.h"

namespace nnc {
inline namespace v1 {

Failure::Failure(Kind kind, std::string text, std::vector<Problem> problems, std::string reproducer)
    : std::runtime_error(std::move(text)), kind(kind), problems(std::move(problems)),
      reproducer(std::move(reproducer)) {}

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

Problem problem_of(Diagnostic const& diagnostic, Sources const& sources) {
  Problem problem{position_of(diagnostic.at, sources), diagnostic.message, {}, diagnostic.help.value_or("")};
  for (auto const& note : diagnostic.notes) problem.notes.emplace_back(position_of(note.at, sources), note.message);
  return problem;
}

} // namespace

Failure failure_of(std::vector<Diagnostic> const& diagnostics, Sources const& sources) {
  std::vector<Problem> problems;
  for (auto const& diagnostic : diagnostics)
    if (diagnostic.severity == Severity::error) problems.push_back(problem_of(diagnostic, sources));
  auto text = render(diagnostics, sources);
  while (text.ends_with('\n')) text.pop_back();
  return {Failure::Kind::wrong, std::move(text), std::move(problems)};
}

Failure failure_of(CompilerBug const& bug, std::string reproducer, std::string switches) {
  Failure failure(Failure::Kind::bug, std::string("bug in nnc: ") + bug.what(), {}, std::move(reproducer));
  failure.switches = std::move(switches);
  return failure;
}

} // namespace nnc
