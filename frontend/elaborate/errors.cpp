// How a mistake becomes a diagnostic. A message stands where the user wrote the thing: when the fault shows inside the
// standard library, that is the call that led there, and the chain of calls follows as notes.
#include "frontend/elaborate/elaborator.h"

#include <fmt/core.h>

namespace nnc::front {

Location Elaborator::user_place(Location at) const {
  for (Frame const* f = frame_; f && f->file && f->file->is_std && f->call_at; f = f->caller) at = f->call_at;
  return at;
}

// The diagnostic with the calls that led to it.
Diagnostic Elaborator::with_chain(Diagnostic d) const {
  Location place = d.at;
  std::vector<Note> chain;
  for (Frame const* f = frame_; f; f = f->caller) {
    bool inside_library = f->file && f->file->is_std;
    bool called = f->kind == Frame::Kind::function || (f->kind == Frame::Kind::optimizer && inside_library);
    if (!called || !f->call_at) break;
    std::string shown = f->name.empty() ? "a function without a name" : fmt::format("`{}`", f->name);
    if (inside_library && place == d.at) { // the message moves out to the user's call; its old place becomes a note
      chain.push_back({place, fmt::format("in {}", shown)});
      d.at = place = f->call_at;
    } else {
      chain.push_back({f->call_at, fmt::format("called from here, in {}", shown)});
      place = f->call_at;
    }
  }
  constexpr size_t longest = 8; // of a chain that is shown whole
  for (size_t i = 0; i < chain.size(); ++i) {
    if (chain.size() > longest && i == 3) {
      d.notes.push_back({{}, fmt::format("{} calls more", chain.size() - 5)});
      i = chain.size() - 2;
    }
    d.notes.push_back(chain[i]);
  }
  return d;
}

void Elaborator::fail(Location at, std::string message, std::optional<std::string> help, std::vector<Note> notes) {
  throw Failure{
      with_chain({.at = at, .message = std::move(message), .notes = std::move(notes), .help = std::move(help)})};
}

void Elaborator::warn(Location at, std::string message, std::optional<std::string> help) {
  report(with_chain(warning(at, std::move(message), std::move(help))));
}

std::string Elaborator::in_words(Error const& e) {
  std::string out;
  for (char const* c = e.what(); *c; ++c) {
    out += *c;
    if (*c == ',' && c[1] != ' ' && c[1] != '\0') out += ' ';
  }
  return out;
}

void Elaborator::report(Failure const& failure) {
  if (!failure.silent) report(failure.diagnostic);
}

// Once: the functions of a model elaborate the same text.
void Elaborator::report(Diagnostic d) {
  auto key = std::pair(fmt::format("{}:{}:{}", d.at.file, d.at.line, d.at.column), d.message);
  if (reported_.insert(key).second) out_.diagnostics.push_back(std::move(d));
}

} // namespace nnc::front
