// What went wrong, where, and what would fit: errors are data from the place where they are found up to the edge
// (the command, or the exception of the public API), where `render` turns them into text.
//
// Wording: lower case, no full stop, what was expected and what was found in the words of the language.
#pragma once

#include "ir/basic.h"
#include "nnc/code.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

// A place in a source text. `file` counts from 1 in the table of sources, 0 means "nowhere"; `line` and `column`
// count from 1, columns in bytes; `length` is the number of bytes to underline (0 is shown as one caret).
struct Location {
  u32 file = 0;
  u32 line = 0;
  u32 column = 0;
  u32 length = 0;
  explicit operator bool() const { return file != 0; }
  bool operator==(Location const&) const = default;
};

// The texts that locations point into. Shared by a Module and everything that was made from it.
class Sources {
public:
  // Adds a text and gives its number (from 1). `name` is what messages show: the path as the user wrote it.
  u32 add(std::string name, std::string text);
  std::string const& name(u32 file) const;
  std::string const& text(u32 file) const;
  std::string_view line(u32 file, u32 line) const; // without its newline; empty when there is no such line
  u32 count() const { return static_cast<u32>(files_.size()); }

private:
  struct File {
    std::string name, text;
    std::vector<u32> starts; // byte offset of each line
  };
  std::vector<std::unique_ptr<File>> files_;
};

// A warning is about a program that means something, but hardly what its author wants: it is compiled all the same.
enum class Severity : u8 { error, warning, note };

struct Note {
  Location at;
  std::string message;
};

struct Diagnostic {
  Severity severity = Severity::error;
  Location at;
  std::string message;
  std::vector<Note> notes = {};         // the chain of calls, innermost first, and "declared here"
  std::optional<std::string> help = {}; // what would fit, if that is known
  std::optional<Code> code = {};        // empty: what the border says that it passes, see `coded`
};

bool has_errors(std::vector<Diagnostic> const&);
Diagnostic warning(Location at, std::string message, std::optional<std::string> help = {});

// The text that a person reads: "mlp.nn:9:30: error: ...", the source line, a caret, notes, help. Ends in a newline.
// Whatever the user wrote is `shortened` in it (ir/printable.h).
std::string render(Diagnostic const&, Sources const&);
// Of errors and of warnings `most` each, and how many more there are; 0: all of them.
std::string render(std::vector<Diagnostic> const&, Sources const&, size_t most = 0);

// Carries diagnostics out of deep code (a type rule, a pass, a reader). Caught at the border of each folder.
class Error : public std::runtime_error {
public:
  explicit Error(Diagnostic d) : std::runtime_error(d.message), diagnostics{std::move(d)} {}
  explicit Error(std::string message) : Error(Diagnostic{.at = {}, .message = std::move(message)}) {}
  Error(Code code, std::string message) : Error(Diagnostic{.at = {}, .message = std::move(message), .code = code}) {}
  explicit Error(std::vector<Diagnostic> all)
      : std::runtime_error(all.empty() ? "error" : all.front().message), diagnostics(std::move(all)) {}
  std::vector<Diagnostic> diagnostics;
};

// The error with this code where it has none yet.
Error coded(Code, Error);

inline bool is_cancelled(Error const& error) {
  return !error.diagnostics.empty() && error.diagnostics.front().code == Code::cancelled;
}

// Runs `action`; an error that has no code gets this one.
template <class Action>
auto coded(Code code, Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (Error& error) {
    throw coded(code, std::move(error));
  }
}

// A broken invariant of nnc itself: never the user's fault. The command reports it with exit status 3.
class CompilerBug : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

// The candidate that is nearest to `word` by edit distance, if one is near enough to be suggested; else empty.
std::string nearest(std::string_view word, std::vector<std::string> const& candidates);

} // namespace nnc
