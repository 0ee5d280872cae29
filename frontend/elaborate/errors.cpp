#include "frontend/elaborate/errors.h"

#include <algorithm>
#include <cctype>
#include <fmt/core.h>

namespace nnc::front {

Location Errors::user_place(Location at) const {
  for (Frame const* f = now_.frame; f && f->file && f->file->is_std && f->call_at; f = f->caller) at = f->call_at;
  return at;
}

namespace {

// The names that a piece of the program mentions: not those in strings, behind a dot, or of an argument.
std::set<std::string> names_in(std::string_view text) {
  auto in_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  std::set<std::string> out;
  for (size_t i = 0; i < text.size();) {
    size_t const begin = i;
    if (text[i] == '"') {
      i = std::min(text.find('"', i + 1), text.size() - 1) + 1;
      continue;
    }
    while (i < text.size() && in_name(text[i])) ++i;
    if (i == begin) {
      ++i;
      continue;
    }
    size_t const next = std::min(text.find_first_not_of(' ', i), text.size());
    bool const names_argument = text.substr(next).starts_with('=') && !text.substr(next).starts_with("==");
    if (!names_argument && !(begin > 0 && text[begin - 1] == '.')) out.emplace(text.substr(begin, i - begin));
  }
  return out;
}

} // namespace

// The argument of a call that is at fault, where the text at fault mentions one of the call's arguments alone.
std::optional<Location> Errors::argument_at_fault(Frame const& f, Location at) const {
  std::optional<Location> out;
  if (!f.function) return out;
  auto const names = names_in(source_of(at));
  for (auto const& p : f.function->parameters) {
    if (!names.contains(p.name.text)) continue;
    auto given = f.given.find(p.name.text);
    if (out || given == f.given.end()) return {};
    out = given->second;
  }
  return out;
}

// `dropout(0.5, x)`: the tensor is at fault, and the number in front of it may be one as well.
std::optional<std::string> Errors::swapped_arguments(Frame const& f, Location fault) const {
  if (!f.function || f.function->parameters.empty() || !f.function->parameters.front().type) return {};
  auto const& first = f.function->parameters.front().name.text;
  auto const place = f.given.find(first);
  if (place == f.given.end()) return {};
  std::string const text = source_of(place->second);
  bool const number = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
  for (auto const& [name, at] : f.given) {
    auto const value = f.names.find(name);
    if (!number || name == first || !(at == fault) || value == f.names.end() || !value->second.tensor()) continue;
    return fmt::format("`{}` stands in front of `{}`", first, name);
  }
  return {};
}

// The diagnostic with the calls that led to it.
Diagnostic Errors::with_chain(Diagnostic d) const {
  Location place = d.at;
  std::vector<Note> chain;
  for (Frame const* f = now_.frame; f; f = f->caller) {
    bool inside_library = f->file && f->file->is_std;
    if (inside_library && is_of_user(place)) continue; // a value that the user gave, of --set
    bool called = f->kind == Frame::Kind::function || (f->kind == Frame::Kind::optimizer && inside_library);
    if (!called || !f->call_at) break;
    std::string shown = f->name.empty() ? "a function without a name" : fmt::format("`{}`", f->name);
    if (inside_library && place == d.at) { // the message moves out to the user's call; its old place becomes a note
      chain.push_back({place, fmt::format("in {}", shown)});
      d.at = place = argument_at_fault(*f, place).value_or(f->call_at);
      if (!d.help) d.help = swapped_arguments(*f, place);
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

void Errors::fail(Location at, std::string message, std::optional<std::string> help, std::vector<Note> notes) {
  throw Failure{
      with_chain({.at = at, .message = std::move(message), .notes = std::move(notes), .help = std::move(help)})};
}

void Errors::warn(Location at, std::string message, std::optional<std::string> help) {
  report(with_chain(warning(at, std::move(message), std::move(help))));
}

std::string in_words(Error const& e) {
  std::string out;
  for (char const* c = e.what(); *c; ++c) {
    out += *c;
    if (*c == ',' && c[1] != ' ' && c[1] != '\0') out += ' ';
  }
  return out;
}

void Errors::report(Failure const& failure) {
  if (!failure.silent) report(failure.diagnostic);
}

// What else goes wrong in the library by an argument that has been blamed follows from the same mistake.
bool Errors::is_reported(Location at) const {
  return std::any_of(now_.out.diagnostics.begin(), now_.out.diagnostics.end(),
                     [&](auto const& d) { return d.severity == Severity::error && d.at == at; });
}

// Once: the functions of a model elaborate the same text.
void Errors::report(Diagnostic d) {
  auto key = std::pair(fmt::format("{}:{}:{}", d.at.file, d.at.line, d.at.column), d.message);
  if (reported_.insert(key).second) now_.out.diagnostics.push_back(std::move(d));
}

std::string Errors::source_of(Location at) const {
  auto line = now_.program.sources().line(at.file, at.line);
  return at && at.column <= line.size() ? std::string(line.substr(at.column - 1, at.length)) : std::string();
}

bool Errors::is_of_user(Location at) const {
  auto const& files = now_.program.files();
  return std::none_of(files.begin(), files.end(), [&](auto& f) { return f->is_std && f->id == at.file; });
}

// The fault is the caller's: the chain of calls begins there.
void Errors::blame_caller(Location at, std::string message, std::optional<std::string> help, std::vector<Note> notes) {
  if (now_.frame->caller) now_.frame = now_.frame->caller;
  fail(at, std::move(message), std::move(help), std::move(notes));
}

bool Errors::reports(std::function<void()> const& look) {
  try {
    look();
    return false;
  } catch (Failure const& failure) {
    report(failure);
    return true;
  }
}

} // namespace nnc::front
